"""A ledger with a history, on both engines, and its sealer."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.ledger.store import Ledger
from app.transparency.copies import DatabaseCopy
from app.transparency.file import CheckpointFile
from app.transparency.receipts import Receipts
from app.transparency.sealer import Sealer
from app.transparency.trees import HOUR_MICROS
from app.transparency.verify import Report, verify
from projections.proofs.keys import LogKeys
from projections.proofs.note import Note, parse_note
from tests.app.ledger.conftest import engine, ledger  # noqa: F401 - fixtures
from tests.support.ledger.histories import Book, admission, settlement
from tests.support.ledger.ledgers import Engine
from tests.support.transparency.logs import ORIGIN, SIGNER, WITNESS

KEYS = LogKeys(ORIGIN, (SIGNER,), witnesses=(WITNESS.verifier,))


@dataclass
class Sealed:
    """A ledger of `book`, whose log `sealer` seals."""

    ledger: Ledger
    engine: Engine
    book: Book
    file: CheckpointFile
    keys: LogKeys = KEYS

    def sealer(self, page_events: int = 100) -> Sealer:
        return Sealer(self.ledger, self.keys, self.file, alone=True, page_events=page_events)

    def grow(self, requests: int, seed: int = 9) -> None:
        draw = random.Random(seed)
        names = (f"req-{self.ledger.head().position}-{number}" for number in range(requests))
        holds = self.book.admit(*(admission(name, "acme", draw) for name in names))
        self.book.settle(*(settlement(hold, draw) for hold in holds))

    @property
    def receipts(self) -> Receipts:
        return Receipts(self.ledger, self.keys)

    @property
    def stored(self) -> DatabaseCopy:
        return DatabaseCopy(self.ledger, self.keys.origin, self.file)

    def verify(self) -> Report:
        return verify(self.stored, (*self.keys.own, *self.keys.witnesses))

    def attack(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        """As an attacker with the database's files could: no trigger protects them."""
        dropped = (
            [f"DROP TRIGGER IF EXISTS stored_events_no_{what}" for what in ("update", "delete", "replace")]
            if self.engine.name == "sqlite"
            else ["DROP TRIGGER IF EXISTS stored_events_no_change ON stored_events"]
        )
        self.ledger.change(*((statement, ()) for statement in dropped), *statements)


@pytest.fixture
def sealed(engine: Engine, ledger: Ledger, tmp_path: Path) -> Sealed:  # noqa: F811
    """Some six hundred events, none of them sealed yet."""
    book = Book(ledger)
    book.busy(250)
    return Sealed(ledger, engine, book, CheckpointFile(tmp_path / "outside" / "log.checkpoint"))


@pytest.fixture
def hours(sealed: Sealed) -> Sealed:
    """Sealed in four hours, one of the checkpoints with a witness's signature."""
    for hour in range(4, 0, -1):
        sealed.grow(20, seed=hour)
        sealed.sealer(page_events=10_000).seal()
        now = sealed.ledger.now_micros()
        sealed.attack(
            (
                "UPDATE log_checkpoints SET sealed_at_micros = ? WHERE sealed_at_micros > ?",
                (now - hour * HOUR_MICROS, now - HOUR_MICROS),
            )
        )
    cosign(sealed)
    return sealed


def cosign(sealed: Sealed) -> str:
    """As a witness does with the newest checkpoint; the file follows."""
    note = parse_note(sealed.file.read() or "")
    sealed.receipts.cosign(str(Note(note.text, (*note.signatures, WITNESS.cosign(note.text, 1_764_000_000)))))
    sealed.sealer().seal()
    return sealed.file.read() or ""
