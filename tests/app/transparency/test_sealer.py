"""Sealing: once, in steps, from many processes, interrupted anywhere; and never of a different log."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest

from app.faults import LogDiffers
from app.ledger.store import Ledger, StoreUnavailable
from app.transparency import trees
from app.transparency.events import entry_of
from app.transparency.sealer import Sealer
from app.transparency.trees import HOUR_MICROS, Trees
from projections.proofs.keys import LogKeys
from projections.proofs.leaf import leaf_bytes
from projections.proofs.merkle import Frontier, check_consistency, leaf_hash, prove_consistency, root
from projections.proofs.note import generate, parse_note
from projections.proofs.tiles import reader, tiles_of
from tests.app.transparency.conftest import KEYS, Sealed
from tests.support.ledger.ledgers import stamp, whole
from tests.support.transparency.logs import ORIGIN, SIGNER


def roots(sealed: Sealed) -> list[bytes]:
    """Of every size, from the events alone."""
    frontier, found = Frontier(), [Frontier().root()]
    for event in whole(sealed.ledger):
        frontier.append(leaf_hash(leaf_bytes(entry_of(event))))
        found.append(frontier.root())
    return found


def tables(ledger: Ledger) -> tuple[list[Any], list[Any], list[Any]]:
    """Everything that sealing has written, except the instants."""
    return (
        list(ledger.select("SELECT * FROM log_trees")),
        [(*row[:3], bytes(row[3])) for row in ledger.select("SELECT * FROM log_tiles ORDER BY level, tile")],
        list(ledger.select("SELECT origin, size, previous_size, note, witnesses FROM log_checkpoints ORDER BY size")),
    )


@pytest.fixture
def one_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest checkpoint of each hour is kept: no hour ends while a test compares tables."""
    monkeypatch.setattr(trees, "HOUR_MICROS", 10**18)


def test_what_is_sealed_is_the_tree_of_the_events(sealed: Sealed) -> None:
    sealed.sealer().seal()
    expected, size = roots(sealed), sealed.ledger.head().position
    trees = Trees(sealed.ledger, ORIGIN)
    newest = trees.newest()
    assert newest is not None
    checkpoint = KEYS.check(newest.note).checkpoint
    assert (checkpoint.size, checkpoint.root) == (size, expected[size])
    assert root(size, reader(trees.tile)) == expected[size]
    assert {(tile.level, tile.number): tile.width * 32 for tile in tiles_of(size)} == {
        (level, number): length for level, number, length in trees.widths()
    }
    assert sealed.file.read() == newest.note


def test_every_step_is_consistent_with_the_one_before(sealed: Sealed) -> None:
    sealer, trees, expected = sealed.sealer(page_events=64), Trees(sealed.ledger, ORIGIN), roots(sealed)
    sizes = [0]
    while sealer.step():
        newest = trees.newest()
        assert newest is not None
        sizes.append(newest.size)
        assert KEYS.check(newest.note).checkpoint.root == expected[newest.size]
        proof = prove_consistency(sizes[-2], sizes[-1], reader(trees.tile))
        check_consistency(sizes[-2], sizes[-1], expected[sizes[-2]], expected[sizes[-1]], proof)
    assert sizes[-1] == sealed.ledger.head().position
    assert len(sizes) == 1 + -(-sizes[-1] // 64)


def test_sealing_in_steps_writes_what_sealing_at_once_writes(sealed: Sealed) -> None:
    sealed.sealer(page_events=37).seal()
    in_steps = tables(sealed.ledger)
    sealed.attack(*((f"DELETE FROM {name}", ()) for name in ("log_trees", "log_tiles", "log_checkpoints")))
    sealed.sealer(page_events=10_000).seal()
    assert tables(sealed.ledger) == in_steps


def test_nothing_happens_where_nothing_is_new(sealed: Sealed) -> None:
    sealer = sealed.sealer()
    sealer.seal()
    before = tables(sealed.ledger)
    sealer.seal()
    assert sealer.step() == 0
    assert tables(sealed.ledger) == before
    assert sealer.unsealed == 0


def test_an_empty_log_is_not_sealed(ledger: Ledger, sealed: Sealed) -> None:
    sealed.attack(("DELETE FROM stored_events", ()), ("UPDATE log_head SET position = 0", ()))
    sealed.sealer().seal()
    assert tables(ledger) == ([], [], [])
    assert sealed.file.read() is None


class Cut(Exception):
    """The process ends here."""


class CutLedger:
    """Passes everything on until operation number `at`, which is not done, or is done but not reported."""

    def __init__(self, ledger: Ledger, at: int, *, done: bool) -> None:
        self._ledger, self._at, self._done = ledger, at, done
        self.operations = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._ledger, name)

        def counted(*arguments: Any) -> Any:
            self.operations += 1
            if self.operations < self._at:
                return method(*arguments)
            if self._done and self.operations == self._at:
                method(*arguments)
            raise Cut

        return counted


