"""A vendor that speaks both of OpenAI's protocols, and answers the request that it gets; openai_shapes.py has the bare shapes.

Law 1: it rejects what OpenAI rejects or the gateway must not pass on, with 400; the message names the broken rule.
Law 2: usage figures are constants, written out here, so that tests compute bills by hand.
Law 3: a stream has the order of recorded ones; [DONE] ends chat streams only.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec

from tests.fakes.openai_shapes import (
    CREATED,
    data_frame,
    error_answer,
    event_frame,
    event_stream,
    json_answer,
    message_item,
    response_object,
    text_part,
)
from tests.fakes.upstream_script import Request, Script
from tests.fakes.vendor_story import (
    SEARCH_BEFORE,
    SEARCH_QUERY,
    SEARCH_TEXT,
    SEARCH_TITLE,
    SEARCH_URL,
    TELLTALE,
    TEXT,
    BrokenRule,
    Json,
    arguments_for,
    cities_in,
    image,
    pieces,
    rule,
    sample,
    summary,
    told_of,
)

RESPONSES_USAGE: Json = {
    "input_tokens": 150,
    "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 30},
    "output_tokens": 28,
    "output_tokens_details": {"reasoning_tokens": 8},
    "total_tokens": 178,
}
"""Disjoint: 80 fresh, 40 cached and 30 written to the cache; 28 written, 8 of them reasoning."""
CHAT_USAGE: Json = {
    "prompt_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 30},
    "completion_tokens": 28,
    "completion_tokens_details": {"reasoning_tokens": 8},
    "total_tokens": 178,
}


def openai_vendor_script(request: Request) -> Script:
    answer = _chat if request.path == "/v1/chat/completions" else _responses
    try:
        rule(request.header("x-api-key") is None, "There are two credentials.")
        rule((request.header("authorization") or "").startswith("Bearer "), "The key is missing.")
        return answer(request.json())
    except BrokenRule as broken:
        return error_answer(400, f"{broken} {TELLTALE}", code="invalid_value")


# -- Responses --------------------------------------------------------------------------------------------------------


def _responses(body: Json) -> Script:
    rule(body.get("store") is False, "Nothing is to be stored.")
    rule(type(body.get("max_output_tokens")) is int, "max_output_tokens is what was held for.")
    items = _items(body)
    if body.get("stream"):
        return event_stream(response_frames(items))
    return json_answer(response_object("completed", items, RESPONSES_USAGE))


def _items(body: Json) -> list[Json]:
    given = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    _check_calls(given)
    question, files = _asked(given)
    outputs = [item["output"] for item in given if item.get("type") == "function_call_output"]
    tools = {tool["type"]: tool for tool in reversed(body.get("tools", ()))}
    if outputs:
        return [message_item(told_of(outputs), "completed")]
    if "function" in tools:
        return [_call_item(number, tools["function"], city) for number, city in enumerate(cities_in(question), 1)]
    if body.get("text", {}).get("format", {}).get("type") == "json_schema":
        made = sample(body["text"]["format"]["schema"])
        return [message_item(msgspec.json.encode(made).decode(), "completed")]
    if files:
        return [message_item(" ".join(map(_file_summary, files)), "completed")]
    if "web_search" in tools:
        return [_search_item(), _cited_message()]
    if "image_generation" in tools:
        return [_image_item()]
    return [message_item(TEXT, "completed")]


def _check_calls(items: list[Json]) -> None:
    calls = {item["call_id"] for item in items if item.get("type") == "function_call"}
    outputs = {item["call_id"] for item in items if item.get("type") == "function_call_output"}
    rule(calls == outputs, "No tool output found for a function call, or no call for an output.")


def _asked(items: list[Json]) -> tuple[str, list[str]]:
    """The texts of the user, and the data of all files."""
    texts: list[str] = []
    files: list[str] = []
    for content in (item["content"] for item in items if item.get("role") == "user"):
        parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
        texts += [part["text"] for part in parts if part["type"] == "input_text"]
        inputs = [part for part in parts if part["type"] == "input_file"]
        rule(not any("file_id" in part for part in inputs), "No such File object.")
        files += [part["file_data"] for part in inputs]
    return " ".join(texts), files


def _file_summary(data: str) -> str:
    prefix, _, payload = data.partition(",")
    rule(prefix == "data:application/pdf;base64", "Expected a base64-encoded data URL of a PDF.")
    return summary(base64.b64decode(payload, validate=True))


def _call_item(number: int, tool: Json, city: str) -> Json:
    return {
        "id": f"fc_fake{number}",
        "type": "function_call",
        "status": "completed",
        "call_id": f"call_fake{number}",
        "name": tool["name"],
        "arguments": msgspec.json.encode(arguments_for(tool["parameters"], city)).decode(),
    }


def _search_item() -> Json:
    action = {"type": "search", "query": SEARCH_QUERY, "queries": [SEARCH_QUERY]}
    return {"id": "ws_fake", "type": "web_search_call", "status": "completed", "action": action}


def _cited_message() -> Json:
    message = message_item(SEARCH_TEXT, "completed")
    message["content"][0]["annotations"] = [
        {
            "type": "url_citation",
            "start_index": len(SEARCH_BEFORE),
            "end_index": len(SEARCH_TEXT),
            "title": SEARCH_TITLE,
            "url": SEARCH_URL,
        }
    ]
    return message


def _image_item() -> Json:
    return {
        "id": "ig_fake",
        "type": "image_generation_call",
        "status": "completed",
        "background": "opaque",
        "output_format": "png",
        "quality": "low",
        "size": "1024x1024",
        "result": image(),
    }


def response_frames(items: list[Json]) -> list[bytes]:
    events: list[Json] = [
        {"type": "response.created", "response": response_object("in_progress", [], None)},
        {"type": "response.in_progress", "response": response_object("in_progress", [], None)},
    ]
    for index, item in enumerate(items):
        at = {"output_index": index, "item_id": item["id"]}
        begun, between = _TOLD[item["type"]](item, at)
        events.append({"type": "response.output_item.added", "output_index": index, "item": {**item, **begun}})
        events += between
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": "response.completed", "response": response_object("completed", items, RESPONSES_USAGE)})
    return [event_frame({**event, "sequence_number": number}) for number, event in enumerate(events)]


_Told = tuple[Json, list[Json]]


def _message_told(item: Json, at: Json) -> _Told:
    [part] = item["content"]
    at = {**at, "content_index": 0}
    between: list[Json] = [{"type": "response.content_part.added", **at, "part": text_part("")}]
    between += [
        {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []} for piece in pieces(part["text"])
    ]
    between += [
        {"type": "response.output_text.annotation.added", **at, "annotation_index": number, "annotation": annotation}
        for number, annotation in enumerate(part["annotations"])
    ]
    between.append({"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []})
    between.append({"type": "response.content_part.done", **at, "part": part})
    return {"status": "in_progress", "content": []}, between


def _call_told(item: Json, at: Json) -> _Told:
    text: str = item["arguments"]
    between: list[Json] = [
        {"type": "response.function_call_arguments.delta", **at, "delta": piece}
        for piece in (text[: len(text) // 2], text[len(text) // 2 :])
    ]
    between.append({"type": "response.function_call_arguments.done", **at, "arguments": text})
    return {"status": "in_progress", "arguments": ""}, between


def _search_told(item: Json, at: Json) -> _Told:
    steps = ("in_progress", "searching", "completed")
    return {"status": "in_progress"}, [{"type": f"response.web_search_call.{step}", **at} for step in steps]


def _image_told(item: Json, at: Json) -> _Told:
    steps = ("in_progress", "generating", "completed")
    events: list[Json] = [{"type": f"response.image_generation_call.{step}", **at} for step in steps]
    return {"status": "in_progress", "result": None}, events


_TOLD: dict[str, Callable[[Json, Json], _Told]] = {
    "message": _message_told,
    "function_call": _call_told,
    "web_search_call": _search_told,
    "image_generation_call": _image_told,
}


# -- Chat completions -------------------------------------------------------------------------------------------------


def _chat(body: Json) -> Script:
    message, finish = _chat_message(body)
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return json_answer({**_completion("chat.completion"), "choices": [choice], "usage": CHAT_USAGE})
    rule(body.get("stream_options", {}).get("include_usage") is True, "Nobody could be billed without usage.")
    return event_stream(completion_frames(message, finish))


def _chat_message(body: Json) -> tuple[Json, str]:
    messages: list[Json] = body["messages"]
    _check_chat_calls(messages)
    question = " ".join(_texts(message["content"]) for message in messages if message["role"] == "user")
    outputs = [_texts(message["content"]) for message in messages if message["role"] in ("tool", "function")]
    if outputs:
        return _said(told_of(outputs)), "stop"
    if body.get("functions"):
        [function, *_] = body["functions"]
        call = _chat_call(function, cities_in(question)[0])
        return {**_said(None), "function_call": call}, "function_call"
    if body.get("tools"):
        function = body["tools"][0]["function"]
        calls = [
            {"id": f"call_fake{number}", "type": "function", "function": _chat_call(function, city)}
            for number, city in enumerate(cities_in(question), 1)
        ]
        return {**_said(None), "tool_calls": calls}, "tool_calls"
    if body.get("response_format", {}).get("type") == "json_schema":
        made = sample(body["response_format"]["json_schema"]["schema"])
        return _said(msgspec.json.encode(made).decode()), "stop"
    files = [part["file"] for message in messages for part in message["content"] or () if _is(part, "file")]
    if files:
        rule(not any("file_id" in file for file in files), "No such File object.")
        return _said(" ".join(_file_summary(file["file_data"]) for file in files)), "stop"
    return _said(TEXT), "stop"


def _is(part: Any, kind: str) -> bool:
    return isinstance(part, dict) and part["type"] == kind


def _check_chat_calls(messages: list[Json]) -> None:
    calls = {call["id"] for message in messages for call in message.get("tool_calls") or ()}
    outputs = {message["tool_call_id"] for message in messages if message["role"] == "tool"}
    rule(calls == outputs, "tool_calls must be followed by tool messages that respond to each tool_call_id.")


def _texts(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "text")


def _said(text: str | None) -> Json:
    return {"role": "assistant", "content": text, "refusal": None, "annotations": []}


def _chat_call(function: Json, city: str) -> Json:
    arguments = arguments_for(function.get("parameters"), city)
    return {"name": function["name"], "arguments": msgspec.json.encode(arguments).decode()}


def completion_frames(message: Json, finish: str) -> list[bytes]:
    words: str | None = message["content"]
    deltas: list[Json] = [{"role": "assistant", "content": None if words is None else "", "refusal": None}]
    deltas += [{"content": piece} for piece in pieces(words or "")]
    if call := message.get("function_call"):
        deltas += [{"function_call": {**call, "arguments": ""}}, {"function_call": {"arguments": call["arguments"]}}]
    for index, call in enumerate(message.get("tool_calls", ())):
        bare = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        more = {"index": index, "function": {"arguments": call["function"]["arguments"]}}
        deltas += [{"tool_calls": [bare]}, {"tool_calls": [more]}]
    chunks: list[Json] = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} for delta in deltas]
    chunks.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish})
    head = _completion("chat.completion.chunk")
    made = [data_frame({**head, "choices": [chunk], "usage": None}) for chunk in chunks]
    return [*made, data_frame({**head, "choices": [], "usage": CHAT_USAGE}), b"data: [DONE]\n\n"]


def _completion(kind: str) -> Json:
    return {
        "id": "chatcmpl-fake",
        "object": kind,
        "created": CREATED,
        "model": "fake-model",
        "service_tier": "default",
        "system_fingerprint": None,
    }


def error_frame() -> bytes:
    """An error within a stream of chat completions."""
    return data_frame({"error": {"message": TELLTALE, "type": "server_error", "param": None, "code": "server_error"}})
