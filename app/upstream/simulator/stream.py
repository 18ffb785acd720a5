"""Turns a request's bytes into everything that is sent back: a status, headers, and the steps of the body. Pure.

A step is bytes to send, or a failure of the connection. Failures requested by directives are inserted here, so that the I/O in
upstream.py knows neither protocols nor directives: it only paces, sends, breaks off and waits.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from app.upstream.simulator import chat, read_chat, read_responses, responses, script
from app.upstream.simulator.directives import Directives
from app.upstream.simulator.reply import Reply, envelope, failure, make_id
from app.upstream.simulator.request import Rejected
from app.wire.exchange import Endpoint

MALFORMED = b'data: {"this is": not JSON\n\n'

_SSE = "text/event-stream; charset=utf-8"
_JSON = "application/json"
_TYPES = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "forbidden"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


class Fault(enum.Enum):
    """DROP: the connection is lost. STALL: nothing more is sent."""

    DROP = enum.auto()
    STALL = enum.auto()


Step = bytes | Fault


@dataclass(frozen=True, slots=True)
class Plan:
    """One response to send. `gap` is the time between two steps, or None for the upstream's default."""

    status: int
    headers: dict[str, str]
    steps: Iterator[Step]
    gap: float | None = None
    first_byte: float = 0.0
    unreachable: bool = False


def plan(endpoint: Endpoint, body: bytes, upstream: str, request_id: str, created: int) -> Plan:
    """How the upstream called `upstream` responds to `body`. Ids are derived from the body and `request_id`."""
    seed = hashlib.sha256(b"%d:%b%b" % (len(request_id), request_id.encode(), body)).digest()
    reader = read_responses.read if endpoint == "responses" else read_chat.read
    try:
        request = reader(body, upstream, seed)
    except Rejected as rejected:
        return _plain(seed, rejected.status, envelope(rejected.error))
    directives = request.directives
    if directives.unreachable:
        return Plan(0, {}, iter(()), first_byte=directives.first_byte or 0.0, unreachable=True)
    if directives.status is not None:
        return _refusal_plan(seed, directives)
    reply = Reply(request, script.write(request), created)
    return _streamed(endpoint, reply) if request.stream else _whole(endpoint, reply)


def _headers(seed: bytes, content_type: str) -> dict[str, str]:
    """A vendor's headers, including some that a gateway must not pass on."""
    return {
        "content-type": content_type,
        "x-request-id": make_id("req_", seed),
        "openai-organization": "org-simulator",
        "openai-processing-ms": "1",
        "openai-version": "2020-10-01",
        "set-cookie": "simulator=1; path=/; HttpOnly",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
    }


def _plain(seed: bytes, status: int, body: bytes, directives: Directives | None = None) -> Plan:
    headers = _headers(seed, _JSON) | {"content-length": str(len(body))}
    directives = directives or Directives()
    return Plan(status, headers, _plain_steps(body, directives), directives.pace, directives.first_byte or 0.0)


def _refusal_plan(seed: bytes, directives: Directives) -> Plan:
    status = directives.status or 500
    default = ("invalid_request_error", None) if status < 500 else ("server_error", "server_error")
    kind, code = _TYPES.get(status, default)
    message = f"The simulated upstream refused with status {status}, as requested."
    refused = _plain(
        seed, status, envelope({"message": message, "type": kind, "param": None, "code": code}), directives
    )
    if directives.retry_after is not None:
        refused.headers["retry-after"] = f"{directives.retry_after:g}"
    return refused


def _whole(endpoint: Endpoint, reply: Reply) -> Plan:
    directives, seed = reply.request.directives, reply.request.seed
    if directives.error_200:
        return _plain(seed, 200, envelope(failure()), directives)
    if directives.fail_at is not None and endpoint == "chat":
        return _plain(seed, 500, envelope(failure()), directives)
    if directives.fail_at is not None:
        return _plain(seed, 200, responses.failed_body(reply), directives)
    if endpoint == "chat":
        return _plain(seed, 200, chat.body(reply), directives)
    return _plain(seed, 200, responses.body(reply), directives)


def _plain_steps(body: bytes, directives: Directives) -> Iterator[Step]:
    """A plain body in one step. A failure, at any frame, happens in the middle of the body."""
    half = body[: len(body) // 2]
    if directives.malformed_at is not None:
        yield half + b"<not JSON>"
    elif directives.drop_at is not None:
        yield from (half, Fault.DROP)
    elif directives.stall_at is not None:
        yield from (half, Fault.STALL)
    elif directives.half_frame_at is not None or directives.end_at is not None:
        yield half
    else:
        yield body


def _streamed(endpoint: Endpoint, reply: Reply) -> Plan:
    directives = reply.request.directives
    headers = _headers(reply.request.seed, _SSE) | {"cache-control": "no-cache"}
    frames = _frames(endpoint, reply)
    gap = directives.pace
    if directives.duration is not None:
        gap = directives.duration / max(1, _number(endpoint, reply) - 1)
    return Plan(200, headers, _faulty(endpoint, reply, frames), gap, directives.first_byte or 0.0)


def _frames(endpoint: Endpoint, reply: Reply) -> Iterator[bytes]:
    if reply.request.directives.error_200:
        return chat.error_frames() if endpoint == "chat" else responses.error_frames()
    return chat.frames(reply) if endpoint == "chat" else responses.frames(reply)


def _number(endpoint: Endpoint, reply: Reply) -> int:
    """The number of frames in the stream, [DONE] included."""
    items = chat.chunks(reply) if endpoint == "chat" else responses.events(reply)
    return 1 + sum(1 for _ in items)


def _faulty(endpoint: Endpoint, reply: Reply, frames: Iterator[bytes]) -> Iterator[Step]:
    """The frames until a directive applies. If several name the same frame, the most drastic one comes first."""
    directives = reply.request.directives
    for number, frame in enumerate(frames):
        if number == directives.drop_at:
            yield Fault.DROP
            return
        if number == directives.stall_at:
            yield Fault.STALL
            return
        if number == directives.end_at:
            return
        if number == directives.half_frame_at:
            yield frame[: len(frame) // 2]
            return
        if number == directives.fail_at:
            yield from chat.error_frames() if endpoint == "chat" else responses.failure_frames(reply, number)
            return
        yield MALFORMED if number == directives.malformed_at else frame
