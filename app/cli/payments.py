"""realrouter payments: compare our records with the processor's, and credit what was missed."""

from __future__ import annotations

from functools import partial

import click
import msgspec
import trio

from app.cli.common import Context, command, table
from app.cli.read_models import caught_up_read_models
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from app.payments.opening import open_payments
from app.payments.sweep import DAYS_DEFAULT, PaymentSweep, Report, Totals, since_days
from app.read_models import ReadModels
from app.settings import Settings
from app.telemetry import logs
from domain.currency import format_minor


@click.group()
def payments() -> None:
    """Manage payments received through the payment processor."""


@payments.command("reconcile")
@command
@click.option(
    "--days",
    default=DAYS_DEFAULT,
    show_default=True,
    type=click.IntRange(1, 36_500),
    help="How many days to look back.",
)
@click.option("--all", "everything", is_flag=True, help="Check all payments ever made.")
def reconcile(context: Context, days: int, everything: bool) -> None:
    """Credit missed payments and list differences. Compares the processor's payments, refunds and disputes with ours.

    Nothing is credited twice. Safe while gateways are running. Exits 1 if differences remain.

    \b
    Example:
      realrouter payments reconcile
      realrouter payments reconcile --days 90 --json
    """
    logs.configure(level="WARNING")  # on stderr, because stdout has the result
    settings = context.settings()
    with context.ledger() as (ledger, codec), caught_up_read_models(context, ledger, codec) as read_models:
        since = 0 if everything else since_days(days, ledger.now_micros())
        report = trio.run(partial(_reconcile, settings, ledger, codec, read_models, since))
    result = {"ok": report.ok, **msgspec.to_builtins(report)}
    context.print(result, _lines(report))
    if not report.ok:
        raise SystemExit(1)


async def _reconcile(settings: Settings, ledger: Ledger, codec: Codec, read_models: ReadModels, since: int) -> Report:
    opened = open_payments(settings, ledger, codec)
    if opened is None:
        raise click.ClickException("This gateway sells no credit: the configuration has no [stripe] table.")
    try:
        return await PaymentSweep(opened, read_models).reconcile(since)
    finally:
        await opened.vendor.aclose()


def _lines(report: Report) -> list[str]:
    lines = [f"{report.checked} payments compared; {len(report.put_right)} corrected."]
    lines += [f"  {each}" for each in report.put_right]
    rows = [
        (currency, *_cells(report.ours.get(currency), currency), *_cells(report.theirs.get(currency), currency))
        for currency in sorted({*report.ours, *report.theirs})
    ]
    if rows:
        lines += table(rows, ("CURRENCY", "OURS PAID", "RETURNED", "THEIRS PAID", "RETURNED"))
    if report.ok:
        return [*lines, "No differences."]
    lines.append(f"{len(report.differences)} differences:")
    return [
        *lines,
        *(f"  {each.what} · {each.id}: ours {each.ours}, theirs {each.theirs}" for each in report.differences),
    ]


def _cells(totals: Totals | None, currency: str) -> tuple[str, str]:
    paid, returned = (0, 0) if totals is None else (totals.paid_minor, totals.returned_minor)
    return format_minor(paid, currency), format_minor(returned, currency)
