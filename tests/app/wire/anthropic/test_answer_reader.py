from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.answer import AnswerBegun, AnswerEnded, ChoiceFinished, CitationAdded, TextDelta
from app.wire.exchange import AnswerError
from domain.usage import Usage
from tests.support.wire.anthropic.anthropic_answers import (
    PING,
    SEARCHING,
    START_USAGE,
    STOP,
    answered,
    block,
    broken,
    call,
    delta,
    message,
    read,
    reader,
    reason,
    start,
    stop,
    text,
)

USAGE = Usage(input=10, output=7)


def test_an_answer_that_is_whole_needs_no_stop_reason() -> None:
    assert read(start(), *text(0, "Hi"), reason(""), STOP)[-2:] == [ChoiceFinished("stop"), AnswerEnded(USAGE)]
    assert read(start(), *call(0, "c", "f", "{}"), reason(None), STOP)[-2] == ChoiceFinished("tool_calls")


def test_calls_that_end_the_turn_are_tool_calls() -> None:
    assert read(start(), *call(0, "c", "f", "{}"), reason("end_turn"), STOP)[-2] == ChoiceFinished("tool_calls")


@pytest.mark.parametrize(
    ("word", "finish"), [("MAX_TOKENS", "length"), ("length", "length"), ("safety", "content_filter")]
)
def test_stop_reasons_in_other_words(word: str, finish: Any) -> None:
    assert read(start(), *text(0, "Hi"), reason(word), STOP)[-2] == ChoiceFinished(finish)


def test_a_stop_reason_that_reports_an_error_is_one() -> None:
    found = broken(start(), *text(0, "Hi"), reason("error"), STOP)
    assert (found.malformed, found.code) == (False, "server_error")


# -- A stream -------------------------------------------------------------------------------------------------------------


def test_a_whole_stream() -> None:
    assert read(start(), PING, *text(0, "Hi"), PING, reason("end_turn"), STOP) == [
        AnswerBegun("msg_1", "claude-x"),
        TextDelta("Hi"),
        ChoiceFinished("stop"),
        AnswerEnded(USAGE),
    ]


def test_the_first_event_has_the_names_that_are_known() -> None:
    usage = {**START_USAGE, "service_tier": "standard"}
    assert read(start(id=3, model=None, usage=usage), reason("end_turn"), STOP) == [
        AnswerBegun(None, None, "default"),
        ChoiceFinished("stop"),
        AnswerEnded(Usage(input=10, output=7, service_tier="default"), "default"),
    ]


def test_no_usage_is_reported_as_none() -> None:
    assert read(start(usage=None), reason("end_turn", usage=None), STOP)[-1] == AnswerEnded()


@pytest.mark.parametrize(
    ("raw", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("some_new_reason", "stop"),
    ],
)
def test_finish_reasons(raw: str, finish: str) -> None:
    events = read(start(), *text(0, "x"), reason(raw), STOP)
    assert [event.reason for event in events if isinstance(event, ChoiceFinished)] == [finish]


@pytest.mark.parametrize("raw", ["some_new_reason", "tool_use"])
def test_an_unknown_reason_without_an_answer_is_an_error(raw: str) -> None:
    thought = [block(0, "thinking", thinking="Hm", signature="S"), stop(0)]
    for content in ([], text(0, ""), thought):
        assert raw in broken(start(), *content, reason(raw), STOP).message
    assert read(start(), *call(0, "f"), reason("some_new_reason"), STOP)[-2] == ChoiceFinished("stop")


def test_calls_finish_as_calls() -> None:
    assert read(start(), *call(0, "f"), reason("tool_use"), STOP)[-2] == ChoiceFinished("tool_calls")
    assert read(start(), *call(0, "f", "{"), reason("max_tokens"), STOP)[-2] == ChoiceFinished("length")


def test_a_refusals_explanation_is_not_forwarded() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Because of the vendor."}
    assert read(start(), reason("refusal", stop_details=details), STOP)[1:] == [
        ChoiceFinished("content_filter"),
        AnswerEnded(USAGE),
    ]


def test_frames_after_the_end_are_dropped() -> None:
    assert read(*answered(*text(0, "a")), *answered(*text(0, "b")), {"type": "error"})[-1] == AnswerEnded(USAGE)


def test_done_is_ignored() -> None:
    one = reader()
    assert one.frame("", b"[DONE]") == []


def test_the_frames_name_stands_in_for_a_missing_type() -> None:
    one = reader()
    begun = start()
    del begun["type"]
    assert one.frame("message_start", json.dumps(begun).encode()) == [AnswerBegun("msg_1", "claude-x")]


def test_unknown_events_are_ignored() -> None:
    assert read(start(), {"type": "new_event"}, {}, {"type": 7}, *answered()[1:]) == read(*answered())


# -- Streams that are not in order ----------------------------------------------------------------------------------------


def test_a_second_start_only_adds_usage() -> None:
    again = start(usage={"input_tokens": 99, "output_tokens": 1})
    assert read(start(), again, *text(0, "x"), reason("end_turn"), STOP) == [
        AnswerBegun("msg_1", "claude-x"),
        TextDelta("x"),
        ChoiceFinished("stop"),
        AnswerEnded(Usage(input=99, output=7)),
    ]


