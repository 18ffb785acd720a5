"""Both engines: the feed's promises hold on each of them."""

from __future__ import annotations

from tests.app.ledger.conftest import engine, ledger

__all__ = ["engine", "ledger"]
