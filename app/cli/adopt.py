"""realrouter audit adopt: replaces a lost checkpoint file."""

from __future__ import annotations

import click

from app.cli.common import Context, command
from app.transparency.file import CheckpointFile
from app.transparency.sealer import Sealer


@click.command("adopt")
@command
def adopt(context: Context) -> None:
    """Replace a lost checkpoint file. The new one starts from the database's newest checkpoint.

    `serve` does not start on a sealed log without the file named by `log.checkpoint`, because only that file reveals a rolled-back
    database. If any gateway or copy still has the file, use that one. Adopt only if no copy of the file is left and you are sure
    that the database has not been rolled back. From then on, the log is checked against the new file. Afterwards, compare the log
    with checkpoints and receipts that others have kept: `audit verify --checkpoint FILE`. An existing file is never replaced.

    \b
    Example:
      realrouter audit adopt
    """
    log, file = context.log(), CheckpointFile(context.settings().checkpoint_path)
    with context.ledger() as (ledger, _codec):
        adopted = Sealer(ledger, log.keys(), file, alone=True).adopt()
    result = {"file": str(file.path), "origin": adopted.origin, "size": adopted.size, "root": adopted.root.hex()}
    context.print(result, f"{file.path} now contains the checkpoint of {adopted.origin} at {adopted.size} events.")
