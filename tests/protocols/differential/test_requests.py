"""Requests are written by this gateway and by lm15, an independent library. Each difference has its reason next to it.

lm15 also reads chat requests, so these make a round trip: what is written here must mean the same to lm15 as the client's request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import lm15
import msgspec
import pytest
from lm15.serde import request_to_dict

from app.wire import canonical
from app.wire.anthropic.request_writer import write_anthropic_request
from app.wire.canonical import CanonicalRequest, Target
from app.wire.chat.request_reader import read_chat_request
from app.wire.chat.request_writer import write_chat_request
from app.wire.exchange import RequestError
from app.wire.gemini.request_writer import write_gemini_request
from app.wire.responses.request_reader import read_responses_request
from app.wire.responses.request_writer import write_responses_request
from app.wire.splice import members
from tests.protocols.differential.requests import REQUESTS, Json
from tests.protocols.differential.second_opinion import ADAPTERS
from tests.protocols.translated.expected import Dialect

WRITERS: Final[dict[Dialect, tuple[Callable[[CanonicalRequest, Target], bytes], str]]] = {
    "responses": (write_responses_request, "gpt-5.4-mini"),
    "anthropic": (write_anthropic_request, "claude-sonnet-4-5"),
    "gemini": (write_gemini_request, "gemini-2.5-flash"),
}
LIMIT: Final = 8192
REFUSED: Final = "(refused)"

# Everywhere, whatever is asked: the limit that was held for is always written here, and nothing is ever stored upstream.
USUAL: Final[dict[Dialect, tuple[str, ...]]] = {
    "responses": ("model", "stream", "store", "max_output_tokens", r"input\.\d+\.type", r"tools\.\d+\.strict"),
    "anthropic": ("model", "stream", "max_tokens"),
    "gemini": (r"generationConfig\.maxOutputTokens",),
}

SYSTEM: Final = (
    {"instructions", "input.*.role", "input.*.content.*.text", "input.*.content.*.type"},
    "a system message stays where it stood; lm15 has one system text before all",
)
UNCHECKED: Final = (
    {"tools.*.parameters", "tools.*.parameters.type", "tools.*.parameters.properties"},
    "a function without parameters stays one; lm15 gives it an empty schema",
)
UNCHECKED_GEMINI: Final = (
    {f"tools.*.functionDeclarations.*.parameters.{name}" for name in ("type", "properties")},
    UNCHECKED[1],
)
RESULT_ANTHROPIC: Final = {f"messages.*.content.*.content{inner}" for inner in ("", ".*.text", ".*.type")}
RESULT_GEMINI: Final = {f"contents.*.parts.*.functionResponse.response.{name}" for name in ("output", "result")}
SHORT: Final = "Anthropic takes a result as text or as a list of blocks: here it is always the list"
OUTPUT: Final = "Google documents `output` as the name of a function's output; lm15 says `result`"
ONE_TURN: Final = "; results and what the user says after them are one turn here, and two turns of one role there"

# Paths with * for every index, and the reason.
DISAGREEMENTS: Final[dict[tuple[str, Dialect], tuple[set[str], str]]] = {
    ("conversation", "responses"): SYSTEM,
    ("developer", "responses"): SYSTEM,
    ("sampling", "anthropic"): ({"refused here"}, "this model refuses a request that sets both temperature and top_p"),
    ("stop", "responses"): ({"refused here"}, "Responses has no stop; lm15 cuts the answer itself"),
    ("tools", "responses"): UNCHECKED,
    ("tools", "gemini"): UNCHECKED_GEMINI,
    ("tools", "anthropic"): ({"tool_choice.type"}, "auto is what Anthropic does unasked"),
    ("a tool that must be", "responses"): UNCHECKED,
    ("a tool that must be", "gemini"): UNCHECKED_GEMINI,
    ("one tool", "responses"): UNCHECKED,
    ("one tool", "gemini"): UNCHECKED_GEMINI,
    ("one tool", "anthropic"): (
        {f"tools.*.{name}" for name in ("name", "description", "input_schema.type", "input_schema.properties")},
        "tools that must not be called are left out here; lm15 offers them, and forces the other",
    ),
    ("one call at a time", "responses"): ({"tool_choice"}, "lm15 says auto where the client said nothing"),
    ("one call at a time", "gemini"): (
        {"toolConfig.functionCallingConfig.mode"},
        "lm15 says auto where the client said nothing; here, calls after the first are left out of the answer",
    ),
    ("tool results", "anthropic"): (RESULT_ANTHROPIC, SHORT),
    ("tool results", "gemini"): (RESULT_GEMINI, OUTPUT),
    ("a further turn", "anthropic"): (
        RESULT_ANTHROPIC | {f"messages.*.{name}" for name in ("role", "content.*.text", "content.*.type")},
        SHORT + ONE_TURN,
    ),
    ("a further turn", "gemini"): (RESULT_GEMINI | {"contents.*.role", "contents.*.parts.*.text"}, OUTPUT + ONE_TURN),
    ("pdf", "responses"): ({"input.*.content.*.filename"}, "OpenAI wants a file name: each makes one up"),
    ("schema", "anthropic"): ({"output_config.format.schema.title"}, "the schema's name becomes its title here"),
    ("effort", "responses"): (
        {"include.*"},
        "reasoning is asked for sealed, since nothing is stored that it could be found in",
    ),
    ("effort", "gemini"): (
        {"generationConfig.thinkingConfig.thinkingBudget"},
        "each has a budget of its own for low effort",
    ),
}


def read(body: Json) -> CanonicalRequest:
    return read_chat_request(members.decode(msgspec.json.encode(body)), {})


def ours(dialect: Dialect, body: Json) -> Json | str:
    write, model = WRITERS[dialect]
    try:
        written: Json = json.loads(write(read(body), Target("vendor", model, max_output_tokens=LIMIT)))
    except RequestError:
        return REFUSED
    return written


def theirs(dialect: Dialect, body: Json) -> Json | str:
    request = replace(lm15.request_from_openai_chat(body), model=WRITERS[dialect][1])
    try:
        built: Json = json.loads(ADAPTERS[dialect](api_key="key").build_request(request, False).body)
    except lm15.UnsupportedFeatureError:
        return REFUSED
    return built


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path. Arguments are values too, whatever their blanks."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}.{index}")
    else:
        yield path, json.loads(value) if path.endswith(".arguments") else value


def differing(dialect: Dialect, one: Json | str, other: Json | str) -> set[str]:
    """The paths at which two bodies differ, except the usual ones."""
    if isinstance(one, str) or isinstance(other, str):
        return set() if one == other else {"refused here" if one == REFUSED else "refused by lm15"}
    mine, yours = dict(leaves(one)), dict(leaves(other))
    found = {path for path in mine.keys() | yours.keys() if mine.get(path, ...) != yours.get(path, ...)}
    unusual = [path for path in found if not any(re.fullmatch(usual, path) for usual in USUAL[dialect])]
    return {re.sub(r"\.\d+", ".*", path) for path in unusual}


@pytest.mark.parametrize("dialect", WRITERS)
@pytest.mark.parametrize("name", REQUESTS)
def test_two_writers_of_a_request_agree(name: str, dialect: Dialect) -> None:
    wanted, why = DISAGREEMENTS.get((name, dialect), (set(), "they agree"))
    assert differing(dialect, ours(dialect, REQUESTS[name]), theirs(dialect, REQUESTS[name])) == wanted, why


@pytest.mark.parametrize("name", REQUESTS)
def test_a_chat_request_survives_a_round_trip(name: str) -> None:
    body = REQUESTS[name]
    written = json.loads(write_chat_request(read(body), Target("vendor", "public", max_output_tokens=LIMIT)))
    said = request_to_dict(lm15.request_from_openai_chat(body | {"max_completion_tokens": LIMIT, "store": False}))
    assert request_to_dict(lm15.request_from_openai_chat(written)) == said


@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "pdf"])
def test_a_request_written_by_lm15_reads_as_the_original(name: str) -> None:
    """lm15 has no place for a document on chat. Beside a tool it says what to choose: auto, where the client said nothing."""
    request = lm15.request_from_openai_chat(REQUESTS[name])
    body = json.loads(lm15.OpenAIChatLM(api_key="key").build_request(request, False).body)
    assert said(read(body)) == said(read(REQUESTS[name]))


@pytest.mark.parametrize("name", [name for name in REQUESTS if name not in ("stop", "pdf")])
def test_a_responses_request_written_by_lm15_reads_as_the_original(name: str) -> None:
    """Stops have no place there, and a document gets a name."""
    request = lm15.request_from_openai_chat(REQUESTS[name])
    body = lm15.OpenAILM(api_key="key").build_request(request, False).body
    assert isinstance(body, bytes)
    one, other = said(read_responses_request(members.decode(body), {})), said(read(REQUESTS[name]))
    if one["instructions"]:
        system = {"type": "Message", "role": "system", "name": None}
        one["items"].insert(0, {**system, "parts": [{"type": "Text", "text": one["instructions"], "cache": None}]})
        one["instructions"] = None
    assert one | {"endpoint": "chat"} == other


def said(request: CanonicalRequest) -> Any:
    """A CanonicalRequest without places: arguments and schemas as values, and what is said by default said."""
    bare = canonical.bare(request)
    for item in bare["items"]:
        if "arguments" in item:
            item["arguments"] = json.loads(item["arguments"])
        if item.get("role") == "developer":
            item["role"] = "system"
    for tool in bare["tools"]:
        tool["parameters"] = tool["parameters"] or {"type": "object", "properties": {}}
    if bare["tools"]:
        bare["tool_choice"] = bare["tool_choice"] or {"mode": "auto", "only": []}
    return bare
