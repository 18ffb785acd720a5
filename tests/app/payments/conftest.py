"""Both engines: the fixtures of the ledger's own tests."""

from __future__ import annotations

from tests.app.ledger.conftest import engine, ledger

__all__ = ["engine", "ledger"]
