"""/api/account and /api/balance."""

from __future__ import annotations

import msgspec
from quart import Request, Response

from app.accounts.commands import known
from app.feed.balance import Balance, balances_of
from app.routes.bodies import answer, format_instant, usd
from app.routes.caller import reader, signed_in
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from domain import account as accounts
from domain.events import AccountFrozen, AccountUnfrozen, account_stream


class AsOf(msgspec.Struct, frozen=True):
    """The answer includes every event of the ledger up to this position."""

    position: int


class AsOfInstant(msgspec.Struct, frozen=True):
    """The ledger's last position when it was read, and when that event was recorded."""

    position: int
    at: str


class FreezeShown(msgspec.Struct, frozen=True):
    """Why the account accepts no requests: `cause` is operator or negative_balance."""

    cause: str
    reason: str
    at: str


class AccountShown(msgspec.Struct, frozen=True):
    """`frozen` is empty if the account accepts requests. `has_password` is false if only links can sign in to it."""

    account_id: str
    name: str
    email: str
    has_password: bool
    created_at: str
    frozen: list[FreezeShown]
    keys: int


class BalanceShown(msgspec.Struct, frozen=True):
    """The amount that can be spent, and the amount held by open requests. A refund or dispute can leave `available` below zero."""

    account_id: str
    available: str
    available_nanos: str
    held: str
    held_nanos: str
    frozen: bool
    as_of: AsOfInstant


async def account(services: Services, request: Request) -> Response:
    caller = await signed_in(services, request)
    assert caller.session is not None, "signed_in returns a session's caller"
    return answer(await services.in_thread(_account, services, caller.account_id, caller.session.email))


async def balance(services: Services, request: Request) -> Response:
    caller = await reader(services, request)
    balances = await services.in_thread(balances_of, services.ledger, (caller.account_id,))
    return answer(balance_shown(caller.account_id, balances[caller.account_id]))


ROUTES = (
    Route(
        "GET",
        "/api/account",
        account,
        Operation("The account", tag="account", answers={200: AccountShown}, errors=(401, 403, 404), caller="session"),
    ),
    Route(
        "GET",
        "/api/balance",
        balance,
        Operation("The balance", tag="account", answers={200: BalanceShown}, errors=(401, 403), caller="reader"),
    ),
)


def _account(services: Services, account_id: str, email: str) -> AccountShown:
    stored = services.ledger.stream(account_stream(account_id))
    events = known(services.codec, stored)
    state = accounts.fold(account_id, events)
    accounts.require(state)
    freezes: dict[str, FreezeShown] = {}
    for event, row in zip(events, stored, strict=True):
        if isinstance(event, AccountFrozen):
            freezes[event.cause] = FreezeShown(event.cause, event.reason, format_instant(row.recorded_at_micros))
        elif isinstance(event, AccountUnfrozen):
            freezes.pop(event.cause, None)
    opened = format_instant(stored[0].recorded_at_micros)
    person = services.accounts.people.by_account(account_id)
    has_password = person is not None and person.password_hash is not None
    in_use = sum(not key.revoked for key in state.keys.values())
    return AccountShown(account_id, state.name, email, has_password, opened, list(freezes.values()), in_use)


def balance_shown(account_id: str, found: Balance) -> BalanceShown:
    as_of = AsOfInstant(found.position, format_instant(found.at_micros))
    return BalanceShown(account_id, *usd(found.available_nanos), *usd(found.held_nanos), found.frozen, as_of)
