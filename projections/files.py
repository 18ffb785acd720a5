"""The files of all accounts, for lists and sweeps. Names and contents are in the file storage."""

from __future__ import annotations

from collections.abc import Sequence

from domain.events import FileDeleted, FileUploaded
from domain.file import expiry
from projections.contract import Fact, Read
from projections.tables import Change, Key, Row, Table, integer, text

FILES = Table(
    "files",
    2,
    (
        text("account_id"),
        text("file_id"),
        integer("position"),
        integer("created_at_micros"),
        integer("expires_at_micros", nullable=True),
        integer("bytes"),
        integer("pages", nullable=True),
        text("purpose"),
        integer("there"),
    ),
    indexes=(("account_id", "there", "position"), ("there", "expires_at_micros"), ("file_id",)),
)
"""`position` is the position of the upload, by which lists are sorted; `there` is 0 once the file is deleted."""
_THERE = FILES.names.index("there")


class Files:
    name = "files"
    version = 1
    tables = (FILES,)
    families = frozenset({"file.uploaded", "file.deleted"})

    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]:
        concerned = [fact for fact in facts if isinstance(fact.event, FileUploaded | FileDeleted)]
        if not concerned:
            return []
        rows: dict[Key, Row] = dict(read(FILES, {_key(fact) for fact in concerned}))
        for fact in concerned:
            rows[_key(fact)] = _row(fact, rows.get(_key(fact)))
        return [Change(FILES, "put", list(rows.values()))]


def _key(fact: Fact) -> Key:
    assert isinstance(fact.event, FileUploaded | FileDeleted)
    return fact.event.account_id, fact.event.file_id


def _row(fact: Fact, before: Row | None) -> Row:
    event = fact.event
    if isinstance(event, FileUploaded):
        at = fact.recorded_at_micros
        times = (fact.position, at, expiry(event, at))
        return event.account_id, event.file_id, *times, event.bytes, event.pages, event.purpose, 1
    if before is None:
        raise ValueError(f"event {fact.position} deletes a file that no event has created")
    return *before[:_THERE], 0
