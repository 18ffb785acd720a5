from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.exchange import AnswerError
from domain.usage import Usage
from tests.support.wire.streams import CHAT_USAGE, by_byte, chunk, cut, payloads, run, sse, usage_chunk

USAGE = Usage(input=15, cached_input=5, output=7, reasoning=3)
PLAIN_STREAM = sse(chunk(""), chunk("H\u00e9"), chunk("llo"), chunk(finish="stop"), usage_chunk(CHAT_USAGE), "[DONE]")
THREE = sse(
    chunk("a", index=0),
    chunk("b", index=1),
    chunk(index=1, finish="length"),
    chunk("c", index=2),
    chunk(index=0, finish="stop"),
    chunk("d", index=2),
    chunk(index=2, finish="stop"),
    usage_chunk(CHAT_USAGE),
    "[DONE]",
)


def relay(*, include_usage: bool = False, choices: int = 1) -> ChatStreamRelay:
    return ChatStreamRelay(model="public", include_usage=include_usage, choices=choices)


def fault(stream: bytes, **options: Any) -> AnswerError:
    """The error that ends a stream, whole and byte by byte alike."""
    errors = []
    for pieces in ([stream], by_byte(stream)):
        with pytest.raises(AnswerError) as caught:
            run(relay(**options), pieces)
        errors.append(caught.value)
    assert str(errors[0]) == str(errors[1])
    return errors[0]


def test_a_stream_is_held_from_its_finish_on() -> None:
    outcome = run(relay(), [PLAIN_STREAM])
    public = [event | {"model": "public"} for event in (chunk(""), chunk("H\u00e9"), chunk("llo"))]
    assert payloads(outcome.forwarded) == public
    assert payloads(outcome.tail) == [chunk(finish="stop") | {"model": "public"}, "[DONE]"]
    assert (outcome.usage, outcome.items, outcome.finish, outcome.response_id) == (USAGE, Usage(), "stop", "chatcmpl-1")
    assert (outcome.output_bytes, outcome.frames, outcome.finished) == (6, 3, True)


def test_usage_is_forwarded_to_a_client_that_asked() -> None:
    outcome = run(relay(include_usage=True), [PLAIN_STREAM])
    assert payloads(outcome.tail)[1:] == [usage_chunk(CHAT_USAGE) | {"model": "public"}, "[DONE]"]


def test_other_bytes_do_not_change() -> None:
    choice = b'{"index":0,"delta":{"content":"\\u00e9","y":[ ]}}'
    before = b': hi\n\nid: 4\ndata: { "x" : 1.00, "model":"old" , "choices":[%s]}\n\n' % choice
    outcome = run(relay(), [before + PLAIN_STREAM])
    assert outcome.forwarded.startswith(before.replace(b"old", b"public"))


