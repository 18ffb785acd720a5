"""realrouter books: lots, deferred revenue and the trial balance, from the events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import click
import msgspec

from app.cli.common import Context, command, table
from app.cli.export import source_of
from app.cli.progress import progress
from app.cli.read_models import caught_up_read_models
from app.exports.source import Source, position_before
from app.ledger.store import Ledger
from app.replay.replay import parse_at
from app.reports import folds
from app.reports.folds import LotsShown, OnProgress
from domain.books import Month
from projections.exports.texts import date, fixed

_AT = click.option("--at", metavar="TIME|POSITION", help="As of this instant (UTC) or log position; now by default.")
_ACCOUNT = click.option(
    "--account", "account_id", metavar="ACCOUNT", help="Only this account; all accounts by default."
)


@click.group()
def books() -> None:
    """Show the books, computed from the events. They are credit lots, deferred revenue, and the trial balance."""


@books.command("lots")
@command
@click.option(
    "--account", "account_id", required=True, metavar="ACCOUNT", help="The account's ID (see `account list`)."
)
@_AT
def lots(context: Context, account_id: str, at: str | None) -> None:
    """Show an account's credit lots.

    For each lot: the price paid, how much of its credit remains, was used or was returned, and how much of the price is
    refundable.

    Credit is used in order of expiry, then of age. (No credit expires at present.) A refund or dispute takes back the credit
    that its payment bought; if that credit was used already, other lots pay for the use. If no lot can cover an amount, it is
    owed, and the next credit pays it first.

    \b
    Example:
      realrouter books lots --account acct_1 --at 2026-11-01
    """
    with _folded(context, account_id, at) as (source, until, on_progress):
        shown = folds.lots(source, account_id, until, on_progress)
    context.print(msgspec.to_builtins(shown), _lot_lines(shown))


@books.command("revenue")
@command
@_ACCOUNT
@_AT
def revenue(context: Context, account_id: str | None, at: str | None) -> None:
    """Show deferred revenue by month (UTC), rolled forward from opening to closing balance.

    The columns in between are the credit sold, granted, corrected, used, expired, refunded and disputed, each with its sign.
    Refunds and disputes are net of those that failed or were won. The expired column is always zero, because credit does not
    expire at present.
    """
    with _folded(context, account_id, at) as (source, until, on_progress):
        months = folds.revenue(source, until, on_progress)
    shown = [_month(month) for month in months]
    result = {"position": until, "months": shown}
    header = list(shown[0]) if shown else []
    rows = [list(month.values()) for month in shown]
    context.print(result, table(rows, [name.upper() for name in header]) if rows else "There are no movements yet.")


@books.command("trial-balance")
@command
@_ACCOUNT
@_AT
@click.option("--customers", is_flag=True, help="Show every customer's accounts instead of their sum.")
def trial_balance(context: Context, account_id: str | None, at: str | None, customers: bool) -> None:
    """Show every ledger account as of a position or an instant. Exits 1 unless debits and credits are equal."""
    with _folded(context, account_id, at) as (source, until, on_progress):
        rows = folds.trial_balance(source, until, on_progress).rows(by_customer=customers)
    debit, credit = sum(max(nanos, 0) for _, nanos in rows), sum(max(-nanos, 0) for _, nanos in rows)
    told_rows = [{"account": name, "debit": _side(nanos), "credit": _side(-nanos)} for name, nanos in rows]
    result = {"position": until, "accounts": told_rows, "debit": fixed(debit, 9), "credit": fixed(credit, 9)}
    total = {"account": f"as of position {until}", "debit": fixed(debit, 9), "credit": fixed(credit, 9)}
    lines = [tuple(row.values()) for row in (*told_rows, total)]
    context.print(result, table(lines, ("ACCOUNT", "DEBIT", "CREDIT")))
    if debit != credit:
        raise SystemExit(1)


@contextmanager
def _folded(context: Context, account_id: str | None, at: str | None) -> Iterator[tuple[Source, int, OnProgress]]:
    """The events to fold, the position to stop at, and the progress callback."""
    with (
        context.ledger() as (ledger, codec),
        nullcontext() if account_id is None else caught_up_read_models(context, ledger, codec) as read_models,
        progress("reading events") as on_progress,
    ):
        source = source_of(account_id, ledger, codec, read_models)
        yield source, _until(ledger, source, at), on_progress


def _until(ledger: Ledger, source: Source, at: str | None) -> int:
    end = source.end()
    if at is None:
        return end
    try:
        when = parse_at(at)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"--at must be a position or an instant such as 2026-11-23T12:00:00: {error}") from error
    if "micros" in when:
        return position_before(ledger, when["micros"] + 1, end)
    if when["position"] > end:
        raise click.ClickException(f"The log ends at position {end}.")
    return when["position"]


def _month(month: Month) -> dict[str, str]:
    figures = msgspec.structs.asdict(month)
    return {name.removesuffix("_nanos"): each if name == "month" else fixed(each, 9) for name, each in figures.items()}


def _side(nanos: int) -> str:
    return fixed(max(nanos, 0), 9)


def _lot_lines(shown: LotsShown) -> list[str]:
    lines = [
        f"{shown.account_id} as of position {shown.position}: {shown.balance} USD, of which {shown.held} held; owed: {shown.owed}"
    ]
    rows = [
        (
            date(lot.opened_at_micros),
            lot.source,
            lot.lot_id,
            "" if lot.paid is None else f"{lot.paid} {lot.currency}",
            lot.credit,
            lot.used,
            lot.returned,
            lot.corrected,
            lot.remaining,
            lot.refundable or "",
        )
        for lot in shown.lots
    ]
    header = ("OPENED", "SOURCE", "LOT", "PAID", "CREDIT", "USED", "RETURNED", "CORRECTED", "REMAINING", "REFUNDABLE")
    return [*lines, *(table(rows, header) if rows else ["This account has never had credit."])]
