"""Every error type of `app` for failures of the outside world. All derive from `domain.errors.Fault`.

Rule 1: the type says whose fault the error is. Only `errors.py` knows how a type appears in HTTP.
Rule 2: `str(error)` is written for its reader, a client or an operator, and never contains a secret.
Rule 3: `app.wire` and `app.ledger` are below this module and define their errors next to the code that raises them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from app.ledger.store import StoreUnavailable
from app.wire.exchange import RequestError
from domain.errors import Fault
from domain.file import FILE_BYTES_MAX
from projections.contract import Unavailable

KeyProblem = Literal["missing", "malformed", "foreign", "unknown"]

RETRY_SECONDS = 1
"""How soon a client may retry after a queue was full or a store was busy."""
FILE_ID_SHOWN_MAX = 100


# -- The HTTP request ----------------------------------------------------------------------------------------------------


class ApiError(Fault):
    """A request that the edge refuses. `str(error)` may be shown to the client."""


class BadRequest(ApiError):
    """The request is not valid HTTP or JSON. `param` names the invalid part, `code` the kind of error."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


_KEY_PROBLEMS: Mapping[KeyProblem, str] = {
    "missing": "No API key was sent. Send your key as `Authorization: Bearer sk-rr-...`. "
    "Create keys in the dashboard under API keys, or with `realrouter key create`.",
    "malformed": "This is not a valid API key: it looks incomplete or miscopied. A key is `sk-rr-` followed by 38 "
    "letters and digits. Copy it again, or create a new one in the dashboard or with `realrouter key create`.",
    "foreign": "This API key belongs to another provider and does not work here. If you sent it by mistake, revoke it there. "
    "Keys for this gateway start with `sk-rr-`: create one in the dashboard or with `realrouter key create`.",
    "unknown": "This API key does not exist on this server. Check that you are calling the right server, "
    "or create a new key in the dashboard or with `realrouter key create`.",
}


class Unauthorized(ApiError):
    """There is no key, or the key cannot be used."""

    def __init__(self, kind: KeyProblem) -> None:
        super().__init__(_KEY_PROBLEMS[kind])
        self.kind = kind


class NotFound(ApiError):
    """The route or the resource does not exist."""

    def __init__(self, message: str = "Not found. Check the path, and that the base URL ends in /v1.") -> None:
        super().__init__(message)


class MethodNotAllowed(ApiError):
    """The route does not accept this method."""

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{method} is not allowed here. Use {' or '.join(allowed) or 'another method'}.")
        self.allowed = allowed


class BodyTooLarge(ApiError):
    """The body exceeds the limit, by its Content-Length or by the bytes received so far."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"The request body is larger than {limit_bytes} bytes. Send less, or upload files and refer to them by ID."
        )
        self.limit_bytes = limit_bytes


class UnsupportedMediaType(ApiError):
    """The route does not accept this media type or encoding."""


class HeadersTooLarge(ApiError):
    """The request line and headers together exceed a limit."""


class HttpVersionNotSupported(ApiError):
    """The client used a protocol other than HTTP/1."""


class UpgradeRefused(ApiError):
    """The client asked to switch to another protocol, and does not expect an answer in this one."""


class RequestTooSlow(ApiError):
    """The head or the body did not arrive in time."""


class Overloaded(ApiError):
    """At capacity. `per_key`: this key has too many open requests; otherwise the process has."""

    def __init__(self, *, per_key: bool, limit: int | None = None, retry_after_seconds: int = RETRY_SECONDS) -> None:
        most = f" (at most {limit})" if limit is not None else ""
        super().__init__(
            f"This API key has too many open requests{most}. Wait for one to finish."
            if per_key
            else "The server is at capacity. Nothing was charged. Try again shortly."
        )
        self.per_key = per_key
        self.retry_after_seconds = retry_after_seconds


class ShuttingDown(ApiError):
    """The process is shutting down. Another process, or this one after a restart, will answer."""

    def __init__(self) -> None:
        super().__init__("The server is shutting down. Nothing was charged. Try again shortly.")


class IdempotencyKeyUsed(ApiError):
    """The account has already used this Idempotency-Key. `state`: the state of that first request."""

    def __init__(self, request_id: str, state: str) -> None:
        super().__init__(
            f"This Idempotency-Key was already used by request {request_id}, which is {state}. "
            "You were not charged again. To send a new request, use a new key."
        )
        self.request_id = request_id
        self.state = state


# -- Accounts and signing in ----------------------------------------------------------------------------------------------


class SignUpDisabled(ApiError):
    """Only the operator creates accounts."""

    def __init__(self) -> None:
        super().__init__("Sign-up is disabled on this server. Ask the operator for an account.")


class InvalidCredentials(ApiError):
    """The e-mail or the password is wrong. The error does not say which."""

    def __init__(self) -> None:
        super().__init__("The e-mail or the password is wrong.")


class NotSignedIn(ApiError):
    """There is no session, or it has expired."""

    def __init__(self) -> None:
        super().__init__("You are not signed in, or your session has expired. Sign in with POST /api/session.")


class SessionRequired(ApiError):
    """The request sent an API key, but this route requires a session."""

    def __init__(self) -> None:
        super().__init__(
            "An API key can only read data and start a checkout. For anything else, sign in and send no API key."
        )


class CrossOrigin(ApiError):
    """A page from another origin tried to act for the signed-in user."""

    def __init__(self) -> None:
        super().__init__(
            "This request comes from a page on another origin. The operator can allow that origin in server.cors_origins."
        )


class InvalidLink(ApiError):
    """The sign-in link is used, expired, replaced or malformed."""

    def __init__(self) -> None:
        super().__init__(
            "This sign-in link is not valid: it was already used, is older than 15 minutes, was replaced by a newer one, or is "
            "incomplete. Request a new one, or sign in with your e-mail and password."
        )


class TooManyExports(ApiError):
    """The account already has the maximum number of exports running."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"This account already has {limit} exports in progress. Wait for one to finish.")


