"""/api/account and /api/balance."""

from __future__ import annotations

import msgspec
import trio
from quart import Response, request

from app.accounts.commands import known
from app.edge.application import EdgeApplication
from app.feed.balance import Figures, figures_of
from app.routes.bodies import answer, told_instant, usd
from app.routes.caller import reader, signed_in
from app.routes.openapi import describe
from app.services import Services
from domain import account as accounts
from domain.events import AccountFrozen, AccountUnfrozen, account_stream


class AsOf(msgspec.Struct, frozen=True):
    """All events of the ledger up to this position are in the answer."""

    position: int


class AsOfInstant(msgspec.Struct, frozen=True):
    """The end of the ledger when it was read, and when that was recorded."""

    position: int
    at: str


class FreezeShown(msgspec.Struct, frozen=True):
    """Why the account takes no requests: `cause` is operator or negative_balance."""

    cause: str
    reason: str
    at: str


class AccountShown(msgspec.Struct, frozen=True):
    """`frozen` is empty where the account takes requests. `has_password` is false where links alone sign somebody in."""

    account_id: str
    name: str
    email: str
    has_password: bool
    created_at: str
    frozen: list[FreezeShown]
    keys: int


class BalanceShown(msgspec.Struct, frozen=True):
    """What may be spent, and what open requests hold. A refund or dispute may leave `available` below zero."""

    account_id: str
    available: str
    available_nanos: str
    held: str
    held_nanos: str
    frozen: bool
    as_of: AsOfInstant


def register(app: EdgeApplication, services: Services) -> None:
    @app.get("/api/account")
    @describe("The account", tag="account", answers={200: AccountShown}, errors=(401, 403, 404), caller="session")
    async def account() -> Response:
        caller = await signed_in(services, request)
        assert caller.session is not None, "it is one of a session"
        email = caller.session.email
        shown = await trio.to_thread.run_sync(
            lambda: _account(services, caller.account_id, email), limiter=services.lifetime.reading
        )
        return answer(shown)

    @app.get("/api/balance")
    @describe("The balance", tag="account", answers={200: BalanceShown}, errors=(401, 403), caller="reader")
    async def balance() -> Response:
        caller = await reader(services, request)
        figures = await trio.to_thread.run_sync(
            figures_of, services.ledger, (caller.account_id,), limiter=services.lifetime.reading
        )
        return answer(balance_shown(caller.account_id, figures[caller.account_id]))


def _account(services: Services, account_id: str, email: str) -> AccountShown:
    stored = services.ledger.stream(account_stream(account_id))
    events = known(services.codec, stored)
    state = accounts.fold(account_id, events)
    accounts.require(state)
    freezes: dict[str, FreezeShown] = {}
    for event, row in zip(events, stored, strict=True):
        if isinstance(event, AccountFrozen):
            freezes[event.cause] = FreezeShown(event.cause, event.reason, told_instant(row.recorded_at_micros))
        elif isinstance(event, AccountUnfrozen):
            freezes.pop(event.cause, None)
    opened = told_instant(stored[0].recorded_at_micros)
    person = services.people.by_account(account_id)
    has_password = person is not None and person.password_hash is not None
    in_use = sum(not key.revoked for key in state.keys.values())
    return AccountShown(account_id, state.name, email, has_password, opened, list(freezes.values()), in_use)


def balance_shown(account_id: str, figures: Figures) -> BalanceShown:
    as_of = AsOfInstant(figures.position, told_instant(figures.at_micros))
    return BalanceShown(account_id, *usd(figures.available_nanos), *usd(figures.held_nanos), figures.frozen, as_of)
