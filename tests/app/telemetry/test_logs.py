"""Logs: one line per record, in one form, and no secret in any."""

from __future__ import annotations

import io
import json
import logging
import warnings
from typing import Any

import pytest
import structlog

from app.telemetry.logs import Sink, configure, demo_line, request_line
from app.telemetry.phases import Phases

PHASES = Phases(parse=0.0001, admit=0.0052, first_byte=0.5, stream=1.25, settle=0.004, total=1.7594)


pytestmark = pytest.mark.usefixtures("logging_restored")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().split("\n") if line]


def write_request(**more: Any) -> None:
    fields: dict[str, Any] = {
        "request_id": "req_1",
        "account_id": "acc_1",
        "key_id": "key_1",
        "model": "gpt-5.4-mini",
        "upstream": "openai",
        "endpoint": "responses",
        "stream": True,
        "status": 200,
        "outcome": "debited",
        "phases": PHASES,
    }
    request_line(**(fields | more))


def test_a_request_is_one_line_of_json_with_all_its_fields() -> None:
    stream = io.StringIO()
    configure(stream)
    write_request(input_tokens=12, output_tokens=48, hold_nanos=2_000_000, cost_nanos=99_000)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "request_id": "req_1",
        "account_id": "acc_1",
        "key_id": "key_1",
        "model": "gpt-5.4-mini",
        "upstream": "openai",
        "endpoint": "responses",
        "stream": True,
        "status": 200,
        "outcome": "debited",
        "input_tokens": 12,
        "output_tokens": 48,
        "hold_nanos": 2_000_000,
        "cost_nanos": 99_000,
        "parse_ms": 0.1,
        "admit_ms": 5.2,
        "first_byte_ms": 500.0,
        "stream_ms": 1250.0,
        "settle_ms": 4.0,
        "total_ms": 1759.4,
    }


def test_what_never_happened_is_null() -> None:
    stream = io.StringIO()
    configure(stream)
    write_request(phases=Phases(), outcome="refused:insufficient_quota", status=402)
    (line,) = lines(stream)
    assert (line["admit_ms"], line["cost_nanos"], line["level"]) == (None, None, "info")


def test_a_failure_of_ours_is_a_warning() -> None:
    stream = io.StringIO()
    configure(stream, level="WARNING")
    write_request()
    write_request(status=503)
    assert [(line["level"], line["status"]) for line in lines(stream)] == [("warning", 503)]


def test_a_model_name_cannot_forge_a_line() -> None:
    stream = io.StringIO()
    configure(stream)
    write_request(model='x"\n{"event":"forged"}\u2028\x00')
    (line,) = lines(stream)
    assert line["model"] == 'x"\n{"event":"forged"}\u2028\x00'


def test_what_json_cannot_say_is_still_one_line() -> None:
    stream = io.StringIO()
    configure(stream)
    log = structlog.get_logger()
    log.info("odd", value=object(), half="\ud800", number=2**70)
    log.info("key", **{"a b": {1: "x"}})
    assert [line["event"] for line in lines(stream)] == ["odd", "key"]


@pytest.mark.parametrize("pretty", [False, True])
def test_secrets_are_masked_in_every_form(pretty: bool) -> None:
    stream = io.StringIO()
    configure(stream, pretty=pretty)
    log = structlog.get_logger()
    log.error("upstream said", body={"error": "Incorrect API key provided: sk-proj-hidden1234"})
    log.error("connect", dsn="postgresql://me:hidden@pw@host/db", header="Authorization: Bearer hidden.x-y")
    log.error("hook", secret="whsec_hidden/+=")
    logging.getLogger("lib").error("conninfo %s", "host=h password=hidden")
    try:
        raise RuntimeError("sk-rr-hidden12345678")
    except RuntimeError:
        log.exception("failed")
        logging.getLogger("lib").exception("failed too")
    text = stream.getvalue()
    assert "hidden" not in text
    assert text.count("****") >= 6
    assert "RuntimeError" in text


def test_a_traceback_shows_no_locals() -> None:
    stream = io.StringIO()
    configure(stream, pretty=True)

    def fail(content: str) -> None:
        raise RuntimeError(len(content))

    try:
        fail("what the customer wrote")
    except RuntimeError:
        structlog.get_logger().exception("failed")
    assert "RuntimeError" in stream.getvalue()
    assert "what the customer wrote" not in stream.getvalue().replace('fail("what the customer wrote")', "")


def test_libraries_log_in_the_same_form() -> None:
    stream = io.StringIO()
    configure(stream)
    logging.getLogger("hypercorn.error").error("Error in ASGI Framework")
    logging.getLogger("app.quart").warning("%d left", 3)
    logging.getLogger("httpx").info("HTTP Request: POST https://upstream/v1/responses")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", UserWarning, stacklevel=1)
    found = [(line["logger"], line["level"], line["event"].split(":")[0]) for line in lines(stream)]
    assert found[:2] == [("hypercorn.error", "error", "Error in ASGI Framework"), ("app.quart", "warning", "3 left")]
    assert [name for name, _, _ in found[2:]] == ["py.warnings"]


def test_a_wrong_format_string_still_makes_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own would raise
    configure(stream)
    logging.getLogger("lib").error("%d items", "three")
    assert [line["event"] for line in lines(stream)] == ["%d items"]


def test_configuring_again_moves_the_logs_and_repeats_none() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure(first)
    configure(second)
    logging.getLogger("lib").error("once")
    write_request()
    assert first.getvalue() == ""
    assert len(lines(second)) == 2


def test_a_stream_that_takes_nothing_fails_no_request() -> None:
    stream = io.StringIO()
    sink = configure(stream)
    stream.close()
    write_request()
    logging.getLogger("lib").error("gone")
    assert sink.lost == 2


def test_a_full_disk_is_counted() -> None:
    class Full(io.StringIO):
        def write(self, text: str, /) -> int:
            raise OSError(28, "No space left on device")

    sink = Sink(Full())
    sink.msg("line")
    assert sink.lost == 1


def test_the_demo_line_is_as_documented() -> None:
    charged = demo_line(
        model="gpt-5.4-mini",
        input_tokens=12,
        output_tokens=48,
        hold_nanos=2_000_000,
        charged_nanos=99_000,
        balance_nanos=9_999_901_000,
    )
    assert charged == "gpt-5.4-mini 12 in 48 out · held $0.0020 -> charged $0.000099 -> balance $9.999901"


def test_the_demo_line_of_a_release_names_its_reason() -> None:
    released = demo_line(
        model="m", input_tokens=1, output_tokens=2, hold_nanos=2_000_000, released="cancelled", balance_nanos=10**10
    )
    assert released == "m 1 in 2 out · held $0.0020 -> released (cancelled) -> balance $10.00"


@pytest.mark.parametrize(
    ("hold_nanos", "charged_nanos", "balance_nanos", "text"),
    [
        (8_192_750_001, 0, -5, "held $8.192750001 -> charged $0.00 -> balance -$0.000000005"),
        (0, 10**9, 0, "held $0.0000 -> charged $1.00 -> balance $0.00"),
        (123_450_000, 1, -(10**10), "held $0.12345 -> charged $0.000000001 -> balance -$10.00"),
    ],
)
def test_amounts_are_exact(hold_nanos: int, charged_nanos: int, balance_nanos: int, text: str) -> None:
    line = demo_line(model="m", hold_nanos=hold_nanos, charged_nanos=charged_nanos, balance_nanos=balance_nanos)
    assert line == f"m · {text}"
