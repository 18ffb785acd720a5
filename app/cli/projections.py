"""realrouter projections: the status of the read models, and rebuilding them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
import msgspec

from app.cli.common import Context, command, table
from app.cli.progress import progress
from app.read_models import DecodedLog
from app.services import open_read_models
from projections.runner import Runner


@click.group()
def projections() -> None:
    """Manage the read models (balances, transactions, usage, keys). All can be rebuilt from event 1."""


@projections.command("status")
@command
def status(context: Context) -> None:
    """Show how far each projection lags behind the log. Exits 1 if one has stopped at an event it cannot apply."""
    with _runner(context) as runner:
        found = runner.status()
    rows = [
        (one.name, str(one.position), str(one.head), str(one.lag_events), f"{one.lag_seconds:.1f} s", one.error or "")
        for one in found
    ]
    result = {"projections": [msgspec.to_builtins(one) for one in found]}
    context.print(result, table(rows, ("PROJECTION", "POSITION", "HEAD", "BEHIND", "SINCE", "STOPPED BY")))
    if any(one.error for one in found):
        raise SystemExit(1)


@projections.command("rebuild")
@command
@click.argument("names", nargs=-1, metavar="[NAME]...")
def rebuild(context: Context, names: tuple[str, ...]) -> None:
    """Rebuild the named projections (all by default) from event 1, alongside the live ones, then swap them in.

    Readers see the old tables until the new ones are complete. Safe while gateways are running.
    """
    with _runner(context) as runner, progress("rebuilding") as on_progress:
        try:
            position = runner.rebuild(names, on_progress)
        except KeyError as error:
            raise click.UsageError(
                f"There is no projection {error}. `realrouter projections status` lists all projections."
            ) from error
    context.print({"position": position}, f"Rebuilt up to position {position}.")


@contextmanager
def _runner(context: Context) -> Iterator[Runner]:
    read_models = open_read_models(context.settings())
    try:
        with context.ledger() as (ledger, codec):
            runner = Runner(DecodedLog(ledger, codec=codec), read_models)
            runner.prepare()
            yield runner
    finally:
        read_models.close()