class TooManyStreams(ApiError):
    """The account already has the maximum number of event streams open."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"This account already has {limit} event streams open. Close one first.")


class CheckoutDisabled(ApiError):
    """This server sells no credit."""

    def __init__(self) -> None:
        super().__init__("This server does not sell credit. Ask the operator to add credit.")


class PaymentMethodRequired(ApiError):
    """No saved payment method may be charged."""

    def __init__(self) -> None:
        super().__init__(
            "No payment method is saved. Buy a pack with save_payment_method, then enable automatic top-ups."
        )


class TooManyAttempts(Fault):
    """All attempts allowed in this window were used. The window ends in `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"Too many attempts. Try again in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds


class TooManyConflicts(Fault):
    """Concurrent writers kept changing this stream. Nothing was appended; a retry is safe."""


# -- Files ---------------------------------------------------------------------------------------------------------------


class StorageUnavailable(Fault):
    """The file storage is unreachable or full, or returned bytes other than those stored. A retry is safe."""


class NoSuchFile(RequestError):
    """The account has no file with this id."""

    def __init__(self, file_id: str, param: str = "id") -> None:
        super().__init__(
            f"No such File object: {file_id[:FILE_ID_SHOWN_MAX]}", param=param, code="file_not_found", status=404
        )


class FileTooLarge(RequestError):
    """The file exceeds the size limit; noticed while it was being received."""

    def __init__(self) -> None:
        super().__init__(
            f"The file is larger than {FILE_BYTES_MAX} bytes ({FILE_BYTES_MAX // 2**20} MB). Split it, or compress its images.",
            param="file",
            code="file_too_large",
            status=413,
        )


# -- Payments ------------------------------------------------------------------------------------------------------------


class VendorUnavailable(Fault):
    """The payment processor is unreachable, rate-limits us, or failed. Retry."""


class VendorRefused(Fault):
    """The payment processor rejected our request: a wrong setting, or a bug in the gateway."""


class BadSignature(Fault):
    """The webhook was not signed by the payment processor, or its signature is too old."""


class StripeNotConfigured(Fault):
    """The settings enable Stripe without its secrets."""


# -- Read models, exports, reports and statements -----------------------------------------------------------------------


class ReadModelsUnavailable(StoreUnavailable, Unavailable):
    """The read models are unreachable or locked."""


class ExportUnfit(Fault):
    """The existing file cannot be continued by this export."""


class NoSuchExport(Fault):
    """No such export kind exists, or it has no such table."""


class ProviderFileUnfit(Fault):
    """The mapping cannot read this file."""


class PricesUnfit(Fault):
    """The file contains no valid prices."""


# -- The sealed log -----------------------------------------------------------------------------------------------------


class LogDiffers(Fault):
    """The log is not the one that was signed: it is shorter, or an event differs. Signing stops until the operator checks it."""


class NotSealedYet(Fault):
    """The event is in the ledger, but no signed checkpoint covers it yet. `refused`: signing is suspended."""

    def __init__(self, *, refused: bool = False) -> None:
        super().__init__(
            "This event is recorded in the ledger, but signing is suspended until the operator has checked the log."
            if refused
            else "This event is recorded in the ledger, and the next signed checkpoint will include it. Try again in a few seconds."
        )


class NotSettledYet(Fault):
    """The request is still open: there is nothing to prove yet."""

    def __init__(self) -> None:
        super().__init__("This request is still open. Its receipt is available once it has been charged or released.")


class ExportRefused(Fault):
    """The folder contains something else, or the log is not sealed."""


class RestoreRefused(Fault):
    """The target already has a ledger, or the exported copy cannot be restored."""


class AdoptRefused(Fault):
    """A checkpoint file already exists, or there is no checkpoint to start one from."""


# -- Upstreams ----------------------------------------------------------------------------------------------------------


class UpstreamError(Fault):
    """An upstream failed. `retryable`: a retry, or the next upstream, may succeed."""

    retryable = True

    def __init__(self, upstream: str, message: str) -> None:
        super().__init__(message)
        self.upstream = upstream
        self.message = message


class UpstreamUnreachable(UpstreamError):
    """The connection or TLS handshake failed, or the connection was lost before the first byte of the answer."""


class UpstreamTimeout(UpstreamError):
    """A deadline passed: connect, first byte, idle time between bytes, or the whole answer."""


class UpstreamBroken(UpstreamError):
    """The answer is truncated or malformed: half a frame, invalid JSON, an early end of stream."""


class UpstreamRefused(UpstreamError):
    """The upstream answered with an error. `status` is its HTTP status (for an error inside a 200: the status that error normally
    has). `code`, `type` and `param` come from its envelope, cleaned; `retry_after` is in seconds."""

    def __init__(
        self,
        upstream: str,
        message: str,
        *,
        status: int,
        code: str | None = None,
        type: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(upstream, message)
        self.status = status
        self.code = code
        self.type = type
        self.param = param
        self.retry_after = retry_after
        self.retryable = status in (408, 409, 429) or status >= 500 or status in (401, 403)


# -- Starting a gateway --------------------------------------------------------------------------------------------------


class PricesDiffer(Fault):
    """The configured prices differ from those in the ledger."""


class SiteUnfit(Fault):
    """The website that was found cannot be served. `str(error)` may be shown to the operator."""
