"""ops/protocols.md compared with the code: each word of its tables describes what happens to a typical request; no row is missing.

Rule 1: a word is checked against what an upstream would be sent, with the thing and without it; nothing of the codecs is repeated
here.
Rule 2: rows and columns are compared in both directions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import pytest

from app.errors import answer_for
from app.files.service import REFERENCED_MAX
from app.requests.attempts import Attempts, Offer
from app.settings import parse as parse_settings
from app.settings.protocols import TRAITS
from app.upstream.refusal import refused
from app.wire.anthropic import answer_reader as anthropic_reader
from app.wire.anthropic import errors as anthropic_errors
from app.wire.anthropic.models import model_of
from app.wire.anthropic.request_writer import BUDGETS
from app.wire.canonical import Hints
from app.wire.chat import request_reader as chat_reader
from app.wire.content import FILE_BYTES_MAX, INLINE_BYTES_MAX
from app.wire.dialects import dialect_for, parse
from app.wire.exchange import AnswerError, Endpoint, RequestError
from app.wire.gemini import candidate as gemini_choice
from app.wire.gemini.family import family
from app.wire.responses import request_reader as responses_reader
from app.wire.strict import Effort
from app.wire.tags import seal
from app.wire.urls import _PRIVATE_ENDINGS, URL_LENGTH_MAX
from domain.demand import Demand
from domain.pricing import Bounds
from tests.support.docs.documents import Document, spans
from tests.support.docs.protocol_cases import FORMATS, ITEMS, PARAMETERS, STORED, TOOLS, UPSTREAM, Case, Json
from tests.support.gateway.gateway import MODEL, configuration

PROTOCOLS: Final = Document("ops/protocols.md")
BASE: Final[dict[Endpoint, Json]] = {
    "responses": {"model": MODEL, "input": "Hi"},
    "chat": {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]},
}
OUTPUT_TOKENS: Final = 4000


@dataclass(frozen=True)
class Column:
    """One kind of upstream, under its heading in the tables."""

    heading: str
    protocol: str
    model: str
    endpoints: tuple[str, ...] = ("responses", "chat")

    def passes(self, endpoint: Endpoint) -> bool:
        return dialect_for(endpoint, self.protocol, self.endpoints) == endpoint

    @property
    def fetches(self) -> bool:
        return TRAITS[self.protocol].fetches_urls


_ANTHROPIC: Final = Column("`anthropic`", "anthropic", "claude-sonnet-4-6")
_GEMINI: Final = Column("`gemini`", "gemini", "gemini-3-flash-preview")
COLUMNS: Final[dict[Endpoint, tuple[Column, ...]]] = {
    "responses": (
        Column("`openai`", "openai", MODEL),
        Column("`openai-chat`", "openai-chat", MODEL),
        _ANTHROPIC,
        _GEMINI,
    ),
    "chat": (
        Column("`openai`", "openai", MODEL),
        Column("`openai-chat`", "openai-chat", MODEL),
        Column("`openai` without chat", "openai", MODEL, ("responses",)),
        _ANTHROPIC,
        _GEMINI,
    ),
}


def sent(endpoint: Endpoint, body: Json, column: Column, calls: int | None) -> Json:
    """The body that the upstream would be sent. Raises RequestError if the request is refused."""
    found: Json = json.loads(attempts_of(endpoint, body, column, calls).first.body)
    return found


def attempts_of(endpoint: Endpoint, body: Json, column: Column, calls: int | None) -> Attempts:
    settings = parse_settings(configuration(Path("/nowhere"), upstreams={UPSTREAM: ""}))
    model = replace(settings.catalog().model(MODEL), upstream_model=column.model, endpoints=column.endpoints)
    request = parse(endpoint, json.dumps(body).encode())
    return Attempts(
        request,
        model,
        {UPSTREAM: Offer(column.protocol, TRAITS[column.protocol].request_bytes_max, column.fetches)},
        STORED,
        bounds_for(request.demand, calls),
        seed="0" * 32,
        created=7,
    )


def bounds_for(demand: Demand, calls: int | None) -> Bounds:
    """What the hold would cover, with so many calls of priced tools."""
    return Bounds(
        input_tokens=100_000,
        output_tokens=demand.max_output_tokens or OUTPUT_TOKENS,
        choices=demand.choices,
        tool_calls=calls or 0,
        service_tier=demand.service_tier,
    )


def word_of(endpoint: Endpoint, case: Case, column: Column) -> tuple[str, tuple[str, ...]]:
    """How a case is handled, in the words of the tables, and which members of the upstream request it changes."""
    without = {**BASE[endpoint], **case.beside}
    try:
        before = sent(endpoint, without, column, case.calls_without)
        after = sent(endpoint, {**without, **case.given}, column, case.calls)
    except RequestError as error:
        named = re.split(r"[.\[]", error.param or "")[0] in {**case.given, **case.beside}
        return ("refused" if error.status == 400 and named else str(error.message)), ()
    paths = tuple(changed(before, after))
    if not paths:
        return "unchanged", ()
    passed = column.passes(endpoint) and all(after.get(name) == value for name, value in case.given.items())
    return ("passed", ()) if passed else ("carried", paths)


def changed(before: Any, after: Any, at: str = "") -> list[str]:
    """The paths at which the two differ, descending as long as both are objects."""
    if before == after:
        return []
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [at]
    return [
        path
        for name in {**before, **after}
        for path in changed(before.get(name), after.get(name), f"{at}.{name}" if at else name)
    ]


TABLES: Final[Mapping[str, tuple[Endpoint, Mapping[str, Case]]]] = {
    "Parameters of responses": ("responses", {f"`{name}`": case for name, case in PARAMETERS["responses"].items()}),
    "Parameters of chat completions": ("chat", {f"`{name}`": case for name, case in PARAMETERS["chat"].items()}),
    "Items and parts": ("responses", ITEMS),
    "Tools": ("responses", TOOLS),
    "Structured output": ("responses", FORMATS),
}


def documented_cells(heading: str) -> dict[str, list[str]]:
    """A table's cells by the name of their row, without the notes."""
    upstreams = len(COLUMNS[TABLES[heading][0]])
    rows = PROTOCOLS.rows(heading, 1 + upstreams + heading.startswith("Parameters"))
    found = {row[0]: row[1 : 1 + upstreams] for row in rows}
    assert len(found) == len(rows), f"{heading}: a name occurs twice"
    return found


