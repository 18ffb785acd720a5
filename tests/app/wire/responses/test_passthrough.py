from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.exchange import AnswerError
from app.wire.responses.passthrough import ResponsesPlainRelay, ResponsesStreamRelay
from app.wire.usage import with_items
from domain.usage import CallCount, ImageCount, Usage
from tests.support.wire.streams import (
    RESPONSES_USAGE,
    by_byte,
    cut,
    event,
    payloads,
    response,
    response_events,
    run,
    sse,
)

USAGE = Usage(input=16, cached_input=10, cache_write=4, output=9, reasoning=2, service_tier="default")
STREAM = sse(*response_events(), named=True)
CREATED = event("response.created", 0, response=response())
DELTA = event("response.output_text.delta", 1, delta="ab")


def relay() -> ResponsesStreamRelay:
    return ResponsesStreamRelay(model="public", upstream="vendor")


def fault(stream: bytes) -> AnswerError:
    errors = []
    for pieces in ([stream], by_byte(stream)):
        with pytest.raises(AnswerError) as caught:
            run(relay(), pieces)
        errors.append(caught.value)
    assert str(errors[0]) == str(errors[1])
    return errors[0]


def public(raw: dict[str, Any]) -> dict[str, Any]:
    """The event as a client may see it."""
    return raw | ({"response": raw["response"] | {"model": "public", "store": False}} if "response" in raw else {})


def test_a_stream_is_held_from_its_completion_on() -> None:
    events = response_events()
    outcome = run(relay(), [STREAM])
    assert payloads(outcome.forwarded) == [public(entry) for entry in events[:-1]]
    assert payloads(outcome.tail) == [public(events[-1]), "[DONE]"]
    assert outcome.forwarded + outcome.tail == sse(*map(public, events), named=True) + b"data: [DONE]\n\n"
    assert (outcome.usage, outcome.items, outcome.finish) == (USAGE, Usage(), "completed")
    assert (outcome.response_id, outcome.output_bytes, outcome.frames, outcome.finished) == ("resp_1", 6, 4, True)


@given(st.lists(st.integers(min_value=0)), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.booleans())
def test_cuts_do_not_matter(places: list[int], line_end: bytes, named: bool) -> None:
    reference = run(relay(), [sse(*response_events(), named=named)])
    stream = sse(*response_events(), named=named).replace(b"\n", line_end)
    whole = run(relay(), [stream])
    assert run(relay(), cut(stream, places)) == whole
    assert run(relay(), by_byte(stream)) == whole
    assert payloads(whole.forwarded + whole.tail) == payloads(reference.forwarded + reference.tail)


def test_events_without_a_response_pass_byte_by_byte() -> None:
    passing = (
        b": keep\n\n"
        b'event: keepalive\ndata: { "type" : "keepalive", "sequence_number":9 }\n\n'
        b'data: {"type":"response.unheard_of","response":"text","x":1.00}\n\n'
        b'data: {"type":"response.unheard_of","response":null}\n\n'
        b'data: {"model":"untouched"}\n\n'
        b"data:\n\n"
    )
    assert run(relay(), [passing + STREAM]).forwarded.startswith(passing)


def test_unknown_members_of_a_response_keep_their_bytes() -> None:
    created = (
        b'data: {"type":"response.created","response":{"id":"resp_1","model":"old","x":[ 1.00 ],"y":"\\u00e9"}}\n\n'
    )
    spliced = created.replace(b'"old"', b'"public"').replace(b'e9"}', b'e9","store":false}')
    assert run(relay(), [created + STREAM]).forwarded.startswith(spliced)


def test_a_type_that_only_the_frame_has() -> None:
    events = [{name: value for name, value in entry.items() if name != "type"} for entry in response_events()]
    stream = b"".join(
        b"event: %s\n" % entry["type"].encode() + sse(bare)
        for entry, bare in zip(response_events(), events, strict=True)
    )
    outcome = run(relay(), [stream])
    assert (outcome.finish, outcome.usage, outcome.output_bytes) == ("completed", USAGE, 6)


