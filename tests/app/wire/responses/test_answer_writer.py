"""Answers of /v1/responses as a whole: grammar, types, order, cut answers, failures."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    TextDelta,
)
from app.wire.relay import DONE
from tests.support.wire import responses_grammar as grammar
from tests.support.wire.responses.answer_events import ANSWERS, answers
from tests.support.wire.responses.written_responses import SEED, _event, check, kinds, plain, streamed, writer

KEYS = {
    *("id", "object", "created_at", "completed_at", "status", "incomplete_details", "model", "previous_response_id"),
    *("instructions", "output", "error", "tools", "tool_choice", "truncation", "parallel_tool_calls", "text", "top_p"),
    *("presence_penalty", "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage"),
    *("max_output_tokens", "max_tool_calls", "store", "background", "service_tier", "metadata", "safety_identifier"),
    *("prompt_cache_key", "user"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_obeys_the_grammar_and_the_types(name: str) -> None:
    assert set(check(ANSWERS[name])) - {"tool_usage", "prompt_cache_retention"} == KEYS


@given(answers())
def test_any_answer_obeys_the_grammar_and_the_types(events: list[AnswerEvent]) -> None:
    check(events)


def test_text_in_order() -> None:
    stream = streamed(ANSWERS["text"])
    assert kinds(stream) == [
        *("created", "in_progress", "output_item.added", "content_part.added", "output_text.delta"),
        *("output_text.delta", "output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    found = grammar.events(stream)
    assert found[2]["item"] == {
        "id": f"msg_{SEED}_0",
        "type": "message",
        "status": "in_progress",
        "role": "assistant",
        "content": [],
    }
    assert found[4]["logprobs"][0]["token"] == "H\u00e9"
    assert found[5]["logprobs"] == []
    logprob = {"token": "H\u00e9", "logprob": -0.25, "bytes": [72, 195, 169]}
    part = {
        "type": "output_text",
        "text": "H\u00e9llo",
        "annotations": [],
        "logprobs": [{**logprob, "top_logprobs": [logprob]}],
    }
    message = {"id": f"msg_{SEED}_0", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    assert found[-1]["response"]["output"] == [message]
    assert stream.startswith(b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_')


def test_events_are_written_immediately() -> None:
    wrote = writer()
    assert wrote.response_id == f"resp_{SEED}"
    assert wrote.write(AnswerBegun()).count(b"event: ") == 2
    assert wrote.write(TextDelta("a")).count(b"event: ") == 3
    assert wrote.write(TextDelta("b")).count(b"event: ") == 1


def test_the_whole_response() -> None:
    assert plain([AnswerBegun(), ChoiceFinished("stop"), AnswerEnded(ANSWERS["text"][-1].usage)]) == {  # type: ignore[union-attr]
        "id": f"resp_{SEED}",
        "object": "response",
        "created_at": 1_790_000_000,
        "completed_at": None,
        "status": "completed",
        "background": False,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "model": "gpt-5.4-mini",
        "output": [],
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
        "usage": {
            "input_tokens": 35,
            "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 5},
            "output_tokens": 9,
            "output_tokens_details": {"reasoning_tokens": 4},
            "total_tokens": 44,
        },
    }


@pytest.mark.parametrize(
    ("name", "reason", "statuses"),
    [
        ("cut text", "max_output_tokens", ["incomplete"]),
        ("filtered text", "content_filter", ["incomplete"]),
        ("cut call", "max_output_tokens", ["completed", "incomplete"]),
        ("cut reasoning", "max_output_tokens", ["incomplete"]),
    ],
)
def test_an_answer_that_was_cut_off(name: str, reason: str, statuses: list[str]) -> None:
    actual = check(ANSWERS[name])
    assert (actual["status"], actual["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert [item["status"] for item in actual["output"]] == statuses
    assert kinds(streamed(ANSWERS[name]))[-1] == "incomplete"


@pytest.mark.parametrize("sent", [1, 2, 3])
def test_a_failure_continues_the_numbering(sent: int) -> None:
    wrote = writer()
    before = b"".join(map(wrote.write, ANSWERS["text"][:sent]))
    stream = before + wrote.failure(message="It broke.", type="server_error", code="server_error")
    found = grammar.events(stream)
    for event in found:
        _event.validate_json(json.dumps(event), strict=True)
    assert grammar.check(stream)["error"] == {"code": "server_error", "message": "It broke."}
    assert {name: found[-2][name] for name in ("type", "code", "message", "param")} == {
        "type": "error",
        "code": "server_error",
        "message": "It broke.",
        "param": None,
    }


@pytest.mark.parametrize(("code", "known"), [("overloaded", "server_error"), ("rate_limit_exceeded",) * 2])
def test_a_failed_response_has_a_code_that_clients_know(code: str, known: str) -> None:
    wrote = writer()
    begun = wrote.write(AnswerBegun())
    found = grammar.events(begun + wrote.failure(message="It broke.", type="server_error", code=code))
    _event.validate_json(json.dumps(found[-1]), strict=True)
    assert [found[-2]["code"], found[-1]["response"]["error"]["code"]] == [code, known]


def test_a_failure_in_place_of_the_held_end() -> None:
    wrote = writer()
    calls: list[AnswerEvent] = [AnswerBegun(), CallBegun(0, "a", "f"), CallDelta(0, "{}"), CallDone(0)]
    before = b"".join(map(wrote.write, calls))
    for held in (ChoiceFinished("tool_calls"), AnswerEnded()):
        wrote.write(held)
    failed = wrote.failure(message="It broke.", type="server_error", code=None)
    assert grammar.check(before + failed)["error"]["code"] == "server_error"


def test_a_failure_before_anything_was_sent() -> None:
    failed = writer().failure(message="It broke.", type="server_error", code="x")
    error = {"type": "error", "code": "x", "message": "It broke.", "param": None, "sequence_number": 0}
    assert failed == b"event: error\ndata: " + msgspec.json.encode(error) + b"\n\n" + DONE


def test_a_plain_failure_is_an_envelope() -> None:
    failed = writer(stream=False).failure(message="It broke.", type="server_error", code="x")
    actual = {"message": "It broke.", "type": "server_error", "param": None, "code": "x"}
    assert json.loads(failed) == {"error": actual}


def test_events_that_break_the_rules_are_a_programming_error() -> None:
    wrote = writer()
    wrote.write(AnswerBegun())
    wrote.write(CallBegun(0, "a", "f"))
    wrote.write(ChoiceFinished("stop"))
    with pytest.raises(AssertionError):
        wrote.write(AnswerEnded())
