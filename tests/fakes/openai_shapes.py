"""Answers in OpenAI's shapes, as scripts: chat completions and responses, plain and streamed, and error envelopes.

Law: the shapes satisfy strict clients (every key is present, null if empty), and ids and times are constants.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec

from tests.fakes.upstream_script import Chunk, Head, Pause, Request, Script, Send, Step

MODEL = "fake-model"
CREATED = 1_770_000_000


def json_answer(value: Any, *, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> list[Step]:
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    head = (("content-type", "application/json"), ("content-length", str(len(body))), *headers)
    return [Send(_head_bytes(status, head) + body)]


def error_answer(
    status: int,
    message: str = "The upstream refuses.",
    *,
    type: str = "invalid_request_error",
    code: str | None = None,
    param: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> list[Step]:
    envelope = {"error": {"message": message, "type": type, "param": param, "code": code}}
    return json_answer(envelope, status=status, headers=headers)


def event_stream(frames: Iterable[bytes], *, delay: float = 0.0, headers: Iterable[tuple[str, str]] = ()) -> list[Step]:
    """A 200 with a chunked text/event-stream body, one chunk a frame, `delay` seconds before each."""
    head = (("content-type", "text/event-stream; charset=utf-8"), ("transfer-encoding", "chunked"), *headers)
    steps: list[Step] = [Head(200, head, "OK")]
    for frame in frames:
        if delay:
            steps.append(Pause(delay))
        steps.append(Chunk(frame))
    steps.append(Chunk(b""))
    return steps


def chat_stream(chunks: int, *, usage: bool = True, delay: float = 0.0) -> list[Step]:
    return event_stream(chat_frames(chunks, usage=usage), delay=delay)


def responses_stream(chunks: int, *, delay: float = 0.0, done: bool = True) -> list[Step]:
    return event_stream(responses_frames(chunks, done=done), delay=delay)


def chat_frames(chunks: int, *, usage: bool = True, text: str = "word ", input_tokens: int = 10) -> list[bytes]:
    """A role chunk, `chunks` deltas of text, a finish, the usage, and [DONE]: a stream with include_usage."""
    deltas: list[tuple[dict[str, Any], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": text}, None)] * chunks
    deltas.append(({}, "stop"))
    frames = []
    for delta, finish in deltas:
        chunk = _chat_chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}])
        if usage:
            chunk["usage"] = None
        frames.append(data_frame(chunk))
    if usage:
        frames.append(data_frame({**_chat_chunk([]), "usage": chat_usage(input_tokens, chunks)}))
    frames.append(b"data: [DONE]\n\n")
    return frames


def _chat_chunk(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": MODEL,
        "system_fingerprint": None,
        "choices": choices,
    }


def chat_usage(input_tokens: int, output_tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def chat_body(text: str = "Hello.", *, input_tokens: int = 10, output_tokens: int = 5) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": CREATED,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": chat_usage(input_tokens, output_tokens),
        "service_tier": "default",
        "system_fingerprint": None,
    }


def responses_usage(input_tokens: int, output_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input_tokens + output_tokens,
    }


_RESPONSE_REST: dict[str, Any] = {
    "background": False,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}


def responses_body(text: str = "Hello.", *, input_tokens: int = 10, output_tokens: int = 5) -> dict[str, Any]:
    return response_object("completed", [message_item(text, "completed")], responses_usage(input_tokens, output_tokens))


def response_object(status: str, output: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
    completed_at = CREATED + 1 if status == "completed" else None
    return {
        "id": "resp_fake",
        "object": "response",
        "created_at": CREATED,
        "completed_at": completed_at,
        "status": status,
        "model": MODEL,
        "output": output,
        "usage": usage,
        **_RESPONSE_REST,
    }


def message_item(text: str | None, status: str) -> dict[str, Any]:
    content = [] if text is None else [text_part(text)]
    return {"id": "msg_fake", "type": "message", "status": status, "role": "assistant", "content": content}


def text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def responses_frames(chunks: int, *, text: str = "word ", input_tokens: int = 10, done: bool = True) -> list[bytes]:
    """created ... `chunks` deltas ... completed with usage; then [DONE] if `done`, which recorded streams lack."""
    whole = text * chunks
    at = {"item_id": "msg_fake", "output_index": 0, "content_index": 0}
    final = response_object("completed", [message_item(whole, "completed")], responses_usage(input_tokens, chunks))
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response_object("in_progress", [], None)},
        {"type": "response.in_progress", "response": response_object("in_progress", [], None)},
        {"type": "response.output_item.added", "output_index": 0, "item": message_item(None, "in_progress")},
        {"type": "response.content_part.added", **at, "part": text_part("")},
        *({"type": "response.output_text.delta", **at, "delta": text, "logprobs": []} for _ in range(chunks)),
        {"type": "response.output_text.done", **at, "text": whole, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": text_part(whole)},
        {"type": "response.output_item.done", "output_index": 0, "item": message_item(whole, "completed")},
        {"type": "response.completed", "response": final},
    ]
    frames = [event_frame({**event, "sequence_number": number}) for number, event in enumerate(events)]
    return [*frames, b"data: [DONE]\n\n"] if done else frames


def data_frame(value: Any) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def event_frame(value: dict[str, Any]) -> bytes:
    name: str = value["type"]
    return b"event: " + name.encode() + b"\n" + data_frame(value)


def _head_bytes(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def openai_script(request: Request, *, chunks: int, delay: float = 0.0) -> Script:
    """The answer of a well-behaved vendor on either endpoint, as a stream if requested."""
    stream = bool(request.json().get("stream"))
    return _vendor_script(request.path.endswith("/chat/completions"), stream, chunks, delay)


@cache
def _vendor_script(is_chat: bool, stream: bool, chunks: int, delay: float) -> Script:
    if stream:
        return chat_stream(chunks, delay=delay) if is_chat else responses_stream(chunks, delay=delay)
    text = "word " * chunks
    if is_chat:
        return json_answer(chat_body(text, output_tokens=chunks))
    return json_answer(responses_body(text, output_tokens=chunks))