@pytest.mark.parametrize(
    ("details", "finish"),
    [
        ({"reason": "max_output_tokens"}, "incomplete:max_output_tokens"),
        ({"reason": "content_filter"}, "incomplete:content_filter"),
        ({"reason": 5}, "incomplete"),
        (None, "incomplete"),
        ("x", "incomplete"),
    ],
)
def test_an_incomplete_response_is_an_answer(details: Any, finish: str) -> None:
    done = event(
        "response.incomplete", 1, response=response("incomplete", incomplete_details=details, usage=RESPONSES_USAGE)
    )
    outcome = run(relay(), [sse(CREATED, done)])
    assert (outcome.finish, outcome.usage.output) == (finish, 9)


def test_anything_after_the_completion_is_dropped() -> None:
    late = sse(DELTA, event("error", 9, message="late"), "[DONE]", "[DONE]", "{garbage") + b"data: {cut"
    assert run(relay(), [STREAM + late]) == run(relay(), [STREAM])
    assert run(relay(), by_byte(STREAM + late)) == run(relay(), [STREAM])


def test_a_completion_without_usage_still_reports_its_calls() -> None:
    items = [
        {"type": "web_search_call", "action": {"type": "search"}},
        {"type": "image_generation_call", "size": "1024x1024"},
    ]
    outcome = run(relay(), [sse(*response_events(usage=None, output=items))])
    assert outcome.usage is None
    assert outcome.items == Usage(web_search_calls=1, images=(ImageCount("auto", "1024x1024", 1),))


def test_usage_includes_calls_and_images() -> None:
    items = [{"type": "web_search_call"}, {"type": "image_generation_call"}, {"type": "message"}]
    tools = [{"type": "image_generation", "quality": "high", "size": "auto"}]
    usage = run(
        relay(), [sse(*response_events(output=items, tools=tools, tool_usage={"web_search": {"num_requests": 3}}))]
    ).usage
    assert (usage.web_search_calls, usage.images, usage.output) == (3, (ImageCount("high", "auto", 1),), 9)


def test_finished_items_count_if_the_last_event_lists_none() -> None:
    done = event("response.output_item.done", 1, item={"type": "web_search_call", "action": {"type": "search"}})
    one = relay()
    one.feed(sse(CREATED, done, event("response.output_item.done", 2, item={"type": "message"})))
    assert (one.items.web_search_calls, one.usage) == (1, None)
    one.feed(sse(*response_events(output=[])[-1:]))
    one.end()
    assert one.usage is not None
    assert (one.usage.web_search_calls, one.usage.input) == (1, 16)


@pytest.mark.parametrize(
    "raw",
    [
        event("error", 2, code="busy", message="Too busy.", param="p"),
        event("error", 2, error={"type": "server_error", "code": "busy", "message": "Too busy.", "param": "p"}),
        {"error": {"code": "busy", "message": "Too busy.", "param": "p"}},
        event(
            "response.failed",
            2,
            response=response("failed", error={"code": "busy", "message": "Too busy.", "param": "p"}),
        ),
        event(
            "response.cancelled",
            2,
            response=response("cancelled", error={"code": "busy", "message": "Too busy.", "param": "p"}),
        ),
        event("response.completed", 2, response=response(error={"code": "busy", "message": "Too busy.", "param": "p"})),
    ],
)
@pytest.mark.parametrize("before", [b"", sse(CREATED, DELTA)])
def test_an_upstreams_error_is_reported(raw: Any, before: bytes) -> None:
    found = fault(before + sse(raw))
    assert (found.malformed, found.message, found.code, found.param) == (False, "Too busy.", "busy", "p")


