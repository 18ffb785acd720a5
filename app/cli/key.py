"""realrouter key: create, list, revoke."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from app.cli.common import Context, command, table
from app.commands import known, new_id, on_account
from domain import account as accounts
from domain import api_key
from domain.events import KeyCreated, KeyLimits, KeyLimitsChanged, KeyRevoked, account_stream
from domain.money import parse_usd


@click.group()
def key() -> None:
    """API keys: what clients send as `Authorization: Bearer sk-rr-...`."""


@key.command("create")
@command
@click.option("--account", "account_id", required=True, metavar="ACCOUNT", help="Whose; `account list` shows them.")
@click.option("--name", default="key", show_default=True, help="A label, for you.")
@click.option("--id", "key_id", help="The key's id. Give one to make a retry safe; else it is made up.")
@click.option("--model", "models", multiple=True, metavar="MODEL", help="Allow only this model; may be repeated.")
@click.option("--expires", type=click.DateTime(), help="When it stops working, in UTC.")
@click.option("--monthly-budget", metavar="USD", help="The most it may hold and spend in a UTC month.")
@click.option("--requests-per-minute", type=click.IntRange(min=1), help="The most it may begin in a UTC minute.")
@click.option("--tokens-per-minute", type=click.IntRange(min=1), help="The most it may hold and use in a UTC minute.")
@click.option("--concurrency", type=click.IntRange(min=1), help="The most requests it may have open at once.")
def create(
    context: Context,
    account_id: str,
    name: str,
    key_id: str | None,
    models: tuple[str, ...],
    expires: datetime | None,
    monthly_budget: str | None,
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
    concurrency: int | None,
) -> None:
    """Make an API key. It is shown now and never again: only its digest is kept.

    \b
    Example:
      realrouter key create --account acct_1 --name laptop
      realrouter key create --account acct_1 --name ci --model gpt-5.4-mini --monthly-budget 5.00
    """
    key_id = key_id or new_id("key")
    limits = KeyLimits(
        models=models or None,
        expires_at_micros=int(expires.replace(tzinfo=UTC).timestamp()) * 1_000_000 if expires else None,
        budget_nanos_per_month=parse_usd(monthly_budget, field="monthly budget") if monthly_budget else None,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        concurrency=concurrency,
    )
    secret = api_key.make_key(os.urandom(api_key.RANDOM_BYTES))
    with context.ledger() as (ledger, codec):
        on_account(
            ledger,
            codec,
            account_id,
            lambda state: api_key.create_key(
                state,
                key_id=key_id,
                name=name,
                digest=api_key.digest(secret),
                hint=api_key.hint(secret),
                limits=limits,
            ),
        )
    lines = [f"Made {key_id} ({name}). The key is shown once; keep it safe:", secret]
    context.print({"key_id": key_id, "api_key": secret}, lines)


@key.command("list")
@command
@click.option("--account", "account_id", required=True, metavar="ACCOUNT", help="Whose; `account list` shows them.")
def list_keys(context: Context, account_id: str) -> None:
    """The keys of an account, revoked ones included; of each key only the last characters.

    \b
    Example:
      realrouter key list --account acct_1
    """
    with context.ledger() as (ledger, codec):
        events = known(codec, ledger.stream(account_stream(account_id)))
    accounts.require(accounts.fold(account_id, events))
    created = {event.key_id: event for event in events if isinstance(event, KeyCreated)}
    limits = {event.key_id: event.limits for event in events if isinstance(event, KeyCreated | KeyLimitsChanged)}
    revoked = {event.key_id for event in events if isinstance(event, KeyRevoked)}
    result = [
        {"key_id": id_, "name": event.name, "hint": event.hint, "revoked": id_ in revoked, "limits": limits[id_]}
        for id_, event in created.items()
    ]
    rows = [(id_, event.hint, "revoked" if id_ in revoked else "in use", event.name) for id_, event in created.items()]
    empty = f"No keys. Make one: realrouter key create --account {account_id}"
    context.print({"keys": result}, table(rows, ("KEY", "HINT", "STATE", "NAME")) if rows else empty)


@key.command("revoke")
@command
@click.option("--account", "account_id", required=True, metavar="ACCOUNT", help="Whose; `account list` shows them.")
@click.argument("key_id", metavar="KEY")
def revoke(context: Context, account_id: str, key_id: str) -> None:
    """End a key. Every process refuses it from its next admission on; there is no way back.

    \b
    Example:
      realrouter key revoke --account acct_1 key_1
    """
    with context.ledger() as (ledger, codec):
        on_account(ledger, codec, account_id, lambda state: api_key.revoke_key(state, key_id=key_id))
    context.print({"key_id": key_id, "revoked": True}, f"{key_id} is revoked.")
