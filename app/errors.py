"""Every error that a client can get: one table maps an error type to a status and an OpenAI envelope.

Rule 1: an error's type says whose fault it is. Only the table below says how the type appears in HTTP.
Rule 2: an error type that is not in the table is a bug of ours: status 500, logged by its catcher, its text never shown.
Rule 3: a message says what to do next. Text from a vendor is cleaned first.
Rule 4: clients retry 408, 409, 429 and 5xx automatically. If a retry cannot help, the answer has `x-should-retry: false`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.envelope import clean, envelope, one_line
from app.faults import (
    RETRY_SECONDS,
    BadRequest,
    BadSignature,
    BodyTooLarge,
    CheckoutDisabled,
    CrossOrigin,
    HeadersTooLarge,
    HttpVersionNotSupported,
    IdempotencyKeyUsed,
    InvalidCredentials,
    InvalidLink,
    MethodNotAllowed,
    NotFound,
    NotSealedYet,
    NotSettledYet,
    NotSignedIn,
    Overloaded,
    PaymentMethodRequired,
    ReadModelsUnavailable,
    RequestTooSlow,
    SessionRequired,
    ShuttingDown,
    SignUpDisabled,
    StorageUnavailable,
    TooManyAttempts,
    TooManyConflicts,
    TooManyExports,
    TooManyStreams,
    Unauthorized,
    UnsupportedMediaType,
    UpgradeRefused,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
    VendorRefused,
    VendorUnavailable,
)
from app.ledger.store import StoreBusy, StoreUnavailable
from app.wire.exchange import AnswerError, RequestError
from domain import errors as domain
from domain.decimals import format_usd

Headers = tuple[tuple[str, str], ...]

NO_RETRY = ("x-should-retry", "false")
RETRY_SECONDS_MAX = 86_400


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error, ready to send. Header names are lower case; the sender adds content-type and content-length."""

    status: int
    body: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """The result of one row of the table. If `message` is None, the error's own text is used."""

    status: int
    type: str
    code: str | None
    message: str | None = None
    param: str | None = None
    headers: Headers = ()
    members: Mapping[str, object] = field(default_factory=dict)


Rule = Callable[[Any, str | None], Problem]

INVALID = "invalid_request_error"
SERVER = "server_error"
UPSTREAM = "upstream_error"
RATE = "rate_limit_error"


def retry_after(seconds: float) -> tuple[str, str]:
    """The header, in whole seconds from 1 to RETRY_SECONDS_MAX."""
    return ("retry-after", str(max(1, min(math.ceil(seconds), RETRY_SECONDS_MAX))))


def _as(status: int, type: str, code: str | None, *headers: tuple[str, str], message: str | None = None) -> Rule:
    problem = Problem(status, type, code, message=message, headers=headers)
    return lambda _error, _endpoint: problem


def _insufficient(error: domain.InsufficientQuota, _endpoint: str | None) -> Problem:
    members = {
        "needed": format_usd(error.needed_nanos),
        "needed_nanos": str(error.needed_nanos),
        "available": format_usd(error.available_nanos),
        "available_nanos": str(error.available_nanos),
    }
    return Problem(402, "insufficient_quota", "insufficient_quota", members=members)


def _model_not_found(_error: domain.ModelNotFound, endpoint: str | None) -> Problem:
    # As OpenAI does: the Responses API reports an invalid parameter, every other endpoint a missing resource.
    if endpoint == "responses":
        return Problem(400, INVALID, "model_not_found", param="model")
    return Problem(404, INVALID, "model_not_found")


def _rate_limited(error: domain.RateLimited, _endpoint: str | None) -> Problem:
    wait = error.retry_after_seconds
    return Problem(429, RATE, "rate_limit_exceeded", headers=(NO_RETRY if wait is None else retry_after(wait),))


def _request_error(error: RequestError, _endpoint: str | None) -> Problem:
    return Problem(error.status, INVALID, error.code, message=error.message, param=error.param)


def _answer_error(error: AnswerError, _endpoint: str | None) -> Problem:
    if error.malformed:
        return _BROKEN
    if error.type == INVALID:
        return Problem(400, INVALID, error.code, message=clean(error.message), param=error.param)
    return Problem(502, UPSTREAM, error.code or UPSTREAM, message=clean(error.message), param=error.param)


