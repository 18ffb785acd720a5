"""Gemini's generateContent streams and the answers that they contain. Every chunk is a whole response: the last usage counts."""

from __future__ import annotations

from typing import Final

from domain.usage import ImageCount, Usage
from tests.protocols.translated.expected import ANY, MALFORMED, Call, Case, Choice, Citation, Fault

METEO: Final = "https://vertexaisearch.example/redirect/AZ1"
RADAR: Final = "https://vertexaisearch.example/redirect/AZ2"

WEATHER: Final = (
    Call(ANY, "get_weather", '{"city": "Paris", "unit": "°C"}'),
    Call(ANY, "now", "{}"),
    Call(ANY, "get_weather", '{"city": "東京", "days": [1, 2], "exact": true}'),
)

CASES: Final = (
    # 2,000 prompt tokens include 1,500 of the cache; 300 that a tool read stand beside them.
    Case(
        "text",
        (Choice("Grüß dich, 世界 🌍👩‍🚀!"),),
        Usage(input=800, cached_input=1500, output=9),
        plain=True,
    ),
    # 120 thought tokens stand beside the 5 of the answer.
    Case(
        "thoughts",
        (Choice("12,231", thought=("**Multiplying**\n\nI take 27 times 453.",)),),
        Usage(input=14, output=125, reasoning=120),
        sealed=("EoQDCoEDAb4+9vs=",),
        plain=True,
    ),
    # STOP ends tool calls too.
    Case(
        "parallel_tools",
        (Choice("Checking both.", calls=WEATHER, finish="tool_calls"),),
        Usage(input=60, output=54, reasoning=20),
        sealed=("EqUCCqICAb4+9vsh",),
        plain=True,
    ),
    Case(
        "no_arguments",
        (Choice(calls=(Call(ANY, "now", "{}"),), finish="tool_calls"),),
        Usage(input=10, output=4),
        sealed=("EpEBCo4BAb4+9v0=",),
    ),
    # Bytes 0-25 are "In Zürich 🌧 it rains." (21 code points), bytes 3-10 "Zürich"; the third support names no known chunk.
    # Two queries are two searches for the bill.
    Case(
        "grounding",
        (
            Choice(
                "In Zürich 🌧 it rains. Take care.",
                citations=(
                    Citation(METEO, "meteo.example", 0, 21),
                    Citation(RADAR, "radar.example", 0, 21),
                    Citation(RADAR, "radar.example", 3, 9),
                ),
            ),
        ),
        Usage(input=220, output=10, web_search_calls=2),
        queries=("Wetter Zürich", "Zürich rain"),
        searches=None,
    ),
    Case("safety", (Choice(finish="content_filter"),), Usage(input=8)),
    Case("safety_midway", (Choice("First you", finish="content_filter"),), Usage(input=8, output=2)),
    Case("prompt_blocked", (Choice(finish="content_filter"),), Usage(input=12559)),
    Case("max_tokens", (Choice("As far as this", finish="length"),), Usage(input=5, output=35, reasoning=31)),
    Case("recitation", (Choice("Call me", finish="content_filter"),), Usage(input=5, output=2)),
    # 1,290 of the 1,294 tokens are the image's.
    Case(
        "image",
        (Choice("Here it is: "),),
        Usage(input=9, output=4, image_output=1290, images=(ImageCount("auto", "auto", 1),)),
        images=("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",),
    ),
    Case("error_first", fault=Fault(malformed=False, type="server_error", code="overloaded")),
    Case(
        "error_midway",
        (Choice("Once upon"),),
        fault=Fault(malformed=False, type="rate_limit_error", code="rate_limit_exceeded"),
    ),
    Case("error_internal", (Choice("Half"),), fault=Fault(malformed=False, type="server_error", code=ANY)),
    Case("error_unframed", fault=Fault(malformed=False, type=ANY, code=ANY)),
    Case(
        "two_candidates",
        (Choice("Heads!"), Choice("Tails")),
        Usage(input=5, output=6),
        clients=("chat",),
    ),
    Case(
        "logprobs",
        (Choice("Hi ü", logprobs=(("Hi", -0.125), (" ü", -0.5))),),
        Usage(input=3, output=2),
        logprobs=1,
    ),
    # There is no call, and no answer either: another try may give one.
    Case("malformed_call", (Choice("I call"),), fault=MALFORMED),
    Case(
        "text_around_call",
        (Choice("Before. After.", calls=(Call(ANY, "now", "{}"),), finish="tool_calls"),),
        Usage(input=5, output=9),
    ),
    Case("signed_in_the_middle", (Choice("One two"),), Usage(input=5, output=3), sealed=("Eh1stAb4+9v0=",)),
    Case("unknown", (Choice("Still here"),), Usage(input=4, output=2)),
    Case("no_usage", (Choice("Unmetered"),)),
    Case("usage_last", (Choice("Late"),), Usage(input=7, output=103, reasoning=100)),
    Case("cut", (Choice("And then"),), fault=MALFORMED),
    Case("half_frame", (Choice("And th"),), fault=MALFORMED),
    Case("usage_no_count", (Choice("Free"),), Usage(output=2, estimated=True)),
)
