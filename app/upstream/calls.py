"""Asking the upstreams of a model, in order, until one answers.

Rule 1: an attempt is over when its first frames that may be forwarded are here (or the whole body is): until then another
attempt, or another upstream, may take its place. Nothing that was refused, broken or late costs the client anything.
Rule 2: an upstream is asked again only where that may help, after a pause that grows, or that it asked for, within bounds.
Rule 3: whatever goes wrong leaves no answer open.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import trio

from app.order import Order
from app.upstream.base import (
    Upstream,
    UpstreamAnswer,
    UpstreamBroken,
    UpstreamCall,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from app.upstream.openai_refusal import REFUSAL_BYTES_MAX, refused
from app.wire.exchange import AnswerError, Relay

PAUSE_SECONDS_FIRST, PAUSE_SECONDS_MAX = 0.2, 5.0
REFUSAL_SECONDS = 10.0
_STATUS_OF_CODE = {"invalid_api_key": 401, "rate_limit_exceeded": 429, "insufficient_quota": 429}
"""What OpenAI answers with these codes where no stream has begun; otherwise the error's type tells."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer that has begun: `first` is what may be forwarded of it already."""

    upstream: str
    upstream_request_id: str | None
    answer: UpstreamAnswer
    relay: Relay
    first: bytes


class Upstreams:
    """All upstreams by name, and how often each is asked."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        *,
        attempts: int,
        on_error: Callable[[UpstreamError], None] = lambda _error: None,
    ) -> None:
        self._upstreams = upstreams
        self._attempts = attempts
        self._on_error = on_error

    async def open(self, order: Order, request_id: str, first_byte_seconds: float) -> Opened:
        """The first answer that begins. Raises the last UpstreamError where none does."""
        failure: UpstreamError | None = None
        for name in order.model.upstreams:
            for attempt in range(self._attempts):
                if failure is not None and attempt:
                    await trio.sleep(_pause(failure, attempt))
                try:
                    return await self._attempt(self._upstreams[name], order, request_id, first_byte_seconds)
                except UpstreamError as error:
                    self._on_error(error)
                    if not error.retryable:
                        raise
                    failure = error
                    if not _worth_repeating(error):
                        break
        assert failure is not None, "a model has at least one upstream"
        raise failure

    async def aclose(self) -> None:
        for upstream in self._upstreams.values():
            await upstream.aclose()

    async def _attempt(self, upstream: Upstream, order: Order, request_id: str, seconds: float) -> Opened:
        request = order.request
        call = UpstreamCall(request.endpoint, order.upstream_body, request.stream, request_id)
        with trio.move_on_after(seconds):
            answer = await upstream.open(call)
            try:
                if answer.status >= 400:
                    raise await _refusal(upstream.name, answer)
                relay = order.relay()
                first = await _first_frames(upstream.name, answer, relay)
            except BaseException:
                with trio.CancelScope(shield=True):
                    await answer.aclose()
                raise
            return Opened(upstream.name, answer.headers.get("x-request-id"), answer, relay, first)
        raise UpstreamTimeout(upstream.name, "The upstream did not answer in time.")


async def _first_frames(name: str, answer: UpstreamAnswer, relay: Relay) -> bytes:
    try:
        while not relay.closing:
            data = await answer.receive()
            if not data:
                relay.end()
                break
            if first := relay.feed(data):
                return first
    except AnswerError as error:
        raise answer_fault(name, error) from error
    return b""


def answer_fault(name: str, error: AnswerError) -> UpstreamError:
    """An answer that is at fault, as an upstream's failure. An error inside a 200 has the status that it would have had alone."""
    if error.malformed:
        return UpstreamBroken(name, error.message)
    of_type = 400 if error.type == "invalid_request_error" else 500
    status = _STATUS_OF_CODE.get(error.code or "", of_type)
    return UpstreamRefused(name, error.message, status=status, code=error.code, type=error.type, param=error.param)


async def _refusal(name: str, answer: UpstreamAnswer) -> UpstreamRefused:
    body = b""
    with trio.move_on_after(REFUSAL_SECONDS):
        try:
            while len(body) <= REFUSAL_BYTES_MAX and (data := await answer.receive()):
                body += data
        except UpstreamError:
            body = b""
    return refused(name, answer.status, answer.headers, body)


def _worth_repeating(error: UpstreamError) -> bool:
    if isinstance(error, UpstreamRefused):
        return error.status not in (401, 403) and (error.retry_after or 0) <= PAUSE_SECONDS_MAX
    return isinstance(error, UpstreamUnreachable | UpstreamBroken)


def _pause(error: UpstreamError, attempt: int) -> float:
    asked = error.retry_after if isinstance(error, UpstreamRefused) else None
    grown = PAUSE_SECONDS_FIRST * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not a secret
    return min(PAUSE_SECONDS_MAX, grown if asked is None else max(asked, grown))
