"""What a client of /v1/responses is sent: the grammar of its events, OpenAI's own types, and values worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

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
from app.wire.responses.answer_writer import ResponsesAnswerWriter
from app.wire.splice import members
from app.wire.tags import seal
from tests.support.wire import responses_grammar as grammar
from tests.support.wire.responses.answer_events import ANSWERS, SEARCHED, answers

Json = dict[str, Any]
SEED = "0123456789abcdef0123456789abcdef"
KEYS = {
    *("id", "object", "created_at", "completed_at", "status", "incomplete_details", "model", "previous_response_id"),
    *("instructions", "output", "error", "tools", "tool_choice", "truncation", "parallel_tool_calls", "text", "top_p"),
    *("presence_penalty", "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage"),
    *("max_output_tokens", "max_tool_calls", "store", "background", "service_tier", "metadata", "safety_identifier"),
    *("prompt_cache_key", "user"),
}
_event: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_response: TypeAdapter[Response] = TypeAdapter(Response)


def writer(request: Json | None = None, *, stream: bool = True) -> ResponsesAnswerWriter:
    fields = members.decode(json.dumps(request or {}))
    return ResponsesAnswerWriter(seed=SEED, model="gpt-5.4-mini", created=1_790_000_000, fields=fields, stream=stream)


def streamed(events: list[AnswerEvent], request: Json | None = None) -> bytes:
    wrote = writer(request)
    return b"".join(map(wrote.write, events)) + DONE


def plain(events: list[AnswerEvent], request: Json | None = None) -> Json:
    wrote = writer(request, stream=False)
    *before, last = map(wrote.write, events)
    assert not any(before)
    result: Json = json.loads(last)
    return result


def kinds(stream: bytes) -> list[str]:
    return [event["type"].removeprefix("response.") for event in grammar.events(stream)]


def places(stream: bytes) -> list[tuple[str, int]]:
    found = grammar.events(stream)[2:-1]
    return [(event["type"].removeprefix("response."), event["output_index"]) for event in found]


def output(name: str, request: Json | None = None) -> list[Json]:
    result: list[Json] = plain(ANSWERS[name], request)["output"]
    return result


def check(events: list[AnswerEvent], request: Json | None = None) -> Json:
    """The grammar, OpenAI's types, and that a stream's last word is the plain answer."""
    stream = streamed(events, request)
    for event in grammar.events(stream):
        _event.validate_json(json.dumps(event), strict=True)
    final = grammar.check(stream)
    _response.validate_json(json.dumps(final), strict=True)
    assert final == plain(events, request)
    return final


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


def test_events_come_as_they_are_made() -> None:
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


REQUEST: Json = {
    "model": "gpt-5.4-mini",
    "input": "Hi",
    "store": True,
    "instructions": "Be brief.",
    "max_output_tokens": 100,
    "max_tool_calls": 3,
    "metadata": {"order": "7"},
    "parallel_tool_calls": False,
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "temperature": 0.5,
    "top_p": None,
    "top_logprobs": 2,
    "tool_choice": {"type": "function", "name": "f"},
    "user": "u",
}


def test_the_request_is_echoed() -> None:
    tools = [{"type": "function", "name": "f", "strict": True}, {"type": "web_search"}]
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}
    request = {**REQUEST, "tools": tools, "text": {"format": schema, "verbosity": "low"}, "service_tier": "default"}
    request["reasoning"] = {"effort": "high", "generate_summary": "auto"}
    actual = check(ANSWERS["nothing"], request)
    echoed = set(REQUEST) - {"store", "input", "top_p"}
    assert {name: actual[name] for name in echoed} == {name: REQUEST[name] for name in echoed}
    assert (actual["store"], actual["top_p"]) == (False, 1.0)
    assert actual["text"] == request["text"]
    assert actual["reasoning"] == {"effort": "high", "summary": "auto"}
    function = {"type": "function", "name": "f", "description": None, "parameters": None, "strict": True}
    assert actual["tools"] == [function, {"type": "web_search"}]


def test_members_of_the_wrong_form_are_no_echo() -> None:
    actual = plain(ANSWERS["nothing"], {"text": 1, "reasoning": [], "tools": {"a": 1}, "include": "x"})
    assert actual["text"] == {"format": {"type": "text"}}
    assert (actual["reasoning"], actual["tools"]) == ({"effort": None, "summary": None}, [])
    assert plain(ANSWERS["nothing"], {"tools": ["x"], "text": {"format": None}})["text"] == actual["text"]


@pytest.mark.parametrize(
    ("name", "request", "begun", "ended"),
    [
        ("nothing", None, "auto", "default"),
        ("nothing", "default", "default", "default"),
        ("text", None, "default", "default"),
        ("cut text", None, "auto", "priority"),
        ("filtered text", None, "auto", "default"),
    ],
)
def test_the_tier(name: str, request: str | None, begun: str, ended: str) -> None:
    found = grammar.events(streamed(ANSWERS[name], {"service_tier": request}))
    assert (found[0]["response"]["service_tier"], found[-1]["response"]["service_tier"]) == (begun, ended)


@pytest.mark.parametrize(
    ("name", "reason", "statuses"),
    [
        ("cut text", "max_output_tokens", ["incomplete"]),
        ("filtered text", "content_filter", ["incomplete"]),
        ("cut call", "max_output_tokens", ["completed", "incomplete"]),
        ("cut reasoning", "max_output_tokens", ["incomplete"]),
    ],
)
def test_an_answer_that_was_cut(name: str, reason: str, statuses: list[str]) -> None:
    actual = check(ANSWERS[name])
    assert (actual["status"], actual["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert [item["status"] for item in actual["output"]] == statuses
    assert kinds(streamed(ANSWERS[name]))[-1] == "incomplete"


def test_a_refusal() -> None:
    assert output("refusal")[0]["content"] == [{"type": "refusal", "refusal": "I can't."}]
    content = output("text, refusal, text")[0]["content"]
    assert [part.get("text", part.get("refusal")) for part in content] == ["ab", "no"]


def test_parallel_calls_are_open_together() -> None:
    found = places(streamed(ANSWERS["parallel calls"]))[6:]
    assert found == [
        ("output_item.added", 1),
        ("output_item.added", 2),
        ("function_call_arguments.delta", 2),
        ("function_call_arguments.delta", 1),
        ("function_call_arguments.delta", 2),
        ("function_call_arguments.done", 1),
        ("output_item.done", 1),
        ("function_call_arguments.done", 2),
        ("output_item.done", 2),
    ]
    calls = output("parallel calls")[1:]
    assert [(call["call_id"], call["name"], call["arguments"]) for call in calls] == [
        ("call_a", "get_weather", '{"city":"Oslo"}'),
        ("call_b", "get_weather", '{"city":"Rome"}'),
    ]
    assert [call["id"] for call in calls] == [f"fc_{SEED}_1", f"fc_{SEED}_2"]


def test_calls_without_text() -> None:
    assert output("call without arguments")[0]["arguments"] == "{}"
    calls = output("custom calls")
    assert [(call["type"], call["input"]) for call in calls] == [
        ("custom_tool_call", "SELECT 1"),
        ("custom_tool_call", ""),
    ]
    assert calls[0]["id"] == f"ctc_{SEED}_0"


def test_reasoning_goes_out_sealed() -> None:
    first, second, _ = output("reasoning")
    summary = [{"type": "summary_text", "text": text} for text in ("First this.", "Then that.")]
    assert first == {
        "id": f"rs_{SEED}_0",
        "type": "reasoning",
        "status": "completed",
        "summary": summary,
        "encrypted_content": seal("up", "secret"),
    }
    assert (second["summary"], second["encrypted_content"]) == ([], None)
    assert kinds(streamed(ANSWERS["reasoning"]))[3:11] == [
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
    ]


def test_searches_and_citations() -> None:
    first, opened, failed, message = output("search and citation")
    assert first["action"] == {"type": "search", "query": "ledgers", "queries": ["ledgers"]}
    assert opened["action"] == {"type": "open_page", "url": "https://a"}
    assert (failed["status"], failed["action"]["query"]) == ("failed", "a")
    cited = {"type": "url_citation", "start_index": 0, "end_index": 7, "url": "https://a", "title": "A"}
    assert message["content"][0]["annotations"][0] == cited
    request = output("search and citation", {"include": ["web_search_call.action.sources"]})
    assert request[0]["action"]["sources"] == [{"type": "url", "url": "https://a"}]
    assert plain(ANSWERS["search and citation"])["tool_usage"]["web_search"] == {"num_requests": 2}


def test_a_search_told_of_late_stands_beside_its_text() -> None:
    found = places(streamed(ANSWERS["search told of after text"]))
    assert [index for kind, index in found if kind == "output_item.added"] == [0, 1]
    assert [index for kind, index in found if kind == "output_item.done"] == [1, 0]
    message, search = output("search told of after text")
    assert message["content"][0]["text"] == "Ledgers balance."
    assert search["action"] == {"type": "search", "query": "", "queries": [""]}


def test_an_image() -> None:
    found = grammar.events(streamed(ANSWERS["image"]))
    partials = [event for event in found if event["type"].endswith("partial_image")]
    assert [(event["partial_image_index"], event["partial_image_b64"]) for event in partials] == [
        (0, "QQ=="),
        (1, "Qg=="),
    ]
    assert (partials[0]["size"], partials[0]["quality"]) == ("1024x1024", "low")
    image = output("image")[0]
    assert (image["result"], image["revised_prompt"], image["id"]) == ("QUI=", "An icon", f"ig_{SEED}_0")
    assert plain(ANSWERS["image"])["usage"]["output_tokens"] == SEARCHED.output + 5


@pytest.mark.parametrize("sent", [1, 2, 3])
def test_a_failure_goes_on_where_the_stream_was(sent: int) -> None:
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
def test_a_failed_response_bears_a_code_that_clients_know(code: str, known: str) -> None:
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


def test_an_answer_that_breaks_the_rules_is_a_fault_of_ours() -> None:
    wrote = writer()
    wrote.write(AnswerBegun())
    wrote.write(CallBegun(0, "a", "f"))
    wrote.write(ChoiceFinished("stop"))
    with pytest.raises(AssertionError):
        wrote.write(AnswerEnded())