def _upstream_refused(error: UpstreamRefused, _endpoint: str | None) -> Problem:
    status = error.status
    if status in (400, 404, 413, 422):
        return Problem(
            400 if status == 404 else status, INVALID, error.code, message=clean(error.message), param=error.param
        )
    if status == 429:
        wait = retry_after(error.retry_after if error.retry_after is not None else RETRY_SECONDS)
        message = (
            "The model's provider is rate-limiting this gateway. Nothing was charged. "
            "Try again after the time in Retry-After."
        )
        return Problem(429, RATE, "upstream_rate_limited", message=message, headers=(wait,))
    if status in (401, 403):
        # Our own credentials or permissions failed. The client can do nothing about it, and must not see the provider's text.
        return Problem(
            502,
            UPSTREAM,
            UPSTREAM,
            message="This model's provider rejected the gateway's credentials or account. Contact the operator.",
        )
    if status == 504:
        return _TIMED_OUT
    return Problem(502, UPSTREAM, UPSTREAM, message=f"The model's provider failed: {clean(error.message)}"[:2000])


_BROKEN = Problem(
    502,
    UPSTREAM,
    "upstream_broken",
    message="The model's provider sent an incomplete or invalid answer. Nothing was charged. Try again.",
)
_TIMED_OUT = Problem(
    504,
    UPSTREAM,
    "upstream_timeout",
    message="The model's provider did not answer in time. Nothing was charged. Try again.",
)


def _overloaded(error: Overloaded, _endpoint: str | None) -> Problem:
    wait = (retry_after(error.retry_after_seconds),)
    if error.per_key:
        return Problem(429, RATE, "concurrency_limit_exceeded", headers=wait)
    return Problem(503, SERVER, "overloaded", headers=wait)


def _idempotency(error: IdempotencyKeyUsed, _endpoint: str | None) -> Problem:
    members = {"request_id": error.request_id, "state": error.state}
    return Problem(409, INVALID, "idempotency_key_used", headers=(NO_RETRY,), members=members)


_UNAUTHORIZED = _as(401, INVALID, "invalid_api_key", ("www-authenticate", "Bearer"))
_RETRY = retry_after(RETRY_SECONDS)

