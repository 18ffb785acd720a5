"""Export files are complete or absent, can be continued where they ended, and have a manifest of their content."""

from __future__ import annotations

import hashlib
import tracemalloc
from decimal import Decimal
from pathlib import Path

import pytest

from app.exports.file import FileExport, Job
from app.exports.kinds import ExportSpec, encoder_for, export_spec, file_name
from app.exports.manifest import Manifest, read_manifest
from app.exports.source import position_before
from app.faults import ExportUnfit, NoSuchExport
from projections.exports.contract import ExportStopped
from projections.runner import Runner
from tests.support.exports.exports import APPENDED, Shorter, export, names, source_of
from tests.support.ledger.stages import ENGINES, Stage, drain, staged
from tests.support.ledger.trading import Trade


@APPENDED
def test_a_file_has_a_manifest_next_to_it(trade: Stage, asked: ExportSpec, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = export(trade, asked, out).write()
    assert names(tmp_path) == ["out", "out.manifest.json"]
    assert manifest == read_manifest(tmp_path / "out.manifest.json")
    assert manifest.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    assert manifest.bytes == out.stat().st_size
    assert (manifest.first_position, manifest.last_position) == (1, trade.log.head().position)
    assert len(manifest.control_total.partition(".")[2]) == 9
    assert manifest.rows > 100
    assert not manifest.continues


@APPENDED
@pytest.mark.parametrize("cut", [1, 900, 2_500])
def test_a_file_that_went_on_is_the_whole_one(trade: Stage, asked: ExportSpec, cut: int, tmp_path: Path) -> None:
    whole = export(trade, asked, tmp_path / "whole").write()
    out, source = tmp_path / "out", source_of(trade, asked)
    early = export(trade, asked, out, Shorter(source, cut)).write()
    assert early.last_position == cut
    grown = export(trade, asked, out).write(after=cut)
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()
    assert grown == whole
    assert export(trade, asked, out).write(after=grown.last_position) == whole


def test_a_file_that_continues_another_has_no_header(trade: Stage, tmp_path: Path) -> None:
    asked = export_spec("csv", "journal")
    export(trade, asked, tmp_path / "whole").write()
    first = export(trade, asked, tmp_path / "first", Shorter(source_of(trade, asked), 700)).write()
    second = export(trade, asked, tmp_path / "second").write(after=700)
    assert second.continues
    assert (second.first_position, first.last_position) == (701, 700)
    both = (tmp_path / "first").read_bytes() + (tmp_path / "second").read_bytes()
    assert both == (tmp_path / "whole").read_bytes()
    grown = export(trade, asked, tmp_path / "second").write(after=second.last_position)
    assert grown.continues


def test_only_an_earlier_part_of_the_same_export_is_continued(trade: Stage, tmp_path: Path) -> None:
    asked, out = export_spec("csv", "journal"), tmp_path / "out"
    end = export(trade, asked, out).write().last_position
    for other, after, why in (
        (export_spec("csv", "usage"), end, "not an earlier part of this export"),
        (asked, 5, "ends at position"),
        (asked, end + 1, "nothing after position"),
    ):
        with pytest.raises(ExportUnfit, match=why):
            export(trade, other, out).write(after=after)
    out.write_bytes(out.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(ExportUnfit, match="does not match its manifest"):
        export(trade, asked, out).write(after=end)
    (tmp_path / "out.manifest.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ExportUnfit, match="cannot be read"):
        export(trade, asked, out).write(after=end)


def test_an_export_is_private(trade: Stage, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(trade, export_spec("csv", None), out).write()
    assert out.stat().st_mode & 0o077 == 0


def test_parquet_continues_in_a_new_file(trade: Stage, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    asked = export_spec("parquet", "focus")
    whole = export(trade, asked, tmp_path / "whole").write()
    export(trade, asked, tmp_path / "first", Shorter(source_of(trade, asked), 700)).write()
    second = export(trade, asked, tmp_path / "second").write(after=700)
    assert not second.continues
    first = (tmp_path / "first").read_bytes()
    with pytest.raises(ExportUnfit, match="Choose another file name"):
        export(trade, asked, tmp_path / "first").write(after=700)
    assert (tmp_path / "first").read_bytes() == first
    parts = [pq.read_table(tmp_path / name) for name in ("first", "second")]
    assert sum(part.num_rows for part in parts) == whole.rows
    read = pq.read_table(tmp_path / "whole")
    assert read["x_Position"].to_pylist() == [at for part in parts for at in part["x_Position"].to_pylist()]


@pytest.mark.parametrize("engine", ENGINES)
def test_one_account_is_its_part_of_the_whole(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    request.param = engine
    with staged(request, tmp_path) as stage:
        Trade(stage.book, seed=7).run(300)
        drain(Runner(stage.log, stage.shown))
        export(stage, export_spec("csv", "lots"), tmp_path / "whole").write()
        header, parts = b"", list[bytes]()
        for name in ("acme", "bob_2", "zoë"):
            export(stage, export_spec("csv", "lots", account_id=name), tmp_path / name).write()
            header, *rows = (tmp_path / name).read_bytes().splitlines()
            assert all(row.startswith(f"{name},".encode()) for row in rows)
            parts += rows
        whole_header, *rows = (tmp_path / "whole").read_bytes().splitlines()
        assert header == whole_header
        assert sorted(parts) == sorted(rows)


def test_an_account_is_exported_up_to_the_position_of_its_read_models(tmp_path: Path) -> None:
    stage = Stage("sqlite", str(tmp_path / "ledger.db"))
    try:
        trade = Trade(stage.book, seed=7)
        trade.run(50)
        drain(Runner(stage.log, stage.shown))
        behind = stage.log.head().position
        stage.book.append(*trade.money())
        asked = export_spec("csv", "lots", account_id="acme")
        assert export(stage, asked, tmp_path / "out").write().last_position == behind
    finally:
        stage.close()


def test_a_period_is_its_instants(trade: Stage, tmp_path: Path) -> None:
    facts = trade.log.read(0, 100_000)
    begins, ends = facts[500].recorded_at_micros, facts[2_000].recorded_at_micros
    asked = export_spec("csv", "journal", from_micros=begins, to_micros=ends)
    manifest = export(trade, asked, tmp_path / "out").write()
    inside = [fact.position for fact in facts if begins <= fact.recorded_at_micros < ends]
    assert (manifest.first_position, manifest.last_position) == (inside[0], inside[-1])
    assert position_before(trade.ledger, 0, facts[-1].position) == 0
    assert position_before(trade.ledger, 2**62, facts[-1].position) == facts[-1].position


def test_periods_follow_each_other_without_gap_or_overlap(trade: Stage, tmp_path: Path) -> None:
    facts = trade.log.read(0, 100_000)
    middle = facts[1_000].recorded_at_micros
    parts = [
        export(trade, export_spec("csv", "transactions", from_micros=begins, to_micros=ends), tmp_path / name).write()
        for name, begins, ends in (("first", None, middle), ("second", middle, None))
    ]
    whole = export(trade, export_spec("csv", "transactions"), tmp_path / "whole").write()
    assert sum(part.rows for part in parts) == whole.rows
    assert sum(Decimal(part.control_total) for part in parts) == Decimal(whole.control_total)
    _, *second = (tmp_path / "second").read_bytes().splitlines(keepends=True)
    assert (tmp_path / "first").read_bytes() + b"".join(second) == (tmp_path / "whole").read_bytes()


def test_an_event_that_cannot_be_read_stops_it_and_leaves_no_file(tmp_path: Path) -> None:
    stage = Stage("sqlite", str(tmp_path / "ledger.db"))
    try:
        Trade(stage.book).run(20)
        stage.drop_triggers()
        stage.sql("UPDATE stored_events SET state = X'7b7d' WHERE notification_id = 20")
        with pytest.raises(ExportStopped, match="position 20"):
            export(stage, export_spec("csv", "journal"), tmp_path / "out").write()
        assert not (tmp_path / "out").exists()
    finally:
        stage.close()


def test_the_manifest_has_the_checkpoint_if_there_is_one(trade: Stage, tmp_path: Path) -> None:
    asked = export_spec("csv", None)
    encoder = encoder_for(asked, provider="p", name_of=str)
    source = source_of(trade, asked)
    job = Job(source, encoder, asked, log="x")
    made = FileExport(trade.ledger, job, tmp_path / "out", checkpoint_of=lambda position: f"of {position}")
    manifest: Manifest = made.write()
    assert manifest.checkpoint == f"of {manifest.last_position}"


@pytest.mark.parametrize(("kind", "table"), [("xml", None), ("csv", "focus"), ("beancount", "usage"), ("parquet", "x")])
def test_what_there_is_not_is_refused(kind: str, table: str | None) -> None:
    with pytest.raises(NoSuchExport):
        export_spec(kind, table)


def test_a_download_has_a_name() -> None:
    asked = export_spec("parquet", "lots")
    assert file_name(asked, encoder_for(asked, provider="p", name_of=str)) == "realrouter-lots.parquet"


@pytest.mark.long
@APPENDED
def test_memory_is_flat(asked: ExportSpec, tmp_path: Path) -> None:
    """Ten times the log, the same memory. Lots are kept, and are as many as credits: here as many as ever."""
    peaks, rows = [], 0
    for requests in (5_000, 50_000):
        stage = Stage("sqlite", str(tmp_path / f"{requests}.db"))
        try:
            trade = Trade(stage.book, seed=6)
            trade.run(200)
            trade.money = list  # type: ignore[method-assign]
            trade.seed = 7
            trade.run(requests)
            tracemalloc.start()
            rows = export(stage, asked, tmp_path / f"{requests}").write().rows
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        finally:
            stage.close()
    print(f"{asked.kind} {asked.table}: {rows} rows, peaks {peaks[0] >> 10} and {peaks[1] >> 10} KiB")
    assert peaks[1] < 1.2 * peaks[0]
