"""Hand-written streams, and ways to feed them: whole, byte by byte, cut anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from app.wire.exchange import Relay


def sse(*events: Any, named: bool = False, end: str = "\n\n") -> bytes:
    """Frames of JSON events, and of strings as they are."""
    frames = []
    for event in events:
        text = event if isinstance(event, str) else json.dumps(event, separators=(",", ":"), ensure_ascii=False)
        name = f"event: {event['type']}{end[: len(end) // 2]}" if named and not isinstance(event, str) else ""
        frames.append(f"{name}data: {text}{end}")
    return "".join(frames).encode()


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """`data` in pieces, cut at the places given (each taken modulo its length)."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


def by_byte(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


@dataclass(frozen=True)
class Outcome:
    """All that a relay tells of an answer that ended well."""

    forwarded: bytes
    tail: bytes
    usage: Any
    items: Any
    finish: str
    response_id: str | None
    output_bytes: int
    frames: int
    finished: bool


def run(relay: Relay, pieces: Iterable[bytes]) -> Outcome:
    forwarded = b"".join(relay.feed(piece) for piece in pieces)
    relay.end()
    delivered = relay.delivered
    return Outcome(
        forwarded,
        relay.tail(),
        relay.usage,
        relay.items,
        relay.finish,
        relay.response_id,
        delivered.output_bytes,
        delivered.frames,
        relay.finished,
    )


def payloads(stream: bytes) -> list[Any]:
    """The JSON events of a stream that is written with one data line a frame; [DONE] as it is."""
    lines = [line[6:] for line in stream.decode().splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def chunk(content: str | None = None, *, index: int = 0, finish: str | None = None, **members: Any) -> dict[str, Any]:
    """A chat chunk with one choice."""
    delta = {} if content is None else {"content": content}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "vendor-model-2025",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish}],
        **members,
    }


def usage_chunk(usage: Any, **members: Any) -> dict[str, Any]:
    return {**chunk(), "choices": [], "usage": usage, **members}


CHAT_USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 7,
    "total_tokens": 27,
    "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3},
}


def response(status: str = "in_progress", **members: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "model": "vendor-model-2025",
        "output": [],
        "store": True,
        "usage": None,
        "metadata": {"note": "\u00fcber"},
        **members,
    }


RESPONSES_USAGE = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 4},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 39,
}


def event(kind: str, sequence: int, **members: Any) -> dict[str, Any]:
    return {"type": kind, "sequence_number": sequence, **members}


def response_events(**completed: Any) -> list[dict[str, Any]]:
    """A whole response that says "H\u00e9llo"."""
    done = response("completed", usage=RESPONSES_USAGE, service_tier="default") | completed
    return [
        event("response.created", 0, response=response()),
        event("response.in_progress", 1, response=response()),
        event("response.output_text.delta", 2, item_id="msg_1", output_index=0, delta="H\u00e9"),
        event("response.output_text.delta", 3, item_id="msg_1", output_index=0, delta="llo"),
        event("response.completed", 4, response=done),
    ]
