"""`cache_control`, wherever clients put it, on both endpoints."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.wire.cache_control import without_cache_control
from app.wire.canonical import CacheControl, CanonicalRequest, FunctionCall, FunctionCallOutput, FunctionTool, Message
from app.wire.chat.request_reader import read_chat_request
from app.wire.exchange import RequestError
from app.wire.request import read_body
from app.wire.responses.request_reader import read_responses_request

MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
HI = {"role": "user", "content": "hi"}
PNG = "data:image/png;base64,AAAA"
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def chat(*messages: Any, **members: Any) -> CanonicalRequest:
    return read_chat_request(read_body(json.dumps({"model": "m", "messages": messages, **members}).encode()), {})


def responses(*items: Any, **members: Any) -> CanonicalRequest:
    return read_responses_request(read_body(json.dumps({"model": "m", "input": items, **members}).encode()), {})


def marks(request: CanonicalRequest, item: int = -1) -> list[Any]:
    """The marks of a message's parts."""
    message = request.items[item]
    assert isinstance(message, Message)
    return [getattr(part, "cache", None) for part in message.parts]


def test_parts_of_chat() -> None:
    parts = [
        {"type": "text", "text": "a", "cache_control": HOUR},
        {"type": "image_url", "image_url": {"url": PNG}, "cache_control": MARK},
        {"type": "file", "file": {"file_data": "AAAA"}, "cache_control": {"type": "ephemeral", "ttl": "5m"}},
        {"type": "text", "text": "b", "cache_control": None},
    ]
    expected = [CacheControl("1h"), CacheControl(), CacheControl("5m"), None]
    assert marks(chat({"role": "user", "content": parts})) == expected
    assert marks(chat({"role": "system", "content": parts[:1]}, HI), 0) == [CacheControl("1h")]


def test_parts_of_responses() -> None:
    parts = [
        {"type": "input_text", "text": "a", "cache_control": HOUR},
        {"type": "input_image", "image_url": PNG, "cache_control": MARK},
        {"type": "input_file", "file_data": "AAAA", "cache_control": MARK},
    ]
    assert marks(responses({"role": "user", "content": parts})) == [CacheControl("1h"), CacheControl(), CacheControl()]
    said = {"type": "output_text", "text": "a", "cache_control": MARK}
    assert marks(responses({"role": "assistant", "content": [said]})) == [CacheControl()]


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_a_mark_on_a_message_is_on_its_last_part(role: str) -> None:
    kind = {"chat": "text", "responses": "output_text" if role == "assistant" else "input_text"}
    for read, name in ((chat, "chat"), (responses, "responses")):
        parts = [{"type": kind[name], "text": "a"}, {"type": kind[name], "text": "b"}]
        assert marks(read({"role": role, "content": parts, "cache_control": HOUR})) == [None, CacheControl("1h")]
        assert marks(read({"role": role, "content": "a", "cache_control": MARK})) == [CacheControl()]
        own = [{"type": kind[name], "text": "a", "cache_control": MARK}]
        assert marks(read({"role": role, "content": own, "cache_control": HOUR})) == [CacheControl()]


def test_a_mark_without_a_place_is_nothing() -> None:
    said = {"role": "user", "content": "hi"}
    assert marks(chat(said, {"role": "assistant", "content": None, "cache_control": MARK})) == [None]
    assert marks(chat({"role": "assistant", "refusal": "No.", "cache_control": MARK})) == [None]
    items = chat({"role": "assistant", "reasoning_content": "Hm", "cache_control": MARK}).items
    assert items == chat({"role": "assistant", "reasoning_content": "Hm"}).items


def test_calls_and_outputs() -> None:
    spoken = {"role": "assistant", "content": "a", "tool_calls": [CALL], "cache_control": MARK}
    answer = {"role": "tool", "tool_call_id": "call_1", "content": "x", "cache_control": HOUR}
    _, call, output = chat(spoken, answer).items
    assert (isinstance(call, FunctionCall), isinstance(output, FunctionCallOutput)) == (True, True)
    assert (call.cache, output.cache) == (CacheControl(), CacheControl("1h"))  # type: ignore[union-attr]
    call_item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "cache_control": MARK}
    output_item = {"type": "function_call_output", "call_id": "c", "output": "x", "cache_control": HOUR}
    call, output = responses(call_item, output_item).items
    assert (call.cache, output.cache) == (CacheControl(), CacheControl("1h"))  # type: ignore[union-attr]