@given(st.lists(st.integers(min_value=0)), st.booleans(), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_cuts_do_not_matter(places: list[int], include_usage: bool, line_end: bytes) -> None:
    for stream, choices in ((PLAIN_STREAM, 1), (THREE, 3)):
        ended = stream.replace(b"\n", line_end)
        options: dict[str, Any] = {"include_usage": include_usage, "choices": choices}
        whole = run(relay(**options), [ended])
        assert run(relay(**options), cut(ended, places)) == whole
        assert run(relay(**options), by_byte(ended)) == whole
        assert payloads(whole.forwarded + whole.tail) == payloads(
            (reference := run(relay(**options), [stream])).forwarded + reference.tail
        )


def test_nothing_is_forwarded_once_closing() -> None:
    one = relay()
    for piece in by_byte(PLAIN_STREAM):
        was_closing = one.closing
        out = one.feed(piece)
        assert not (was_closing and out)
    assert one.closing
    assert one.finished


def test_three_choices_close_with_the_last_of_them() -> None:
    outcome = run(relay(choices=3), [THREE])
    assert [event["choices"][0]["index"] for event in payloads(outcome.forwarded)] == [0, 1, 1, 2, 0, 2]
    assert payloads(outcome.tail) == [chunk(index=2, finish="stop") | {"model": "public"}, "[DONE]"]
    assert (outcome.finish, outcome.output_bytes) == ("stop,length", 4)


def test_one_chunk_may_finish_several_choices() -> None:
    both = chunk("x") | {"choices": [{"index": index, "delta": {}, "finish_reason": "stop"} for index in (0, 1)]}
    assert run(relay(choices=2), [sse(both, "[DONE]")]).forwarded == b""


def test_an_upstream_that_answers_fewer_choices_is_done_at_done() -> None:
    stream = sse(chunk("a"), chunk(finish="stop"), "[DONE]")
    outcome = run(relay(choices=3), [stream])
    assert len(payloads(outcome.forwarded)) == 1, "its finish may be the last word, and waits for the debit"
    assert payloads(outcome.tail) == [chunk(finish="stop") | {"model": "public"}, "[DONE]"]
    assert outcome.finish == "stop"


def test_a_held_finish_is_forwarded_when_another_choice_begins() -> None:
    one = relay(choices=2)
    assert len(payloads(one.feed(sse(chunk("a"), chunk(finish="stop"), usage_chunk(CHAT_USAGE))))) == 1
    assert not one.closing
    assert [event["choices"][0]["index"] for event in payloads(one.feed(sse(chunk("b", index=1))))] == [0, 1]
    assert one.delivered.frames == 3
    assert one.feed(sse(chunk(index=1, finish="stop"))) == b""
    assert one.closing


def test_comments_alone_do_not_begin_an_answer() -> None:
    one = relay()
    assert one.feed(b": PROCESSING\n\n" * 3) == b""
    assert one.feed(sse(chunk("a"))).startswith(b": PROCESSING\n\n" * 3 + b"data:")


@pytest.mark.parametrize(
    "stream",
    [sse("[DONE]"), sse(chunk("a"), "[DONE]"), sse(chunk(index=0, finish="stop"), chunk("b", index=1), "[DONE]")],
)
def test_done_before_the_choices_are_is_malformed(stream: bytes) -> None:
    assert fault(stream, choices=2).malformed


def test_a_missing_done_is_added() -> None:
    outcome = run(relay(), [sse(chunk("a"), chunk(finish="stop"), usage_chunk(CHAT_USAGE))])
    assert outcome.tail.endswith(b"data: [DONE]\n\n")
    assert (outcome.usage, outcome.finished) == (USAGE, True)


def test_anything_after_done_is_dropped() -> None:
    more = sse("[DONE]", chunk("late"), {"error": "late"}) + b"data: {cut"
    assert run(relay(), [PLAIN_STREAM + more]) == run(relay(), [PLAIN_STREAM])
    assert run(relay(), by_byte(PLAIN_STREAM + more)) == run(relay(), [PLAIN_STREAM])


def test_a_message_after_the_finish_is_malformed() -> None:
    message = {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}
    plain = ChatPlainRelay(model="public")
    plain.feed(json.dumps({"choices": [message, message]}).encode())
    with pytest.raises(AnswerError, match="continues"):
        plain.end()


def test_a_finish_that_is_repeated_is_held_with_the_first() -> None:
    outcome = run(relay(), [sse(chunk("a"), chunk(finish="stop"), chunk(""), chunk(finish="length"), "[DONE]")])
    assert [event["choices"][0]["finish_reason"] for event in payloads(outcome.tail)[:-1]] == ["stop", None, "stop"]
    assert (outcome.finish, outcome.output_bytes) == ("stop", 1)


def test_a_finish_without_usage_has_none() -> None:
    assert run(relay(), [sse(chunk("a"), chunk(finish="stop"), "[DONE]")]).usage is None


def test_the_greatest_figures_count() -> None:
    early = chunk("a", usage={"prompt_tokens": 20, "completion_tokens": 1})
    outcome = run(
        relay(),
        [
            sse(
                early,
                chunk(finish="stop"),
                usage_chunk({"prompt_tokens": 1, "completion_tokens": 1}),
                usage_chunk(CHAT_USAGE),
            )
        ],
    )
    assert outcome.usage == USAGE
    assert payloads(outcome.forwarded) == [early | {"model": "public"}]


def test_a_usage_chunk_that_comes_early_is_dropped_and_not_counted() -> None:
    outcome = run(relay(), [sse(chunk("a"), usage_chunk(CHAT_USAGE), chunk(finish="stop"), "[DONE]")])
    assert (payloads(outcome.forwarded), outcome.frames, outcome.usage) == (
        [chunk("a") | {"model": "public"}],
        1,
        USAGE,
    )


def test_the_tier_is_the_one_last_named() -> None:
    stream = sse(chunk("a", service_tier="default"), chunk(finish="stop", service_tier=None), usage_chunk(CHAT_USAGE))
    usage = run(relay(), [stream]).usage
    assert usage.service_tier == "default"


def test_a_first_chunk_without_choices_and_id_passes() -> None:
    first = {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": [{"prompt_index": 0}],
    }
    outcome = run(relay(), [sse(first) + PLAIN_STREAM])
    assert payloads(outcome.forwarded)[0] == first | {"model": "public"}
    assert outcome.response_id == "chatcmpl-1"


def test_a_chunk_without_a_model_passes_as_it_came() -> None:
    bare = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}],"model":null}\n\n'
    assert run(relay(), [bare + PLAIN_STREAM]).forwarded.startswith(bare)


