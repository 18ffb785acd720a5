"""The account API's JSON: parsed once into frozen values, or rejected with the name of the offending parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from quart import Request, Response

from app.edge.body import read_body, reserve_for
from app.faults import BadRequest
from app.services import Services
from domain.buckets import MICROS_PER_SECOND
from domain.decimals import format_usd

BODY_BYTES_MAX = 64 * 1024
_LOCATED = re.compile(r"(?P<message>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?", re.DOTALL)
_FIELD = re.compile(r"field `(.*)`", re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
T = TypeVar("T")


async def read_struct(services: Services, request: Request, kind: type[T]) -> T:
    """The body as `kind`. Raises BadRequest, BodyTooLarge, UnsupportedMediaType, Overloaded, RequestTooSlow."""
    data = await read_body(request, BODY_BYTES_MAX, reserve_for(request, services.instance.body_budget), json=True)
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("The body must be one JSON object in UTF-8.") from None


def read_query(request: Request, kind: type[T]) -> T:
    """The query as `kind`, whose fields are strings, numbers or lists of strings. Raises BadRequest."""
    lists = {field.encode_name for field in msgspec.structs.fields(kind) if "tuple" in str(field.type)}  # type: ignore[arg-type]
    given: dict[str, Any] = {
        name: values if name in lists else values[-1] for name, values in request.args.lists() if values
    }
    for name, values in request.args.lists():
        if "\0" in "".join(values):  # PostgreSQL cannot store it
            raise BadRequest(f"`{name[:100]}` contains a NUL character.", param=name[:100], code="invalid_value")
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(error) from None


def invalid(error: msgspec.ValidationError) -> BadRequest:
    """A validation error, as the API words it."""
    match = _LOCATED.fullmatch(str(error))
    assert match is not None, "the pattern matches any text"
    message, path = match["message"], (match["path"] or "").removeprefix(".").replace("[...]", "")
    named = _FIELD.search(message)
    if named is not None:
        param = f"{path}.{named[1]}" if path else named[1]
        missing = "missing" in message
        text = f"`{param}` is missing." if missing else f"Unknown parameter `{param[:100]}`."
        code = "missing_required_parameter" if missing else "unknown_parameter"
        return BadRequest(text, param=param[:100], code=code)
    code = "invalid_type" if message.startswith("Expected `") and "got `" in message else "invalid_value"
    return BadRequest(f"{message}.", param=path[:100] or None, code=code)


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response for this caller alone: no cache may keep it."""
    kept = {"cache-control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(value), status=status, headers=kept, content_type="application/json")


def public_answer(value: object) -> Response:
    """A JSON response of /v1, with no caching policy."""
    return Response(msgspec.json.encode(value), content_type="application/json")


def no_content(headers: Mapping[str, str] | None = None) -> Response:
    """204."""
    return Response(b"", status=204, headers={"cache-control": "no-store", **(headers or {})})


def format_instant(micros: int) -> str:
    """RFC 3339 in UTC, with microseconds only if there are any."""
    at = datetime.fromtimestamp(micros // MICROS_PER_SECOND, UTC).replace(microsecond=micros % MICROS_PER_SECOND)
    return at.isoformat().replace("+00:00", "Z")


def parse_instant(text: str | None, param: str) -> int | None:
    """Micros of an RFC 3339 instant or a date, in UTC if it names no zone. Raises BadRequest."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        since = (instant.astimezone(UTC) if instant.tzinfo is not None else instant.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        message = f"`{param}` must be an instant such as 2026-11-26T12:00:00Z, or a date."
        raise BadRequest(message, param=param, code="invalid_value") from None
    return (since.days * 86_400 + since.seconds) * MICROS_PER_SECOND + since.microseconds


def usd(nanos: int) -> tuple[str, str]:
    """An amount as the two members that show it: decimal USD, and nanos."""
    return format_usd(nanos), str(nanos)


def usd_if(nanos: int | None) -> tuple[str | None, str | None]:
    """The same for an amount that may be absent."""
    return (None, None) if nanos is None else usd(nanos)
