"""/api/transactions: the statement, newest first, in pages."""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import Annotated

import msgspec
from quart import Request, Response

from app.faults import BadRequest
from app.read_models.answers import Transaction
from app.read_models.queries import ROWS_MAX
from app.read_models.statement import Filter
from app.routes.account import AsOf
from app.routes.bodies import answer, format_instant, parse_instant, read_query, usd, usd_if
from app.routes.caller import reader
from app.routes.fresh import caught_up
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services

KINDS_MAX = 16
_CURSOR = "p"


class TransactionQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """`kind` may be repeated. `id` is a row's ID, a response's ID, or the ID that a row refers to. `from` (inclusive) and `to`
    (exclusive) are instants or dates."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=ROWS_MAX)] = 50
    cursor: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    kind: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=64)], ...], msgspec.Meta(max_length=KINDS_MAX)] = ()
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None
    key: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    model: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    from_: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    to: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class TransactionShown(msgspec.Struct, frozen=True):
    """A row of the statement. `kind`: grant, correction, top_up, refund, refund_failed, dispute, dispute_won, debit or release.
    `amount` is the change to the balance; `balance_after` is the available plus the held balance after it."""

    position: int
    at: str
    kind: str
    id: str
    amount: str
    amount_nanos: str
    balance_after: str | None
    balance_after_nanos: str | None
    key_id: str | None
    model: str | None
    endpoint: str | None
    response_id: str | None
    outcome: str | None
    reason: str | None
    reference: str | None
    finish: str | None
    hold: str
    hold_nanos: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    web_search_calls: int
    images: int
    estimated: bool


class TransactionPage(msgspec.Struct, frozen=True):
    """A page of the statement. Pass `next_cursor` as `cursor` to get the next page."""

    data: list[TransactionShown]
    has_more: bool
    next_cursor: str | None
    as_of: AsOf


async def transactions(services: Services, request: Request) -> Response:
    caller = await reader(services, request)
    query = read_query(request, TransactionQuery)
    matching = Filter(
        kinds=query.kind,
        name=query.id,
        key_id=query.key,
        model=query.model,
        from_micros=parse_instant(query.from_, "from"),
        to_micros=parse_instant(query.to, "to"),
    )
    before = None if query.cursor is None else _position(query.cursor)
    await caught_up(services, "transactions")
    statement = partial(services.read_models.statement, before_position=before, limit=query.limit)
    page = await services.in_thread(statement, caller.account_id, matching)
    rows, more = page.value
    data = [_shown(row, balance) for row, balance in rows]
    cursor = _cursor(data[-1].position) if more and data else None
    return answer(TransactionPage(data, more, cursor, AsOf(page.position)))


ROUTES = (
    Route(
        "GET",
        "/api/transactions",
        transactions,
        Operation(
            "The statement",
            tag="account",
            query=TransactionQuery,
            answers={200: TransactionPage},
            errors=(401, 403),
            caller="reader",
        ),
    ),
)


def _shown(row: Transaction, balance_nanos: int | None) -> TransactionShown:
    return TransactionShown(
        row.position,
        format_instant(row.recorded_at_micros),
        row.kind,
        row.id,
        *usd(row.amount_nanos),
        *usd_if(balance_nanos),
        row.key_id,
        row.model,
        row.endpoint,
        row.response_id,
        row.outcome,
        row.reason,
        row.reference,
        row.finish,
        *usd(row.hold_nanos),
        row.input_tokens,
        row.cached_tokens,
        row.output_tokens,
        row.reasoning_tokens,
        row.web_search_calls,
        row.images,
        row.estimated,
    )


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"{_CURSOR}{position}".encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    """Raises BadRequest."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        if not text.startswith(_CURSOR) or not text[1:].isdigit() or len(text) > 18:
            raise ValueError
        return int(text[1:])
    except (ValueError, binascii.Error):
        message = "`cursor` is not valid. Pass the `next_cursor` of a page, or omit it to start at the newest row."
        raise BadRequest(message, param="cursor", code="invalid_value") from None