def heads(heading: str) -> list[str]:
    first = re.search(r"^\|(.*)\|$", PROTOCOLS.section(heading), re.MULTILINE)
    assert first is not None
    return [cell.strip() for cell in first[1].split("|")]


@pytest.mark.parametrize("heading", TABLES)
def test_a_table_has_a_row_for_each_case_and_a_column_for_each_upstream(heading: str) -> None:
    endpoint, cases = TABLES[heading]
    assert set(documented_cells(heading)) == set(cases)
    names = [column.heading for column in COLUMNS[endpoint]]
    assert heads(heading)[1 : 1 + len(names)] == names


@pytest.mark.parametrize(("endpoint", "module"), [("responses", responses_reader), ("chat", chat_reader)])
def test_every_parameter_that_is_known_has_a_row(endpoint: Endpoint, module: Any) -> None:
    assert {name.partition(".")[0] for name in PARAMETERS[endpoint]} == module.KNOWN | set(module.UNSUPPORTED)


@pytest.mark.parametrize(
    ("heading", "name", "place"),
    [
        (heading, name, place)
        for heading, (endpoint, cases) in TABLES.items()
        for name in cases
        for place in range(len(COLUMNS[endpoint]))
    ],
)
def test_a_word_of_a_table_describes_what_happens(heading: str, name: str, place: int) -> None:
    endpoint, cases = TABLES[heading]
    case, cell = cases[name], documented_cells(heading)[name][place]
    word = re.split(r"[ ,]", cell.removeprefix("left "))[0]
    happens, paths = word_of(endpoint, case, COLUMNS[endpoint][place])
    if word == "as":
        assert (happens, set(paths)) == ("carried", spans(cell))
    elif happens == "unchanged":
        assert cell.startswith("left out") == is_hint(heading, name)
        assert word in ("here", "out")
    else:
        assert word == happens, (cell, paths)


