"""realrouter audit: replay the ledger, and explain a balance by its events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from app.cli.common import Context, command, table
from app.cli.export import instant
from app.cli.progress import progress
from app.cli.read_models import caught_up_read_models
from app.exports.kinds import ExportSpec
from app.exports.source import WholeLog, span_of
from app.read_models.answers import NotYetProjected
from app.replay.findings import Difference
from app.replay.replay import ExplainedBalance, Report, balance_explained, parse_at, replay
from app.reports.reprice import Repriced, read_prices, reprice
from domain.buckets import MICROS_PER_SECOND
from domain.decimals import format_usd


@click.group()
def audit() -> None:
    """Check the books, or explain a balance by its events."""


@audit.command("replay")
@command
@click.option(
    "--differences",
    default=20,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="The maximum number of differences to show.",
)
@click.option(
    "--prices",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Compute what the charges would have been at the prices in this file.",
)
@click.option("--from", "begins", metavar="TIME", help="With --prices: start at this instant or date (UTC).")
@click.option("--to", "ends", metavar="TIME", help="With --prices: end before this instant or date (UTC).")
def replay_(context: Context, differences: int, prices: Path | None, begins: str | None, ends: str | None) -> None:
    """Replay all events and compare the results with the stored data. Every bucket and projection is recomputed in one snapshot.

    Also checked: positions and versions have no gaps, each admission has one settlement, each charge matches the price list that
    it names, the books sum to zero, and no admission overdraws the balance or uses a key that is revoked or belongs to another
    account. Not checked: key limits (budget, rates, models, expiry). Changes nothing and is safe while gateways are running.
    Exits 1 if anything differs, and shows the first differences.

    With --prices, it only computes what a period would have cost, by account and model. FILE has [[model]] tables like the
    configuration. This, too, changes nothing. Usage without a price in FILE is listed: it is counted as free, except that a
    service tier without prices of its own is priced like the default tier.

    \b
    Example:
      realrouter audit replay --prices new.toml --from 2026-11-01 --to 2026-12-01
    """
    if prices is not None:
        _reprice(context, prices, begins, ends)
        return
    if begins is not None or ends is not None:
        raise click.UsageError("--from and --to require --prices.")
    with (
        context.ledger() as (ledger, codec),
        caught_up_read_models(context, ledger, codec) as read_models,
        progress("replaying events") as on_progress,
    ):
        report = replay(ledger, read_models, on_progress, codec=codec, differences_max=differences)
    context.print({"ok": report.ok, **msgspec.to_builtins(report)}, _report_lines(report))
    if not report.ok:
        raise SystemExit(1)


@audit.command("balance")
@command
@click.option(
    "--account", "account_id", required=True, metavar="ACCOUNT", help="The account's ID (see `account list`)."
)
@click.option(
    "--at",
    metavar="TIME|POSITION",
    help="As of an instant (2026-11-23T12:00:00, UTC) or a log position; now by default.",
)
@click.option(
    "--last", default=10, show_default=True, type=click.IntRange(1, 1000), help="The number of events to show."
)
def balance(context: Context, account_id: str, at: str | None, last: int) -> None:
    """Explain an account's balance by its events, as of any past event or instant.

    \b
    Example:
      realrouter audit balance --account acct_1 --at 2026-11-23T12:00:00
      realrouter audit balance --account acct_1 --at 4711
    """
    when = _when(at)
    with context.ledger() as (ledger, codec), caught_up_read_models(context, ledger, codec) as read_models:
        try:
            explained = balance_explained(ledger, read_models, account_id, last=last, **when)
        except NotYetProjected as error:
            raise click.ClickException(str(error)) from error
    result: dict[str, Any] = msgspec.to_builtins(explained)
    result |= {"available_nanos": str(explained.available_nanos), "held_nanos": str(explained.held_nanos)}
    context.print(result, _balance_lines(explained))
    if explained.differences:
        raise SystemExit(1)


def _reprice(context: Context, file: Path, begins: str | None, ends: str | None) -> None:
    new = read_prices(file)
    period = ExportSpec("csv", from_micros=instant(begins, "--from"), to_micros=instant(ends, "--to"))
    with context.ledger() as (ledger, codec), progress("pricing events") as on_progress:
        source = WholeLog(ledger, codec)
        span = span_of(ledger, source, period, None)
        rows = reprice(source, span, new, on_progress)
    charged, repriced = sum(row.charged_nanos for row in rows), sum(row.repriced_nanos for row in rows)
    result = {
        "first_position": span.after + 1,
        "last_position": span.until,
        "charged_nanos": str(charged),
        "repriced_nanos": str(repriced),
        "rows": [_repriced(row) for row in rows],
    }
    context.print(result, _repriced_lines(rows, charged, repriced))


def _repriced(row: Repriced) -> dict[str, Any]:
    figures = (row.charged_nanos, row.repriced_nanos, row.difference_nanos)
    names = ("charged_nanos", "repriced_nanos", "difference_nanos")
    amounts = {name: str(nanos) for name, nanos in zip(names, figures, strict=True)}
    which = {"account_id": row.account_id, "model": row.model, "priced": row.priced, "unpriced": list(row.unpriced)}
    return {**which, "requests": row.requests, **amounts}


def _repriced_lines(rows: Sequence[Repriced], charged: int, repriced: int) -> list[str]:
    if not rows:
        return ["Nothing was charged in this period."]
    lines = [
        (
            row.account_id,
            row.model,
            str(row.requests),
            format_usd(row.charged_nanos),
            format_usd(row.repriced_nanos),
            format_usd(row.difference_nanos) if row.priced else "no new price",
        )
        for row in rows
    ]
    total = (
        "all",
        "",
        str(sum(row.requests for row in rows)),
        *map(format_usd, (charged, repriced, repriced - charged)),
    )
    lacking = [
        f"{row.account_id}, {row.model}: the new prices have no price for {', '.join(row.unpriced)}."
        for row in rows
        if row.unpriced
    ]
    return [*table([*lines, total], ("ACCOUNT", "MODEL", "REQUESTS", "CHARGED", "WOULD BE", "DIFFERENCE")), *lacking]


def _when(at: str | None) -> dict[str, int]:
    try:
        return {} if at is None else parse_at(at)
    except ValueError as error:
        raise click.UsageError(f"--at must be a position or an instant such as 2026-11-23T12:00:00: {error}") from error


def _report_lines(report: Report) -> list[str]:
    lines = [f"{report.events} events replayed; {len(report.open_requests)} requests are open."]
    lines += [
        f"unknown topic {topic}: {count} events, the first at {first}"
        for topic, (count, first) in report.unknown_topics.items()
    ]
    if report.ok:
        return [*lines, "Every bucket and projection matches the events."]
    lines.append(f"{report.differences_count} differences; the first {len(report.differences)}:")
    return [*lines, *map(_difference_line, report.differences)]


def _difference_line(difference: Difference) -> str:
    return f"  {difference.what} · {difference.where}: expected {difference.expected}, found {difference.found}"


def _balance_lines(explained: ExplainedBalance) -> list[str]:
    lines = [
        f"{explained.account_id} as of position {explained.position}",
        f"available  ${format_usd(explained.available_nanos)}",
        f"held       ${format_usd(explained.held_nanos)}",
    ]
    rows = [
        (
            str(event.position),
            datetime.fromtimestamp(event.recorded_at_micros / MICROS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            event.topic,
            format_usd(event.available_moved_nanos),
            format_usd(event.available_nanos),
            event.stream,
        )
        for event in explained.events
    ]
    header = ("POSITION", "RECORDED (UTC)", "EVENT", "MOVED", "AVAILABLE", "STREAM")
    lines += table(rows, header) if rows else ["No event has moved this balance."]
    return [*lines, *map(_difference_line, explained.differences)]