def test_tools_and_the_top() -> None:
    function = {"name": "f", "cache_control": HOUR}
    assert chat(HI, tools=[{"type": "function", "function": function}]).tools[0].cache == CacheControl("1h")  # type: ignore[union-attr]
    outer = {"type": "function", "function": {"name": "f"}, "cache_control": MARK}
    assert chat(HI, tools=[outer]).tools == (FunctionTool("f", at="tools[0].function", cache=CacheControl()),)
    for kind in ({"type": "function", "name": "f"}, {"type": "web_search"}):
        read = [responses(HI, tools=[{**kind, "cache_control": MARK}])]
        read += [chat(HI, tools=[{**kind, "cache_control": MARK}])] if kind["type"] == "web_search" else []
        assert [request.tools[0].cache for request in read] == [CacheControl()] * len(read)  # type: ignore[union-attr]
    for request in (chat, responses):
        assert request(HI, cache_control=HOUR).cache == CacheControl("1h")
        assert request(HI, cache_control=None).cache is None


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({"type": "persistent"}, "cache_control.type"),
        ({"type": "ephemeral", "ttl": "2h"}, "cache_control.ttl"),
        ({"type": "ephemeral", "x": 1}, "cache_control.x"),
        ({}, "cache_control.type"),
        (True, "cache_control"),
    ],
)
def test_other_values_are_rejected_by_their_place(value: Any, param: str) -> None:
    part = {"type": "text", "text": "a", "cache_control": value}
    for read in (chat, responses):
        with pytest.raises(RequestError) as caught:
            read(HI, cache_control=value)
        assert caught.value.param == param
    with pytest.raises(RequestError) as caught:
        chat({"role": "user", "content": [part]})
    assert caught.value.param == f"messages[0].content[0].{param}"


def test_a_pass_through_is_left_without_it_and_keeps_all_other_bytes() -> None:
    kept = b'{"role":"user",  "content":"its cache_control"}'
    schema = {"type": "object", "properties": {"cache_control": {"type": "string"}}}
    body = {
        "model": "m",
        "cache_control": MARK,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema, "cache_control": MARK}}, 7],
        "messages": [{**HI, "cache_control": MARK, "content": [{"type": "text", "text": "a", "cache_control": MARK}]}],
        "input": [
            {"type": "function_call_output", "output": [{"type": "input_text", "text": "a", "cache_control": HOUR}]}
        ],
    }
    fields = read_body(json.dumps(body).encode())
    fields["messages"] = msgspec.Raw(b"[" + kept + b"," + bytes(fields["messages"])[1:])
    written = without_cache_control(fields)
    assert json.loads(msgspec.json.encode(written)) == {
        "model": "m",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}, 7],
        "messages": [
            {"role": "user", "content": "its cache_control"},
            {**HI, "content": [{"type": "text", "text": "a"}]},
        ],
        "input": [{"type": "function_call_output", "output": [{"type": "input_text", "text": "a"}]}],
    }
    assert bytes(written["messages"]).startswith(b"[" + kept)
    assert without_cache_control({"input": msgspec.Raw(b'["cache_control"]')})["input"] == msgspec.Raw(
        b'["cache_control"]'
    )
    plain = read_body(json.dumps({"model": "m", "input": "cache_control"}).encode())
    assert without_cache_control(plain) == plain


def test_openai_gets_none_in_calls_or_namespaces() -> None:
    call = {**CALL, "cache_control": MARK, "function": {"name": "f", "arguments": "{}", "cache_control": MARK}}
    image = {"type": "image_url", "image_url": {"url": PNG, "cache_control": MARK}}
    inner = {"type": "function", "name": "f", "parameters": {"cache_control": {}}, "cache_control": MARK}
    body = {
        "messages": [{"role": "user", "content": [image]}, {"role": "assistant", "tool_calls": [call]}],
        "tools": [{"type": "namespace", "name": "n", "tools": [inner], "cache_control": MARK}],
        "instructions": [{"role": "user", "content": [{"type": "input_text", "text": "a", "cache_control": MARK}]}],
    }
    sent = without_cache_control(read_body(json.dumps(body).encode()))
    left = {name: json.loads(bytes(raw)) for name, raw in sent.items()}
    assert json.dumps(left).count("cache_control") == 1
    assert left["tools"][0]["tools"][0]["parameters"] == {"cache_control": {}}


def test_openais_own_hints_are_left_out_elsewhere() -> None:
    hint = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    text = {"type": "input_text", "text": "a"}
    on_parts = responses({"role": "user", "content": [{**text, **hint}]}, prompt_cache_options={"mode": "explicit"})
    assert on_parts == responses({"role": "user", "content": [text]})
    on_chat = chat({"role": "user", "content": [{"type": "text", "text": "a", **hint}]}, prompt_cache_options={})
    assert on_chat == chat({"role": "user", "content": [{"type": "text", "text": "a"}]})