def is_hint(heading: str, name: str) -> bool:
    """Whether leaving this out has no effect at all. Otherwise it is the default anyway, or the gateway takes care of it."""
    hints = {
        f"`{hint}`" for hint in (*Hints.__struct_fields__, "client_metadata", "cache_control", "prompt_cache_options")
    }
    return heading in ("Items and parts", "Tools") or name in hints


# How models of one vendor differ


EFFORTS: Final[Mapping[str, tuple[str, Callable[[str], Mapping[str, Any]]]]] = {
    "Claude before 4.6": ("claude-sonnet-4-5", lambda _: BUDGETS),
    "Claude 4.6": ("claude-sonnet-4-6", lambda model: model_of(model).efforts),
    "Claude from 4.7 on": ("claude-opus-4-7", lambda model: model_of(model).efforts),
    "Gemini 2.5": ("gemini-2.5-flash", lambda model: family(model).efforts),
    "Gemini 3 Pro": ("gemini-3-pro-preview", lambda model: family(model).efforts),
    "Gemini Pro from 3.1 on": ("gemini-3.1-pro-preview", lambda model: family(model).efforts),
    "Gemini 3 Flash": ("gemini-3-flash-preview", lambda model: family(model).efforts),
}


def test_efforts_are_sent_as_documented() -> None:
    assert heads("Reasoning")[1:] == list(EFFORTS)
    rows = {row[0].strip("`"): row[1:] for row in PROTOCOLS.rows("Reasoning", len(EFFORTS) + 1)}
    assert set(rows) == set(get_args(Effort))
    for place, (model, table) in enumerate(EFFORTS.values()):
        efforts = table(model)
        for effort, cells in rows.items():
            if effort == "none" and model.startswith("claude"):
                assert (cells[place], model_of(model).off) == ("off", "disabled")
            else:
                expected = f"`{efforts[effort]}`" if effort in efforts else "refused"
                assert cells[place].partition(" (")[0] == expected, (model, effort)
    assert "none" not in family("gemini-2.5-pro").efforts


def test_generations_of_claude_differ_as_documented() -> None:
    documented = {row[0].strip("`"): row[1:] for row in PROTOCOLS.rows("Generations", 6)}
    for name, cells in documented.items():
        model = model_of(name)
        sampling = "1 only" if not model.sampling else "both" if model.both else "one of the two"
        yes = ["yes" if has else "no" for has in (model.structured, model.forced, model.prefill)]
        assert cells == ["effort" if model.adaptive else "budget", sampling, *yes], name
    versions = [f"claude-opus-{major}-{minor}" for major in (3, 4, 5) for minor in range(10)]
    alike = {replace_off(model_of(name)) for name in documented}
    assert {replace_off(model_of(name)) for name in versions} == alike


def replace_off(model: Any) -> Any:
    """Without the member that the document describes in words."""
    return msgspec.json.encode(msgspec.structs.replace(model, off=None))


# Answers


def answered(endpoint: Endpoint, column: Column, body: Json) -> Json:
    """The client's plain answer. Raises AnswerError if there is none."""
    relay = attempts_of(endpoint, BASE[endpoint], column, None).first.relay()
    relay.feed(json.dumps(body).encode())
    relay.end()
    found: Json = json.loads(relay.tail())
    return found


