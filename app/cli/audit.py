"""realrouter audit: replay the ledger, and explain a balance from its events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from app.audit import ExplainedBalance, Report, balance_explained, parse_at, replay
from app.cli.common import Context, command, table
from app.cli.progress import progress
from app.cli.views import caught_up_views
from app.replay.findings import Difference
from app.views.answers import NotYetProjected
from domain.decimals import format_usd


@click.group()
def audit() -> None:
    """Check the books against the events, or explain them by the events."""


@audit.command("replay")
@command
@click.option("--differences", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Show so many.")
def replay_(context: Context, differences: int) -> None:
    """Derive every bucket and projection from the events alone, in one snapshot, and compare.

    Also checked: positions and versions without gaps, one settlement per admission, each charge against the price list that
    it names, books that sum to zero, no overdraft at any admission. Changes nothing; safe beside running gateways.
    Exits 1 when anything disagrees, and shows the first differences.
    """
    with (
        context.ledger() as (ledger, codec),
        caught_up_views(context, ledger, codec) as views,
        progress("replaying events") as told,
    ):
        report = replay(ledger, views, told, codec=codec, differences_max=differences)
    context.print({"ok": report.ok, **msgspec.to_builtins(report)}, _report_lines(report))
    if not report.ok:
        raise SystemExit(1)


@audit.command("balance")
@command
@click.option("--account", "account_id", required=True, metavar="ACCOUNT", help="Whose; `account list` shows them.")
@click.option(
    "--at", metavar="TIME|POSITION", help="An instant (2026-11-23T12:00:00, UTC) or a position; now by default."
)
@click.option("--last", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many events to show.")
def balance(context: Context, account_id: str, at: str | None, last: int) -> None:
    """An account's balance as of any past event or instant, with the events that explain it.

    \b
    Example:
      realrouter audit balance --account acct_1 --at 2026-11-23T12:00:00
      realrouter audit balance --account acct_1 --at 4711
    """
    when = _when(at)
    with context.ledger() as (ledger, codec), caught_up_views(context, ledger, codec) as views:
        try:
            explained = balance_explained(ledger, views, account_id, last=last, **when)
        except NotYetProjected as error:
            raise click.ClickException(str(error)) from error
    result: dict[str, Any] = msgspec.to_builtins(explained)
    result |= {"available_nanos": str(explained.available_nanos), "held_nanos": str(explained.held_nanos)}
    context.print(result, _balance_lines(explained))
    if explained.differences:
        raise SystemExit(1)


def _when(at: str | None) -> dict[str, int]:
    try:
        return {} if at is None else parse_at(at)
    except ValueError as error:
        raise click.UsageError(f"--at takes a position or an instant such as 2026-11-23T12:00:00: {error}") from error


def _report_lines(report: Report) -> list[str]:
    lines = [f"{report.events} events replayed; {len(report.open_requests)} requests are open."]
    lines += [
        f"unknown topic {topic}: {count} events, the first at {first}"
        for topic, (count, first) in report.unknown_topics.items()
    ]
    if report.ok:
        return [*lines, "Every bucket and projection agrees with the events."]
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
            datetime.fromtimestamp(event.recorded_at_micros / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S"),
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
