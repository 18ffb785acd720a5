"""What a pass-through corrects in the answers of servers that are nearly OpenAI's, and what it leaves as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.exchange import AnswerError
from domain.usage import Usage
from tests.support.wire.chat.chat_answers import call, delta
from tests.support.wire.streams import CHAT_USAGE, Outcome, chunk, payloads, run, sse, usage_chunk

USAGE = Usage(input=15, cached_input=5, output=7, reasoning=3)
END = (usage_chunk(CHAT_USAGE), "[DONE]")
BOM = b"\xef\xbb\xbf"


def relay(*, include_usage: bool = False, choices: int = 1) -> ChatStreamRelay:
    return ChatStreamRelay(model="public", include_usage=include_usage, choices=choices)


def streamed(*frames: Any, **options: Any) -> Outcome:
    return run(relay(**options), [sse(frame) for frame in frames])


def choices_of(outcome: Outcome) -> list[Any]:
    found = payloads(outcome.forwarded + outcome.tail)
    return [choice for event in found if event != "[DONE]" for choice in event["choices"]]


def calls_of(*frames: Any) -> list[list[Any]]:
    return [found for choice in choices_of(streamed(*frames, *END)) if (found := choice["delta"].get("tool_calls"))]


def failure(*frames: Any) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        streamed(*frames)
    return caught.value


def typed(entry: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"type": "function"} | entry | members


@pytest.mark.parametrize("absent", ["", False, {}, 0])
def test_an_absent_finish_reason_is_null_and_does_not_close(absent: Any) -> None:
    one = relay()
    for text in ("a", "b"):
        frame = delta(content=text)
        frame["choices"][0]["finish_reason"] = absent
        [seen] = payloads(one.feed(sse(frame)))
        assert (seen["choices"][0]["finish_reason"], seen["choices"][0]["delta"]) == (None, {"content": text})
        assert not one.closing
    assert one.feed(sse(chunk(finish="stop"))) == b""
    assert one.closing


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("error", "server_error"),
        ("abort", "server_error"),
        ("ERROR", "server_error"),
        ("insufficient_system_resource", "overloaded"),
    ],
)
def test_a_failure_that_finishes_is_an_error(reason: str, code: str) -> None:
    found = failure(chunk("a"), chunk(finish=reason), *END)
    assert (found.malformed, found.type, found.code) == (False, "server_error", code)
    one = ChatPlainRelay(model="public")
    one.feed(plain({"content": "a"}, reason))
    with pytest.raises(AnswerError, match="aborted"):
        one.end()


def test_an_error_in_a_choice_and_an_error_by_name_are_errors() -> None:
    broken = chunk("a")
    broken["choices"][0]["error"] = {"message": "busy", "code": 503}
    found = failure(broken)
    assert (found.malformed, found.message, found.code) == (False, "busy", "503")
    with pytest.raises(AnswerError, match="busy"):
        relay().feed(b'event: error\ndata: {"message": "busy"}\n\n')
    one = relay()
    one.feed(sse(chunk("a")))
    with pytest.raises(AnswerError, match="busy"):
        one.feed(b'event: error\ndata: {"message":"busy","choices":[{"index":0,"delta":{"content":"b"}}]}\n\n')


@pytest.mark.parametrize(
    ("reason", "seen"),
    [
        ("max_tokens", "length"),
        ("model_length", "length"),
        ("LENGTH", "length"),
        ("eos", "stop"),
        ("tool_calls", "stop"),
    ],
)
def test_a_vendors_finish_is_openais(reason: str, seen: str) -> None:
    outcome = streamed(chunk("a"), chunk(finish=reason), *END)
    assert choices_of(outcome)[-1]["finish_reason"] == outcome.finish == seen


def test_two_calls_of_one_index_get_two() -> None:
    frames = (
        delta(tool_calls=[typed(call(0, "c1", "f", "{}"))]),
        delta(tool_calls=[typed(call(0, "c2", "g", "{"))]),
        delta(tool_calls=[call(0, None, None, "}")]),
        chunk(finish="stop"),
    )
    assert calls_of(*frames) == [
        [typed(call(0, "c1", "f", "{}"))],
        [typed(call(1, "c2", "g", "{"))],
        [call(1, None, None, "}")],
    ]
    outcome = streamed(*frames, *END)
    assert (choices_of(outcome)[-1]["finish_reason"], outcome.finish) == ("tool_calls", "tool_calls")
    [both] = calls_of(delta(tool_calls=[call(0, "c1", "f", "{}"), call(0, "c2", "g", "{}")]), chunk(finish="stop"))
    assert [entry["index"] for entry in both] == [0, 1]


def test_calls_after_a_replaced_index_keep_apart() -> None:
    frames = [
        delta(tool_calls=[call(index, name, "f", "{}")]) for index, name in ((0, "a"), (0, "b"), (1, "c"), (None, "d"))
    ]
    assert [entry[0]["index"] for entry in calls_of(*frames, chunk(finish="tool_calls"))] == [0, 1, 2, 3]


def test_a_call_without_an_id_or_with_anothers_gets_its_own() -> None:
    frames = (
        delta(tool_calls=[call(0, None, "f", "{}")]),
        delta(tool_calls=[call(1, "c", "f", "{}")]),
        delta(tool_calls=[call(2, "c", "f", "{}")]),
        delta(tool_calls=[call(2, "other", None, " ")]),
        chunk(finish="tool_calls"),
    )
    first, second, third, fourth = (entry[0] for entry in calls_of(*frames))
    assert len({first["id"], second["id"], third["id"]}) == 3
    assert (second["id"], first["id"][:5], third["id"][:5], "id" in fourth) == ("c", "call_", "call_", False)
    early = calls_of(
        delta(tool_calls=[{"index": 0, "id": "c"}]),
        delta(tool_calls=[{"index": 1, "id": "c"}]),
        delta(tool_calls=[call(0, None, "f"), call(1, None, "g")]),
        chunk(finish="stop"),
    )
    assert ("id" in early[1][0], early[2][0]["id"]) == (False, "c")
    assert early[2][1]["id"].startswith("call_")


def test_arguments_that_are_an_object_become_text() -> None:
    [[entry]] = calls_of(delta(tool_calls=[call(0, "c", "f", {"a": 1})]), chunk(finish="tool_calls"))
    assert entry == typed(call(0, "c", "f", '{"a":1}'))


def test_calls_without_arguments_get_an_empty_object_once() -> None:
    begun = delta(tool_calls=[call(0, "c1", "f"), call(1, "c2", "g", '{"a":1}')])
    last = chunk(finish="tool_calls")
    assert calls_of(begun, last, last)[1:] == [[{"index": 0, "function": {"arguments": "{}"}}]]
    assert calls_of(begun)[1:] == [[{"index": 0, "function": {"arguments": "{}"}}]]


def test_a_legacy_call_without_arguments_stays_as_it_is() -> None:
    outcome = streamed(delta(function_call={"name": "f", "arguments": ""}), chunk(finish="function_call"), *END)
    assert [choice["delta"] for choice in choices_of(outcome)] == [
        {"function_call": {"name": "f", "arguments": ""}},
        {},
    ]


def test_empty_arguments_of_a_plain_answer_become_an_empty_object() -> None:
    [choice] = answered(plain({"tool_calls": [call(0, "c1", "f", "")]}, "tool_calls"))
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}


def test_a_legacy_call_finishes_as_one() -> None:
    legacy = delta(function_call={"name": "f", "arguments": {"a": 1}})
    outcome = streamed(legacy, chunk(finish="stop"), *END)
    first, last = choices_of(outcome)
    assert first["delta"] == {"function_call": {"name": "f", "arguments": '{"a":1}'}}
    assert (last["finish_reason"], outcome.finish) == ("function_call", "tool_calls")


def test_a_missing_index_is_added() -> None:
    frame = chunk("a")
    del frame["choices"][0]["index"]
    assert choices_of(streamed(frame, chunk(finish="stop"), *END))[0]["index"] == 0


@pytest.mark.parametrize("member", [b'"system_fingerprint":null,', b'"system_fingerprint" : null ,'])
def test_a_null_fingerprint_is_left_out(member: bytes) -> None:
    frames = sse(chunk("a"), chunk("b"), chunk(finish="stop"), *END)
    outcome = run(relay(), [frames.replace(b'data: {"id"', b"data: {" + member + b'"id"')])
    assert outcome.forwarded + outcome.tail == run(relay(), [frames]).forwarded + run(relay(), [frames]).tail
    last = streamed(chunk("a", system_fingerprint=None), chunk(finish="stop", system_fingerprint=None), *END)
    assert all("system_fingerprint" not in event for event in payloads(last.forwarded + last.tail))


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"content": "a"}, "stop"),
        ({"refusal": "a"}, "stop"),
        ({"tool_calls": [typed(call(0, "c", "f", "{}"))]}, "tool_calls"),
    ],
)
def test_usage_and_done_end_an_answer_without_a_finish_reason(part: dict[str, Any], reason: str) -> None:
    outcome = streamed(delta(**part), *END)
    assert (outcome.finish, outcome.usage, outcome.finished) == (reason, USAGE, True)
    finish, done = payloads(outcome.tail)
    assert done == "[DONE]"
    assert finish == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "public",
        "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason}],
    }


@pytest.mark.parametrize(
    "frames",
    [
        (chunk("a"), "[DONE]"),
        (chunk("a"), usage_chunk(CHAT_USAGE)),
        (chunk(""), *END),
        (delta(reasoning="a"), *END),
        (chunk("a"), usage_chunk({"total_tokens": 3}), "[DONE]"),
    ],
)
def test_without_all_of_these_it_is_broken_off(frames: Any) -> None:
    assert failure(*frames).malformed


def test_a_byte_order_mark_is_removed() -> None:
    frames = sse(chunk("a"), chunk(finish="stop"), *END)
    assert run(relay(), [BOM + frames]) == run(relay(), [frames])
    one = ChatPlainRelay(model="public")
    one.feed(BOM + plain({"content": "a"}))
    one.end()
    assert json.loads(one.tail())["choices"][0]["message"]["content"] == "a"


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_counted_in_each_chunk(name: str) -> None:
    frames = (delta(**{name: text}) for text in ("a", "\u00e9", "c", ""))
    outcome = streamed(*frames, delta(reasoning="d", content="e"), chunk("f"), chunk(finish="stop"), *END)
    assert outcome.output_bytes == 7


def test_a_cut_answer_has_what_arrived() -> None:
    one = relay()
    one.feed(sse(chunk("a"), chunk(finish="stop"), usage_chunk(CHAT_USAGE)))
    one.cut()
    assert (one.usage, one.finish, one.finished) == (USAGE, "stop", False)


def test_a_cut_answer_whose_next_choice_is_unfinished_has_no_usage() -> None:
    one = relay(choices=2)
    one.feed(sse(chunk("a"), chunk("b", index=1), chunk(finish="stop"), chunk(finish="stop", index=1)))
    one.cut()
    assert (one.usage, one.finish) == (None, "stop")


def plain(message: dict[str, Any], reason: Any = "stop", **members: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": None} | message, "finish_reason": reason}
    return json.dumps({"id": "c", "model": "old", "choices": [choice], "usage": CHAT_USAGE} | members).encode()


def answered(body: bytes, choices: int = 1) -> Any:
    one = ChatPlainRelay(model="public", choices=choices)
    one.feed(body)
    one.end()
    return json.loads(one.tail())["choices"]


def test_a_plain_answer_is_corrected() -> None:
    calls = [call(None, "c", "f", {"a": 1}), call(None, "c", "g"), call(0, "d", "f", "{}"), call(0, None, "f", "{}")]
    calls.append({"id": "e", "custom": {"name": "x"}})
    [choice] = answered(plain({"tool_calls": calls}, ""))
    first, second, third, fourth, fifth = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert first == typed(call(None, "c", "f", '{"a":1}'))
    assert (second["function"]["arguments"], second["type"]) == ("{}", "function")
    assert len({entry["id"] for entry in (first, second, third, fourth)}) == 4
    assert third["index"] != fourth["index"]
    assert fifth == {"id": "e", "type": "custom", "custom": {"name": "x", "input": ""}}


def test_entries_of_one_call_in_a_plain_answer_are_one() -> None:
    calls: list[Any] = [call(None, "c", "f", "1"), {}, call(None, None, None, "2")]
    calls += [{"id": "d", "custom": {"name": "x"}}, {"custom": {"input": "y"}}]
    [choice] = answered(plain({"tool_calls": calls}))
    assert choice["message"]["tool_calls"] == [
        typed(call(None, "c", "f", "12")),
        {"id": "d", "type": "custom", "custom": {"name": "x", "input": "y"}},
    ]


def test_a_call_after_the_finish() -> None:
    named = streamed(chunk("a"), chunk(finish="stop"), delta(tool_calls=[call(0, "c", "f")]), *END)
    assert [choice["finish_reason"] for choice in choices_of(named)] == [None, None, None, "tool_calls"]
    nameless = delta(tool_calls=[{"index": 0, "id": "c"}])
    assert failure(chunk("a"), chunk(finish="stop"), nameless, *END).malformed


def test_a_plain_answer_without_indices_roles_and_content() -> None:
    body = {"choices": [{"message": {"content": "a"}}, {"message": {"reasoning": "b"}}], "model": "old"}
    first, second = answered(json.dumps(body).encode(), 2)
    assert first == {"message": {"content": "a", "role": "assistant"}, "index": 0, "finish_reason": "stop"}
    assert (second["index"], second["message"]["content"]) == (1, None)


def test_a_plain_answer_that_is_openais_is_not_touched() -> None:
    body = plain({"content": "a", "extra": 1.0}, "length").replace(b'"extra": 1.0', b'"extra"  :  1.0')
    one = ChatPlainRelay(model="public")
    one.feed(body)
    one.end()
    assert one.tail() == body.replace(b'"old"', b'"public"')


def test_usage_that_each_choice_reports_for_itself_is_added_up() -> None:
    def finished(index: int) -> dict[str, Any]:
        choice = {"index": index, "delta": {"content": "a"}, "finish_reason": "stop"}
        return {"id": "c", "choices": [choice | {"usage": {"prompt_tokens": 3, "completion_tokens": 2 + index}}]}

    assert streamed(finished(0), finished(1), "[DONE]", choices=2).usage == Usage(input=3, output=5)