@pytest.mark.parametrize(
    ("delta", "size"),
    [
        ({"content": "ab", "refusal": "c"}, 3),
        ({"content": "\u00e9"}, 2),
        ({"reasoning_content": "ab"}, 2),
        ({"reasoning": "ab", "content": "c"}, 3),
        ({"content": [{"type": "text", "text": "ab"}]}, 2),
        ({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a"'}}]}, 4),
        ({"tool_calls": [{"custom": {"name": "f", "input": "abc"}}]}, 3),
        ({"function_call": {"name": "f", "arguments": "ab"}}, 2),
    ],
)
def test_delivered_bytes_are_counted(delta: dict[str, Any], size: int) -> None:
    one = relay()
    one.feed(
        sse(chunk() | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}, {"index": 0, "delta": None}]})
    )
    assert (one.delivered.output_bytes, one.delivered.frames) == (size, 1)


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "busy", "type": "server_error", "code": "overloaded", "param": None}},
        {"object": "error", "message": "busy", "type": "server_error", "code": "overloaded"},
    ],
)
@pytest.mark.parametrize("before", [b"", sse(chunk("a")), sse(chunk("a"), chunk(finish="stop"))])
def test_an_upstreams_error_is_reported(before: bytes, error: Any) -> None:
    found = fault(before + sse(error))
    assert (found.malformed, found.message, found.type, found.code) == (False, "busy", "server_error", "overloaded")


@pytest.mark.parametrize("body", [b'{"error": {"message": "busy"}}', b'{\n "error": "busy"\n}\n'])
def test_an_error_without_frames_is_reported(body: bytes) -> None:
    found = fault(body)
    assert (found.malformed, found.message) == (False, "busy")


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"\n",
        b": only comments\n\n",
        b"<html>busy</html>",
        b"data: {",
        b"data: {]\n\n",
        b"data: [1]\n\n",
        b"data: 5\n\n",
        b'data: "text"\n\n',
        b"data: \xff\n\n",
        b'data: {"x":"\xff","choices":[]}\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
        sse(chunk("a")),
        sse(chunk("a")) + b'data: {"choices":[{"ind',
        sse(chunk("a"), chunk(finish="stop")) + b'data: {"choices":[],"usa',
        sse(chunk("a"), chunk(finish="stop")) + b"data: [DO",
        sse({"choices": 5}),
        sse({"choices": [5]}),
        sse({"choices": [{"delta": "text"}]}),
        sse({"choices": [{"index": "0"}]}),
        sse({"choices": [{"index": 1}]}),
        sse({"choices": [{"index": -1}]}),
        sse({"choices": [{"index": 0, "finish_reason": 5}]}),
    ],
)
def test_garbage_is_malformed(stream: bytes) -> None:
    assert fault(stream).malformed


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("last", ["[DONE]", chunk(finish="stop")])
def test_an_unterminated_last_frame_counts_if_it_is_valid(last: Any, end: bytes) -> None:
    before = sse(chunk("a")) + (sse(chunk(finish="stop")) if last == "[DONE]" else b"")
    outcome = run(relay(), [before + sse(last).rstrip() + end])
    assert outcome.tail == sse(chunk(finish="stop")).replace(b"vendor-model-2025", b"public") + b"data: [DONE]\n\n"


