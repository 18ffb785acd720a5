"""realrouter key: create, limits, list, revoke."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from app.accounts.commands import new_id, on_account
from app.accounts.keys import keys_of, make_key
from app.cli.common import Context, command, table
from domain import api_key
from domain.buckets import MICROS_PER_SECOND
from domain.decimals import format_usd
from domain.events import KeyLimits
from domain.money import parse_usd


@click.group()
def key() -> None:
    """Manage API keys. Clients send them as `Authorization: Bearer sk-rr-...`."""


_LIMITS = (
    click.option(
        "--model", "models", multiple=True, metavar="MODEL", help="Allow the key only this model; repeatable."
    ),
    click.option("--expires", type=click.DateTime(), help="When the key expires (UTC)."),
    click.option("--monthly-budget", metavar="USD", help="The most the key may hold and spend per UTC month, in USD."),
    click.option(
        "--requests-per-minute", type=click.IntRange(min=1), help="The most requests the key may start per UTC minute."
    ),
    click.option(
        "--tokens-per-minute",
        type=click.IntRange(min=1),
        help="The most tokens the key may reserve and use per UTC minute.",
    ),
    click.option("--concurrency", type=click.IntRange(min=1), help="The most requests the key may have open at once."),
)
_NAMES = {
    "model": "models",
    "expires": "expires_at_micros",
    "monthly-budget": "budget_nanos_per_month",
    "requests-per-minute": "requests_per_minute",
    "tokens-per-minute": "tokens_per_minute",
    "concurrency": "concurrency",
}
"""The values of `--none`, and the limit that each removes."""


def limit_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that limit a key."""
    for option in reversed(_LIMITS):
        function = option(function)
    return function


@key.command("create")
@command
@click.option(
    "--account", "account_id", required=True, metavar="ACCOUNT", help="The account's ID (see `account list`)."
)
@click.option("--name", default="key", show_default=True, help="A label, only for your use.")
@click.option("--id", "key_id", help="The key's ID; random by default. Set one to make retries safe.")
@limit_options
def create(context: Context, account_id: str, name: str, key_id: str | None, **limits: Any) -> None:
    """Create an API key. It is shown once: only its digest is stored.

    \b
    Example:
      realrouter key create --account acct_1 --name laptop
      realrouter key create --account acct_1 --name ci --model gpt-5.4-mini --monthly-budget 5.00
    """
    key_id = key_id or new_id("key")
    key_limits = KeyLimits(**_given(limits))
    with context.ledger() as (ledger, codec):
        secret = make_key(ledger, codec, account_id, key_id=key_id, name=name, limits=key_limits)
    lines = [f"Created {key_id} ({name}). The key is shown only once; keep it safe:", secret]
    context.print({"key_id": key_id, "api_key": secret}, lines)


@key.command("limits")
@command
@click.option(
    "--account", "account_id", required=True, metavar="ACCOUNT", help="The account's ID (see `account list`)."
)
@click.argument("key_id", metavar="KEY")
@limit_options
@click.option(
    "--none", "removed", multiple=True, type=click.Choice(list(_NAMES)), help="Remove this limit; repeatable."
)
def change_limits(context: Context, account_id: str, key_id: str, removed: tuple[str, ...], **limits: Any) -> None:
    """Change a key's limits. Limits that are not given stay the same. Every process applies the change within a second.

    \b
    Example:
      realrouter key limits --account acct_1 key_1 --monthly-budget 50.00 --none concurrency
    """
    given = _given(limits)
    for name in removed:
        if _NAMES[name] in given:
            raise click.UsageError(f"--{name} and --none {name} cannot be used together.")
    changes = {**given, **dict.fromkeys((_NAMES[name] for name in removed), None)}
    with context.ledger() as (ledger, codec):
        on_account(
            ledger,
            codec,
            account_id,
            lambda state: api_key.change_limits(
                state, key_id=key_id, limits=msgspec.structs.replace(api_key.limits_of(state, key_id), **changes)
            ),
        )
        now = keys_of(ledger, codec, account_id)[key_id].limits
    context.print({"key_id": key_id, "limits": now}, f"{key_id}: {in_words(now)}.")


def in_words(limits: KeyLimits) -> str:
    """A key's limits as text."""
    parts = []
    if limits.models is not None:
        parts.append(f"only {', '.join(limits.models)}")
    if limits.expires_at_micros is not None:
        until = datetime.fromtimestamp(limits.expires_at_micros // MICROS_PER_SECOND, UTC)
        parts.append(f"until {until:%Y-%m-%d %H:%M} UTC")
    if limits.budget_nanos_per_month is not None:
        parts.append(f"${format_usd(limits.budget_nanos_per_month)} a month")
    for value, what in (
        (limits.requests_per_minute, "requests a minute"),
        (limits.tokens_per_minute, "tokens a minute"),
        (limits.concurrency, "at once"),
    ):
        if value is not None:
            parts.append(f"{value} {what}")
    return ", ".join(parts) or "no limits"


def _given(limits: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as limits. Raises InvalidValue."""
    given = {name: value for name, value in limits.items() if value not in (None, ())}
    if "expires" in given:
        given["expires_at_micros"] = int(given.pop("expires").replace(tzinfo=UTC).timestamp()) * MICROS_PER_SECOND
    if "monthly_budget" in given:
        given["budget_nanos_per_month"] = parse_usd(given.pop("monthly_budget"), field="monthly budget")
    return given


@key.command("list")
@command
@click.option(
    "--account", "account_id", required=True, metavar="ACCOUNT", help="The account's ID (see `account list`)."
)
def list_keys(context: Context, account_id: str) -> None:
    """List an account's keys, including revoked ones. Only the last characters of each key are shown.

    \b
    Example:
      realrouter key list --account acct_1
    """
    with context.ledger() as (ledger, codec):
        keys = keys_of(ledger, codec, account_id).values()
    result = [
        {
            "key_id": key.key_id,
            "name": key.name,
            "hint": key.hint,
            "revoked": key.revoked_at_micros is not None,
            "limits": key.limits,
        }
        for key in keys
    ]
    rows = [
        (key.key_id, key.hint, "in use" if key.revoked_at_micros is None else "revoked", key.name, in_words(key.limits))
        for key in keys
    ]
    empty = f"No keys. Create one with: realrouter key create --account {account_id}"
    context.print({"keys": result}, table(rows, ("KEY", "HINT", "STATE", "NAME", "LIMITS")) if rows else empty)


@key.command("revoke")
@command
@click.option(
    "--account", "account_id", required=True, metavar="ACCOUNT", help="The account's ID (see `account list`)."
)
@click.argument("key_id", metavar="KEY")
def revoke(context: Context, account_id: str, key_id: str) -> None:
    """Revoke a key. From its next admission on, every process refuses it. This cannot be undone.

    \b
    Example:
      realrouter key revoke --account acct_1 key_1
    """
    with context.ledger() as (ledger, codec):
        on_account(ledger, codec, account_id, lambda state: api_key.revoke_key(state, key_id=key_id))
    context.print({"key_id": key_id, "revoked": True}, f"{key_id} is revoked.")
