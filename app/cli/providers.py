"""realrouter providers: compares a provider's usage export with the charges."""

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
    """Check the providers whose models are sold."""


@providers.command("reconcile")
@command
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--mapping", required=True, metavar="NAME", help="The configuration's [[provider_export]] that describes the file."
)
@click.option(
    "--differences",
    default=20,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="The maximum number of differences to show.",
)
def reconcile_(context: Context, file: Path, mapping: str, differences: int) -> None:
    """Compare a provider's usage export with the charges. The file is CSV. Differences are listed request by request.

    missing_here: in the file but never charged. missing_there: charged but not in the file. Only charges between the first and
    last request found in both are listed; those outside that range are only counted. charged_twice: a second charge for
    the same request. without_id: a row that names no request. Tokens and cost are compared if the mapping names their columns.
    Posts nothing; make corrections with `realrouter credit adjust`. Exits 1 if anything differs, or if no request is found in both.

    \b
    Example:
      realrouter providers reconcile openai-november.csv --mapping openai
    """
    configured = {each.name: each for each in context.settings().provider_exports}
    if mapping not in configured:
        known = ", ".join(configured) or "none"
        raise click.ClickException(f"There is no [[provider_export]] named {mapping!r}. Configured: {known}.")
    with context.ledger() as (ledger, codec), progress("comparing charges") as on_progress:
        found = reconcile(
            WholeLog(ledger, codec), configured[mapping], file, on_progress=on_progress, first_max=differences
        )
    context.print({"ok": found.ok, **msgspec.to_builtins(found)}, _lines(found))
    if not found.ok:
        raise SystemExit(1)


def _lines(found: Reconciled) -> list[str]:
    cost = "" if found.cost is None else f"; they cost {found.cost} USD"
    lines = [
        f"{found.requests} requests to {found.upstream} in {found.rows} rows; {found.matched} of them were charged.",
        f"{found.charged} USD were charged for these{cost}.",
    ]
    if found.outside:
        lines.append(f"{found.outside} charges before or after the compared range were not compared.")
    if found.charges_without_id:
        lines.append(
            f"{found.charges_without_id} charges in between have no provider request ID and were not compared."
        )
    if not found.matched:
        lines.append("No request was found in both: nothing was compared.")
    if not found.counts:
        return lines if not found.matched else [*lines, "No differences."]
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
