"""POST /v1/responses and POST /v1/chat/completions: judge the key, read, parse, start the completion, hand out its bytes.

Rule 1: the key, the length and the room are judged before a body byte is read.
Rule 2: what is refused here never reached the ledger, and is told and logged like everything else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TypeVar, TypeVarTuple

import trio
from quart import Request, Response

from app.accounts.auth import Key, authenticate
from app.edge.application import add_fields, request_id, set_request_id, stream_response
from app.edge.body import Reservation, on_exit, read_body
from app.errors import problem_of
from app.faults import BadRequest
from app.instance.lease import Slot
from app.requests.completion import Completion
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
"""Larger bodies are parsed in a thread: the streams of others go on meanwhile."""
KEEP_ALIVE = b": keep-alive\n\n"

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def complete(services: Services, request: Request, endpoint: Endpoint) -> Response:
    """One request. Raises what app/errors.py has a row for."""
    record = RequestLog("", "", "", "", endpoint, stream=False, started=trio.current_time())
    try:
        completion = await _begin(services, request, endpoint, record)
    except Exception as error:
        problem = problem_of(error, endpoint=endpoint)
        record.status, record.outcome = problem.status, f"refused:{problem.code}"
        services.serving.on_record(record)
        raise
    await completion.opened.wait()
    if completion.rates:
        add_fields(request, headers(completion.rates))
    if completion.error is not None:
        raise completion.error
    if record.stream:
        return stream_response(Frames(completion.outbox, services.settings.limits.keepalive_comment))
    return Response(await _whole(completion.outbox), content_type="application/json")


async def _begin(services: Services, request: Request, endpoint: Endpoint, record: RequestLog) -> Completion:
    """From the headers to a running completion."""
    services.instance.lease.check()
    now_micros = services.now_micros()
    key = await authenticate(services.accounts.keys, request.headers.get("authorization"), now_micros=now_micros)
    record.account_id, record.key_id = key.account_id, key.key_id
    record.request_id = name_request(request, key)
    slot, body = services.instance.slots.take(key.key_id), services.instance.body_budget.reserve(0)
    try:
        order = await _order(services, request, endpoint, record.request_id, key, body, now_micros)
        record.model, record.stream = order.model.id, order.request.stream
        record.phase("parse")
        completion = _completion(services, order, record, key, slot, body)
        services.instance.lease.check()  # reading a body takes a while: the process may be on its way out by now
    except BaseException:
        slot.give_back()
        body.release()
        raise
    on_exit(request, completion.client_left)
    services.instance.lease.start(completion.run)
    return completion


async def _order(
    services: Services,
    request: Request,
    endpoint: Endpoint,
    request_id: str,
    key: Key,
    reservation: Reservation,
    now_micros: int,
) -> Plan:
    settings = services.settings
    body = await read_body(request, settings.server.max_body_bytes, reservation, json=True)
    large = len(body) > PARSED_INLINE_MAX

    def judged(parsed: ParsedRequest, stored: Mapping[str, StoredFile]) -> Plan:
        return make_plan(
            parsed,
            request_id=request_id,
            key=key,
            catalog=services.serving.catalog,
            offers=services.serving.offers,
            stored=stored,
            default_max_output_tokens=settings.billing.default_max_output_tokens,
            now_micros=now_micros,
        )

    parsed = await _in_turn(services, parse, endpoint, body, aside=large)
    if parsed.refs:
        stored = await services.files.contents(key.account_id, parsed.refs, reservation)
        return await _in_turn(services, judged, parsed, stored, aside=True)
    # A small PDF may inflate to a large one before its pages are counted.
    return await _in_turn(services, judged, parsed, {}, aside=large or bool(parsed.inline_files))


async def _in_turn(services: Services, work: Callable[[*Ts], T], *args: *Ts, aside: bool) -> T:
    """`work`, in a thread where it is `aside`: one at a time, since it holds the interpreter for most of its time."""
    return await trio.to_thread.run_sync(work, *args, limiter=services.instance.parsing) if aside else work(*args)


def _completion(
    services: Services, order: Plan, record: RequestLog, key: Key, slot: Slot, body: Reservation
) -> Completion:
    return Completion(
        order,
        record,
        limits=key.limits,
        price_version=services.serving.listings[order.model.id].version,
        settlement=Settlement(
            record.request_id,
            writer=services.writer,
            lifetime=services.instance.lease,
            settle_seconds=services.serving.terms.settle,
        ),
        terms=services.serving.terms,
        lifetime=services.instance.lease,
        upstreams=services.serving.upstreams,
        slot=slot,
        body=body,
        on_end=services.serving.on_record,
    )


def name_request(request: Request, key: Key) -> str:
    """The request's id. Where the client sent an Idempotency-Key it follows from the account and that: a repeat meets the first."""
    sent = idempotency_key(request)
    if sent is None:
        return request_id(request)
    digest = hashlib.sha256(b"%b\0%b" % (key.account_id.encode(), sent.encode())).hexdigest()
    name = f"req_{digest[:32]}"
    set_request_id(request, name)
    return name


def idempotency_key(request: Request) -> str | None:
    """What the client sent. Raises BadRequest."""
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
    """What a streamed answer's body iterates over: frames as they come, a comment where none came for a while."""

    def __init__(self, outbox: Outbox, comment_seconds: float) -> None:
        self._outbox = outbox
        self._comment_seconds = comment_seconds

    def __aiter__(self) -> Frames:
        return self

    async def __anext__(self) -> bytes:
        if self._outbox.ready:
            return self._or_stop(await self._outbox.take())
        with trio.move_on_after(self._comment_seconds):
            return self._or_stop(await self._outbox.take())
        return KEEP_ALIVE

    @staticmethod
    def _or_stop(data: bytes) -> bytes:
        if not data:
            raise StopAsyncIteration
        return data
