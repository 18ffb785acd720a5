"""Copies of the log without a database, and changes revealed by a receipt or a witness's signature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.faults import ExportRefused
from app.transparency.copies import FolderCopy, export
from app.transparency.verify import FoundCheckpoint, verify
from ops.verify import realrouter_verify as alone
from projections.proofs.keys import LogKeys
from projections.proofs.leaf import leaf_bytes
from projections.proofs.note import Note, generate, parse_note
from tests.app.transparency.conftest import KEYS, Sealed
from tests.support.transparency.logs import ORIGIN, SIGNER, WITNESS, entry, written

many = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def folder(hours: Sealed, tmp_path: Path) -> Path:
    export(hours.stored, hours.keys, tmp_path / "copy")
    return tmp_path / "copy"


def keys() -> tuple[Any, ...]:
    return (SIGNER.verifier, WITNESS.verifier)


def run_alone(folder: Path, *more: str) -> int:
    return alone.main(["log", str(folder), "--key", str(SIGNER.verifier), *more])


def test_an_exported_copy_holds_without_a_database(
    hours: Sealed, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = verify(FolderCopy(folder), keys())
    assert (report.differences, report.size) == ((), hours.ledger.head().position)
    assert run_alone(folder) == 0
    assert "every event and every tile was hashed" in capsys.readouterr().out


def test_an_export_continues_where_it_ended(hours: Sealed, folder: Path) -> None:
    full = folder / "entries/000"
    before = full.stat().st_mtime_ns
    hours.grow(200)
    hours.sealer().seal()
    export(hours.stored, hours.keys, folder)
    assert full.stat().st_mtime_ns == before
    report = verify(FolderCopy(folder), keys())
    assert (report.differences, report.size) == ((), hours.ledger.head().position)
    assert run_alone(folder) == 0


def test_a_folder_of_something_else_is_left_alone(hours: Sealed, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(ExportRefused, match="something else"):
        export(hours.stored, hours.keys, tmp_path / "mine")
    other = LogKeys("other.example", (generate("other.example"),))
    with pytest.raises(ExportRefused, match="Nothing is sealed"):
        export(type(hours.stored)(hours.ledger, "other.example"), other, tmp_path / "other")


def test_an_export_of_another_log_is_left_alone(hours: Sealed, folder: Path) -> None:
    foreign = (folder / "checkpoint").read_text().replace(ORIGIN, "other.example")
    (folder / "checkpoint").write_text(foreign)
    with pytest.raises(ExportRefused, match="a different log"):
        export(hours.stored, hours.keys, folder)


@many
@given(data=st.data())
def test_any_one_bit_that_is_flipped_in_a_copy_is_told_by_both(folder: Path, data: st.DataObject) -> None:
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != "keys")
    file = data.draw(st.sampled_from(files))
    whole = file.read_bytes()
    note = parse_note((folder / "checkpoint").read_text())
    witness_line = len("".join(signature.line for signature in note.signatures[1:]).encode())
    at = data.draw(st.integers(0, len(whole) - 1 - (witness_line if file.name == "checkpoint" else 0)))
    changed = bytearray(whole)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(changed)
    try:
        try:
            ours = verify(FolderCopy(folder), keys()).ok
        except Exception as error:  # noqa: BLE001 - its type is the point
            assert type(error).__name__ == "ProofInvalid"  # noqa: PT017
            ours = False
        assert (ours, run_alone(folder)) == (False, 1)
    finally:
        file.write_bytes(whole)


def test_a_last_event_with_a_wrong_length_is_reported_by_both(folder: Path) -> None:
    """More than is there is cut off at the end, which leaves the event itself as it was."""
    bundle = folder / "entries/000"
    whole = bundle.read_bytes()
    [*_, (_, last)] = next(iter(FolderCopy(folder).leaves(256)))
    for bit in range(32):
        changed = bytearray(whole)
        changed[-len(last) - 1 - bit // 8] ^= 1 << bit % 8
        bundle.write_bytes(changed)
        assert (verify(FolderCopy(folder), keys()).ok, run_alone(folder)) == (False, 1)


@pytest.mark.parametrize("wrong", [b"", b"garbage", leaf_bytes(entry(3)), leaf_bytes(entry(5)) + b"x"])
def test_a_signed_leaf_that_is_not_the_event_of_its_place_is_reported_by_both(wrong: bytes, tmp_path: Path) -> None:
    leaves = [leaf_bytes(entry(position)) for position in range(1, 10)]
    assert verify(FolderCopy(written(tmp_path / "good", *leaves)), keys()).ok
    copy = written(tmp_path / "copy", *leaves[:4], wrong, *leaves[5:])
    [told] = verify(FolderCopy(copy), keys()).differences
    assert (told.what, told.where) == ("event", "5")
    assert run_alone(copy) == 1


def test_a_file_missing_from_a_copy_is_reported_by_both(folder: Path) -> None:
    for file in sorted(
        file for file in folder.rglob("*") if file.is_file() and file.name not in ("keys", "checkpoint")
    ):
        whole = file.read_bytes()
        file.unlink()
        assert not verify(FolderCopy(folder), keys()).ok
        assert run_alone(folder) == 1
        file.write_bytes(whole)
    assert verify(FolderCopy(folder), keys()).ok


def test_a_receipt_reveals_a_later_log_that_lacks_its_event(
    hours: Sealed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The customer has a receipt; the operator, with the key, signs another history."""
    event = hours.ledger.read(99, 1)[0]
    receipt, before = tmp_path / "receipt", tmp_path / "before"
    receipt.write_text(hours.receipts.of(event))
    before.write_text(hours.file.read() or "")
    export(hours.stored, hours.keys, tmp_path / "honest")
    assert run_alone(tmp_path / "honest", "--receipt", str(receipt), "--checkpoint", str(before)) == 0
    hours.attack(
        ("UPDATE stored_events SET command_id = 'forged' WHERE notification_id = 100", ()),
        *((f"DELETE FROM {name}", ()) for name in ("log_tiles", "log_trees", "log_checkpoints")),
    )
    hours.file.path.unlink()
    hours.sealer().seal()
    assert hours.verify().ok
    export(hours.stored, hours.keys, tmp_path / "forged")
    assert run_alone(tmp_path / "forged") == 0
    assert run_alone(tmp_path / "forged", "--receipt", str(receipt)) == 1
    assert "lacks the receipt's event: position 100 has another one" in capsys.readouterr().out
    assert run_alone(tmp_path / "forged", "--checkpoint", str(before)) == 1
    assert "does not begin as it was signed" in capsys.readouterr().out
    kept = FoundCheckpoint("in before", before.read_text())
    assert verify(FolderCopy(tmp_path / "honest"), keys(), earlier=[kept]).ok
    for log in (FolderCopy(tmp_path / "forged"), hours.stored):
        [told] = verify(log, keys(), earlier=[kept]).differences
        assert (told.what, told.where) == ("root", "in before")