@pytest.mark.usefixtures("one_hour")
@pytest.mark.parametrize("done", [False, True])
def test_a_sealer_that_is_interrupted_anywhere_leaves_no_partial_state(sealed: Sealed, *, done: bool) -> None:
    whole_run = CutLedger(sealed.ledger, 10**9, done=False)
    Sealer(cast(Ledger, whole_run), KEYS, sealed.file, alone=True, page_events=50).seal()
    expected, expected_file = tables(sealed.ledger), sealed.file.read()
    assert whole_run.operations > 25
    for at in range(1, whole_run.operations + 1):
        sealed.attack(*((f"DELETE FROM {name}", ()) for name in ("log_trees", "log_tiles", "log_checkpoints")))
        sealed.file.path.unlink()
        cut = Sealer(
            cast(Ledger, CutLedger(sealed.ledger, at, done=done)), KEYS, sealed.file, alone=True, page_events=50
        )
        with pytest.raises(Cut):
            cut.seal()
        sealed.sealer(page_events=50).seal()
        assert (tables(sealed.ledger), sealed.file.read()) == (expected, expected_file), at


def test_a_checkpoint_that_did_not_reach_the_file_is_written_by_the_next(sealed: Sealed) -> None:
    sealer = sealed.sealer()
    while sealer.step():
        pass
    assert KEYS.check(sealed.file.read() or "").checkpoint.size == 0, "begun before anything was sealed"
    sealed.sealer().seal()
    newest = Trees(sealed.ledger, ORIGIN).newest()
    assert newest is not None
    assert sealed.file.read() == newest.note


