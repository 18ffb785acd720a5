"""What only the SQLite engine has to hold: its connections are closed while other threads may use them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.ledger.sqlite import SQLiteLedger
from tests.support.gateway.processes import PATIENCE_SECONDS


def test_closing_waits_for_a_read_in_another_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite crashes the process if a connection is closed while a thread uses it."""
    ledger, reading, closing = SQLiteLedger(str(tmp_path / "ledger.db")), threading.Event(), threading.Event()
    ledger.migrate()
    wait_for = ledger._reading.wait_for

    def waiting(predicate: Callable[[], bool], timeout: float) -> bool:
        closing.set()
        return wait_for(predicate, timeout)

    def read() -> int:
        with ledger.snapshot() as snapshot:
            reading.set()
            assert closing.wait(PATIENCE_SECONDS), "close did not wait"
            return snapshot.head().position

    monkeypatch.setattr(ledger._reading, "wait_for", waiting)
    with ThreadPoolExecutor() as threads:
        result = threads.submit(read)
        assert reading.wait(PATIENCE_SECONDS)
        ledger.close()
        assert result.result() == 0
    assert not ledger._readers_of
