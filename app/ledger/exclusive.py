"""One server per SQLite ledger: a lock on a file next to it, which the system releases however the process ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import Fault


class LedgerInUse(Fault):
    """Another gateway is serving this SQLite ledger."""


@contextmanager
def served_alone(path: Path) -> Iterator[None]:
    """Hold the serving lock of the ledger at `path`. Only gateways take it; other commands do not. Raises LedgerInUse."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.serving").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LedgerInUse(
                f"Another gateway is serving {path}. With SQLite there can be only one: stop it, or use PostgreSQL."
            ) from error
        yield