def test_several_sealers_at_once_write_what_one_would(sealed: Sealed) -> None:
    """No process waits for another: all read, hash and write in any order."""
    together = threading.Barrier(3)
    problems: list[BaseException] = []

    def run(page_events: int) -> None:
        with sealed.engine.another() as ledger:
            sealer = Sealer(ledger, KEYS, sealed.file, alone=True, page_events=page_events)
            together.wait()
            try:
                while sealer.step():
                    pass
            except BaseException as error:  # noqa: BLE001 - the test tells it
                problems.append(error)

    threads = [threading.Thread(target=run, args=(pages,)) for pages in (7, 11, 64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    report = sealed.verify()
    assert report.differences == ()
    assert report.size == sealed.ledger.head().position


def test_one_process_at_a_time_has_the_turn(sealed: Sealed) -> None:
    Sealer(sealed.ledger, KEYS, sealed.file, alone=False).seal()
    size, now = Trees(sealed.ledger, ORIGIN).size(), sealed.ledger.now_micros()
    sealed.grow(3)
    with sealed.engine.another() as ledger:
        other = Sealer(ledger, KEYS, sealed.file, alone=False)
        sealed.ledger.change(("UPDATE chores SET next_at_micros = ? WHERE name = 'seal'", (now + HOUR_MICROS,)))
        other.seal()
        assert Trees(sealed.ledger, ORIGIN).size() == size
        sealed.ledger.change(("UPDATE chores SET next_at_micros = ? WHERE name = 'seal'", (now,)))
        other.seal()
    assert Trees(sealed.ledger, ORIGIN).size() == sealed.ledger.head().position


# A log that is another


def test_a_log_that_was_put_back_is_refused(sealed: Sealed) -> None:
    sealed.sealer().seal()
    sealed.attack(
        ("DELETE FROM stored_events WHERE notification_id > 500", ()), ("UPDATE log_head SET position = 500", ())
    )
    with pytest.raises(LogDiffers, match=r"The log ends at event 500, but the checkpoint in the database"):
        sealed.sealer().check()


def _put_back(sealed: Sealed, *, position: int) -> None:
    """As a backup of then has it: events, tiles and checkpoints; but not the file."""
    sealed.attack(
        ("DELETE FROM stored_events WHERE notification_id > ?", (position,)),
        ("UPDATE log_head SET position = ?", (position,)),
        *((f"DELETE FROM {name}", ()) for name in ("log_trees", "log_tiles", "log_checkpoints", "open_requests")),
    )


def test_a_backup_of_everything_is_refused_by_the_file(sealed: Sealed) -> None:
    sealed.sealer().seal()
    _put_back(sealed, position=500)
    with pytest.raises(LogDiffers, match=r"The log ends at event 500, but the checkpoint in .*log.checkpoint"):
        sealed.sealer().seal()
    assert tables(sealed.ledger)[2] == []


def test_a_backup_that_was_written_on_is_refused_by_the_file_and_signs_nothing(sealed: Sealed) -> None:
    size = sealed.ledger.head().position
    sealed.sealer().seal()
    _put_back(sealed, position=size - 100)
    sealed.grow(200, seed=77)
    assert sealed.ledger.head().position > size
    for _ in range(2):
        with pytest.raises(LogDiffers, match="does not match the checkpoint"):
            sealed.sealer(page_events=10).seal()
    assert tables(sealed.ledger) == ([], [], [])


def test_a_database_that_lost_its_tiles_only_seals_again_up_to_the_file_s_checkpoint(sealed: Sealed) -> None:
    sealed.sealer().seal()
    before, file = tables(sealed.ledger), sealed.file.read()
    sealed.grow(10)
    sealed.attack(*((f"DELETE FROM {name}", ()) for name in ("log_trees", "log_tiles", "log_checkpoints")))
    sealer = sealed.sealer(page_events=50)
    sealer.step()
    assert sealed.file.read() == file
    sealer.seal()
    assert sealed.verify().ok
    assert len(tables(sealed.ledger)[1]) >= len(before[1])


def test_another_event_at_the_end_is_refused(sealed: Sealed) -> None:
    sealed.sealer().seal()
    last = sealed.ledger.head().position
    sealed.attack(("UPDATE stored_events SET command_id = 'x' WHERE notification_id = ?", (last,)))
    with pytest.raises(LogDiffers, match=f"Event {last} differs from the one that was sealed"):
        sealed.sealer().check()


def test_a_gap_is_refused(sealed: Sealed) -> None:
    sealed.sealer(page_events=100).step()
    sealed.attack(("DELETE FROM stored_events WHERE notification_id = 150", ()))
    with pytest.raises(LogDiffers, match="a gap between 101 and"):
        sealed.sealer().seal()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE log_tiles SET hashes = substr(hashes, 1, 32) WHERE level = 1", "do not match the root"),
        ("DELETE FROM log_tiles WHERE level = 1", "do not match the root"),
        ("DELETE FROM log_checkpoints", "checkpoint at that size is missing"),
        ("UPDATE log_checkpoints SET size = size - 1", "checkpoint at that size is missing"),
        ("UPDATE log_checkpoints SET size = size + 1", "states a size of"),
        ("UPDATE log_checkpoints SET note = replace(note, 'realrouter', 'realr0uter')", "is not valid"),
        ("UPDATE log_checkpoints SET note = ''", "is not valid"),
    ],
)
def test_tables_that_were_changed_are_refused(sealed: Sealed, statement: str, said: str) -> None:
    sealed.sealer().seal()
    sealed.attack((statement, ()))
    with pytest.raises(LogDiffers, match=said):
        sealed.sealer().check()


@pytest.mark.parametrize("text", ["", "nonsense", "log\n1\n" + "A" * 43 + "=\n\n— log AAAABBBB\n", "\ufffd"])
def test_a_file_that_is_no_checkpoint_of_ours_is_refused(sealed: Sealed, text: str) -> None:
    sealed.file.write(text)
    with pytest.raises(LogDiffers, match="is not valid"):
        sealed.sealer().check()


