"""realrouter account: create, show, list and freeze accounts; manage who signs in to them."""

from __future__ import annotations

import secrets
import sys

import click

from app.accounts.commands import load_account, new_id, on_account
from app.accounts.links import Links, address
from app.accounts.passwords import Passwords
from app.accounts.people import People, check_label, normalised_email
from app.accounts.throttle import SIGN_IN_OF_EMAIL, Throttle
from app.cli.common import Context, command, table
from app.cli.read_models import caught_up_read_models
from domain import account as accounts
from domain import buckets
from domain.decimals import format_usd


@click.group()
def account() -> None:
    """Manage accounts. Each account has its own prepaid balance and API keys."""


@account.command("create")
@command
@click.option("--name", required=True, help="A label, only for your use.")
@click.option("--id", "account_id", help="The account's ID; random by default. Set one to make retries safe.")
@click.option(
    "--email", help="The e-mail of the person who signs in to it. Set their password with `account password`."
)
def create(context: Context, name: str, account_id: str | None, email: str | None) -> None:
    """Open an account. Its balance starts at zero.

    \b
    Example:
      realrouter account create --name "Research team"
      realrouter credit grant --account ACCOUNT --amount 25.00 --reason "first credit"
      realrouter key create --account ACCOUNT --name laptop
    """
    account_id = account_id or new_id("acct")
    accounts.check_identifier("account_id", account_id)
    check_label(name)
    with context.ledger() as (ledger, codec):
        accounts.open_account(load_account(ledger, codec, account_id), name=name)  # refused before a person is added
        if email is not None:
            People(ledger, codec).add(account_id, normalised_email(email), name)  # a taken e-mail opens no account
        on_account(ledger, codec, account_id, lambda state: accounts.open_account(state, name=name))
    context.print({"account_id": account_id}, f"Opened {account_id} ({name}).")


@account.command("email")
@command
@click.argument("account_id", metavar="ACCOUNT")
@click.argument("email", metavar="EMAIL")
def set_email(context: Context, account_id: str, email: str) -> None:
    """Set or change an account's e-mail. The person signs in with it; the password stays the same.

    \b
    Example:
      realrouter account email acct_1 ada@example.com
    """
    address = normalised_email(email)
    with context.ledger() as (ledger, codec):
        accounts.require(load_account(ledger, codec, account_id))
        People(ledger, codec).set_email(account_id, address)
    context.print({"account_id": account_id, "email": address}, f"{address} can now sign in to {account_id}.")


@account.command("password")
@command
@click.argument("account_id", metavar="ACCOUNT")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from one line of standard input.")
@click.option("--generate", is_flag=True, help="Generate a random password and print it once.")
def set_password(context: Context, account_id: str, from_stdin: bool, generate: bool) -> None:
    """Set an account's password. Ends all sessions of the person who signs in to it. Prompts for the password twice.

    \b
    Example:
      realrouter account password acct_1
      realrouter account password acct_1 --generate
    """
    if from_stdin and generate:
        raise click.UsageError("--stdin and --generate cannot be used together.")
    password = secrets.token_urlsafe(18) if generate else _asked_password(from_stdin=from_stdin)
    hashed = Passwords().hash_now(password)
    with context.ledger() as (ledger, codec):
        people = People(ledger, codec)
        people.set_password(account_id, hashed)
        if (person := people.by_account(account_id)) is not None:
            Throttle(ledger).forget(
                SIGN_IN_OF_EMAIL, person.email
            )  # the new password works at once, even after many wrong guesses
    shown = {"password": password} if generate else {}
    lines = [f"The password of {account_id} is set, and all its sessions have ended."]
    context.print({"account_id": account_id, **shown}, [*lines, *shown.values()])


@account.command("link")
@command
@click.argument("account_id", metavar="ACCOUNT")
def link(context: Context, account_id: str) -> None:
    """Create a one-time sign-in link, valid for 15 minutes. Any earlier link for the account stops working.

    \b
    Example:
      realrouter account link acct_1
    """
    public_url = context.settings().server.public_url
    with context.ledger() as (ledger, codec):
        accounts.require(load_account(ledger, codec, account_id))
        url = address(public_url, Links(ledger).make(account_id))
    context.print({"account_id": account_id, "sign_in_url": url}, url)