def chat_answer(reason: str) -> Json:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    calls = {"tool_calls": [call]} if reason == "tool_calls" else {}
    message = {"role": "assistant", "content": "Hi", **calls}
    return {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": reason}]}


def anthropic_answer(reason: str) -> Json:
    calls = [{"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}] if reason == "tool_use" else []
    content = [{"type": "text", "text": "Hi"}, *calls]
    return {"type": "message", "id": "m", "content": content, "stop_reason": reason, "usage": {}}


def gemini_answer(reason: str) -> Json:
    return {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": reason}]}


ANSWERS: Final[Mapping[str, tuple[Callable[[str], Json], frozenset[str]]]] = {
    "`openai-chat`": (chat_answer, frozenset({"stop", "length", "content_filter", "tool_calls"})),
    "`anthropic`": (anthropic_answer, frozenset({*anthropic_reader._REASONS, "tool_use"} - {anthropic_reader.PAUSED})),
    "`gemini`": (gemini_answer, frozenset({*gemini_choice._REASONS, *gemini_choice._BROKEN})),
}


def test_every_reason_to_finish_has_its_row() -> None:
    rows = PROTOCOLS.rows("Answers", 4)
    for name, (_, reasons) in ANSWERS.items():
        listed = [word for row in rows if row[0] == name for word in re.findall(r"`([^`]+)`", row[1])]
        assert sorted(listed) == sorted(reasons), name


@pytest.mark.parametrize("row", PROTOCOLS.rows("Answers", 4), ids=lambda row: row[1])
def test_an_answer_finishes_as_documented(row: list[str]) -> None:
    name, reasons, finish, status = row
    [column] = [column for column in COLUMNS["responses"] if column.heading == name]
    make, _ = ANSWERS[name]
    for reason in spans(reasons):
        body = make(reason)
        if finish == "none: 502":
            with pytest.raises(AnswerError) as caught:
                answered("responses", column, body)
            assert answer_for(caught.value).status == 502
            continue
        response = answered("responses", column, body)
        details = response["incomplete_details"]
        assert [f"`{word}`" for word in (response["status"], *((details or {}).values()))] == status.split(", ")
        chat = answered("chat", column, body)["choices"][0]["finish_reason"]
        assert f"`{chat}`" == finish


# Errors


def refusal_body(provider: str, status: int, word: str, message: str) -> Json:
    if provider == "anthropic":
        return {"type": "error", "error": {"type": word, "message": message}}
    if provider == "gemini":
        by_reason = word.startswith("API_KEY")
        details = {"status": "INVALID_ARGUMENT", "details": [{"reason": word}]} if by_reason else {"status": word}
        return {"error": {"code": status, "message": message, **details}}
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": word}}


ERRORS: Final = PROTOCOLS.rows("Errors of providers", 3)


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: f"{row[0]} {row[1]}")
def test_a_providers_error_reaches_the_client_as_documented(row: list[str]) -> None:
    provider = row[0].strip("`")
    theirs = re.fullmatch(r"(\d{3}) `(\w+)`(?:: (.+))?", row[1])
    assert theirs is not None
    status, word, message = int(theirs[1]), theirs[2], theirs[3] or "No."
    dialect: Any = provider if provider != "openai" else "responses"
    body = json.dumps(refusal_body(provider, status, word, message)).encode()
    answer = answer_for(refused(UPSTREAM, status, {}, body, dialect))
    error = json.loads(answer.body)["error"]
    code = error["code"] or "null"
    assert row[2] == f"{answer.status} `{error['type']}` `{code}`"


def test_every_error_of_anthropic_has_a_row() -> None:
    words = {word for row in ERRORS if row[0] == "`anthropic`" for word in spans(row[1])}
    assert words == set(anthropic_errors.OPENAI_ERRORS)


def test_the_limits_of_content_are_those_in_the_code() -> None:
    limits = {row[0]: row[1] for row in PROTOCOLS.rows("Images, PDF and files", 2)}
    assert f"({FILE_BYTES_MAX:,} bytes)" in limits["One file, decoded"]
    assert f"({INLINE_BYTES_MAX:,} bytes)" in next(
        value for name, value in limits.items() if name.startswith("All inline")
    )
    assert limits["Files that a request may refer to"] == str(REFERENCED_MAX)
    assert limits["Length of a URL"] == f"{URL_LENGTH_MAX:,} characters"
    assert set(_PRIVATE_ENDINGS) <= spans(PROTOCOLS.section("Images, PDF and files"))


def test_the_tag_of_sealed_reasoning_is_the_documented_one() -> None:
    made = re.sub("[0-9a-f]{8}", "X" * 8, seal("any", "..."))
    assert made in spans(PROTOCOLS.section("Reasoning"))
