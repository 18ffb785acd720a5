"""Read models for commands, caught up with the log first, so that a command shows the latest changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.cli.common import Context
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from app.read_models import DecodedLog, ReadModels
from app.services import open_read_models
from projections.runner import Runner


@contextmanager
def caught_up_read_models(context: Context, ledger: Ledger, codec: Codec) -> Iterator[ReadModels]:
    """The read models at the end of the log, or at the position reached so far by another process that is updating them."""
    read_models = open_read_models(context.settings())
    try:
        runner = Runner(DecodedLog(ledger, codec=codec), read_models)
        runner.prepare()
        while runner.step():
            pass
        yield read_models
    finally:
        read_models.close()