@account.command("forget")
@command
@click.argument("account_id", metavar="ACCOUNT")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
def forget(context: Context, account_id: str, yes: bool) -> None:
    """Delete an account's personal data. Deletes e-mail, password, sessions and saved payment method; the ledger does not change.

    The account's keys keep working. To stop them, revoke them or freeze the account.

    \b
    Example:
      realrouter account forget acct_1
    """
    if not yes:
        click.confirm(f"Delete the personal data of {account_id}? This cannot be undone.", abort=True, err=True)
    with context.ledger() as (ledger, codec):
        there = People(ledger, codec).forget(account_id)
    message = f"The personal data of {account_id} has been deleted." if there else f"{account_id} has no personal data."
    context.print({"account_id": account_id, "forgotten": there}, message)


def _asked_password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    return password


@account.command("list")
@command
@click.option("--after", default="", metavar="ID", help="List accounts after this ID.")
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 1000), help="The maximum number of accounts."
)
def list_accounts(context: Context, after: str, limit: int) -> None:
    """List accounts with their balances, sorted by ID."""
    with context.ledger() as (ledger, codec), caught_up_read_models(context, ledger, codec) as read_models:
        found = read_models.accounts(after=after, limit=limit).value
        names = [name for row in found for name in (buckets.available(row.account_id), buckets.held(row.account_id))]
        values = ledger.bucket_values(names)
    entries = [
        {
            "account_id": row.account_id,
            "name": row.name,
            "frozen": bool(row.freezes),
            "available_nanos": str(values[buckets.available(row.account_id)]),
            "held_nanos": str(values[buckets.held(row.account_id)]),
        }
        for row in found
    ]
    rows = [
        (
            row.account_id,
            format_usd(values[buckets.available(row.account_id)]),
            format_usd(values[buckets.held(row.account_id)]),
            "frozen" if row.freezes else "",
            row.name,
        )
        for row in found
    ]
    context.print(
        {"accounts": entries},
        table(rows, ("ACCOUNT", "AVAILABLE", "HELD", "STATE", "NAME"))
        if rows
        else "No accounts. Open one: realrouter account create --name NAME",
    )


@account.command("show")
@command
@click.argument("account_id", metavar="ACCOUNT")
def show(context: Context, account_id: str) -> None:
    """Show an account: available and held balance, and its keys.

    \b
    Example:
      realrouter account show acct_1 --json
    """
    with context.ledger() as (ledger, codec):
        state = load_account(ledger, codec, account_id)
        accounts.require(state)
        names = (buckets.available(account_id), buckets.held(account_id))
        head, values = ledger.bucket_values_at_head(names)
        available, held = (values[name] for name in names)
        person = People(ledger, codec).by_account(account_id)
    live = sum(not key.revoked for key in state.keys.values())
    result = {
        "account_id": account_id,
        "name": state.name,
        "email": person.email if person is not None else None,
        "frozen": state.frozen,
        "frozen_for": sorted(state.causes),
        "available_nanos": str(available),
        "available": format_usd(available),
        "held_nanos": str(held),
        "held": format_usd(held),
        "keys": live,
        "position": head.position,
    }
    lines = [
        f"{account_id}  {state.name}{'  FROZEN: ' + ', '.join(sorted(state.causes)) if state.frozen else ''}",
        *([f"e-mail     {person.email}"] if person is not None else []),
        f"available  ${format_usd(available)}",
        f"held       ${format_usd(held)}",
        f"keys       {live} in use, {len(state.keys) - live} revoked",
    ]
    context.print(result, lines)


@account.command("freeze")
@command
@click.argument("account_id", metavar="ACCOUNT")
@click.option("--reason", required=True, help="The reason; kept permanently.")
def freeze(context: Context, account_id: str, reason: str) -> None:
    """Freeze an account: accept no new requests from it. Effective at its next admission. Running requests finish and are billed.

    \b
    Example:
      realrouter account freeze acct_1 --reason "payment disputed"
    """
    with context.ledger() as (ledger, codec):
        on_account(ledger, codec, account_id, lambda state: accounts.freeze(state, reason=reason))
    context.print({"account_id": account_id, "frozen": True}, f"{account_id} is frozen.")


@account.command("unfreeze")
@command
@click.argument("account_id", metavar="ACCOUNT")
@click.option("--reason", required=True, help="The reason; kept permanently.")
def unfreeze(context: Context, account_id: str, reason: str) -> None:
    """Accept requests from a frozen account again.

    \b
    Example:
      realrouter account unfreeze acct_1 --reason "dispute settled"
    """
    with context.ledger() as (ledger, codec):
        on_account(ledger, codec, account_id, lambda state: accounts.unfreeze(state, reason=reason))
    context.print({"account_id": account_id, "frozen": False}, f"{account_id} accepts requests again.")