def test_a_failure_without_details_is_a_failure() -> None:
    found = fault(sse(event("response.failed", 0, response=response("failed"))))
    assert (found.malformed, found.code) == (False, None)


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"<html>busy</html>\n\n",
        b"data: {",
        b"data: {]\n\n",
        b"data: [1]\n\n",
        b"data: \xff\n\n",
        b'data: {"type":"x","y":"\xff"}\n\n',
        sse(CREATED, DELTA),
        sse(CREATED, DELTA, "[DONE]"),
        sse(CREATED) + STREAM[-300:-200],
        STREAM[:-10],
        sse(event("response.completed", 0)),
        sse(event("response.completed", 0, response=None)),
        sse(event("response.completed", 0, response="text")),
        sse(*response_events(output=5)),
        sse(*response_events(output=[5])),
        sse(event("response.output_item.done", 0, item=5)),
    ],
)
def test_garbage_is_malformed(stream: bytes) -> None:
    assert fault(stream).malformed


def test_an_unterminated_last_event_counts_if_it_is_valid() -> None:
    assert run(relay(), [STREAM.rstrip()]).usage == USAGE


@pytest.mark.parametrize(
    ("delta", "size"),
    [("ab", 2), ("\u00e9", 2), ({"text": "ab"}, 13), (None, 0)],
    ids=["ascii", "wide", "object", "null"],
)
def test_delivered_bytes_are_counted(delta: Any, size: int) -> None:
    one = relay()
    one.feed(sse(event("response.function_call_arguments.delta", 0, delta=delta)))
    assert (one.delivered.output_bytes, one.delivered.frames) == (size, 1)


def test_text_that_came_without_deltas_is_counted_at_the_end() -> None:
    output = [{"type": "message", "content": [{"type": "output_text", "text": "longer than deltas"}]}]
    assert run(relay(), [sse(*response_events(output=output))]).output_bytes == 18


def test_a_failure_fails_the_response_that_the_client_knows() -> None:
    one = relay()
    one.feed(sse(CREATED, DELTA, named=True))
    frames = one.failure(message="Broken.", type="server_error", code=None)
    assert frames.startswith(b"event: error\ndata: {")
    assert b"\n\nevent: response.failed\ndata: {" in frames
    actual, failed, done = payloads(frames)
    assert actual == event("error", 2, code="server_error", message="Broken.", param=None)
    error = {"code": "server_error", "message": "Broken."}
    known = response("failed", error=error) | {"model": "public", "store": False}
    assert failed == event("response.failed", 3, response=known)
    assert done == "[DONE]"


def test_a_failure_in_place_of_the_completion_reveals_nothing_of_it() -> None:
    one = relay()
    one.feed(
        sse(*response_events(output=[{"type": "message", "content": [{"type": "output_text", "text": "secret"}]}]))
    )
    assert one.closing
    frames = one.failure(message="Broken.", type="server_error", code="ledger_unavailable")
    assert b"secret" not in frames
    assert [entry["sequence_number"] for entry in payloads(frames)[:-1]] == [4, 5]
    assert payloads(frames)[0]["code"] == "ledger_unavailable"


def test_a_failure_before_any_response_is_an_error_event() -> None:
    frames = payloads(relay().failure(message="Broken.", type="server_error", code=None))
    assert [frames[0]["type"], frames[0]["sequence_number"], *frames[1:]] == ["error", 0, "[DONE]"]


@pytest.mark.parametrize("number", [None, -1, True, 10**30, "5", 2.0])
def test_missing_sequence_numbers_are_counted(number: Any) -> None:
    one = relay()
    one.feed(
        sse(
            event("response.created", number, response=response()),
            event("x", number),
            event("y", 7),
            event("z", number),
        )
    )
    assert payloads(one.failure(message="m", type="t", code=None))[0]["sequence_number"] == 9


def test_a_failed_read_uses_no_sequence_numbers() -> None:
    one = relay()
    one.feed(sse(CREATED))
    with pytest.raises(AnswerError):
        one.feed(sse(DELTA, event("error", 2, message="busy")))
    assert payloads(one.failure(message="m", type="t", code=None))[0]["sequence_number"] == 1
    assert (one.delivered.output_bytes, one.delivered.frames) == (0, 1)


