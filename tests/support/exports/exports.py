"""Exports of a stage to files, from sources that break off or end early."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from app.exports.file import FileExport, Job
from app.exports.kinds import KINDS, ExportSpec, encoder_for, export_spec
from app.exports.source import OneAccount, Source, WholeLog
from app.ledger.codec import Codec
from app.ledger.store import StoreUnavailable
from projections.contract import Fact
from tests.support.ledger.stages import Stage

EACH = [export_spec(kind, None) for kind in KINDS if kind != "parquet"]
EACH += [export_spec("csv", table) for table in ("usage", "lots", "journal")]
APPENDED = pytest.mark.parametrize("asked", EACH, ids=lambda asked: f"{asked.kind}-{asked.table}")


class Cut:
    """A source that is out of reach after some pages."""

    def __init__(self, source: Source, pages: int) -> None:
        self._source, self.left = source, pages

    def page(self, after: int, until: int) -> Sequence[Fact]:
        if not self.left:
            raise StoreUnavailable("cut")
        self.left -= 1
        return self._source.page(after, until)

    def end(self) -> int:
        return self._source.end()


class Shorter:
    """The log as it was when it ended earlier."""

    def __init__(self, source: Source, end: int) -> None:
        self._source, self._end = source, end

    def page(self, after: int, until: int) -> Sequence[Fact]:
        return self._source.page(after, until)

    def end(self) -> int:
        return self._end


def export(
    stage: Stage, asked: ExportSpec, out: Path, source: Source | None = None, durable_every: int = 1
) -> FileExport:
    encoder = encoder_for(asked, provider="Router Ltd", name_of=lambda account_id: f"name of {account_id}")
    source = source or source_of(stage, asked)
    return FileExport(stage.ledger, Job(source, encoder, asked, stage.log.identity()), out, durable_every=durable_every)


def source_of(stage: Stage, asked: ExportSpec) -> Source:
    whole = WholeLog(stage.ledger, Codec())
    return whole if asked.account_id is None else OneAccount(stage.ledger, Codec(), stage.shown, asked.account_id)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
