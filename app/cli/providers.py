"""realrouter providers: what a provider says was used, against what was charged."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from app.cli.common import Context, command, table
from app.cli.progress import progress
from app.exports.source import WholeLog
from app.reports.providers import Reconciled, reconcile


@click.group()
def providers() -> None:
    """Those whose models are sold."""


@providers.command("reconcile")
@command
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--mapping", required=True, metavar="NAME", help="Which [[provider_export]] of the configuration reads it."
)
@click.option("--differences", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Show so many.")
def reconcile_(context: Context, file: Path, mapping: str, differences: int) -> None:
    """Compare a provider's usage export (CSV) with the charges, request by request, and list what differs.

    Missing here: not charged here. Missing there: charged, and not in the file, between the first and the last request that is
    in both; how many charges lie outside of these is told. Charged twice: a charge whose request has one already. Without id:
    a row that names no request. Tokens and cost are compared where the mapping names their columns. Posts nothing: a correction
    is `realrouter credit adjust`. Exits 1 where anything differs, and where no request is in both.

    \b
    Example:
      realrouter providers reconcile openai-november.csv --mapping openai
    """
    configured = {each.name: each for each in context.settings().provider_exports}
    if mapping not in configured:
        known = ", ".join(configured) or "none"
        raise click.ClickException(f"There is no [[provider_export]] named {mapping!r}. Configured: {known}.")
    with context.ledger() as (ledger, codec), progress("comparing charges") as told:
        found = reconcile(WholeLog(ledger, codec), configured[mapping], file, told=told, first_max=differences)
    context.print({"ok": found.ok, **msgspec.to_builtins(found)}, _lines(found))
    if not found.ok:
        raise SystemExit(1)


def _lines(found: Reconciled) -> list[str]:
    cost = "" if found.cost is None else f"; they cost {found.cost} USD"
    lines = [
        f"{found.requests} requests of {found.upstream} in {found.rows} rows; {found.matched} are charged here.",
        f"{found.charged} USD were charged for these{cost}.",
    ]
    if found.outside:
        lines.append(f"{found.outside} charges lie before or behind these, and were not compared.")
    if found.charges_without_id:
        lines.append(
            f"{found.charges_without_id} charges between these have no id of the provider's, and were not compared."
        )
    if not found.matched:
        lines.append("No request is in both: nothing was compared.")
    if not found.counts:
        return lines if not found.matched else [*lines, "No difference."]
    lines.append(", ".join(f"{what}: {count}" for what, count in found.counts.items()))
    rows = [
        (
            each.what,
            "" if each.line is None else str(each.line),
            each.upstream_request_id,
            each.request_id or "",
            each.ours or "",
            each.theirs or "",
        )
        for each in found.differences
    ]
    return [*lines, *table(rows, ("WHAT", "LINE", "THEIR REQUEST", "OURS", "OURS SAY", "THEIRS SAY"))]
