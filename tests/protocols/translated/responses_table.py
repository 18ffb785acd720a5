"""OpenAI's Responses streams and the answers that they contain."""

from __future__ import annotations

from typing import Final

from domain.usage import CallCount, ImageCount, Usage
from tests.protocols.translated.expected import ANY, MALFORMED, Call, Case, Choice, Citation, Fault


def used(read: int, output: int, **kinds: int) -> Usage:
    """Every closing response of these streams names the default tier."""
    return Usage(input=read, output=output, service_tier="default", **kinds)  # type: ignore[arg-type]


CASES: Final = (
    # Of 30 input tokens 10 came from the cache and 4 went into it.
    Case(
        "text",
        (Choice("Grüß dich, 世界 🌍👩‍🚀!"),),
        used(16, 21, cached_input=10, cache_write=4, reasoning=5),
        plain=True,
    ),
    Case("two_messages", (Choice("First.Second."),), used(9, 6)),
    Case("refusal", (Choice(refusal="I'm sorry, I can't help with that."),), used(12, 9), plain=True),
    Case(
        "parallel_tools",
        (
            Choice(
                calls=(
                    Call("call_paris", "get_weather", '{"city": "Paris"}'),
                    Call("call_now", "now", "{}"),
                    Call("call_tokyo", "get_weather", '{"city": "東京"}'),
                ),
                finish="tool_calls",
            ),
        ),
        used(80, 40),
        plain=True,
    ),
    Case(
        "interleaved",
        (
            Choice(
                calls=(
                    Call("call_a", "get_weather", '{"city":"Rome"}'),
                    Call("call_b", "get_weather", '{"city":"Oslo"}'),
                ),
                finish="tool_calls",
            ),
        ),
        used(50, 30),
    ),
    Case(
        "arguments_in_done",
        (Choice(calls=(Call("call_done", "get_weather", '{"city": "Oslo"}'),), finish="tool_calls"),),
        used(8, 9),
    ),
    Case("text_in_done", (Choice("All at once."),), used(8, 4)),
    Case(
        "reasoning",
        (
            Choice(
                "12,231",
                thought=("**Planning**\n\nI take 27 \u00d7 453.", "**Checking**\n\nIt is right."),
                calls=(Call("call_mul", "multiply", '{"a":27,"b":453}'),),
                finish="tool_calls",
            ),
        ),
        used(14, 139, reasoning=120),
        sealed=("gAAAAABp_whole",),
        plain=True,
    ),
    # Open models tell their reasoning itself, no summary of it.
    Case("reasoning_text", (Choice("Hi", thought=("I am to greet.",)),), used(4, 8)),
    # Servers that tell of no item, give it another id each time, and number nothing.
    Case("the_least", (Choice("The least"),), Usage(input=4, output=2)),
    # The page that was opened is part of the search before: two requests are billed. Offsets count code points.
    Case(
        "web_search",
        (
            Choice(
                "In Zürich 🌧 it rains.",
                citations=(
                    Citation("https://wetter.example/zuerich", "Rain in Zürich", 3, 9),
                    Citation("https://radar.example/", "Radar", 12, 20),
                ),
            ),
        ),
        used(1100, 40, cached_input=1000, web_search_calls=2),
        queries=("Wetter Zürich", "radar"),
        searches=3,
        plain=True,
    ),
    Case(
        "image",
        (Choice("There."),),
        Usage(input=60, output=12, images=(ImageCount("low", "1024x1024", 1),), service_tier="default"),
        images=("iVBORw0KCCCC",),
        previews=("iVBORw0KAAAA", "iVBORw0KBBBB"),
        plain=True,
    ),
    Case(
        "arguments_cut",
        (Choice(calls=(Call("call_cut", "get_weather", '{"city": "San Fr'),), finish="length"),),
        used(10, 16),
    ),
    Case("length", (Choice("As far as", finish="length"),), used(5, 3)),
    Case("filtered", (Choice("First you", finish="content_filter"),), used(5, 2)),
    Case("length_in_reasoning", (Choice(finish="length"),), used(5, 64, reasoning=64)),
    Case("error_first", fault=Fault(malformed=False, type=ANY, code="rate_limit_exceeded")),
    Case("error_midway", (Choice("Once upon a time"),), fault=Fault(malformed=False, type=ANY, code="server_error")),
    Case("failed", (Choice("Half"),), fault=Fault(malformed=False, type=ANY, code="rate_limit_exceeded")),
    Case(
        "error_nested",
        fault=Fault(malformed=False, type="invalid_request_error", code="content_policy_violation"),
    ),
    Case("unknown", (Choice("Still here"),), used(4, 2), unseen_bytes=len("not shown")),
    Case("no_usage", (Choice("Unmetered"),)),
    Case(
        "logprobs",
        (Choice("Hi ü!", logprobs=(("Hi", -0.125), (" ü", -0.5), ("!", -0.25))),),
        used(3, 3),
        logprobs=1,
    ),
    # Calls of tools that only such an upstream has are priced by call.
    Case(
        "custom_tool",
        (Choice(calls=(Call("call_sql", "write_sql", 'SELECT "ü" FROM t', kind="custom"),), finish="tool_calls"),),
        Usage(input=50, output=20, calls=(CallCount("custom", 1),), service_tier="default"),
    ),
    Case("cut", (Choice("And then"),), fault=MALFORMED),
    Case("done_early", (Choice("And then"),), fault=MALFORMED),
    Case("half_frame", (Choice("And th"),), fault=MALFORMED),
    Case("usage_no_count", (Choice("Free"),), Usage(input=3, estimated=True)),
)
