"""Opening an answer: the upstreams of a plan are tried in order, until one of them begins to answer.

Rule 1: an attempt succeeds once the first frames that may be forwarded have arrived (or the whole body). Until then, another
attempt or another upstream may replace it. Attempts that are refused, break off or time out cost the client nothing.
Rule 2: an upstream is retried only if a retry may help. The pause before a retry is limited; it grows with each retry, unless the
upstream requested a certain pause.
Rule 3: an answer that is a body where a stream was requested, or the reverse, is read as what it is.
Rule 4: after a failure or a cancellation, the open answer is closed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

import trio

from app.faults import UpstreamBroken, UpstreamError, UpstreamRefused, UpstreamTimeout, UpstreamUnreachable
from app.requests.attempts import Attempt
from app.requests.plan import Plan
from app.upstream.base import Upstream, UpstreamAnswer, UpstreamCall
from app.upstream.refusal import REFUSAL_BYTES_MAX, refused, refused_with
from app.wire.dialects import Dialect
from app.wire.exchange import AnswerError, Relay
from app.wire.form import BOM, Form, form_of

PAUSE_SECONDS_FIRST, PAUSE_SECONDS_MAX = 0.2, 5.0
REFUSAL_SECONDS = 10.0
HEAD_BYTES_MAX = 4096
"""An answer that begins with more blanks than this has the form that was requested."""
_STATUS_OF_CODE = {
    "invalid_api_key": 401,
    "permission_denied": 403,
    "upstream_refused": 403,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "model_not_found": 404,
    "overloaded": 503,
    "timeout": 504,
}
"""The status that vendors send with these codes if no stream has begun. For other codes, the error's type decides."""


class Opened:
    """An answer that has begun. `first` is the part that may already be forwarded. An answer may take several calls (`over`)."""

    def __init__(self, call: UpstreamCall, upstream: Upstream, answer: UpstreamAnswer, relay: Relay) -> None:
        self.upstream = upstream.name
        self.upstream_request_id = _id_of(answer)
        self.answer = answer
        self.relay = relay
        self.first = b""
        self._call = replace(call, body=b"")
        self._upstream = upstream

    async def begin(self, other_form: Callable[[], Relay]) -> None:
        """Read until there is something to forward, or the answer is closing. Raises UpstreamError."""
        try:
            data = await self._head(other_form)
            while not self.relay.closing:
                data = data or await self.answer.receive()
                if not data:
                    if await self.over():
                        return
                elif first := self.relay.feed(data):
                    self.first = first
                    return
                data = b""
        except AnswerError as error:
            raise answer_fault(self.upstream, error) from error

    async def _head(self, other_form: Callable[[], Relay]) -> bytes:
        """Read until the form of the answer is certain. Returns the bytes read, b"" if the answer is empty."""
        requested: Form = "stream" if self._call.stream else "body"
        head, form = b"", None
        while form is None and len(head) < HEAD_BYTES_MAX and (data := await self.answer.receive()):
            head += data
            form = form_of(head, requested)
        if form is not None and form != requested:
            self.relay = other_form()
        return head.lstrip().removeprefix(BOM) if form == "body" else head

    async def over(self) -> bool:
        """Called when the upstream's stream has ended. Returns False if the answer had only paused and a further call continues it.

        Raises AnswerError if the answer is incomplete, UpstreamError if the upstream does not continue it.
        """
        self.relay.end()
        body = self.relay.continuation()
        if body is None:
            return True
        await self.answer.aclose()
        self.answer = await self._upstream.open(replace(self._call, body=body))
        if self.answer.status >= 400:
            raise await _refusal(self.upstream, self.answer, self._call.dialect)
        return False


class Upstreams:
    """All upstreams by name, and how many attempts each gets."""

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

    async def open(self, plan: Plan, request_id: str, first_byte_seconds: float) -> Opened:
        """The first answer that begins. Raises the last UpstreamError if none does."""
        failure: UpstreamError | None = None
        for attempt in plan.take_attempts():
            for count in range(self._attempts):
                if failure is not None and count:
                    await trio.sleep(_pause(failure, count))
                try:
                    return await self._try(attempt, plan.stream, request_id, first_byte_seconds)
                except UpstreamError as error:
                    self._on_error(error)
                    if isinstance(error, UpstreamRefused) and attempt.dialect != plan.endpoint:
                        error.param = None  # it names a parameter of a protocol other than the client's
                    if not error.retryable:
                        raise
                    failure = error
                    if not _worth_repeating(error):
                        break
        assert failure is not None, "a request has at least one attempt"
        raise failure

    async def _try(self, attempt: Attempt, stream: bool, request_id: str, seconds: float) -> Opened:
        upstream = self._upstreams[attempt.upstream]
        call = UpstreamCall(attempt.dialect, attempt.body, stream, request_id, attempt.model)
        with trio.move_on_after(seconds):
            answer = await upstream.open(call)
            opened = Opened(call, upstream, answer, attempt.relay())
            try:
                if answer.status >= 400:
                    raise await _refusal(attempt.upstream, answer, attempt.dialect)
                await opened.begin(attempt.other_form)
            except BaseException:
                with trio.CancelScope(shield=True):
                    await opened.answer.aclose()
                raise
            return opened
        raise UpstreamTimeout(attempt.upstream, "The upstream did not answer in time.")


def answer_fault(name: str, error: AnswerError) -> UpstreamError:
    """A faulty answer as an upstream's failure. An error inside a 200 response gets the status that it would have had as an
    ordinary error response."""
    if error.malformed:
        return UpstreamBroken(name, error.message)
    of_type = 400 if error.type == "invalid_request_error" else 500
    status = _STATUS_OF_CODE.get(error.code or "", of_type)
    return refused_with(name, error.message, status=status, type=error.type, code=error.code, param=error.param)


def _id_of(answer: UpstreamAnswer) -> str | None:
    return answer.headers.get("x-request-id") or answer.headers.get("request-id")


async def _refusal(name: str, answer: UpstreamAnswer, dialect: Dialect) -> UpstreamRefused:
    body = b""
    with trio.move_on_after(REFUSAL_SECONDS):
        try:
            while len(body) <= REFUSAL_BYTES_MAX and (data := await answer.receive()):
                body += data
        except UpstreamError:
            body = b""
    return refused(name, answer.status, answer.headers, body, dialect)


def _worth_repeating(error: UpstreamError) -> bool:
    if isinstance(error, UpstreamRefused):
        return error.status not in (401, 403) and (error.retry_after or 0) <= PAUSE_SECONDS_MAX
    return isinstance(error, UpstreamUnreachable | UpstreamBroken)


def _pause(error: UpstreamError, attempt: int) -> float:
    requested = error.retry_after if isinstance(error, UpstreamRefused) else None
    grown = PAUSE_SECONDS_FIRST * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not a secret
    return min(PAUSE_SECONDS_MAX, grown if requested is None else max(requested, grown))
