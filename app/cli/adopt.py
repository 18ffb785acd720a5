"""realrouter audit adopt: a checkpoint file where none is left."""

from __future__ import annotations

import click

from app.cli.common import Context, command
from app.transparency.file import CheckpointFile
from app.transparency.sealer import Sealer


@click.command("adopt")
@command
def adopt(context: Context) -> None:
    """Begin a lost checkpoint file with the newest checkpoint of the database. From then on the log is held against it.

    `serve` does not start on a sealed log without the file of `log.checkpoint`: nothing else tells a database that was put back.
    Where any gateway or copy has the file, put that there. Adopt only where none is left, and the database is the one that was last
    written; then hold it against checkpoints and receipts that somebody has kept: `audit verify --checkpoint FILE`. A file that is
    there is never replaced.

    \b
    Example:
      realrouter audit adopt
    """
    log, file = context.log(), CheckpointFile(context.settings().checkpoint_path)
    with context.ledger() as (ledger, _codec):
        adopted = Sealer(ledger, log.keys(), file, alone=True).adopt()
    result = {"file": str(file.path), "origin": adopted.origin, "size": adopted.size, "root": adopted.root.hex()}
    context.print(result, f"{file.path} holds the checkpoint of {adopted.size} events of {adopted.origin}.")
