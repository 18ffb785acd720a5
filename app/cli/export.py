"""realrouter export: the ledger, for others."""

from __future__ import annotations

import click


@click.group()
def export() -> None:
    """Write the ledger out, for whoever checks it or keeps other books."""
