"""Anthropic's Messages streams and the answers that they contain."""

from __future__ import annotations

from typing import Final

from domain.usage import Usage
from tests.protocols.translated.expected import ANY, MALFORMED, Call, Case, Choice, Citation, Fault

ZURICH: Final = "https://wetter.example/zuerich"

CASES: Final = (
    # input_tokens leave cache reads and writes out; of the 100 written, 40 are kept for an hour.
    Case(
        "text",
        (Choice("Grüß dich, 世界 🌍👩‍🚀!"),),
        Usage(input=12, cached_input=2000, cache_write=60, cache_write_1h=40, output=21),
        plain=True,
    ),
    Case("unnamed_frames", (Choice("One\ntwo"),), Usage(input=25, output=4)),
    Case("error_first", fault=Fault(malformed=False, type="server_error", code="overloaded")),
    Case(
        "error_midway",
        (Choice("Once upon a time"),),
        fault=Fault(malformed=False, type="server_error", code="overloaded"),
    ),
    Case("error_api", (Choice("Half"),), fault=Fault(malformed=False, type="server_error", code=ANY)),
    Case("error_rate", fault=Fault(malformed=False, type="rate_limit_error", code="rate_limit_exceeded")),
    Case(
        "parallel_tools",
        (
            Choice(
                "Okay, let's check both.",
                calls=(
                    Call("call_01Paris", "get_weather", '{"city": "Paris", "unit": "°C"}'),
                    Call("call_02Now", "now", "{}"),
                    Call("call_03Tokyo", "get_weather", '{"city": "東京"}'),
                ),
                finish="tool_calls",
            ),
        ),
        Usage(input=472, output=89),
        plain=True,
    ),
    Case(
        "arguments_cut",
        (Choice(calls=(Call("call_01Cut", "get_weather", '{"city": "San Fr'),), finish="length"),),
        Usage(input=25, output=16),
    ),
    Case("window_exceeded", (Choice("As long as it gets", finish="length"),), Usage(input=25, output=5)),
    Case(
        "thinking",
        (
            Choice(
                "I will multiply.",
                thought=("Let me solve this step by step:\n\n1. 27 \u00d7 453",),
                calls=(Call("call_01Mul", "multiply", '{"a": 27, "b": 453}'),),
                finish="tool_calls",
            ),
        ),
        Usage(input=40, output=120),
        sealed=("EqQBCgIYAhIM1gbcDa9GJwZA2b3h", "EmwKAhgBEgy3va3pzix/LafPsn4a"),
        plain=True,
    ),
    # The thinking is withheld, its signature is not; what it took is told inside of the output.
    Case(
        "thinking_omitted",
        (Choice("12,231"),),
        Usage(input=25, output=60, reasoning=52),
        sealed=("EosnCkYICxIMMb3LzNrMu",),
    ),
    Case("refusal", (Choice("I can help with", finish="content_filter"),), Usage(input=25, output=9)),
    # 2,037 input tokens become 15,665 when the pages were read. The second search failed: one request is billed.
    # Text: "I'll look. 🌧" (12) + " In " (4), so that the cited "Zürich it rains" is 16 to 31.
    Case(
        "web_search",
        (
            Choice(
                "I'll look. 🌧 In Zürich it rains.",
                citations=(
                    Citation(ZURICH, "Rain in Zürich", 16, 31),
                    Citation("https://radar.example/", "Radar", 16, 31),
                ),
            ),
        ),
        Usage(input=15665, cached_input=7, output=95, web_search_calls=1),
        queries=("Wetter Zürich", "more"),
        searches=2,
    ),
    # Two turns of one answer: usage and searches add up.
    Case(
        "pause",
        (Choice("Searching: found it."),),
        Usage(input=550, cached_input=30, output=42, web_search_calls=2),
        queries=("first", "second"),
        searches=2,
        then="pause_continued",
    ),
    # What is cited of a document has no address.
    Case("document_citation", (Choice("Green."),), Usage(input=25, output=3)),
    Case(
        "search_at_once",
        (Choice("Nothing."),),
        Usage(input=25, output=9, web_search_calls=1),
        queries=("at once",),
        searches=1,
    ),
    Case("no_start", fault=MALFORMED),
    Case("unknown", (Choice("Still here"),), Usage(input=25, output=6)),
    Case("no_usage", (Choice("Unmetered"),)),
    Case(
        "input_at_once",
        (Choice(calls=(Call("call_01Once", "get_weather", '{"city": "Oslo"}'),), finish="tool_calls"),),
        Usage(input=25, output=15),
    ),
    Case("nothing", (Choice(),), Usage(input=25, output=3)),
    Case("cut", (Choice("And then"),), fault=MALFORMED),
    Case("half_frame", (Choice("And th"),), fault=MALFORMED),
    Case("usage_no_count", (Choice("Free"),), Usage(output=1, estimated=True)),
)
