"""Both engines: what people, sessions and throttles promise holds on either."""

from __future__ import annotations

from tests.app.ledger.conftest import engine, ledger

__all__ = ["engine", "ledger"]
