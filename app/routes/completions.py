"""POST /v1/responses and POST /v1/chat/completions: check the key, read, parse and plan the request, run it, send its bytes.

Rule 1: the key, the length and the concurrency limits are checked before a body byte is read.
Rule 2: a request refused here never reached the ledger. It is reported and logged like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TypeVar, TypeVarTuple

import trio
from quart import Request, Response

from app.accounts.auth import Key, authenticate
from app.edge.application import add_fields, request_id, set_request_id, stream_response
from app.edge.body import on_exit, read_body
from app.errors import problem_of
from app.faults import BadRequest
from app.requests.completion import Completion, Occupied
from app.requests.outbox import Outbox
from app.requests.plan import Plan, make_plan
from app.requests.request_log import RequestLog
from app.requests.settlement import Settlement
from app.services import Services
from app.wire.dialects import parse
from app.wire.exchange import Endpoint, ParsedRequest
from app.wire.file_ref import StoredFile
from domain.rates import headers

IDEMPOTENCY_KEY_LENGTH_MAX = 255
PARSED_INLINE_MAX = 1024 * 1024
"""Larger bodies are parsed in a thread, so that other requests' streams continue meanwhile."""
KEEP_ALIVE = b": keep-alive\n\n"

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def complete(services: Services, request: Request, endpoint: Endpoint) -> Response:
    """One request. Raises errors that app/errors.py has a row for."""
    request_log = RequestLog("", "", "", "", endpoint, stream=False, started=trio.current_time())
    try:
        completion = await _begin(services, request, endpoint, request_log)
    except Exception as error:
        problem = problem_of(error, endpoint=endpoint)
        request_log.status, request_log.outcome = problem.status, f"refused:{problem.code}"
        services.serving.runtime.on_end(request_log)
        raise
    await completion.outbox.opened.wait()
    if completion.rates:
        add_fields(request, headers(completion.rates))
    if completion.error is not None:
        raise completion.error
    if request_log.stream:
        return stream_response(Frames(completion.outbox, services.settings.limits.keepalive_comment))
    return Response(await _whole(completion.outbox), content_type="application/json")


async def _begin(services: Services, request: Request, endpoint: Endpoint, request_log: RequestLog) -> Completion:
    """From the headers to a running completion."""
    services.instance.lease.check()
    now_micros = services.now_micros()
    key = await authenticate(services.accounts.keys, request.headers.get("authorization"), now_micros=now_micros)
    request_log.account_id, request_log.key_id = key.account_id, key.key_id
    request_log.request_id = name_request(request, key)
    occupied = Occupied(services.instance.slots.take(key.key_id), services.instance.body_budget.reserve(0))
    try:
        body = await read_body(request, services.settings.server.max_body_bytes, occupied.body, json=True)
        plan = await _plan(services, endpoint, body, key, occupied, request_log.request_id, now_micros)
        request_log.model, request_log.stream = plan.quote.model.id, plan.stream
        request_log.unknown_members = plan.unknown_members
        request_log.phase("parse")
        completion = _completion(services, plan, request_log, occupied)
        services.instance.lease.check()  # reading a body takes a while: the process may be shutting down by now
    except BaseException:
        occupied.give_back()
        raise
    on_exit(request, completion.client_left)
    services.instance.lease.start(completion.run)
    return completion


async def _plan(
    services: Services,
    endpoint: Endpoint,
    body: bytes,
    key: Key,
    occupied: Occupied,
    request_id: str,
    now_micros: int,
) -> Plan:
    """Parse the body, fetch the uploaded files that it refers to, and plan the request."""
    large = len(body) > PARSED_INLINE_MAX

    def planned(parsed: ParsedRequest, stored: Mapping[str, StoredFile]) -> Plan:
        return make_plan(
            parsed,
            request_id=request_id,
            key=key,
            offering=services.serving.offering,
            stored=stored,
            now_micros=now_micros,
        )

    parsed = await _in_turn(services, parse, endpoint, body, in_thread=large)
    if parsed.refs:
        stored = await services.files.contents(key.account_id, parsed.refs, occupied.body)
        return await _in_turn(services, planned, parsed, stored, in_thread=True)
    # A small PDF may inflate to a large one before its pages are counted.
    return await _in_turn(services, planned, parsed, {}, in_thread=large or bool(parsed.inline_files))


async def _in_turn(services: Services, work: Callable[[*Ts], T], *args: *Ts, in_thread: bool) -> T:
    """Call `work`, if `in_thread` in a thread. Such calls run one at a time: each holds the interpreter for most of its time."""
    return await trio.to_thread.run_sync(work, *args, limiter=services.instance.parsing) if in_thread else work(*args)


def _completion(services: Services, plan: Plan, request_log: RequestLog, occupied: Occupied) -> Completion:
    settlement = Settlement(
        request_log.request_id,
        writer=services.writer,
        lease=services.instance.lease,
        settle_seconds=services.serving.runtime.terms.settle,
    )
    return Completion(plan, request_log, services.serving.runtime, settlement=settlement, occupied=occupied)


def name_request(request: Request, key: Key) -> str:
    """The request's id. With an Idempotency-Key it is derived from the account and that key, so that a repeat has the same id."""
    sent = idempotency_key(request)
    if sent is None:
        return request_id(request)
    digest = hashlib.sha256(b"%b\0%b" % (key.account_id.encode(), sent.encode())).hexdigest()
    name = f"req_{digest[:32]}"
    set_request_id(request, name)
    return name


def idempotency_key(request: Request) -> str | None:
    """The client's Idempotency-Key, or None if it sent none. Raises BadRequest."""
    sent = request.headers.get("idempotency-key")
    if sent is None:
        return None
    if not 0 < len(sent) <= IDEMPOTENCY_KEY_LENGTH_MAX or not sent.isascii() or not sent.isprintable():
        raise BadRequest(
            f"Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} printable ASCII characters.",
            code="invalid_idempotency_key",
        )
    return sent


async def _whole(outbox: Outbox) -> bytes:
    body = b""
    while data := await outbox.take():
        body += data
    return body


class Frames:
    """The body of a streamed answer: frames as they arrive, and a comment each time that none arrived for a while."""

    def __init__(self, outbox: Outbox, comment_seconds: float) -> None:
        self._outbox = outbox
        self._comment_seconds = comment_seconds

    def __aiter__(self) -> Frames:
        return self

    async def __anext__(self) -> bytes:
        if self._outbox.ready:
            return self._unless_ended(await self._outbox.take())
        with trio.move_on_after(self._comment_seconds):
            return self._unless_ended(await self._outbox.take())
        return KEEP_ALIVE

    @staticmethod
    def _unless_ended(data: bytes) -> bytes:
        if not data:
            raise StopAsyncIteration
        return data
