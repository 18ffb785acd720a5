"""/api/statements/{month}: a month of the account, as figures or as a page that prints."""

from __future__ import annotations

from typing import Literal

import msgspec
import trio
from quart import Response, request

from app.edge.application import EdgeApplication
from app.exports.kinds import provider_of
from app.exports.source import position_before
from app.faults import BadRequest
from app.read_models.answers import Transaction
from app.routes.bodies import answer, read_query, told_instant, usd
from app.routes.caller import reader
from app.routes.fresh import caught_up
from app.routes.openapi import describe
from app.services import Services
from app.statements import month as figures
from app.statements.month import Figures, ModelUse
from app.statements.page import POLICY, page


class StatementQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`html`: a page for a browser, and for paper."""

    format: Literal["json", "html"] = "json"


class StatementUse(msgspec.Struct, frozen=True):
    """What was used of a model: requests that were charged, tokens, and their cost."""

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
    """The sum of a kind of transactions."""

    kind: str
    amount: str
    amount_nanos: str


class StatementRow(msgspec.Struct, frozen=True):
    """A transaction that is no usage."""

    position: int
    at: str
    kind: str
    id: str
    reason: str | None
    reference: str | None
    amount: str
    amount_nanos: str


class StatementShown(msgspec.Struct, frozen=True):
    """A month (UTC): opening and sums and minus `used` make closing, the balance at `position`. `complete`: the month is over.
    `rows` are the newest of `rows_count` transactions that are no usage."""

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


def register(app: EdgeApplication, services: Services) -> None:
    @app.get("/api/statements/<month>")
    @describe(
        "A monthly statement",
        tag="account",
        query=StatementQuery,
        answers={200: StatementShown},
        errors=(401, 403),
        caller="reader",
    )
    async def statement(month: str) -> Response:
        caller = await reader(services, request)
        asked, reading = read_query(request, StatementQuery), services.lifetime.reading
        now = await trio.to_thread.run_sync(services.ledger.now_micros, limiter=reading)
        span = figures.bounds(month)
        if span is None or span[0] > now:
            said = "The month must be one that has begun, such as 2026-11."
            raise BadRequest(said, param="month", code="invalid_value")
        needed = await trio.to_thread.run_sync(lambda: _ends(services, span[1]), limiter=reading)
        for projection in ("balances", "transactions", "usage"):
            await caught_up(services, projection)
        views, account_id = services.views, caller.account_id
        told = await trio.to_thread.run_sync(
            lambda: figures.figures(views, account_id, month, span, needed=needed), limiter=reading
        )
        complete = span[1] <= now
        if asked.format == "json":
            return answer(_shown(told, account_id, complete=complete))
        account = (await trio.to_thread.run_sync(lambda: views.account(account_id), limiter=reading)).value
        text = page(
            told,
            name=account_id if account is None else account.name,
            account_id=account_id,
            seller=provider_of(services.settings),
            made_at_micros=now,
            complete=complete,
        )
        headers = {"cache-control": "no-store", "content-security-policy": POLICY}
        return Response(text, content_type="text/html; charset=utf-8", headers=headers)


def _ends(services: Services, micros: int) -> int:
    """The position that a statement up to before an instant must have seen."""
    return position_before(services.ledger, micros, services.ledger.head().position)


def _shown(told: Figures, account_id: str, *, complete: bool) -> StatementShown:
    return StatementShown(
        told.month,
        account_id,
        told_instant(told.from_micros),
        told_instant(told.to_micros),
        complete,
        told.position,
        *usd(told.opening_nanos),
        *usd(told.used_nanos),
        *usd(told.closing_nanos),
        [StatementSum(kind, *usd(nanos)) for kind, nanos in told.sums.items()],
        [_use(use) for use in told.usage],
        [_row(row) for row in told.rows],
        told.rows_count,
    )


def _use(use: ModelUse) -> StatementUse:
    cost, cost_nanos = usd(use.cost_nanos)
    return StatementUse(**{**msgspec.structs.asdict(use), "cost": cost, "cost_nanos": cost_nanos})


def _row(row: Transaction) -> StatementRow:
    at = told_instant(row.recorded_at_micros)
    return StatementRow(row.position, at, row.kind, row.id, row.reason, row.reference, *usd(row.amount_nanos))
