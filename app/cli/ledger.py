"""realrouter ledger: move a ledger from SQLite to PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from app.cli.common import Context, command
from app.cli.progress import progress
from app.ledger.copy import CopyMismatch, CopyRefused, copy
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger


@click.group()
def ledger() -> None:
    """Manage the event store."""


@ledger.command("copy")
@command
@click.option(
    "--to",
    "target_url",
    required=True,
    metavar="URL",
    help="The target database (postgresql://user@host/db). It must be migrated and empty.",
)
@click.option("--though-running", is_flag=True, help="Copy even if a gateway seems to be running on the source.")
def copy_(context: Context, target_url: str, though_running: bool) -> None:
    """Copy the configured SQLite ledger to PostgreSQL. The target must be empty. The copy is byte for byte, and is verified.

    All or nothing: every event keeps its position, timestamp and bytes. Buckets, open requests, people and payment data are
    copied too. The copy is read back and compared before it is committed. Sessions are not copied. Stop the gateway first.

    \b
    Example:
      realrouter migrate --config postgres.toml
      realrouter ledger copy --config sqlite.toml --to postgresql://realrouter@db/realrouter
      realrouter audit replay --config postgres.toml
    """
    path = context.settings().store.sqlite_path
    if path is None:
        raise click.ClickException("The configured store is already PostgreSQL; `ledger copy` copies from SQLite.")
    if not Path(path).exists():
        raise click.ClickException(f"There is no ledger at {path}.")
    source, target = SQLiteLedger(str(path)), PostgresLedger(target_url)
    try:
        target.check_schema()
        with progress("copying rows") as on_progress:
            report = copy(source, target, on_progress, though_running=though_running)
    except (CopyRefused, CopyMismatch) as error:
        raise click.ClickException(str(error)) from error
    finally:
        target.close()
        source.close()
    context.print(
        msgspec.to_builtins(report),
        f"Copied and verified {report.events} events up to position {report.position} (SHA-256 {report.sha256}).",
    )