_TABLE: dict[type[Exception], Rule] = {
    # The client's fault
    BadRequest: lambda error, _: Problem(400, INVALID, error.code, param=error.param),
    Unauthorized: _UNAUTHORIZED,
    NotFound: _as(404, INVALID, "not_found"),
    MethodNotAllowed: lambda error, _: Problem(
        405, INVALID, "method_not_allowed", headers=(("allow", ", ".join(error.allowed)),)
    ),
    RequestTooSlow: _as(408, INVALID, "request_timeout"),
    IdempotencyKeyUsed: _idempotency,
    SignUpDisabled: _as(403, INVALID, "signup_disabled"),
    InvalidCredentials: _as(401, INVALID, "invalid_credentials"),
    InvalidLink: _as(401, INVALID, "invalid_link"),
    NotSignedIn: _as(401, INVALID, "not_signed_in"),
    SessionRequired: _as(403, INVALID, "session_required"),
    CrossOrigin: _as(403, INVALID, "cross_origin"),
    TooManyAttempts: lambda error, _: Problem(
        429, RATE, "too_many_attempts", headers=(retry_after(error.retry_after_seconds),)
    ),
    TooManyExports: _as(429, RATE, "too_many_exports", retry_after(RETRY_SECONDS)),
    TooManyStreams: _as(429, RATE, "too_many_streams", retry_after(RETRY_SECONDS)),
    CheckoutDisabled: _as(403, INVALID, "checkout_disabled"),
    NotSettledYet: _as(409, INVALID, "request_open", retry_after(1)),
    PaymentMethodRequired: _as(409, INVALID, "payment_method_required", NO_RETRY),
    BadSignature: _as(
        400,
        INVALID,
        "invalid_signature",
        message="The webhook's signature is missing, wrong or too old. The webhook was discarded.",
    ),
    BodyTooLarge: _as(413, INVALID, "request_too_large"),
    UnsupportedMediaType: _as(415, INVALID, "unsupported_media_type"),
    HeadersTooLarge: _as(431, INVALID, "headers_too_large"),
    UpgradeRefused: _as(426, INVALID, "websocket_not_supported", NO_RETRY, ("upgrade", "HTTP/1.1")),
    HttpVersionNotSupported: _as(505, INVALID, "http_version_not_supported", NO_RETRY),
    RequestError: _request_error,
    # Limits of the account and the key
    domain.InvalidValue: lambda error, _: Problem(400, INVALID, "invalid_value", param=error.field),
    domain.NotFound: _as(404, INVALID, "not_found"),
    domain.AlreadyExists: _as(409, INVALID, "already_exists", NO_RETRY),
    domain.KeyIsRevoked: _UNAUTHORIZED,
    domain.KeyIsExpired: _UNAUTHORIZED,
    domain.InsufficientQuota: _insufficient,
    domain.FilesFull: _as(403, INVALID, "file_storage_full"),
    domain.AccountIsFrozen: _as(402, "insufficient_quota", "account_frozen"),
    domain.ModelNotAllowed: _as(403, INVALID, "model_not_allowed"),
    domain.ModelNotFound: _model_not_found,
    domain.RateLimited: _rate_limited,
    domain.TooManyCheckouts: _as(429, RATE, "too_many_checkouts", NO_RETRY),
    domain.DomainError: _as(400, INVALID, None),
    # Our fault
    Overloaded: _overloaded,
    ShuttingDown: _as(503, SERVER, "shutting_down", _RETRY),
    StoreBusy: _as(
        503, SERVER, "store_unavailable", _RETRY, message="The ledger is busy. Nothing was charged. Try again shortly."
    ),
    StoreUnavailable: _as(
        503,
        SERVER,
        "store_unavailable",
        _RETRY,
        message="The ledger is unavailable, so no request can be accepted. Nothing was charged. Try again shortly.",
    ),
    ReadModelsUnavailable: _as(
        503, SERVER, "store_unavailable", _RETRY, message="This data is temporarily unavailable. Try again shortly."
    ),
    StorageUnavailable: _as(
        503,
        SERVER,
        "file_storage_unavailable",
        _RETRY,
        message="The file storage is unavailable. Nothing was charged. Try again shortly.",
    ),
    NotSealedYet: _as(503, SERVER, "not_sealed_yet", retry_after(2)),
    TooManyConflicts: _as(
        503,
        SERVER,
        "store_unavailable",
        _RETRY,
        message="Another request is changing the same data. Try again shortly.",
    ),
    VendorUnavailable: _as(
        503,
        SERVER,
        "payments_unavailable",
        _RETRY,
        message="The payment processor is unavailable. Nothing was charged. Try again shortly.",
    ),
    VendorRefused: _as(
        502,
        SERVER,
        "payments_refused",
        NO_RETRY,
        message="The payment processor rejected this request. Nothing was charged. Contact the operator.",
    ),
    # The upstream's fault
    UpstreamRefused: _upstream_refused,
    UpstreamTimeout: lambda _error, _: _TIMED_OUT,
    UpstreamBroken: lambda _error, _: _BROKEN,
    UpstreamUnreachable: _as(
        502,
        UPSTREAM,
        "upstream_unreachable",
        message="The model's provider is unreachable. Nothing was charged. Try again.",
    ),
    UpstreamError: _as(502, UPSTREAM, UPSTREAM, message="The model's provider failed. Nothing was charged. Try again."),
    AnswerError: _answer_error,
}

_INTERNAL = Problem(
    500,
    SERVER,
    "internal_error",
    message="Something went wrong on our side. Try again; if the problem persists, send us the x-request-id.",
)


def is_expected(error: Exception) -> bool:
    """Whether the table has a row for this error. The caller logs any other error with its traceback."""
    return any(kind in _TABLE for kind in type(error).__mro__)


def problem_of(error: Exception, *, endpoint: str | None = None) -> Problem:
    """The table's row for `error`. `endpoint` is "responses", "chat" or None."""
    for kind in type(error).__mro__:
        rule = _TABLE.get(kind)
        if rule is not None:
            problem: Problem = rule(error, endpoint)
            return problem
    return _INTERNAL


def answer_for(error: Exception, *, endpoint: str | None = None) -> ErrorAnswer:
    """The complete answer for `error`: status, envelope and headers."""
    problem = problem_of(error, endpoint=endpoint)
    body = envelope(
        message_of(error, problem), type=problem.type, code=problem.code, param=problem.param, members=problem.members
    )
    return ErrorAnswer(problem.status, body, problem.headers)


def message_of(error: Exception, problem: Problem) -> str:
    """The message shown to the client, for envelopes and for streams that end in an error."""
    return one_line(str(error)) if problem.message is None else problem.message
