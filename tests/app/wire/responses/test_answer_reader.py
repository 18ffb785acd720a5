"""Responses answers read into events: hand-written ones, and anything that an upstream may send instead."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    ReasoningBegun,
    ReasoningDone,
    SearchBegun,
    SearchDone,
    TextDelta,
)
from app.wire.exchange import AnswerError
from app.wire.responses.answer_writer import ResponsesAnswerWriter
from app.wire.responses.item_index import ITEMS_MAX
from app.wire.splice import members
from domain.usage import Usage
from tests.support.wire.responses.answer_events import answers
from tests.support.wire.responses.mutations import mutated
from tests.support.wire.responses.upstream_events import (
    CREATED,
    added,
    cited,
    completed,
    delta,
    done,
    events_of,
    message,
    of,
    reader,
    text_part,
    within,
)
from tests.support.wire.streams import RESPONSES_USAGE, response

Json = dict[str, Any]
SEED = "0123456789abcdef0123456789abcdef"
ENDED = [ChoiceFinished("stop"), AnswerEnded(items=Usage())]


CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f"}


def test_start_and_end() -> None:
    queued = of("queued", response=response("queued"))
    ended = completed(usage=RESPONSES_USAGE, service_tier="default")
    begun = of("created", response=response(service_tier="auto"))
    assert events_of(begun, queued, ended, "[DONE]", of("output_text.delta", delta="late")) == [
        AnswerBegun("resp_1", "vendor-model-2025", "auto"),
        ChoiceFinished("stop"),
        AnswerEnded(Usage(16, 10, 4, output=9, reasoning=2, service_tier="default"), "default"),
    ]


def test_an_answer_that_starts_with_an_item() -> None:
    assert events_of(added(0, type="message", id="msg_1"), completed())[0] == AnswerBegun()


def test_an_item_that_is_added_twice_is_one() -> None:
    thought = added(0, type="reasoning", id="rs_1")
    assert within(CREATED, thought, thought) == [ReasoningBegun(0), ReasoningDone(0)]


def test_events_without_an_index_are_about_the_last_item() -> None:
    plain = of("output_text.delta", delta="a")
    ended = of("output_text.done", text="ab")
    assert within(plain, ended, of("output_item.done", item=message(text_part("ab"), id=None))) == [
        TextDelta("a"),
        TextDelta("b"),
    ]


def test_items_and_events_of_unknown_types() -> None:
    assert within(
        of("future.thing", output_index=0, delta="x"),
        added(0, type="future_call", id="fu_1"),
        done(0, type="future_call", id="fu_1"),
        of("output_item.done"),
        delta("Still", at=1),
        output=[{"type": "future_call"}, message(text_part("Still"), id="msg_2")],
    ) == [TextDelta("Still")]


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, "length"),
        ({"reason": "content_filter"}, "content_filter"),
        ({"reason": 1}, "length"),
        (None, "length"),
    ],
)
def test_answers_that_were_cut(details: Any, reason: str) -> None:
    cut = response("incomplete", incomplete_details=details, output=[message(text_part("Hel"))])
    expected = [
        AnswerBegun("resp_1", "vendor-model-2025"),
        TextDelta("Hel"),
        ChoiceFinished(reason),  # type: ignore[arg-type]
        AnswerEnded(items=Usage()),
    ]
    assert events_of(of("incomplete", response=cut)) == expected
    assert reader().whole(json.dumps(cut).encode()) == expected


def test_a_whole_answer() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    body = response("completed", output=[search, {**CALL, "arguments": "{}"}], usage=RESPONSES_USAGE, tool_usage=None)
    assert reader().whole(json.dumps(body).encode()) == [
        AnswerBegun("resp_1", "vendor-model-2025"),
        SearchBegun(0),
        SearchDone(0, {"type": "search"}),
        CallBegun(1, "c", "f"),
        CallDelta(1, "{}"),
        CallDone(1),
        ChoiceFinished("tool_calls"),
        AnswerEnded(Usage(16, 10, 4, output=9, reasoning=2, web_search_calls=1)),
    ]


ERROR = {"message": "No quota.", "type": "insufficient_quota", "code": "insufficient_quota", "param": None}


@pytest.mark.parametrize(
    ("event", "told_type"),
    [
        ({"type": "error", "message": "No quota.", "code": "insufficient_quota", "param": None}, None),
        ({"type": "error", "error": ERROR}, "insufficient_quota"),
        ({"error": ERROR}, "insufficient_quota"),
        (of("failed", response=response("failed", error=ERROR)), "insufficient_quota"),
        (of("cancelled", response=response("cancelled", error=ERROR)), "insufficient_quota"),
        (of("completed", response=response("completed", error=ERROR)), "insufficient_quota"),
    ],
)
def test_errors(event: Json, told_type: str | None) -> None:
    read = reader()
    with pytest.raises(AnswerError) as caught:
        read.frame("", json.dumps(event).encode())
    error = caught.value
    assert (error.malformed, error.message, error.code, error.type) == (
        False,
        "No quota.",
        "insufficient_quota",
        told_type,
    )


@pytest.mark.parametrize(
    ("body", "is_malformed"),
    [
        (response("failed", error=ERROR), False),
        (response("cancelled"), False),
        (response("in_progress"), True),
        ([], True),
    ],
)
def test_bodies_that_are_not_an_answer(body: Any, is_malformed: bool) -> None:
    with pytest.raises(AnswerError) as caught:
        reader().whole(json.dumps(body).encode())
    assert caught.value.malformed is is_malformed


def test_the_frames_name_replaces_a_missing_type() -> None:
    read = reader()
    assert read.frame("response.completed", b'{"response":{}}') == [AnswerBegun(), *ENDED]


@pytest.mark.parametrize(
    "events",
    [
        ["[DONE]"],
        [CREATED],
        ["{"],
        ["[]"],
        [delta("a") | {"delta": 1}],
        [delta("a", part=-1)],
        [delta("a") | {"content_index": "0"}],
        [delta("a", logprobs={})],
        [delta("a", logprobs=["x"])],
        [delta("a", logprobs=[{"token": "a", "logprob": "x"}])],
        [delta("a", logprobs=[{"token": "a", "logprob": 1, "bytes": "x"}])],
        [added(0, **CALL | {"call_id": 1})],
        [done(0, **CALL | {"name": None})],
        [done(0, **CALL | {"call_id": None, "id": None})],
        [done(0, **CALL, arguments={})],
        [done(0, type="web_search_call", action="x")],
        [done(0, type="web_search_call", action={"queries": [1]})],
        [done(0, **message(text_part("a", cited(-1, 2))))],
        [of("output_item.added", output_index=0, item=1)],
        [of("completed", response=[])],
        [completed(1)],  # type: ignore[arg-type]
        [of("function_call_arguments.delta", output_index=0, delta="x"), completed()],
    ],
)
def test_malformed_answers(events: list[Any]) -> None:
    with pytest.raises(AnswerError) as caught:
        events_of(*events)
    assert caught.value.malformed


def test_the_number_of_items_is_limited() -> None:
    read = reader()
    for index in range(ITEMS_MAX):
        read.frame("", json.dumps(added(index, type="message")).encode())
    with pytest.raises(AnswerError):
        read.frame("", json.dumps(added(ITEMS_MAX, type="message")).encode())


# -- Any answer


def write(events: Iterable[AnswerEvent], *, stream: bool) -> list[bytes]:
    fields = members.decode(b'{"include":["web_search_call.action.sources"]}')
    wrote = ResponsesAnswerWriter(seed=SEED, model="m", created=1, fields=fields, stream=stream)
    return [wrote.write(event) for event in events]


def payloads(frames: list[bytes]) -> list[bytes]:
    lines = b"".join(frames).split(b"\n")
    return [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: ")]


def content(frames: list[bytes]) -> Json:
    """What an answer says, with our seal taken off as many times as it was put on."""
    result: Json = json.loads(frames[-1])
    for item in result["output"]:
        if item.get("encrypted_content"):
            item["encrypted_content"] = item["encrypted_content"].rpartition(":")[2]
    return {name: result[name] for name in ("status", "incomplete_details", "output", "usage")}


@given(answers(overlap=1))
def test_a_written_answer_reads_back_as_the_same(events: list[AnswerEvent]) -> None:
    written = write(events, stream=False)
    plain = reader().whole(written[-1])
    read = reader()
    streamed = [event for data in payloads(write(events, stream=True)) for event in read.frame("", data)]
    assert content(write(plain, stream=False)) == content(written)
    assert content(write(streamed, stream=False)) == content(written)


@given(answers(), st.data())
def test_any_value_anywhere_is_at_most_an_answer_error(events: list[AnswerEvent], data: st.DataObject) -> None:
    frames = [json.loads(payload) for payload in payloads(write(events, stream=True))]
    frames = data.draw(mutated(frames))
    read = reader()
    try:
        found = [event for frame in frames for event in read.frame("", json.dumps(frame).encode())]
    except AnswerError:
        return
    keys = [event.key for event in found if hasattr(event, "key") and type(event).__name__.endswith("Begun")]
    assert len(keys) == len(set(keys))
    if found and isinstance(found[-1], AnswerEnded):
        write(found, stream=True)
