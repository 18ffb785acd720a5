"""An interrupted export is continued if its part is unchanged, and only one run at a time writes a file."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest

from app.exports.kinds import ExportSpec, export_spec
from app.exports.manifest import Manifest, Progress, read_manifest, replace_file
from app.exports.source import WholeLog
from app.faults import ExportUnfit
from app.ledger.codec import Codec
from app.ledger.store import StoreUnavailable
from projections.contract import Fact
from tests.support.exports.exports import APPENDED, Cut, export, names, source_of
from tests.support.ledger.stages import Stage


@APPENDED
@pytest.mark.parametrize("after", [None, 40])
def test_an_interrupted_export_is_continued(trade: Stage, asked: ExportSpec, after: int | None, tmp_path: Path) -> None:
    """Interrupted after every page in turn: the result has the same bytes, and the file did not exist before it was complete."""
    whole, out, source = tmp_path / "whole", tmp_path / "out", source_of(trade, asked)
    expected = export(trade, asked, whole).write(after=after)
    for pages in range(1, 8):
        try:
            manifest = export(trade, asked, out, Cut(source, pages)).write(after=after)
            break
        except StoreUnavailable:
            assert not out.exists()
    else:
        pytest.fail("it never came to its end")
    assert out.read_bytes() == whole.read_bytes()
    assert manifest == expected
    assert names(tmp_path) == ["out", "out.manifest.json", "whole", "whole.manifest.json"]


def test_a_cut_export_begins_where_it_was(trade: Stage, tmp_path: Path) -> None:
    asked, out = export_spec("csv", "journal"), tmp_path / "out"
    with pytest.raises(StoreUnavailable):
        export(trade, asked, out, Cut(source_of(trade, asked), 2)).write()
    progress = msgspec.json.decode((tmp_path / "out.part.json").read_bytes(), type=Progress)
    assert progress.position == 2_000
    with (tmp_path / "out.part").open("ab") as file:
        file.write(b"what was never durable")
    once = Cut(source_of(trade, asked), 3)
    export(trade, asked, out, once).write()
    export(trade, asked, tmp_path / "whole").write()
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_note_of_another_export_is_no_beginning(trade: Stage, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(StoreUnavailable):
        export(trade, export_spec("csv", "usage"), out, Cut(source_of(trade, export_spec("csv", "usage")), 2)).write()
    export(trade, export_spec("csv", "journal"), out).write()
    export(trade, export_spec("csv", "journal"), tmp_path / "whole").write()
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()
    (tmp_path / "out.part.json").write_text("{", encoding="utf-8")
    export(trade, export_spec("csv", "journal"), out).write()
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_note_is_no_beginning_once_another_export_was_cut_short(trade: Stage, tmp_path: Path) -> None:
    """The other run has no progress note yet, and has written more than the first."""
    one, other = export_spec("csv", "usage"), export_spec("csv", "journal")
    out, note = tmp_path / "out", tmp_path / "out.part.json"
    with pytest.raises(StoreUnavailable):
        export(trade, one, out, Cut(source_of(trade, one), 2)).write()
    told = note.read_bytes()
    with pytest.raises(StoreUnavailable):
        export(trade, other, out, Cut(source_of(trade, other), 2), durable_every=1 << 30).write()
    assert not note.exists()
    note.write_bytes(told)  # as if the note had outlived the part that it describes
    whole = export(trade, one, tmp_path / "whole").write()
    assert export(trade, one, out).write() == whole
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()


def test_one_run_at_a_time(trade: Stage, tmp_path: Path) -> None:
    asked = export_spec("csv", "journal")
    inner = export(trade, asked, tmp_path / "out")

    class Meanwhile(WholeLog):
        def page(self, after: int, until: int) -> Sequence[Fact]:
            with pytest.raises(ExportUnfit, match="Another export"):
                inner.write()
            return super().page(after, until)

    export(trade, asked, tmp_path / "out", Meanwhile(trade.ledger, Codec())).write()


def test_one_that_was_finished_before_it_was_locked_is_left_whole(
    trade: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, out, lock = export_spec("csv", "journal"), tmp_path / "out", fcntl.flock
    others = [export(trade, asked, out)]

    def late(file: BinaryIO, how: int) -> None:
        if others:
            others.pop().write()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(StoreUnavailable):
        export(trade, asked, out, Cut(source_of(trade, asked), 0)).write()
    manifest = read_manifest(tmp_path / "out.manifest.json")
    assert manifest is not None
    assert manifest.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()


def test_a_run_ends_only_when_its_manifest_is_written(
    trade: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, refused = export_spec("csv", "journal"), list[Path]()

    def replace(path: Path, told: msgspec.Struct) -> None:
        if isinstance(told, Manifest):
            assert (tmp_path / "out").exists()
            with pytest.raises(ExportUnfit, match="Another export"):
                export(trade, asked, tmp_path / "out").write()
            refused.append(path)
        replace_file(path, told)

    monkeypatch.setattr("app.exports.file.replace_file", replace)
    export(trade, asked, tmp_path / "out").write()
    assert refused == [tmp_path / "out.manifest.json"]
