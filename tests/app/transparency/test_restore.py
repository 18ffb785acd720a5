"""A ledger restored from an exported copy: the same events and the same derived data, or no ledger at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cli import main
from app.faults import RestoreRefused
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import LogReader
from app.replay.replay import replay
from app.transparency.copies import PAGE_EVENTS, DatabaseCopy, export
from app.transparency.file import CheckpointFile
from app.transparency.restore import restore
from app.transparency.sealer import Sealer
from projections.proofs.leaf import Entry, leaf_bytes
from projections.proofs.note import generate
from tests.app.transparency.conftest import KEYS, Sealed
from tests.support.ledger.histories import USD, Book
from tests.support.transparency.logs import ORIGIN, SIGNER, entry, written

some = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
OWN = (SIGNER.verifier,)


@pytest.fixture
def folder(hours: Sealed, tmp_path: Path) -> Path:
    export(hours.stored, hours.keys, tmp_path / "copy")
    return tmp_path / "copy"


def all_of(ledger: LogReader) -> tuple[object, ...]:
    events = [dataclasses.astuple(event) for event in ledger.read(0, 1_000_000)]
    return events, ledger.head(), dict(ledger.buckets()), ledger.open_requests()


def test_the_ledger_is_the_one_that_was_exported(hours: Sealed, folder: Path, tmp_path: Path) -> None:
    """Its buckets too, which are in no copy: they follow from the events."""
    path = tmp_path / "new" / "audit.db"
    told: list[tuple[int, int]] = []
    report = restore(folder, OWN, path, lambda done, of: told.append((done, of)))
    size = hours.ledger.head().position
    assert (report.ok, report.events, told[-1][1]) == (True, size, size)
    assert list(path.parent.iterdir()) == [path]
    ledger = SQLiteLedger(str(path))
    try:
        assert all_of(ledger) == all_of(hours.ledger)
        assert hours.ledger.open_requests()
        assert replay(ledger, None).ok
    finally:
        ledger.close()


def test_a_log_of_many_pages_is_whole(tmp_path: Path) -> None:
    source = SQLiteLedger(str(tmp_path / "source.db"))
    source.migrate()
    Book(source).busy(PAGE_EVENTS // 2 + 50)
    Sealer(source, KEYS, CheckpointFile(tmp_path / "checkpoint"), alone=True).seal()
    export(DatabaseCopy(source, ORIGIN), KEYS, tmp_path / "copy")
    assert source.head().position > PAGE_EVENTS
    assert restore(tmp_path / "copy", OWN, tmp_path / "audit.db").ok
    ledger = SQLiteLedger(str(tmp_path / "audit.db"))
    try:
        assert all_of(ledger) == all_of(source)
    finally:
        ledger.close()
        source.close()


@some
@given(data=st.data())
def test_of_a_copy_with_one_bit_changed_no_ledger_is_made(folder: Path, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(sorted(file for file in folder.rglob("entries/**/*") if file.is_file())))
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(changed)
    try:
        report = restore(folder, OWN, folder.parent / "audit.db")
    finally:
        file.write_bytes(whole)
    assert not report.ok
    assert report.differences[0].what in {"event", "log"}
    assert list(folder.parent.glob("*audit.db*")) == []


def test_a_copy_signed_by_another_key_is_refused(folder: Path, tmp_path: Path) -> None:
    report = restore(folder, (generate("log.example/other").verifier,), tmp_path / "audit.db")
    assert not report.ok
    assert not (tmp_path / "audit.db").exists()


@pytest.mark.parametrize("name", ["audit.db", "audit.db-wal"])
def test_what_is_there_is_left_alone(name: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(RestoreRefused, match=f"{name} already exists"):
        restore(folder, OWN, tmp_path / "audit.db")
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize(
    "wrong",
    [
        entry(3)._replace(stream="request:req_2"),
        entry(3)._replace(recorded_at_micros=2**63),
        entry(3)._replace(version=2**63),
    ],
    ids=["a place that is taken", "an instant out of range", "a version out of range"],
)
def test_what_is_signed_and_no_ledger_is_refused_by_its_position(wrong: Entry, tmp_path: Path) -> None:
    copy = written(tmp_path / "copy", *map(leaf_bytes, (entry(1), entry(2), wrong, entry(4))))
    with pytest.raises(RestoreRefused, match="not a valid ledger: event 3: "):
        restore(copy, OWN, tmp_path / "audit.db")
    assert not (tmp_path / "audit.db").exists()


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (b"\x02" + leaf_bytes(entry(2))[1:], "The event's bytes have version 2; only version 1 is supported."),
        (leaf_bytes(entry(3)), "an event that states position 3"),
    ],
    ids=["no event", "another position"],
)
def test_a_signed_leaf_that_is_not_the_event_of_its_place_is_reported_with_its_position(
    wrong: bytes, found: str, tmp_path: Path
) -> None:
    copy = written(tmp_path / "copy", leaf_bytes(entry(1)), wrong, leaf_bytes(entry(3)))
    [told] = restore(copy, OWN, tmp_path / "audit.db").differences
    assert (told.what, told.where, told.found) == ("event", "2", found)
    assert not (tmp_path / "audit.db").exists()


def test_an_event_that_cannot_be_read_is_for_the_replay_to_tell(sealed: Sealed, tmp_path: Path) -> None:
    sealed.attack(("UPDATE stored_events SET state = ? WHERE notification_id = 20", (b"{",)))
    sealed.sealer().seal()
    export(sealed.stored, sealed.keys, tmp_path / "copy")
    assert restore(tmp_path / "copy", OWN, tmp_path / "audit.db").ok
    ledger = SQLiteLedger(str(tmp_path / "audit.db"))
    try:
        assert replay(ledger, None).differences[0].where.startswith("event 20,")
    finally:
        ledger.close()


# From the command line


def run(tmp_path: Path, url: str, *arguments: str) -> Result:
    (tmp_path / "realrouter.toml").write_text(f'[store]\nurl = "{url}"\n')
    return CliRunner().invoke(main, [*arguments, "--config", str(tmp_path / "realrouter.toml")])


def keyed(*names: str) -> Sequence[str]:
    return [word for name in names for word in ("--key", name)]


def test_commands_run_on_a_restored_copy(folder: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'audit.db'}"
    done = run(tmp_path, url, "audit", "restore", str(folder), *keyed(str(SIGNER.verifier)))
    assert done.exit_code == 0, done.output
    assert f"Created the ledger {tmp_path / 'audit.db'}." in done.output
    for command in (("audit", "replay"), ("books", "trial-balance"), ("audit", "balance", "--account", "acme")):
        done = run(tmp_path, url, *command)
        assert done.exit_code == 0, done.output
    again = run(tmp_path, url, "audit", "restore", str(folder), *keyed(str(SIGNER.verifier)))
    assert (again.exit_code, "already exists" in again.output) == (1, True)


def test_a_bad_copy_exits_1_and_says_where(folder: Path, tmp_path: Path) -> None:
    bundle = folder / "entries/000"
    whole = bytearray(bundle.read_bytes())
    whole[100] ^= 1
    bundle.write_bytes(whole)
    url = f"sqlite:///{tmp_path / 'audit.db'}"
    done = run(tmp_path, url, "audit", "restore", str(folder), *keyed(str(SIGNER.verifier)))
    assert done.exit_code == 1
    assert "event · 1: expected the event that was sealed, found a different event" in done.output
    assert "No ledger was created." in done.output


def test_it_is_restored_into_sqlite_alone(folder: Path, tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    done = run(tmp_path, url, "audit", "restore", str(folder), *keyed(str(SIGNER.verifier)))
    assert (done.exit_code, "restored into SQLite" in done.output) == (1, True)


def test_money_in_the_restored_buckets_is_what_was_granted_and_used(folder: Path, tmp_path: Path) -> None:
    restore(folder, OWN, tmp_path / "audit.db")
    ledger = SQLiteLedger(str(tmp_path / "audit.db"))
    try:
        values = ledger.bucket_values(["available:bob", "held:bob"])
        assert 0 < sum(values.values()) < 1_000 * USD
    finally:
        ledger.close()