def test_the_hashes_alone_are_enough_for_who_has_a_receipt(hours: Sealed, folder: Path, tmp_path: Path) -> None:
    for file in sorted((folder / "entries").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    (folder / "entries").rmdir()
    receipt = tmp_path / "receipt"
    receipt.write_text(hours.receipts.of(hours.ledger.read(3, 1)[0]))
    assert run_alone(folder, "--receipt", str(receipt)) == 0


# Cosignatures and receipts


def test_receipts_are_made_under_what_a_witness_has_signed(hours: Sealed) -> None:
    witnessed = parse_note(hours.file.read() or "")
    event = hours.ledger.read(41, 1)[0]
    hours.grow(10)
    hours.sealer().seal()
    receipt = hours.receipts.of(event)
    assert receipt.endswith(str(witnessed))
    newest = hours.ledger.read(hours.ledger.head().position - 1, 1)[0]
    assert str(hours.ledger.head().position) in hours.receipts.of(newest)


def test_a_cosignature_of_a_checkpoint_that_is_not_kept_any_more_is_taken(hours: Sealed) -> None:
    hours.grow(1)
    hours.sealer().seal()
    old = parse_note(hours.file.read() or "")
    hours.grow(1)
    hours.sealer().seal()
    assert hours.stored.trees.at(int(old.text.split("\n")[1])) is None
    cosigned = Note(old.text, (WITNESS.cosign(old.text, 1_764_000_001),))
    assert hours.receipts.cosign(str(cosigned)) == 1
    assert hours.receipts.cosign(str(cosigned)) == 1
    report = hours.verify()
    assert (report.differences, KEYS.witnesses) == ((), (WITNESS.verifier,))
