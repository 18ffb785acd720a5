"""Any client request is either written completely for each vendor, or rejected with the path of the parameter at fault."""

from __future__ import annotations

import copy
import re
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.wire.canonical import CanonicalRequest, Target
from app.wire.chat import request_reader as chat_reader
from app.wire.dialects import REQUEST_READERS, REQUEST_WRITERS, Dialect, parse
from app.wire.exchange import Endpoint, RequestError
from app.wire.file_ref import StoredFile
from app.wire.request import NAME_LENGTH_MAX
from app.wire.responses import request_reader as responses_reader
from tests.support.wire import completeness
from tests.support.wire.canonical_requests import any_requests, plain_requests
from tests.support.wire.client_requests import QUESTION, VALID, WRONG
from tests.support.wire.responses.mutations import places

TARGETS: Final[dict[Dialect, tuple[Target, ...]]] = {
    "responses": (Target("vendor", "model", 4096),),
    "chat": (Target("vendor", "model", 4096), Target("vendor", "model", 4096, is_openai=False, fetches_urls=False)),
    "anthropic": (Target("vendor", "claude-sonnet-4-5", 8192), Target("vendor", "claude-opus-4-8", 8192, 5)),
    "gemini": (Target("vendor", "gemini-2.5-flash", 4096), Target("vendor", "gemini-3-pro-preview", 4096)),
}
ENDPOINTS: Final[tuple[Endpoint, ...]] = ("responses", "chat")
DOCUMENTED: Final[dict[Endpoint, set[str]]] = {
    "responses": {*responses_reader.KNOWN, *responses_reader.UNSUPPORTED, *VALID["responses"]},
    "chat": {*chat_reader.KNOWN, *chat_reader.UNSUPPORTED, *VALID["chat"]},
}
_MEMBER = re.compile(r"\.[a-z_]+")
_INDEX = re.compile(r"\[(\d+)\]")
_QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def names_a_place(body: Any, param: str, endpoint: Endpoint) -> bool:
    """Whether `param` is a documented parameter, or the path of a present or missing member of the client's body."""
    return param in DOCUMENTED[endpoint] or _leads(body, f".{param}", at_top=True)


def _leads(body: Any, rest: str, *, at_top: bool = False) -> bool:
    """True where `rest` is a way into `body`. A member that is missing has its place in an object that is there, but for the top.
    Names may hold dots, and long ones are cut; `[...]` is a member of an object whose names are the client's own."""
    if not rest:
        return True
    if isinstance(body, dict) and rest.startswith("."):
        names = [(name[:NAME_LENGTH_MAX], inner) for name, inner in body.items()]
        there = any(rest.startswith(f".{name}") and _leads(inner, rest[1 + len(name) :]) for name, inner in names)
        return there or (not at_top and _MEMBER.fullmatch(rest) is not None)
    if isinstance(body, dict):
        return rest.startswith("[...]")
    if found := _INDEX.match(rest):
        return isinstance(body, list) and int(found[1]) < len(body) and _leads(body[int(found[1])], rest[found.end() :])
    return False


def check_error(error: RequestError, body: Any, endpoint: Endpoint) -> None:
    assert error.status in (400, 413)
    assert error.message
    assert error.param is not None, f"{error.message} names no parameter"
    assert names_a_place(body, error.param, endpoint), f"{error.param!r} is not a path in the request: {error.message}"


def vendors_that_accept(endpoint: Endpoint, body: dict[str, Any]) -> int:
    """The number of vendors that accept `body`. Every error names a place in it; every written body contains all of it."""
    try:
        parsed = parse(endpoint, msgspec.json.encode(body))
        files = {ref.file_id: StoredFile("application/pdf", "a.pdf", "JVBERi0xLjcK", 9, 1) for ref in parsed.refs}
        request = REQUEST_READERS[endpoint](parsed.fields, files)
    except RequestError as error:
        check_error(error, body, endpoint)
        return 0
    return sum(accepts(dialect, target, request, body) for dialect, targets in TARGETS.items() for target in targets)


def accepts(dialect: Dialect, target: Target, request: CanonicalRequest, body: dict[str, Any]) -> bool:
    request = completeness.marked(request)
    try:
        written = REQUEST_WRITERS[dialect](request, target)
    except RequestError as error:
        check_error(error, body, request.endpoint)
        return False
    completeness.check(dialect, request, target, msgspec.json.decode(written))
    return True


# -- Requests that are drawn as what they mean


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@settings(_QUIET, max_examples=150)
@given(data=st.data())
def test_any_canonical_request_is_written_or_rejected_by_path(endpoint: Endpoint, data: st.DataObject) -> None:
    drawn = msgspec.structs.replace(data.draw(any_requests() | plain_requests()), endpoint=endpoint)
    try:
        body = REQUEST_WRITERS[endpoint](drawn, Target("vendor", "public", 4096))
    except RequestError:
        return
    vendors_that_accept(endpoint, msgspec.json.decode(body))


@settings(_QUIET, max_examples=60)
@given(plain_requests())
def test_a_plain_request_is_written_for_every_vendor(drawn: CanonicalRequest) -> None:
    body = msgspec.json.decode(REQUEST_WRITERS[drawn.endpoint](drawn, Target("vendor", "public", 4096)))
    assert vendors_that_accept(drawn.endpoint, body) >= 4


# -- Requests that are drawn as what they are


@st.composite
def requests(draw: st.DrawFn, endpoint: Endpoint) -> dict[str, Any]:
    """A few parameters, most of them right."""
    valid, question = VALID[endpoint], QUESTION[endpoint]
    body = {"model": "public", question: draw(st.sampled_from(valid[question]))}
    for name in draw(st.lists(st.sampled_from(sorted(valid)), max_size=4, unique=True)):
        body[name] = draw(st.sampled_from(valid[name]))
    return copy.deepcopy(body)


@st.composite
def wrong_requests(draw: st.DrawFn, endpoint: Endpoint) -> dict[str, Any]:
    """One thing is wrong: a value somewhere, or an unknown member."""
    body = draw(requests(endpoint))
    *path, name = draw(st.sampled_from(places(body)))
    holder: Any = body
    for step in path:
        holder = holder[step]
    change = draw(st.sampled_from(["value", "value", "gone", "more"]))
    if change == "gone" and isinstance(holder, dict):
        del holder[name]
    elif change == "more" and isinstance(holder, dict):
        holder[draw(st.sampled_from(["nonsense", "type", "a.b", "[0]", "x" * 150]))] = draw(st.sampled_from(WRONG))
    else:
        holder[name] = draw(st.sampled_from(WRONG))
    return body


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@settings(_QUIET, max_examples=250)
@given(data=st.data())
def test_any_documented_request_is_written_or_rejected_by_path(endpoint: Endpoint, data: st.DataObject) -> None:
    vendors_that_accept(endpoint, data.draw(requests(endpoint)))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@settings(_QUIET, max_examples=250)
@given(data=st.data())
def test_an_invalid_request_is_rejected_by_path(endpoint: Endpoint, data: st.DataObject) -> None:
    vendors_that_accept(endpoint, data.draw(wrong_requests(endpoint)))


@pytest.mark.parametrize(
    ("endpoint", "name", "value"),
    [
        (endpoint, name, value)
        for endpoint in ENDPOINTS
        for name in VALID[endpoint]
        for value in (*VALID[endpoint][name], *WRONG)
    ],
)
def test_every_parameter_alone(endpoint: Endpoint, name: str, value: Any) -> None:
    body = {"model": "public", QUESTION[endpoint]: VALID[endpoint][QUESTION[endpoint]][0], name: value}
    vendors_that_accept(endpoint, body)