def test_blocks_that_are_still_open_end_with_the_turn() -> None:
    opened = [event for event in call(0, "f", "{}") if event != stop(0)]
    assert read(start(), *opened, reason("tool_use"), STOP) == read(
        start(), *call(0, "f", "{}"), reason("tool_use"), STOP
    )


def test_a_stop_without_a_start_is_ignored() -> None:
    assert read(*answered(stop(4))) == read(*answered())


def test_a_stream_may_end_after_its_reason() -> None:
    assert read(*answered(*text(0, "x"))[:-1]) == read(*answered(*text(0, "x")))


def test_the_last_reason_counts_and_null_is_ignored() -> None:
    events = read(start(), reason("end_turn"), reason("max_tokens"), reason(None), STOP)
    assert events[1] == ChoiceFinished("length")


@pytest.mark.parametrize(
    "events",
    [
        [],
        [STOP],
        [*text(0, "x")],
        [reason("end_turn"), STOP],
        [start()],
        [start(), STOP],
        [start(), *text(0, "x"), STOP],
        [start(), *text(0, "x")],
        [start(), {"type": "message_delta"}, STOP],
        [start(), {"type": "message_delta", "delta": []}, STOP],
        [{"type": "message_start"}],
        [{"type": "message_start", "message": []}],
        [start(), delta(0, "text_delta", text="x")],
        [start(), *text(0, "x"), delta(0, "text_delta", text="x")],
        [start(), block(0, "text"), block(0, "text")],
        [start(), block(0, "text"), {"type": "content_block_delta", "index": 0}],
        [start(), {"type": "content_block_start", "index": 0}],
        [start(), {"type": "content_block_start", "content_block": {"type": "text"}}],
        [start(), {"type": "content_block_start", "index": True, "content_block": {"type": "text"}}],
        [start(), {"type": "content_block_stop", "index": "0"}],
        [start(), reason("pause_turn"), STOP],
    ],
)
def test_invalid_answers_are_malformed(events: list[Any]) -> None:
    assert broken(*events).malformed


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", b'"x"', b"\xff", b'{"type":"\xff"}', b"[" * 100_000, b""])
def test_data_that_is_not_an_object_is_malformed(data: bytes) -> None:
    with pytest.raises(AnswerError) as framed:
        reader().frame("message_start", data)
    with pytest.raises(AnswerError) as whole:
        reader().whole(data)
    assert framed.value.malformed
    assert whole.value.malformed


# -- Errors ---------------------------------------------------------------------------------------------------------------


def error(kind: str, message: str = "Words.") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


@pytest.mark.parametrize(
    ("kind", "type", "code"),
    [
        ("overloaded_error", "server_error", "overloaded"),
        ("rate_limit_error", "rate_limit_error", "rate_limit_exceeded"),
        ("api_error", "server_error", "server_error"),
        ("invalid_request_error", "invalid_request_error", None),
    ],
)
def test_an_error_ends_the_answer_wherever_it_comes(kind: str, type: str, code: str | None) -> None:
    for before in ([], [start()], [start(), *text(0, "x")]):
        caught = broken(*before, error(kind))
        assert (caught.malformed, caught.message, caught.type, caught.code) == (False, "Words.", type, code)


def test_an_error_without_a_type_is_an_error() -> None:
    assert not broken({"error": {"message": "x"}}).malformed


def test_a_plain_error() -> None:
    for body in (error("overloaded_error"), {"error": "x"}):
        with pytest.raises(AnswerError) as caught:
            reader().whole(json.dumps(body).encode())
        assert not caught.value.malformed


# -- A plain answer -------------------------------------------------------------------------------------------------------


def test_a_plain_answer_is_the_same_events() -> None:
    assert reader().whole(message({"type": "text", "text": "Hi"})) == read(*answered(*text(0, "Hi")))


def test_a_plain_answer_with_all_kinds_of_blocks() -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "server_tool_use", "id": "s0", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s0", "content": [{"url": "https://a"}]},
        {"type": "text", "text": "So", "citations": [{"url": "https://a", "title": "A"}]},
        {"type": "tool_use", "id": "toolu_5", "name": "f", "input": {}},
    ]
    events = reader(SEARCHING).whole(message(*blocks, stop_reason="tool_use"))
    streamed = [
        [{"type": "content_block_start", "index": n, "content_block": one}, stop(n)] for n, one in enumerate(blocks)
    ]
    assert events == read(
        start(), *(event for pair in streamed for event in pair), reason("tool_use"), STOP, request=SEARCHING
    )
    assert CitationAdded("https://a", "A", 0, 2) in events
    assert events[-2:] == [ChoiceFinished("tool_calls"), AnswerEnded(Usage(input=10, output=7, web_search_calls=1))]


def test_an_empty_plain_answer() -> None:
    assert reader().whole(message(content=None)) == read(*answered())


@pytest.mark.parametrize("members", [{"content": "x"}, {"content": [3]}, {"content": {}}, {"stop_reason": None}])
def test_an_invalid_plain_answer_is_malformed(members: dict[str, Any]) -> None:
    with pytest.raises(AnswerError) as caught:
        reader().whole(message(**members))
    assert caught.value.malformed
