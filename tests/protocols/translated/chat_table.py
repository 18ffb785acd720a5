"""Chat completion streams of OpenAI and compatible servers, and the answers that they contain."""

from __future__ import annotations

from typing import Final

from domain.usage import Usage
from tests.protocols.translated.expected import ANY, MALFORMED, Call, Case, Choice, Citation, Fault

CASES: Final = (
    # Comments keep a stream alive. Cached tokens are part of the prompt's, reasoning tokens of the output's.
    Case(
        "text",
        (Choice("Grüß dich, 世界 🌍👩‍🚀!"),),
        Usage(input=20, cached_input=10, output=21, reasoning=5, service_tier="default"),
        plain=True,
    ),
    # Two calls in turns, a third that never has an argument.
    Case(
        "parallel_tools",
        (
            Choice(
                calls=(
                    Call("call_paris", "get_weather", '{"city": "Paris"}'),
                    Call("call_tokyo", "get_weather", '{"city": "東京"}'),
                    Call("call_now", "now", "{}"),
                ),
                finish="tool_calls",
            ),
        ),
        Usage(input=80, output=40),
        plain=True,
    ),
    Case(
        "tools_at_once",
        (
            Choice(
                "Both:",
                calls=(Call("call_a", "now", "{}"), Call("call_b", "get_weather", '{"city":"Oslo"}')),
                finish="tool_calls",
            ),
        ),
        Usage(input=10, output=9),
    ),
    Case(
        "arguments_cut",
        (Choice(calls=(Call("call_cut", "get_weather", '{"city": "San Fr'),), finish="length"),),
        Usage(input=10, output=16),
    ),
    Case("refusal", (Choice(refusal="I'm sorry, I can't help with that."),), Usage(input=12, output=9), plain=True),
    Case("length", (Choice("As far as", finish="length"),), Usage(input=5, output=3)),
    Case("azure_filter", (Choice("First you", finish="content_filter"),), Usage(input=15, output=2)),
    Case("error_first", fault=Fault(malformed=False, type="server_error", code=ANY)),
    Case(
        "error_midway",
        (Choice("Once upon"),),
        fault=Fault(malformed=False, type="rate_limit_error", code="rate_limit_exceeded"),
    ),
    Case("error_flat", (Choice("Half"),), fault=Fault(malformed=False, type=ANY, code=ANY)),
    Case("error_in_choice", (Choice("Half"),), fault=Fault(malformed=False, type=ANY, code=ANY)),
    # 94 reasoning tokens stand beside the 9: 32 + 9 + 94 = 135, the total.
    Case("xai_usage", (Choice("Hello"),), Usage(input=26, cached_input=6, output=103, reasoning=94)),
    # What it thought goes back to the upstream as it came: there is nothing encrypted about it.
    Case(
        "reasoning_content",
        (Choice("12,231", thought=("27 times 453 is",)),),
        Usage(input=14, output=30, reasoning=25),
        sealed=("27 times 453 is",),
        plain=True,
    ),
    Case(
        "reasoning",
        (Choice("Hi", thought=("I am to greet.",)),),
        Usage(input=4, output=8),
        sealed=("I am to greet.",),
    ),
    Case(
        "two_choices",
        (Choice("Heads!", finish="length"), Choice("Tails")),
        Usage(input=5, output=6),
        clients=("chat",),
    ),
    Case(
        "logprobs",
        (Choice("Hi ü!", logprobs=(("Hi", -0.125), (" ü", -0.5), ("!", -0.25))),),
        Usage(input=3, output=3),
        logprobs=1,
    ),
    # Servers that repeat the name and the role, and say stop where calls were made: OpenAI's clients go by tool_calls.
    Case(
        "repeated_names",
        (Choice(calls=(Call("call_oslo", "get_weather", '{"city":"Oslo"}'),), finish="tool_calls"),),
        Usage(input=10, output=9),
    ),
    Case(
        "without_index",
        (
            Choice(
                calls=(Call("call_a", "now", "{}"), Call("call_b", "get_weather", '{"city":"Oslo"}')),
                finish="tool_calls",
            ),
        ),
        Usage(input=10, output=9),
    ),
    Case("nulls_and_blanks", (Choice("Still here"),), Usage(input=5, output=1)),
    Case("no_done", (Choice("Whole"),), Usage(input=5, output=1)),
    # Usage in every chunk grows: the last counts, and none is added to another.
    Case("usage_each", (Choice("ab"),), Usage(input=5, output=4)),
    Case("usage_at_finish", (Choice("Early"),), Usage(input=5, output=1)),
    Case("no_usage", (Choice("Unmetered"),)),
    Case("unknown", (Choice("Still here"),), Usage(input=4, output=2)),
    # Chat tells of no search. Where one was offered and sources are cited there was one, which is how models that search are sold.
    Case(
        "annotations",
        (
            Choice(
                "In Zürich it rains.",
                citations=(Citation("https://wetter.example/zuerich", "Rain in Zürich", 3, 9),),
            ),
        ),
        Usage(input=20, output=8, web_search_calls=1),
        searches=1,
    ),
    Case("cut", (Choice("And then"),), fault=MALFORMED),
    Case("done_early", (Choice("And then"),), fault=MALFORMED),
    Case("half_frame", (Choice("And th"),), fault=MALFORMED),
    Case("usage_no_count", (Choice("Free"),), Usage(output=2, estimated=True)),
)
