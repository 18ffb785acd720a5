"""What goes wrong in the world outside: every error type of `app`, under the one base class `domain.errors.Fault`.

Rule 1: an error says by its type whose fault it is. How each type is spelled in HTTP is in `errors.py`, and nowhere else.
Rule 2: `str(error)` is written for the person who reads it, a client or an operator, and never holds a secret.
Rule 3: the wire and the ledger, which this module is above, define their own errors beside what raises them.
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
"""How soon a client may try again when a queue or a store was in the way."""
FILE_ID_SHOWN_MAX = 100


# -- The HTTP request ----------------------------------------------------------------------------------------------------


class ApiError(Fault):
    """A request that the edge refuses. `str(error)` is fit for the client's eyes."""


class BadRequest(ApiError):
    """The request makes no sense as HTTP or as JSON. `param` names the part, `code` the kind."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


_KEY_PROBLEMS: Mapping[KeyProblem, str] = {
    "missing": "No API key was sent. Send your key as `Authorization: Bearer sk-rr-...`. "
    "Keys are made in the dashboard under API keys, or with `realrouter key create`.",
    "malformed": "This is no API key of this gateway: it is incomplete or was copied wrongly. A key is `sk-rr-` and 38 "
    "letters and digits. Copy it again, or make a new one in the dashboard or with `realrouter key create`.",
    "foreign": "This API key was made by another provider and does not work here; revoke it there if it was sent by mistake. "
    "Keys of this gateway begin with `sk-rr-`: make one in the dashboard or with `realrouter key create`.",
    "unknown": "This API key is not known here. Check that it belongs to this server, "
    "or make a new one in the dashboard or with `realrouter key create`.",
}


class Unauthorized(ApiError):
    """No key, or one that cannot be used."""

    def __init__(self, kind: KeyProblem) -> None:
        super().__init__(_KEY_PROBLEMS[kind])
        self.kind = kind


class NotFound(ApiError):
    """No route, or nothing there."""

    def __init__(
        self, message: str = "There is nothing at this address. Check the path, and that the base URL ends in /v1."
    ) -> None:
        super().__init__(message)


class MethodNotAllowed(ApiError):
    """The route takes other methods."""

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{method} is not allowed here. Use {' or '.join(allowed) or 'another method'}.")
        self.allowed = allowed


class BodyTooLarge(ApiError):
    """The body is past the limit, by its Content-Length or by what has arrived."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"The request body is larger than {limit_bytes} bytes. Send less, or upload the files and refer to them."
        )
        self.limit_bytes = limit_bytes


class UnsupportedMediaType(ApiError):
    """The body comes in a form that the route does not read."""


class HeadersTooLarge(ApiError):
    """The request line and headers together are past a limit."""


class HttpVersionNotSupported(ApiError):
    """Something else than HTTP/1 was spoken."""


class RequestTooSlow(ApiError):
    """The head or the body did not arrive in time."""


class Overloaded(ApiError):
    """No room now. `per_key`: the key has too many requests open; else the whole process has."""

    def __init__(self, *, per_key: bool, limit: int | None = None, retry_after_seconds: int = RETRY_SECONDS) -> None:
        most = f" (at most {limit})" if limit is not None else ""
        super().__init__(
            f"This API key has too many requests open at once{most}. Wait for one to finish."
            if per_key
            else "The server is at its capacity. Nothing was charged. Try again shortly."
        )
        self.per_key = per_key
        self.retry_after_seconds = retry_after_seconds


class ShuttingDown(ApiError):
    """The process is going away; another one, or this one after its start, will answer."""

    def __init__(self) -> None:
        super().__init__("The server is restarting. Nothing was charged. Try again shortly.")


class IdempotencyKeyUsed(ApiError):
    """The account used this Idempotency-Key before. `state`: what became of that first request."""

    def __init__(self, request_id: str, state: str) -> None:
        super().__init__(
            f"This Idempotency-Key was used before, by request {request_id}, which is {state}. "
            "Nothing was charged again. For a new request send a new key."
        )
        self.request_id = request_id
        self.state = state


# -- The account and who signs in ----------------------------------------------------------------------------------------


class SignUpDisabled(ApiError):
    """The operator makes the accounts."""

    def __init__(self) -> None:
        super().__init__("Sign-up is switched off here. Ask the operator for an account.")


class InvalidCredentials(ApiError):
    """Whichever of the two is wrong."""

    def __init__(self) -> None:
        super().__init__("The e-mail or the password is wrong.")


class NotSignedIn(ApiError):
    """There is no session, or it is over."""

    def __init__(self) -> None:
        super().__init__("Nobody is signed in here, or the session is over. Sign in: POST /api/session.")


class SessionRequired(ApiError):
    """A key was sent where only somebody who is signed in may ask."""

    def __init__(self) -> None:
        super().__init__("An API key may not do this: it may read, and begin a checkout. Sign in, and send no key.")


class CrossOrigin(ApiError):
    """A page of another origin tried to act for whoever is signed in."""

    def __init__(self) -> None:
        super().__init__(
            "This request comes from a page of another origin. The operator may allow it (server.cors_origins)."
        )


