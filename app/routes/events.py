"""/api/events: the events of an account, as server-sent events.

Rule 1: the balance comes first; then, if the client names the last event that it received, the events since; then new events.
Rule 2: an `id` is a ledger position: every event of the account up to it has been sent, on this stream or an earlier one.
Rule 3: the response starts only after the ledger has answered, so a rejection has a status; if the stream breaks later, the client
reconnects and resumes where it left off.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Literal

import msgspec
import trio
from quart import Request, Response

from app.edge.application import StreamBody, stream_response
from app.edge.body import on_exit
from app.feed.balance import Balance
from app.feed.feed import Feed, account_of
from app.feed.listener import Listener, News
from app.ledger.store import StoreUnavailable
from app.routes.account import BalanceShown, balance_shown
from app.routes.bodies import format_instant, usd, usd_if
from app.routes.caller import reader
from app.routes.completions import KEEP_ALIVE
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from domain.events import RequestAdmitted, RequestDebited, RequestReleased
from projections.contract import Fact

RETRY_MILLISECONDS = 2_000
"""After a break, a browser waits this long before it reconnects."""
State = Literal["open", "debited", "released"]
_DIGITS_MAX = 18


class RequestEvent(msgspec.Struct, frozen=True):
    """`request`: a request was admitted or settled. Members that are not known while it is open are null."""

    request_id: str
    state: State
    model: str
    endpoint: str
    key_id: str
    hold: str
    hold_nanos: str
    cost: str | None
    cost_nanos: str | None
    returned: str | None
    returned_nanos: str | None
    reason: str | None
    response_id: str | None
    at: str
    position: int


class AccountEvent(msgspec.Struct, frozen=True):
    """`account`: something else happened to the account, such as a top-up, a new key or a freeze. Reload the data that you show."""

    position: int


class ResetEvent(msgspec.Struct, frozen=True):
    """`reset`: too many events were missed to replay. Reload everything; the stream continues from here."""

    position: int


async def events(services: Services, request: Request) -> Response:
    caller = await reader(services, request)
    if request.method == "HEAD":
        return stream_response(Nothing())
    listener = await services.feed.join(
        caller.account_id,
        last=last_event_id(request.headers.get("last-event-id")),
        session_digest=caller.session.token_digest if caller.session is not None else None,
        key_id=caller.key_id,
    )

    async def leave() -> None:
        services.feed.leave(listener)

    on_exit(request, leave)
    balance = await services.feed.balance(caller.account_id)
    listener.note(balance)
    frames = _frames(services.feed, listener, balance, services.settings.limits.keepalive_comment)
    return stream_response(_Cut(frames, listener))


ROUTES = (
    Route(
        "GET",
        "/api/events",
        events,
        Operation(
            "Account events, live",
            tag="account",
            events={"balance": BalanceShown, "request": RequestEvent, "account": AccountEvent, "reset": ResetEvent},
            errors=(401, 403, 429),
            caller="reader",
        ),
    ),
)


class Nothing:
    """The empty body of a response to HEAD."""

    def __aiter__(self) -> Nothing:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


class _Cut(StreamBody):
    """A body whose sending is cancelled when its listener is cut off."""

    def __init__(self, frames: AsyncIterator[bytes], listener: Listener) -> None:
        super().__init__(frames)
        self._scope = listener.scope

    async def __aenter__(self) -> AsyncIterator[bytes]:
        self._scope.__enter__()
        return await super().__aenter__()

    async def __aexit__(  # type: ignore[override]  # quart's own bodies suppress nothing; this one suppresses the cut's cancellation
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        await super().__aexit__(kind, error, trace)
        return self._scope.__exit__(kind, error, trace)


async def _frames(feed: Feed, listener: Listener, balance: Balance, comment_seconds: float) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n" % RETRY_MILLISECONDS + _balance(listener, balance, listener.begins)
    if listener.reset:
        yield _frame("reset", listener.begins, ResetEvent(listener.begins))
    after = listener.begins
    try:
        while missed := await feed.missed(after, listener.joined):
            after = missed[-1].position
            if frames := b"".join(_fact(fact) for fact in missed if account_of(fact) == listener.account_id):
                yield frames
    except StoreUnavailable:
        yield b": the ledger is unavailable\n\n"
        return
    ended = False
    while not ended:
        news: News | None = None
        with trio.move_on_after(comment_seconds):
            news = await listener.take()
        ended = news is not None and news.ended is not None
        yield KEEP_ALIVE if news is None else _news(listener, news)


def _news(listener: Listener, news: News) -> bytes:
    frames = [_fact(fact) for fact in news.facts]
    if news.balance is not None:
        frames.append(_balance(listener, news.balance, news.position))
    if news.ended is not None:
        frames.append(f": {news.ended}\n\n".encode())
    return b"".join(frames)


def _balance(listener: Listener, balance: Balance, position: int) -> bytes:
    return _frame("balance", position, balance_shown(listener.account_id, balance))


def _fact(fact: Fact) -> bytes:
    shown = _request(fact)
    if shown is None:
        return _frame("account", fact.position, AccountEvent(fact.position))
    return _frame("request", fact.position, shown)


def _request(fact: Fact) -> RequestEvent | None:
    match fact.event:
        case RequestAdmitted() as event:
            return _request_event(fact, event, "open")
        case RequestDebited() as event:
            return _request_event(fact, event, "debited", cost=event.cost_nanos, response_id=event.response_id)
        case RequestReleased() as event:
            return _request_event(fact, event, "released", cost=0, reason=event.reason)
        case _:
            return None


def _request_event(
    fact: Fact,
    event: RequestAdmitted | RequestDebited | RequestReleased,
    state: State,
    *,
    cost: int | None = None,
    reason: str | None = None,
    response_id: str | None = None,
) -> RequestEvent:
    return RequestEvent(
        event.request_id,
        state,
        event.model,
        event.endpoint,
        event.key_id,
        *usd(event.hold_nanos),
        *usd_if(cost),
        *usd_if(None if cost is None else max(0, event.hold_nanos - cost)),
        reason,
        response_id,
        format_instant(fact.recorded_at_micros),
        fact.position,
    )


def _frame(name: str, position: int, body: msgspec.Struct) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), position, msgspec.json.encode(body))


def last_event_id(sent: str | None) -> int | None:
    """The last position that a client received; anything that is not a position counts as one past every event."""
    if not sent:
        return None
    return int(sent) if len(sent) <= _DIGITS_MAX and sent.isascii() and sent.isdigit() else 10**_DIGITS_MAX