def test_a_failed_read_forwards_and_counts_nothing() -> None:
    one = relay()
    one.feed(sse(chunk("ab")))
    with pytest.raises(AnswerError):
        one.feed(sse(chunk("cd"), chunk(finish="stop"), {"error": "busy"}))
    assert (one.closing, one.delivered.output_bytes, one.delivered.frames) == (False, 2, 1)
    with pytest.raises(AssertionError):
        one.feed(b"")
    with pytest.raises(AssertionError):
        one.end()
    with pytest.raises(AssertionError):
        one.tail()


def test_a_failure_is_an_error_frame_without_done() -> None:
    frame = relay().failure(message="Broken.", type="server_error", code=None)
    assert payloads(frame) == [{"error": {"message": "Broken.", "type": "server_error", "param": None, "code": None}}]


def completion(**members: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "H\u00e9llo", "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "vendor",
        "choices": [choice],
        "usage": CHAT_USAGE,
    } | members


def whole(body: bytes, choices: int = 1) -> tuple[ChatPlainRelay, bytes]:
    one = ChatPlainRelay(model="public", choices=choices)
    for piece in by_byte(body):
        assert (one.feed(piece), one.closing) == (b"", False)
    one.end()
    assert (one.closing, one.finished) == (True, True)
    return one, one.tail()


def test_a_plain_completion_changes_its_model_only() -> None:
    body = json.dumps(completion(service_tier="default"), indent=1).encode()
    one, answer = whole(body)
    assert answer == body.replace(b'"vendor"', b'"public"')
    assert (one.usage, one.finish, one.response_id) == (
        Usage(input=15, cached_input=5, output=7, reasoning=3, service_tier="default"),
        "stop",
        "chatcmpl-1",
    )
    assert (one.delivered.output_bytes, one.items) == (6, Usage())


def test_a_plain_completion_of_two_choices() -> None:
    choices = [
        {"index": 1, "message": {"content": ""}, "finish_reason": "stop"},
        {"index": 0, "message": {"content": "ab"}, "finish_reason": "length"},
    ]
    one, _ = whole(json.dumps(completion(choices=choices, usage=None, id="")).encode(), choices=2)
    assert (one.finish, one.usage, one.response_id, one.delivered.output_bytes) == ("length,stop", None, None, 2)


def test_a_plain_completion_without_a_model_passes() -> None:
    body = json.dumps(completion(model=None, id=5)).encode()
    assert whole(body)[1] == body


@pytest.mark.parametrize(
    ("body", "malformed"),
    [
        (b"", True),
        (b"{", True),
        (b"[]", True),
        (b"\xff", True),
        (json.dumps(completion(choices=[])).encode(), True),
        (json.dumps(completion(choices=None)).encode(), True),
        (b'{"error":{"message":"busy"}}', False),
        (b'{"object":"error","message":"busy"}', False),
    ],
)
def test_an_invalid_plain_answer(body: bytes, malformed: bool) -> None:
    one = ChatPlainRelay(model="public")
    one.feed(body)
    with pytest.raises(AnswerError) as caught:
        one.end()
    assert caught.value.malformed is malformed
    for again in (one.end, one.tail, lambda: one.feed(b"")):
        with pytest.raises(AssertionError):
            again()


def test_a_plain_failure_is_an_envelope() -> None:
    body = ChatPlainRelay(model="public").failure(message="Broken.", type="server_error", code="broken")
    assert json.loads(body)["error"]["code"] == "broken"


def test_an_empty_usage_keeps_earlier_counts() -> None:
    stream = sse(chunk("a"), usage_chunk(CHAT_USAGE), chunk(finish="stop"), usage_chunk({}), "[DONE]")
    assert run(relay(), [stream]).usage == USAGE
