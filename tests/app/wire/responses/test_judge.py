"""The pass-through and the translating reader give one judgement of the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire.answer import AnswerEvent
from app.wire.canonical import CanonicalRequest, Target
from app.wire.dialects import translation_relay
from app.wire.exchange import AnswerError, Relay
from app.wire.responses.answer_writer import ResponsesAnswerWriter
from app.wire.responses.call_state import SearchState
from app.wire.responses.item_state import CurrentMessage
from app.wire.responses.passthrough import ResponsesPlainRelay, ResponsesStreamRelay
from app.wire.responses.verdict import item_bytes
from app.wire.splice import members
from tests.support.paths import RECORDINGS
from tests.support.wire.responses.answer_events import answers
from tests.support.wire.responses.mutations import mutated
from tests.support.wire.streams import RESPONSES_USAGE, by_byte, cut, event, payloads, response, run, sse

Json = dict[str, Any]
RECORDED = sorted(path.name for path in (RECORDINGS / "responses").glob("openai-*")) if RECORDINGS.exists() else []
CHAT_FINISH = {"completed": {"stop", "tool_calls"}, "incomplete:content_filter": {"content_filter"}}


def passed(*, stream: bool) -> Relay:
    return (ResponsesStreamRelay if stream else ResponsesPlainRelay)(model="public", upstream="up")


def translated(*, stream: bool) -> Relay:
    request = CanonicalRequest("chat", "public", (), stream=stream)
    target = Target("up", "vendor-model", 100)
    return translation_relay(request, "responses", target, model="public", seed="0" * 32, created=1, fields={})


def judgement(relay: Relay, pieces: Iterable[bytes]) -> tuple[Any, ...]:
    """What the relay makes of the pieces: the error and its place, or all that is billed and logged."""
    closing = []
    try:
        for piece in pieces:
            relay.feed(piece)
            closing.append(relay.closing)
        relay.end()
    except AnswerError as error:
        return "error", len(closing), error.malformed, error.message, error.type, error.code
    items = relay.items if relay.usage is None else None  # an estimate starts from them; reported usage includes them
    return "answer", closing, relay.finished, relay.usage, items, relay.delivered.output_bytes


def one_judgement(pieces: list[bytes], *, stream: bool) -> tuple[Any, ...]:
    one, other = passed(stream=stream), translated(stream=stream)
    found = judgement(one, pieces)
    assert found == judgement(other, pieces)
    if found[0] == "answer":
        assert other.finish in CHAT_FINISH.get(one.finish, {"length"})
        tail = json.loads(one.tail()) if not stream else payloads(one.tail())[-2]["response"]
        assert tail["status"] == one.finish.partition(":")[0]
    return found


def written(events: list[AnswerEvent], *, stream: bool) -> list[Json]:
    wrote = ResponsesAnswerWriter(seed="1" * 32, model="m", created=1, fields=members.decode(b"{}"), stream=stream)
    frames = b"".join(wrote.write(each) for each in events)
    return payloads(frames) if stream else [json.loads(frames)]


_STATUSES: st.SearchStrategy[Any] = st.sampled_from(
    ["completed", "incomplete", "failed", "cancelled", "in_progress", "", None, "odd", {}, False]
)
_ABSENT: st.SearchStrategy[Any] = st.sampled_from([None, "", False, {}, []])


@st.composite
def faulty(draw: st.DrawFn, frames: list[Any]) -> list[Any]:
    """The frames with one fault that servers are known for, or any other value at one place."""
    frames = json.loads(json.dumps(frames))
    fault = draw(st.sampled_from(["none", "drop", "repeat", "member", "status", "done", "output", "any"]))
    at = draw(st.integers(0, len(frames) - 1))
    if fault == "drop":
        del frames[at]
    elif fault == "repeat":
        frames.insert(at, frames[at])
    elif fault == "member":
        name = draw(st.sampled_from(["item_id", "output_index", "content_index", "type", "item", "response", "delta"]))
        value = draw(_ABSENT)
        frames = [each | {name: value} if name in each else each for each in frames]
    elif fault in ("status", "output"):
        last = frames[-1].get("response", frames[-1])
        last[fault] = draw(_STATUSES if fault == "status" else _ABSENT)
    elif fault == "done":
        frames[-1]["type"] = draw(st.sampled_from(["response.done", "response.failed", "", "response.incomplete"]))
    elif fault == "any":
        frames = draw(mutated(frames))
    return frames


@settings(deadline=None)
@given(answers(), st.data(), st.booleans())
def test_a_stream(events: list[AnswerEvent], data: st.DataObject, named: bool) -> None:
    frames = data.draw(faulty(written(events, stream=True)))
    stream = b"".join(
        (
            f"event: {kind}\n".encode()
            if named and isinstance(frame, dict) and isinstance(kind := frame.get("type"), str)
            else b""
        )
        + sse(frame if isinstance(frame, dict) else json.dumps(frame))
        for frame in frames
    )
    one_judgement(cut(stream, data.draw(st.lists(st.integers(min_value=0), max_size=5))), stream=True)


@settings(deadline=None)
@given(answers(), st.data())
def test_a_plain_answer(events: list[AnswerEvent], data: st.DataObject) -> None:
    body = json.dumps(data.draw(faulty(written(events, stream=False)))[-1:]).encode()[1:-1]
    one_judgement([body], stream=False)


def recorded(name: str) -> bytes:
    body = (RECORDINGS / "responses" / name).read_bytes()
    return body if name.endswith(".json") else b"".join(b"data: " + line + b"\n\n" for line in body.splitlines())


@pytest.mark.parametrize("name", RECORDED)
@settings(max_examples=20, deadline=None)
@given(places=st.lists(st.integers(min_value=0), max_size=30), end=st.integers(min_value=0))
def test_a_recording_cut_anywhere(name: str, places: list[int], end: int) -> None:
    stream, body = name.endswith(".txt"), recorded(name)
    one_judgement(cut(body, places), stream=stream)
    one_judgement(cut(body[: end % (len(body) + 1)], places), stream=stream)


# -- What the one judgement is

CREATED = event("response.created", 0, response=response())
ADDED = event("response.output_item.added", 1, output_index=0, item={"type": "message", "id": "m", "content": []})
DELTA = event("response.output_text.delta", 2, output_index=0, item_id="m", content_index=0, delta="Hello.")
MESSAGE = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]}
DONE_ITEM = event("response.output_item.done", 3, output_index=0, item=MESSAGE)
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": '{"a":1}'}


def closing(kind: str = "response.completed", **members: Any) -> Json:
    return event(kind, 4, response=response(**{"status": "completed", "usage": RESPONSES_USAGE, **members}))


@pytest.mark.parametrize(
    "last",
    [
        closing(status="failed"),
        closing(status="cancelled"),
        closing(status="failed", error={"code": "server_error", "message": "Broken."}),
        closing("response.done", status="failed"),
        closing("response.failed"),
        closing("response.canceled"),
        closing("response.in_progress", status="failed"),
        {"type": "server_error", "error": {"message": "Broken."}},
        event("response.error", 4, error={"message": "Broken."}),
    ],
)
def test_a_failed_answer_is_an_error(last: Json) -> None:
    found = one_judgement([sse(CREATED, ADDED, DELTA, DONE_ITEM, last)], stream=True)
    assert found[:3] == ("error", 0, False)


@pytest.mark.parametrize(
    ("last", "finish"),
    [
        (closing("response.done"), "completed"),
        (closing("response.done", status="incomplete"), "incomplete"),
        (
            closing(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            "incomplete:max_output_tokens",
        ),
        (closing(status=None), "completed"),
        (closing(status="finished"), "completed"),
        (closing(error={}, incomplete_details=""), "completed"),
        ({"response": response("completed", usage=RESPONSES_USAGE)}, "completed"),
        (closing(output=None), "completed"),
    ],
)
def test_a_complete_answer_in_every_spelling(last: Json, finish: str) -> None:
    stream = sse(CREATED, ADDED, DELTA, DONE_ITEM, last)
    found = one_judgement([stream], stream=True)
    assert (found[0], found[3].output, found[5]) == ("answer", 9, 6)
    relay = passed(stream=True)
    tail = run(relay, [stream]).tail
    assert relay.finish == finish
    sent = payloads(tail)[0]
    assert sent["type"] == f"response.{finish.partition(':')[0]}"
    assert sent["response"]["output"] == [MESSAGE]


def test_a_closing_event_without_its_response() -> None:
    stream = sse(CREATED, ADDED, DELTA, DONE_ITEM, {"type": "response.completed"})
    found = one_judgement([stream], stream=True)
    assert (found[0], found[3], found[5]) == ("answer", None, 6)
    sent = payloads(run(passed(stream=True), [stream]).tail)[0]["response"]
    assert (sent["id"], sent["status"], sent["output"]) == ("resp_1", "completed", [MESSAGE])
    assert one_judgement([sse({"type": "response.completed"})], stream=True)[2]


@pytest.mark.parametrize(
    ("body", "failed"),
    [
        (response("completed", output=[MESSAGE]), None),
        (response(None, output=[MESSAGE]), None),  # type: ignore[arg-type]
        (response("finished", output=[MESSAGE]), None),
        (response("", output=[MESSAGE], incomplete_details={"reason": "max_output_tokens"}), None),
        (response("", output=[]), True),
        (response("in_progress", output=[MESSAGE]), True),
        (response("canceled", output=[MESSAGE]), False),
        ({"object": "error", "message": "Broken."}, False),
    ],
)
def test_a_plain_answer_in_every_spelling(body: Json, failed: bool | None) -> None:
    found = one_judgement([json.dumps(body).encode()], stream=False)
    assert (found[0], found[2] if found[0] == "error" else None) == ("answer" if failed is None else "error", failed)


def test_a_call_that_is_nearly_openais_is_repaired_and_nothing_else() -> None:
    bare = {name: value for name, value in CALL.items() if name not in ("id", "call_id")} | {"arguments": {"a": 1}}
    added = event("response.output_item.added", 1, output_index=0, item=bare | {"arguments": ""})
    piece = event("response.function_call_arguments.delta", 2, output_index=0, delta={"a": 1})
    done = event("response.output_item.done", 3, output_index=0, item=bare)
    stream = sse(CREATED, added, piece, done, closing(output=[bare]))
    one_judgement(by_byte(stream), stream=True)
    outcome = run(passed(stream=True), [stream])
    _, begun, delta, ended, last, _ = payloads(outcome.forwarded + outcome.tail)
    call_id = begun["item"]["call_id"]
    assert call_id.startswith("call_")
    assert delta["delta"] == '{"a":1}'
    assert [ended["item"], *last["response"]["output"]] == [bare | {"call_id": call_id, "arguments": '{"a":1}'}] * 2


def test_a_missing_type_is_filled_in_from_the_frames_name() -> None:
    bare = {name: value for name, value in DELTA.items() if name != "type"}
    stream = sse(CREATED) + b"event: response.output_text.delta\n" + sse(bare) + sse(closing())
    assert payloads(run(passed(stream=True), [stream]).forwarded)[1] == DELTA


def test_items_that_the_closing_response_does_not_list_count() -> None:
    search = {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search"}}
    done = event("response.output_item.done", 1, output_index=0, item=search)
    other = event(
        "response.output_item.done", 2, output_index=1, item={"type": "mcp_call", "id": "x", "arguments": "{}"}
    )
    found = one_judgement([sse(CREATED, done, other, other, closing(output=[MESSAGE]))], stream=True)
    assert (found[3].web_search_calls, [(call.tool, call.count) for call in found[3].calls]) == (1, [("mcp", 1)])


def test_a_long_run_of_deltas_is_counted_as_if_each_was_read_alone() -> None:
    parts = [DELTA | {"delta": piece, "content_index": index} for index in (0, 1) for piece in ("a", "\u00e9", "b" * 9)]
    with_logprobs = [part | {"logprobs": [{"token": "a", "logprob": -1, "top_logprobs": []}]} for part in parts]
    for deltas in (parts, with_logprobs):
        assert one_judgement([sse(CREATED, ADDED, *deltas, closing())], stream=True)[5] == 24


def test_items_without_a_place_are_those_that_the_closing_response_lists() -> None:
    bare = event("response.output_text.delta", 1, delta="Hello.")
    assert one_judgement([sse(CREATED, bare, closing(output=[MESSAGE]))], stream=True)[5] == 6


def test_an_open_call_of_a_custom_tool_counts() -> None:
    call = {"type": "custom_tool_call", "id": "ct", "call_id": "c", "name": "f", "input": ""}
    added = event("response.output_item.added", 1, output_index=0, item=call)
    started = passed(stream=True)
    started.feed(sse(CREATED, added))
    assert [(each.tool, each.count) for each in started.items.calls] == [("custom", 1)]
    found = one_judgement([sse(CREATED, added, closing())], stream=True)
    assert [(each.tool, each.count) for each in found[3].calls] == [("custom", 1)]


def test_raw_reasoning_and_a_response_without_a_type_that_goes_on() -> None:
    place = {"output_index": 0, "item_id": "rs", "content_index": 0}
    deltas = [
        event("response.reasoning_text.delta", 1, delta="ab", **(place | {"output_index": at})) for at in (0, 0, 0.0)
    ]
    odd = {"response": response("in_progress")}
    assert one_judgement([sse(CREATED, *deltas, odd, closing())], stream=True)[5] == 6


def test_an_item_of_whole_events_has_no_streamed_text() -> None:
    assert SearchState(0, CurrentMessage(), "up").streamed("web_search_call.searching", {}) is None


def test_kept_items_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.wire.responses.passthrough.BODY_BYTES_MAX", 10)
    started = passed(stream=True)
    with pytest.raises(AnswerError, match="too long"):
        started.feed(sse(CREATED, DONE_ITEM))


@pytest.mark.parametrize("kind", ["essay", ["message"], None])
def test_the_texts_of_an_item_of_an_unknown_type_are_output(kind: Any) -> None:
    item = {"id": "x", "type": kind, "status": "completed", "text": "abcd", "result": "AAAA", "count": 3, "input": "ef"}
    assert item_bytes(item) == 6
    assert item_bytes({"type": "message", "text": "abcd", "content": [{"type": "audio", "transcript": "gh"}]}) == 2
