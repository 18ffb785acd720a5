"""Reads request bodies: checked before they are read, limited while they are read, counted for as long as they are held.

Rule 1: Content-Length is checked before a byte is read; a chunked body is checked as it arrives, and each chunk by its size line.
Rule 2: the bodies that a process holds at the same time share one limit. Beyond it, a request is answered 503 before its body is
read.
Rule 3: the last holder of a body releases its reservation, on every path: a completion outlives its request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, cast

import trio
from quart.wrappers import Request
from quart_trio.wrappers.request import TrioBody
from werkzeug.exceptions import RequestEntityTooLarge

from app.edge.intake import Intake
from app.faults import BodyTooLarge, Overloaded, RequestTooSlow, UnsupportedMediaType

ON_EXIT = "realrouter.on_exit"
BODY_SECONDS = 60.0
BUDGET_BYTES = 512 * 1024 * 1024
WINDOW_BYTES = 64 * 1024
"""Body bytes that may wait for the application under a server other than ours. (Our own server has a separate limit.)"""


class EdgeBody(TrioBody):
    """Quart's body over an Intake: `await body`, `async for part in body` and `request.get_data()` work as usual."""

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        self.intake = Intake(WINDOW_BYTES)
        self._limit = max_content_length
        self._expected = expected_content_length
        self._held = bytearray()
        self._seen = 0

    def __aiter__(self) -> EdgeBody:
        return self

    async def __anext__(self) -> bytes:
        data = await self._part()
        if not data:
            raise StopAsyncIteration
        return data

    def __await__(self) -> Generator[Any, None, bytes]:
        return self._whole().__await__()

    def append(self, data: bytes) -> None:
        self.intake.push(data)

    def set_complete(self) -> None:
        self.intake.finish()

    def clear(self) -> None:
        self._held.clear()

    async def _whole(self) -> bytes:
        while data := await self._part():
            self._held += data
        return bytes(self._held)

    async def _part(self) -> bytes:
        if self._limit is not None and (self._expected or 0) > self._limit:
            raise RequestEntityTooLarge
        if self._limit is not None:
            self.intake.limit(self._limit, RequestEntityTooLarge())
        data = await self.intake.take()
        self._seen += len(data)
        if self._limit is not None and self._seen > self._limit:
            raise RequestEntityTooLarge
        return data


class BodyBudget:
    """The body bytes that a process may hold at the same time."""

    def __init__(self, limit_bytes: int = BUDGET_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self.most_bytes = 0
        """The largest number of bytes held at the same time since the last reset."""

    def reserve(self, size: int) -> Reservation:
        """Room for `size` bytes. Raises Overloaded."""
        reservation = Reservation(self)
        reservation.grow(size)
        return reservation


class Reservation:
    """A part of the budget, held until `release`, which may be called more than once."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._size = 0

    def grow(self, size: int) -> None:
        budget = self._budget
        if budget.held_bytes + size > budget.limit_bytes:
            raise Overloaded(per_key=False)
        budget.held_bytes += size
        budget.most_bytes = max(budget.most_bytes, budget.held_bytes)
        self._size += size

    def shrink(self, size: int) -> None:
        """Return a part of the reservation."""
        assert 0 <= size <= self._size
        self._budget.held_bytes -= size
        self._size -= size

    def release(self) -> None:
        self._budget.held_bytes -= self._size
        self._size = 0


def on_exit(request: Request, callback: Callable[[], Awaitable[None]]) -> None:
    """Run `callback` once when the request ends: answered, failed, or left by its client. The last one added runs first."""
    cast(dict[str, Any], request.scope)[ON_EXIT].append(callback)


def reserve_for(request: Request, budget: BodyBudget) -> Reservation:
    """A reservation that is released when the request ends, for a body that nothing keeps longer."""
    reservation = budget.reserve(0)

    async def release() -> None:
        reservation.release()

    on_exit(request, release)
    return reservation


async def read_body(
    request: Request, limit: int, reservation: Reservation, *, seconds: float = BODY_SECONDS, json: bool = False
) -> bytes:
    """The whole body: at most `limit` bytes, within `seconds`. `json`: check that its Content-Type is JSON.

    Its size is added to `reservation`, which the owner releases once the body is no longer held.
    Raises BodyTooLarge, Overloaded, RequestTooSlow, UnsupportedMediaType.
    """
    if json:
        require_json(request)
    declared = request.content_length
    if declared is not None and declared > limit:
        raise BodyTooLarge(limit)
    reservation.grow(declared or 0)
    intake = request.body.intake  # type: ignore[attr-defined]
    intake.limit(limit, BodyTooLarge(limit))
    if intake.complete:
        return await _collect(intake, limit, reservation, declared)
    with trio.move_on_after(seconds):
        return await _collect(intake, limit, reservation, declared)
    raise RequestTooSlow(f"The request body did not arrive within {seconds:g} s.")


class BodyParts:
    """A body part by part as it arrives, at most `limit` bytes, for a route that does not keep it. The server limits the bytes that
    wait to be read. A reader that holds parts must reserve memory for them.

    Iterating raises BodyTooLarge, and RequestTooSlow if a part does not arrive within `idle_seconds`, or the body within `seconds`.
    """

    def __init__(self, request: Request, limit: int, *, seconds: float, idle_seconds: float = BODY_SECONDS) -> None:
        if (request.content_length or 0) > limit:
            raise BodyTooLarge(limit)
        self._intake: Intake = request.body.intake  # type: ignore[attr-defined]
        self._intake.limit(limit, BodyTooLarge(limit))
        self._limit = limit
        self._seen = 0
        self._until = trio.current_time() + seconds
        self._idle_seconds = idle_seconds

    def __aiter__(self) -> BodyParts:
        return self

    async def __anext__(self) -> bytes:
        with trio.move_on_at(min(self._until, trio.current_time() + self._idle_seconds)) as scope:
            data = await self._intake.take()
        if scope.cancelled_caught:
            raise RequestTooSlow("The request body did not arrive in time.")
        if not data:
            raise StopAsyncIteration
        self._seen += len(data)
        if self._seen > self._limit:
            raise BodyTooLarge(self._limit)
        return data


async def _collect(intake: Intake, limit: int, reservation: Reservation, declared: int | None) -> bytes:
    parts: list[bytes] = []
    size = 0
    while data := await intake.take():
        size += len(data)
        if size > limit:
            raise BodyTooLarge(limit)
        if declared is None:
            reservation.grow(len(data))
        parts.append(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def require_json(request: Request) -> None:
    """Accept the same as OpenAI's endpoints: any form of application/json, or no Content-Type."""
    mimetype = request.mimetype
    if mimetype and mimetype != "application/json" and not mimetype.endswith("+json"):
        raise UnsupportedMediaType(
            f"This endpoint takes application/json, not {mimetype[:100]}. Set the Content-Type header."
        )
