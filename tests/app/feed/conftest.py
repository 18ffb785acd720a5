"""Both engines: what the feed promises holds on either."""

from __future__ import annotations

from tests.app.ledger.conftest import engine, ledger

__all__ = ["engine", "ledger"]
