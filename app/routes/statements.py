"""/api/statements/{month}: a month of the account, as JSON or as a printable page."""

from __future__ import annotations

from functools import partial
from typing import Literal

import msgspec
from quart import Request, Response

from app.exports.kinds import provider_of
from app.exports.source import position_before
from app.faults import BadRequest
from app.read_models.answers import Transaction
from app.routes.bodies import answer, format_instant, read_query, usd
from app.routes.caller import reader
from app.routes.fresh import caught_up
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from app.statements import month as figures
from app.statements.month import Figures, ModelUse
from app.statements.page import POLICY, page


class StatementQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`html`: a page for a browser or a printer."""

    format: Literal["json", "html"] = "json"


class StatementUse(msgspec.Struct, frozen=True):
    """The use of one model: requests charged, tokens, and their cost."""

    model: str
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    web_search_calls: int
    images: int
    cost: str
    cost_nanos: str


class StatementSum(msgspec.Struct, frozen=True):
    """The sum of one kind of transaction."""

    kind: str
    amount: str
    amount_nanos: str


class StatementRow(msgspec.Struct, frozen=True):
    """A transaction other than usage."""

    position: int
    at: str
    kind: str
    id: str
    reason: str | None
    reference: str | None
    amount: str
    amount_nanos: str


class StatementShown(msgspec.Struct, frozen=True):
    """A UTC month: `opening` plus `sums` minus `used` is `closing`, the balance at `position`. `complete`: the month has ended.
    `rows` are the newest of the `rows_count` transactions other than usage."""

    month: str
    account_id: str
    from_at: str
    to_at: str
    complete: bool
    position: int
    opening: str
    opening_nanos: str
    used: str
    used_nanos: str
    closing: str
    closing_nanos: str
    sums: list[StatementSum]
    usage: list[StatementUse]
    rows: list[StatementRow]
    rows_count: int


async def statement(services: Services, request: Request, month: str) -> Response:
    caller = await reader(services, request)
    query, account_id = read_query(request, StatementQuery), caller.account_id
    now = await services.in_thread(services.ledger.now_micros)
    span = figures.bounds(month)
    if span is None or span[0] > now:
        message = "The month must be one that has begun, such as 2026-11."
        raise BadRequest(message, param="month", code="invalid_value")
    needed = await services.in_thread(_ends, services, span[1])
    for projection in ("balances", "transactions", "usage"):
        await caught_up(services, projection)
    read_figures = partial(figures.figures, services.read_models, account_id, month, span, needed=needed)
    found, complete = await services.in_thread(read_figures), span[1] <= now
    if query.format == "json":
        return answer(_shown(found, account_id, complete=complete))
    account = (await services.in_thread(services.read_models.account, account_id)).value
    text = page(
        found,
        name=account_id if account is None else account.name,
        account_id=account_id,
        seller=provider_of(services.settings),
        made_at_micros=now,
        complete=complete,
    )
    headers = {"cache-control": "no-store", "content-security-policy": POLICY}
    return Response(text, content_type="text/html; charset=utf-8", headers=headers)


ROUTES = (
    Route(
        "GET",
        "/api/statements/<month>",
        statement,
        Operation(
            "A monthly statement",
            tag="account",
            query=StatementQuery,
            answers={200: StatementShown},
            errors=(401, 403),
            caller="reader",
        ),
    ),
)


def _ends(services: Services, micros: int) -> int:
    """The position that the read models must have reached for a statement that ends before an instant."""
    return position_before(services.ledger, micros, services.ledger.head().position)


def _shown(found: Figures, account_id: str, *, complete: bool) -> StatementShown:
    return StatementShown(
        found.month,
        account_id,
        format_instant(found.from_micros),
        format_instant(found.to_micros),
        complete,
        found.position,
        *usd(found.opening_nanos),
        *usd(found.used_nanos),
        *usd(found.closing_nanos),
        [StatementSum(kind, *usd(nanos)) for kind, nanos in found.sums.items()],
        [_use(use) for use in found.usage],
        [_row(row) for row in found.rows],
        found.rows_count,
    )


def _use(use: ModelUse) -> StatementUse:
    cost, cost_nanos = usd(use.cost_nanos)
    return StatementUse(**{**msgspec.structs.asdict(use), "cost": cost, "cost_nanos": cost_nanos})


def _row(row: Transaction) -> StatementRow:
    at = format_instant(row.recorded_at_micros)
    return StatementRow(row.position, at, row.kind, row.id, row.reason, row.reference, *usd(row.amount_nanos))
