"""The checkpoint file outside the database: missing, adopted, and written by another process at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from app.faults import AdoptRefused, LogDiffers
from app.ledger.store import Ledger
from app.transparency.file import CheckpointFile
from app.transparency.sealer import Sealer
from tests.app.transparency.conftest import KEYS, Sealed


def checkpoints(sealed: Sealed) -> list[Any]:
    return list(sealed.ledger.select("SELECT size, note FROM log_checkpoints ORDER BY size"))


def test_a_sealed_log_without_its_file_signs_nothing(sealed: Sealed) -> None:
    """Lost on a new host, for example, where a database that was rolled back and continued would go unnoticed."""
    sealed.sealer().seal()
    lost, before = sealed.file.read() or "", checkpoints(sealed)
    sealed.file.path.unlink()
    sealed.grow(5)
    with pytest.raises(LogDiffers, match=r"checkpoint file .*log.checkpoint is missing, and \d+ events are sealed"):
        sealed.sealer().check()
    with pytest.raises(LogDiffers, match=r"checkpoint file .* is missing"):
        sealed.sealer().seal()
    assert checkpoints(sealed) == before
    assert sealed.file.read() is None
    sealed.file.write(lost)
    sealed.sealer().seal()
    assert sealed.verify().size == sealed.ledger.head().position


def test_a_lost_file_is_adopted_from_the_database_on_request(sealed: Sealed) -> None:
    with pytest.raises(AdoptRefused, match="no checkpoint with this origin"):
        sealed.sealer().adopt()
    sealed.sealer().seal()
    lost = sealed.file.read() or ""
    with pytest.raises(AdoptRefused, match="already exists"):
        sealed.sealer().adopt()
    sealed.file.path.unlink()
    sealed.grow(5)
    assert sealed.sealer().adopt() == KEYS.check(lost).checkpoint
    assert sealed.file.read() == lost
    sealed.sealer().seal()
    assert sealed.verify().ok


def test_no_checkpoint_is_adopted_that_the_log_does_not_have(sealed: Sealed) -> None:
    sealed.sealer().seal()
    sealed.file.path.unlink()
    sealed.attack(("UPDATE log_head SET position = position - 1", ()))
    with pytest.raises(LogDiffers, match="rolled back"):
        sealed.sealer().adopt()
    assert sealed.file.read() is None


class Overtakes:
    """Another process does something before each operation."""

    def __init__(self, ledger: Ledger, overtake: Callable[[], None]) -> None:
        self._ledger, self._overtake = ledger, overtake

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._ledger, name)

        def overtaken(*arguments: Any) -> Any:
            self._overtake()
            return method(*arguments)

        return overtaken


@pytest.mark.parametrize("first", [True, False])
def test_another_that_seals_between_two_looks_is_not_taken_for_a_log_that_was_put_back(
    sealed: Sealed, *, first: bool
) -> None:
    """At any moment: before each operation on the store and each read of the file."""
    if not first:
        sealed.sealer().seal()
    looked = 0

    class Overtaken(CheckpointFile):
        def read(self) -> str | None:
            overtake()
            return super().read()

    def overtake() -> None:
        nonlocal looked
        looked += 1
        if looked == at:
            sealed.grow(2)
            sealed.sealer().seal()

    for at in range(1, 20):
        looked = 0
        ledger = Overtakes(sealed.ledger, overtake)
        standing = Sealer(cast(Ledger, ledger), KEYS, Overtaken(sealed.file.path), alone=True).check()
        assert standing.size <= standing.head
        if looked < at:
            break
    assert at > 4
    assert sealed.verify().ok
