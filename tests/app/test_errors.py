"""Every error type has its status, envelope and headers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app import faults
from app.errors import answer_for, is_expected
from app.faults import UpstreamBroken, UpstreamRefused, UpstreamTimeout, UpstreamUnreachable
from app.ledger.store import StoreBusy, StoreUnavailable
from app.wire.exchange import AnswerError, RequestError
from domain import errors as domain


def opened(error: Exception, endpoint: str | None = None) -> tuple[int, dict[str, Any], dict[str, str]]:
    answer = answer_for(error, endpoint=endpoint)
    decoded = msgspec.json.decode(answer.body)
    assert list(decoded) == ["error"]
    assert {"message", "type", "param", "code"} <= decoded["error"].keys()
    assert isinstance(decoded["error"]["message"], str)
    assert decoded["error"]["message"]
    return answer.status, decoded["error"], dict(answer.headers)


def refused(status: int, message: str = "no", **more: Any) -> UpstreamRefused:
    return UpstreamRefused("openai", message, status=status, **more)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (faults.BadRequest("bad", code="invalid_json"), 400, "invalid_json"),
        (faults.Unauthorized("missing"), 401, "invalid_api_key"),
        (faults.Unauthorized("foreign"), 401, "invalid_api_key"),
        (faults.NotFound(), 404, "not_found"),
        (faults.RequestTooSlow("slow"), 408, "request_timeout"),
        (faults.BodyTooLarge(10), 413, "request_too_large"),
        (faults.UnsupportedMediaType("gzip"), 415, "unsupported_media_type"),
        (faults.HeadersTooLarge("big"), 431, "headers_too_large"),
        (faults.ShuttingDown(), 503, "shutting_down"),
        (RequestError("no", param="n", code="invalid_type"), 400, "invalid_type"),
        (RequestError("no", status=422), 422, None),
        (domain.InvalidValue("name", "too long"), 400, "invalid_value"),
        (domain.NotFound("no key"), 404, "not_found"),
        (domain.AlreadyExists("there"), 409, "already_exists"),
        (domain.KeyIsRevoked(), 401, "invalid_api_key"),
        (domain.KeyIsExpired(), 401, "invalid_api_key"),
        (domain.AccountIsFrozen(), 402, "account_frozen"),
        (domain.ModelNotAllowed("m"), 403, "model_not_allowed"),
        (UpstreamUnreachable("openai", "no route"), 502, "upstream_unreachable"),
        (UpstreamTimeout("openai", "slow"), 504, "upstream_timeout"),
        (UpstreamBroken("openai", "half a frame"), 502, "upstream_broken"),
        (AnswerError("half", malformed=True), 502, "upstream_broken"),
        (AnswerError("boom", malformed=False, type="server_error", code="x"), 502, "x"),
        (AnswerError("bad", malformed=False, type="invalid_request_error", code="y"), 400, "y"),
        (refused(500), 502, "upstream_error"),
        (refused(504), 504, "upstream_timeout"),
        (refused(401), 502, "upstream_error"),
        (refused(403), 502, "upstream_error"),
        (refused(200, code="oops"), 502, "upstream_error"),
        (ZeroDivisionError("secret"), 500, "internal_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_an_error_has_its_status_and_code(error: Exception, status: int, code: str | None) -> None:
    answered, envelope, _ = opened(error)
    assert (answered, envelope["code"]) == (status, code)


def test_a_bug_tells_nothing_of_itself() -> None:
    error = RuntimeError("password is hunter2")
    _, envelope, _ = opened(error)
    assert "hunter2" not in envelope["message"]
    assert not is_expected(error)
    assert is_expected(faults.NotFound())


def test_insufficient_quota_says_what_is_needed_and_what_is_there() -> None:
    status, envelope, headers = opened(domain.InsufficientQuota(2_000_000_000, 500_000_000))
    assert status == 402
    assert envelope["type"] == envelope["code"] == "insufficient_quota"
    assert envelope["needed_nanos"] == "2000000000"
    assert envelope["available_nanos"] == "500000000"
    assert float(envelope["needed"]) == 2.0
    assert float(envelope["available"]) == 0.5
    assert "retry-after" not in headers


@pytest.mark.parametrize(
    ("endpoint", "status", "param"), [("responses", 400, "model"), ("chat", 404, None), (None, 404, None)]
)
def test_an_unknown_model_is_spelled_as_each_endpoint_spells_it(
    endpoint: str | None, status: int, param: str | None
) -> None:
    answered, envelope, _ = opened(domain.ModelNotFound("nope"), endpoint)
    assert (answered, envelope["param"], envelope["code"]) == (status, param, "model_not_found")


def test_a_rate_limit_says_when_to_come_back() -> None:
    status, envelope, headers = opened(domain.RateLimited("requests", 10, 1, 0, 17))
    assert (status, envelope["code"], headers) == (429, "rate_limit_exceeded", {"retry-after": "17"})


def test_a_request_larger_than_a_window_is_not_to_be_retried() -> None:
    _, _, headers = opened(domain.RateLimited("tokens", 10, 11, 10, None))
    assert headers == {"x-should-retry": "false"}


def test_no_room_is_429_for_a_key_and_503_for_the_process() -> None:
    status, envelope, headers = opened(faults.Overloaded(per_key=True, limit=5))
    assert (status, envelope["code"], headers["retry-after"]) == (429, "concurrency_limit_exceeded", "1")
    status, envelope, headers = opened(faults.Overloaded(per_key=False))
    assert (status, envelope["code"], headers["retry-after"]) == (503, "overloaded", "1")


@pytest.mark.parametrize("error", [StoreUnavailable("disk I/O error at /secret"), StoreBusy("full")])
def test_a_store_out_of_reach_is_503_and_tells_no_detail(error: Exception) -> None:
    status, envelope, headers = opened(error)
    assert (status, envelope["code"], headers["retry-after"]) == (503, "store_unavailable", "1")
    assert "secret" not in envelope["message"]


def test_a_used_idempotency_key_names_the_first_request_and_is_not_retried() -> None:
    status, envelope, headers = opened(faults.IdempotencyKeyUsed("req_1", "debited"))
    assert (status, envelope["code"], headers) == (409, "idempotency_key_used", {"x-should-retry": "false"})
    assert (envelope["request_id"], envelope["state"]) == ("req_1", "debited")


def test_405_lists_what_is_allowed() -> None:
    status, _, headers = opened(faults.MethodNotAllowed("GET", ("POST", "OPTIONS")))
    assert (status, headers) == (405, {"allow": "POST, OPTIONS"})


@pytest.mark.parametrize(("sent", "answered"), [(400, 400), (404, 400), (413, 413), (422, 422)])
def test_what_a_vendor_says_about_the_request_passes_cleaned(sent: int, answered: int) -> None:
    message = "Bad\r\nvalue\x00, key sk-proj-abcdefghijklmnop was used"
    status, envelope, _ = opened(refused(sent, message, code="c", param="p", type="whatever"))
    assert (status, envelope["type"], envelope["code"], envelope["param"]) == (
        answered,
        "invalid_request_error",
        "c",
        "p",
    )
    assert envelope["message"] == "Bad value , key [redacted] was used"


def test_a_vendors_refusal_of_our_key_is_not_shown() -> None:
    _, envelope, _ = opened(refused(401, "Incorrect API key sk-live-1234567890"))
    assert "Incorrect" not in envelope["message"]


@pytest.mark.parametrize(("wait", "header"), [(None, "1"), (0.0, "1"), (2.1, "3"), (1e12, "86400")])
def test_a_vendors_rate_limit_passes_with_a_sane_wait(wait: float | None, header: str) -> None:
    status, envelope, headers = opened(refused(429, retry_after=wait))
    assert (status, envelope["code"], headers) == (429, "upstream_rate_limited", {"retry-after": header})


def test_key_messages_teach_and_are_not_redacted() -> None:
    _, missing, headers = opened(faults.Unauthorized("missing"))
    assert "Bearer sk-rr-..." in missing["message"]
    assert headers["www-authenticate"] == "Bearer"
    _, foreign, _ = opened(faults.Unauthorized("foreign"))
    assert "realrouter key create" in foreign["message"]


def test_messages_are_bounded_and_hold_no_lone_surrogate() -> None:
    _, envelope, _ = opened(faults.BadRequest("x" * 100_000 + "\ud800"))
    assert len(envelope["message"]) == 2000
    _, envelope, _ = opened(faults.BadRequest("a\ud800b"))
    assert envelope["message"] == "a b"
