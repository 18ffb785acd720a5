"""Structured logs: one line of JSON per record on standard error, or coloured text if that is a terminal.

Rule 1: every request writes exactly one line, a `RequestLine`, which has these fields and no others.
Rule 2: content and secrets are never passed to a logger; `redact` still masks anything that looks like a secret.
Rule 3: a line that cannot be written is counted and dropped: it never fails a request.
Rule 4: records of the standard library's loggers (hypercorn, quart, warnings) are written in the same form.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.telemetry.phases import Phases
from app.telemetry.redact import redact
from domain.decimals import format_usd

_QUIET = {"httpx": logging.WARNING, "httpcore": logging.WARNING, "hypercorn.access": logging.WARNING}
"""They would write their own line per request, with its URL."""
_requests = structlog.get_logger("request")


class Sink:
    """Writes whole lines to one stream, from any thread. `lost` counts the lines that could not be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.lost = 0

    def msg(self, line: str) -> None:
        try:
            with self._lock:
                self._stream.write(redact(line) + "\n")
                self._stream.flush()
        except (OSError, ValueError):  # the pipe broke, the disk is full, or the stream is closed
            self.lost += 1

    debug = info = warning = error = critical = exception = msg


def configure(stream: TextIO | None = None, *, level: str = "INFO", pretty: bool | None = None) -> Sink:
    """Send all logs of the process to `stream` (default: standard error), as coloured text if `pretty`, otherwise as JSON.

    If `pretty` is None, `stream` gets text if it is a terminal.
    """
    out = sys.stderr if stream is None else stream
    sink = Sink(out)
    number = logging.getLevelNamesMapping()[level.upper()]
    as_text = out.isatty() if pretty is None else pretty
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    ending: list[Processor] = [structlog.processors.ExceptionRenderer(), render_json]
    if as_text:
        ending = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: sink,
        cache_logger_on_first_use=False,
    )
    _route_standard_library(sink, number, [_logger_name, *shared], ending)
    return sink


def render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """One line of JSON. Values that JSON cannot represent appear as their repr."""
    try:
        return msgspec.json.encode(event, enc_hook=repr).decode()
    except (UnicodeEncodeError, TypeError, msgspec.ValidationError):  # lone surrogates, odd keys
        return json.dumps({str(key): value for key, value in event.items()}, default=repr)


class RequestLine(msgspec.Struct, frozen=True, kw_only=True):
    """The one line of a request. `outcome` is `debited`, `released:REASON` or `refused:CODE`. None: not known, or not reached."""

    request_id: str
    account_id: str | None
    key_id: str | None
    model: str | None
    upstream: str | None
    endpoint: str
    stream: bool
    status: int
    outcome: str
    phases: Phases
    input_tokens: int | None = None
    output_tokens: int | None = None
    hold_nanos: int | None = None
    cost_nanos: int | None = None

    def write(self) -> None:
        """Log it, as a warning if the status is 5xx. Durations are in milliseconds."""
        fields = msgspec.structs.asdict(self)
        del fields["phases"]
        milliseconds = {f"{name}_ms": _ms(seconds) for name, seconds in msgspec.structs.asdict(self.phases).items()}
        log = _requests.info if self.status < 500 else _requests.warning
        log("request", **fields, **milliseconds)


def demo_line(
    *,
    model: str,
    hold_nanos: int,
    balance_nanos: int,
    charged_nanos: int | None = None,
    released: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
) -> str:
    """The line that the demo prints for a request: `charged_nanos` of its debit, or the reason of its release."""
    assert (charged_nanos is None) != (released is None), "a request ends in exactly one debit or release"
    tokens = "" if input_tokens is None or output_tokens is None else f" {input_tokens} in {output_tokens} out"
    end = f"released ({released})" if charged_nanos is None else f"charged {_usd(charged_nanos)}"
    return f"{model}{tokens} · held {_usd(hold_nanos, 4)} -> {end} -> balance {_usd(balance_nanos)}"


def _usd(nanos: int, decimals: int = 2) -> str:
    """The exact amount, with at least `decimals` decimals and the sign before the currency: -$0.0020."""
    whole, _, fraction = format_usd(abs(nanos)).partition(".")
    return f"{'-' if nanos < 0 else ''}${whole}.{fraction.ljust(decimals, '0')}"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _logger_name(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record: Any = event.get("_record")
    if record is not None:
        event["logger"] = record.name
    return event


class _Handler(logging.Handler):
    """Writes records of the standard library's loggers to the sink."""

    def __init__(self, sink: Sink, formatter: logging.Formatter) -> None:
        super().__init__()
        self._sink = sink
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except (TypeError, ValueError, KeyError):  # a library's format string and arguments disagree
            line = json.dumps({"level": record.levelname.lower(), "logger": record.name, "event": str(record.msg)})
        self._sink.msg(line)


def _route_standard_library(sink: Sink, level: int, before: list[Processor], ending: list[Processor]) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Handler)]:
        root.removeHandler(handler)
    root.addHandler(_Handler(sink, formatter))
    root.setLevel(level)
    logging.captureWarnings(True)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, level))