def test_a_file_of_another_origin_is_refused_and_kept(sealed: Sealed) -> None:
    sealed.sealer().seal()
    before = sealed.file.read()
    renewed = generate("log.example/second")
    sealed.keys = LogKeys("log.example/second", (renewed,), retired=())
    with pytest.raises(LogDiffers, match="is not valid"):
        sealed.sealer().seal()
    assert sealed.file.read() == before
    sealed.file.path.rename(sealed.file.path.with_suffix(".first"))
    sealed.sealer().seal()
    assert sealed.verify().ok


# Keys, and what is kept


def test_keys_are_changed_while_old_and_new_sign(sealed: Sealed) -> None:
    sealed.sealer().seal()
    new = generate(ORIGIN)
    sealed.keys = LogKeys(ORIGIN, (new, SIGNER))
    sealed.grow(5)
    sealed.sealer().seal()
    both = sealed.file.read()
    assert both is not None
    assert [signature.key_id for signature in parse_note(both).signatures] == [
        new.verifier.key_id,
        SIGNER.verifier.key_id,
    ]
    sealed.keys = LogKeys(ORIGIN, (new,), retired=(SIGNER.verifier,))
    sealed.grow(5)
    sealed.sealer().seal()
    assert sealed.verify().ok
    assert {str(key) for key in sealed.keys.own} == {str(new.verifier), str(SIGNER.verifier)}


def test_a_key_that_was_forgotten_is_missed(sealed: Sealed) -> None:
    sealed.sealer().seal()
    sealed.keys = LogKeys(ORIGIN, (generate(ORIGIN),))
    with pytest.raises(LogDiffers, match="No known key"):
        sealed.sealer().check()


def test_of_each_hour_the_last_checkpoint_stays(sealed: Sealed) -> None:
    sizes = []
    for _ in range(3):
        now = sealed.ledger.now_micros()
        for _ in range(2):
            sealed.grow(1)
            sealed.sealer(page_events=10_000).seal()
        sizes.append(sealed.ledger.head().position)
        sealed.attack(("UPDATE log_checkpoints SET sealed_at_micros = ?", (now - now % HOUR_MICROS - 1,)))
    assert [kept.size for kept in Trees(sealed.ledger, ORIGIN).kept()] == sizes
    assert sealed.verify().ok


async def test_a_turn_reports_why_nothing_is_sealed_and_continues_when_it_can(sealed: Sealed) -> None:
    sealer = sealed.sealer()
    await sealer.turn()
    good = sealed.file.read()
    assert good is not None
    sealed.file.write("nonsense")
    sealed.grow(1)
    await sealer.turn()
    assert "is not valid" in str(sealer.refused)
    assert sealer.unsealed == 2
    sealed.file.write(good)
    await sealer.turn()
    assert sealer.refused is None
    assert sealed.verify().size == sealed.ledger.head().position


def test_a_tile_that_an_older_file_needs_is_missed(sealed: Sealed) -> None:
    sealed.sealer().seal()
    old = sealed.file.read() or ""
    sealed.grow(200)
    sealed.sealer().seal()
    sealed.file.write(old)
    sealed.attack(("DELETE FROM log_tiles WHERE level = 0 AND tile = 2", ()))
    with pytest.raises(LogDiffers, match="incomplete"):
        sealed.sealer().check()


async def test_a_file_that_cannot_be_written_is_reported(sealed: Sealed) -> None:
    sealed.file.path.mkdir(parents=True)
    sealer = sealed.sealer()
    await sealer.turn()
    assert sealer.refused is not None
    assert "directory" in sealer.refused


def test_a_store_out_of_reach_is_said_so(sealed: Sealed) -> None:
    class Away:
        def select(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
            raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        Sealer(cast(Ledger, Away()), KEYS, sealed.file, alone=True).seal()


def test_events_of_later_instants_are_sealed_as_they_are_stored(sealed: Sealed) -> None:
    stamp(sealed.ledger, sealed.ledger.now_micros() + 10**12)
    sealed.grow(2)
    sealed.sealer().seal()
    assert sealed.verify().ok