def whole(body: bytes) -> tuple[ResponsesPlainRelay, Any]:
    one = ResponsesPlainRelay(model="public", upstream="vendor")
    for piece in by_byte(body):
        assert one.feed(piece) == b""
    one.end()
    return one, json.loads(one.tail())


def test_a_plain_response() -> None:
    content = [{"type": "output_text", "text": "H\u00e9"}, {"type": "refusal", "refusal": "no"}, None]
    output = [
        {"type": "message", "content": content},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "abc"}], "content": None},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "x"},
        {"type": "web_search_call", "action": {"type": "search"}},
    ]
    actual = response("completed", output=output, usage=RESPONSES_USAGE, service_tier="default")
    one, answer = whole(json.dumps(actual).encode())
    assert answer == actual | {"model": "public", "store": False}
    assert (one.finish, one.response_id, one.delivered.output_bytes) == ("completed", "resp_1", 11)
    assert one.items == Usage(web_search_calls=1, calls=(CallCount("custom", 1),))
    assert one.usage == with_items(USAGE, one.items)


def test_a_plain_response_cut_by_its_limit() -> None:
    actual = response("incomplete", incomplete_details={"reason": "max_output_tokens"}, output=None, id=5)
    one, _ = whole(json.dumps(actual).encode())
    assert (one.finish, one.usage, one.response_id) == ("incomplete:max_output_tokens", None, None)


@pytest.mark.parametrize(
    ("body", "malformed"),
    [
        (b"", True),
        (b"{}", True),
        (b"[]", True),
        (b'{"status":"completed","x":"\xff"}', True),
        (json.dumps(response("in_progress")).encode(), True),
        (json.dumps(response("completed", output={"a": 1})).encode(), True),
        (json.dumps(response("failed")).encode(), False),
        (json.dumps(response("cancelled")).encode(), False),
        (json.dumps(response("completed", error={"message": "busy"})).encode(), False),
        (b'{"error":{"message":"busy"}}', False),
    ],
)
def test_an_invalid_plain_answer(body: bytes, malformed: bool) -> None:
    one = ResponsesPlainRelay(model="public", upstream="vendor")
    one.feed(body)
    with pytest.raises(AnswerError) as caught:
        one.end()
    assert caught.value.malformed is malformed


def test_a_previewed_image_counts_once_before_and_after_it_is_done() -> None:
    partial = event("response.image_generation_call.partial_image", 1, item_id="ig_1", partial_image_b64="AAAA")
    nameless = event("response.image_generation_call.partial_image", 2, partial_image_b64="AAAA")
    done = {
        "id": "ig_1",
        "type": "image_generation_call",
        "status": "completed",
        "quality": "high",
        "size": "1024x1024",
        "result": "AAAA",
    }
    started = relay()
    started.feed(sse(CREATED, partial, partial, nameless))
    assert started.items == Usage(images=(ImageCount("auto", "auto", 1),))
    started.feed(sse(event("response.output_item.done", 3, item=done)))
    assert started.items == Usage(images=(ImageCount("high", "1024x1024", 1),))


@pytest.mark.parametrize(("status", "seen"), [("completed", "{}"), ("in_progress", "")])
def test_empty_arguments_of_a_finished_call_are_an_empty_object(status: str, seen: str) -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "", "status": status}
    [event_seen] = payloads(relay().feed(sse(event("response.output_item.added", 1, output_index=0, item=item))))
    assert event_seen["item"] == item | {"arguments": seen}


def test_items_that_arrive_whole_count_as_delivered() -> None:
    started = relay()
    message = {"type": "message", "content": [{"type": "output_text", "text": "four"}]}
    started.feed(sse(CREATED, event("response.output_item.done", 1, item=message)))
    assert started.delivered.output_bytes == 4
    started.feed(sse(event("response.output_text.delta", 2, delta="123456")))
    started.feed(
        sse(
            event(
                "response.output_item.done",
                3,
                item={"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            )
        )
    )
    assert started.delivered.output_bytes == 12