class InvalidLink(ApiError):
    """A link to sign in that is used, over, replaced, or none."""

    def __init__(self) -> None:
        super().__init__(
            "This sign-in link does not work: it was used, is older than 15 minutes, was replaced by a newer one, or was "
            "cut short. Ask for a new one, or sign in with your e-mail and password."
        )


class TooManyExports(ApiError):
    """The account is being sent so many exports already."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} exports of this account are being sent already. Wait for one of them to end.")


class TooManyStreams(ApiError):
    """The account listens to its events so often already."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"This account has {limit} streams of events open here. Close one first.")


class CheckoutDisabled(ApiError):
    """Nothing is sold here."""

    def __init__(self) -> None:
        super().__init__("No credit is sold here. Ask the operator for it.")


class PaymentMethodRequired(ApiError):
    """There is no payment method that may be charged."""

    def __init__(self) -> None:
        super().__init__("No payment method is saved. Buy a pack with save_payment_method first, then switch it on.")


class TooManyAttempts(Fault):
    """So many attempts are allowed in a window, and were made. `retry_after_seconds` until it ends."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"Too many attempts. Try again in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds


class TooManyConflicts(Fault):
    """Others kept writing to this stream. Nothing was appended; asking again is safe."""


# -- Files ---------------------------------------------------------------------------------------------------------------


class StorageUnavailable(Fault):
    """The storage of files is out of reach, full, or gave back something else than was put there. Asking again is safe."""


class NoSuchFile(RequestError):
    """No file of this id is there for this account."""

    def __init__(self, file_id: str, param: str = "id") -> None:
        super().__init__(
            f"No such File object: {file_id[:FILE_ID_SHOWN_MAX]}", param=param, code="file_not_found", status=404
        )


class FileTooLarge(RequestError):
    """The file is past the limit, noticed as it came."""

    def __init__(self) -> None:
        megabytes = FILE_BYTES_MAX // 2**20
        super().__init__(
            f"The file is larger than {FILE_BYTES_MAX} bytes ({megabytes} MB), the most that one file may have. Split it, or "
            "make its images smaller.",
            param="file",
            code="file_too_large",
            status=413,
        )


# -- Payments ------------------------------------------------------------------------------------------------------------


class VendorUnavailable(Fault):
    """The processor is out of reach, limits us, or failed. Ask again."""


class VendorRefused(Fault):
    """The processor finds our request wrong: a setting of the operator's, or a bug of ours."""


class BadSignature(Fault):
    """A webhook that the processor did not sign, or signed too long ago."""


class StripeNotConfigured(Fault):
    """The settings name Stripe, without the secrets that it needs."""


# -- Read models, exports, reports and statements -----------------------------------------------------------------------


class ReadModelsUnavailable(StoreUnavailable, Unavailable):
    """The read models are out of reach or locked."""


class ExportUnfit(Fault):
    """The file that is there is not what the export could go on with."""


class NoSuchExport(Fault):
    """There is no export of this kind, or of this table in it."""


class ProviderFileUnfit(Fault):
    """The file is not one that the mapping can read."""


class PricesUnfit(Fault):
    """The file holds no prices that can be read."""


# -- The sealed log -----------------------------------------------------------------------------------------------------


class LogDiffers(Fault):
    """The log is not the one that was signed: shorter, or with another event in it. Nothing is signed until somebody has looked."""


class NotSealedYet(Fault):
    """The event is in the ledger, and in no signed checkpoint yet. `refused`: nothing is being signed at present."""

    def __init__(self, *, refused: bool = False) -> None:
        when = (
            "nothing is signed at present, until the operator has looked at the log"
            if refused
            else "will be in the next signed checkpoint within seconds. Try again then"
        )
        super().__init__(f"This is in the ledger, and {when}.")


class NotSettledYet(Fault):
    """The request is open: there is nothing to prove of it."""

    def __init__(self) -> None:
        super().__init__("This request is still open. A receipt is made of its charge or of its release.")


class ExportRefused(Fault):
    """The folder holds something else, or nothing is sealed."""


class RestoreRefused(Fault):
    """There is a ledger in the place of the new one, or what was signed cannot be one."""


class AdoptRefused(Fault):
    """There is a checkpoint file already, or no checkpoint that it could begin with."""


# -- Upstreams ----------------------------------------------------------------------------------------------------------


class UpstreamError(Fault):
    """An upstream did not do its part. `retryable` says whether asking again, or asking the next upstream, may help."""

    retryable = True

    def __init__(self, upstream: str, message: str) -> None:
        super().__init__(message)
        self.upstream = upstream
        self.message = message


class UpstreamUnreachable(UpstreamError):
    """No connection, no TLS, or the connection was lost before any byte of an answer."""


class UpstreamTimeout(UpstreamError):
    """A deadline passed: connect, first byte, silence between bytes, or the whole."""


class UpstreamBroken(UpstreamError):
    """The answer broke off or made no sense: half a frame, malformed JSON, an early end of stream."""


class UpstreamRefused(UpstreamError):
    """The upstream answered with an error.

    `status` is its HTTP status (for an error inside a 200: the one that it would have had alone), `code`, `type` and
    `param` come from its envelope, cleaned; `retry_after` is in seconds.
    """

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
    """The configured prices are not those of the ledger."""


class SiteUnfit(Fault):
    """The website that was found is not one that can be served. `str(error)` is fit for the operator's eyes."""
