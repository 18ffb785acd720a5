"""Every error a client may see: one table turns an error's type into a status and an OpenAI envelope.

Rule 1: an error says whose fault it is by its type; the table below, and nothing else, says how that is spelled in HTTP.
Rule 2: what the table does not know is a bug of ours: 500, logged by whoever caught it, its text never shown.
Rule 3: a message teaches what to do next. What a vendor wrote is cleaned first.
Rule 4: clients retry 408, 409, 429 and 5xx by themselves: `x-should-retry: false` stands wherever that cannot help.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.envelope import clean, envelope, one_line
from app.faults import (
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
KeyProblem = Literal["missing", "malformed", "foreign", "unknown"]

NO_RETRY = ("x-should-retry", "false")
RETRY_SECONDS = 1
"""How soon a client may ask again when a queue or a store was in the way."""
RETRY_SECONDS_MAX = 86_400


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error, ready to send. Header names are lower case; content-type and content-length are the sender's."""

    status: int
    body: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One row's outcome. `message` None: the error's own text."""

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
    """The header, in whole seconds, never 0 and never absurd."""
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
    # OpenAI spells it this way: Responses call it a bad parameter, everything else a missing resource.
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
        message = "The model's provider is limiting our requests. Nothing was charged. Try again after the wait."
        return Problem(429, RATE, "upstream_rate_limited", message=message, headers=(wait,))
    if status in (401, 403):
        # Our own credentials or permissions there: the client can do nothing about it, nor should it see what was said.
        return Problem(
            502, UPSTREAM, UPSTREAM, message="The gateway is not set up for this model's provider. Tell its operator."
        )
    if status == 504:
        return _TIMED_OUT
    return Problem(502, UPSTREAM, UPSTREAM, message=f"The model's provider failed: {clean(error.message)}"[:2000])


_BROKEN = Problem(
    502,
    UPSTREAM,
    "upstream_broken",
    message="The model's provider broke off or sent an answer that makes no sense. Nothing was charged. Try again.",
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
    # The client's
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
        message="The webhook's signature is missing, wrong, or too old. Nothing was kept.",
    ),
    BodyTooLarge: _as(413, INVALID, "request_too_large"),
    UnsupportedMediaType: _as(415, INVALID, "unsupported_media_type"),
    HeadersTooLarge: _as(431, INVALID, "headers_too_large"),
    HttpVersionNotSupported: _as(505, INVALID, "http_version_not_supported", NO_RETRY),
    RequestError: _request_error,
    # The account's and the key's
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
    # Ours
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
        message="The ledger is out of reach, so nothing can be admitted. Nothing was charged. Try again shortly.",
    ),
    ReadModelsUnavailable: _as(
        503, SERVER, "store_unavailable", _RETRY, message="What was asked for is being made ready. Try again shortly."
    ),
    StorageUnavailable: _as(
        503,
        SERVER,
        "file_storage_unavailable",
        _RETRY,
        message="The storage of files is out of reach. Nothing was charged. Try again shortly.",
    ),
    NotSealedYet: _as(503, SERVER, "not_sealed_yet", retry_after(2)),
    TooManyConflicts: _as(
        503, SERVER, "store_unavailable", _RETRY, message="Others are changing the same thing. Try again shortly."
    ),
    VendorUnavailable: _as(
        503,
        SERVER,
        "payments_unavailable",
        _RETRY,
        message="The payment processor is out of reach. Nothing was charged. Try again shortly.",
    ),
    VendorRefused: _as(
        502,
        SERVER,
        "payments_refused",
        NO_RETRY,
        message="The payment processor does not take this. Nothing was charged. Tell the operator.",
    ),
    # The upstream's
    UpstreamRefused: _upstream_refused,
    UpstreamTimeout: lambda _error, _: _TIMED_OUT,
    UpstreamBroken: lambda _error, _: _BROKEN,
    UpstreamUnreachable: _as(
        502,
        UPSTREAM,
        "upstream_unreachable",
        message="The model's provider cannot be reached. Nothing was charged. Try again.",
    ),
    UpstreamError: _as(502, UPSTREAM, UPSTREAM, message="The model's provider failed. Nothing was charged. Try again."),
    AnswerError: _answer_error,
}

_INTERNAL = Problem(
    500,
    SERVER,
    "internal_error",
    message="Something went wrong on our side. Try again, and tell us the x-request-id if it stays.",
)


def is_expected(error: Exception) -> bool:
    """Whether the table knows this error. Whatever it does not know is logged with its traceback."""
    return any(kind in _TABLE for kind in type(error).__mro__)


def problem_of(error: Exception, *, endpoint: str | None = None) -> Problem:
    """What the table says, the message filled in. `endpoint` is "responses", "chat" or None."""
    for kind in type(error).__mro__:
        rule = _TABLE.get(kind)
        if rule is not None:
            problem: Problem = rule(error, endpoint)
            return problem
    return _INTERNAL


def answer_for(error: Exception, *, endpoint: str | None = None) -> ErrorAnswer:
    """The whole answer to `error`: status, envelope and headers."""
    problem = problem_of(error, endpoint=endpoint)
    body = envelope(
        message_of(error, problem), type=problem.type, code=problem.code, param=problem.param, members=problem.members
    )
    return ErrorAnswer(problem.status, body, problem.headers)


def message_of(error: Exception, problem: Problem) -> str:
    """The sentence that a client reads, for envelopes and for streams that end in an error."""
    return one_line(str(error)) if problem.message is None else problem.message
