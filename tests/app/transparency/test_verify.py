"""`verify`: an untouched log is valid, and any single change in it is reported with its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.transparency.copies import DatabaseCopy
from app.transparency.verify import UNSEALED_SECONDS_MAX, Report, verify
from projections.proofs.keys import LogKeys
from projections.proofs.note import generate, parse_note, signed
from projections.proofs.tiles import edge_of, parse_path
from tests.app.transparency.conftest import Sealed
from tests.support.transparency.logs import ORIGIN

EVENT_COLUMNS = [
    "notification_id",
    "originator_id",
    "originator_version",
    "topic",
    "state",
    "command_id",
    "recorded_at_micros",
]
TABLES = {
    "stored_events": EVENT_COLUMNS,
    "log_tiles": ["origin", "level", "tile", "hashes"],
    "log_checkpoints": ["origin", "size", "previous_size", "note", "sealed_at_micros", "witnesses"],
    "log_trees": ["origin", "size"],
}
many = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rows(sealed: Sealed, table: str) -> list[tuple[Any, ...]]:
    columns = TABLES[table]
    found = sealed.ledger.select(f"SELECT {', '.join(columns)} FROM {table}")
    return sorted((tuple(row) for row in found), key=lambda row: row[:3])


def replace(sealed: Sealed, table: str, old: Sequence[Any] | None, new: Sequence[Any] | None) -> None:
    """One row in the place of another; None for none."""
    columns, statements = TABLES[table], []
    if old is not None:
        keys = {"stored_events": 1, "log_tiles": 3, "log_checkpoints": 2, "log_trees": 1}[table]
        clause = " AND ".join(f"{column} = ?" for column in columns[:keys])
        statements.append((f"DELETE FROM {table} WHERE {clause}", tuple(old[:keys])))
    if new is not None:
        marks = ", ".join("?" * len(columns))
        statements.append((f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", tuple(new)))
    sealed.attack(*statements)


def told(report: Report) -> str:
    return "\n".join(f"{each.what} {each.where}: {each.expected} / {each.found}" for each in report.differences)


def test_an_untouched_log_is_valid(hours: Sealed) -> None:
    report = hours.verify()
    assert report.differences == ()
    size = hours.ledger.head().position
    assert (report.origin, report.size, report.events, report.checkpoints) == (ORIGIN, size, size, 5)


def test_events_that_came_after_the_newest_checkpoint_are_no_difference(hours: Sealed) -> None:
    size = hours.ledger.head().position
    hours.grow(10)
    report = hours.verify()
    assert (report.differences, report.size, report.unsealed) == ((), size, 20)


def test_events_that_stay_unsealed_for_minutes_are_reported(hours: Sealed) -> None:
    size = hours.ledger.head().position
    hours.grow(10)
    old = hours.ledger.now_micros() - (UNSEALED_SECONDS_MAX + 60) * 1_000_000
    hours.attack(("UPDATE stored_events SET recorded_at_micros = ? WHERE notification_id = ?", (old, size + 1)))
    [difference] = hours.verify().differences
    assert (difference.what, difference.where) == ("log", f"after event {size}")
    assert difference.found.startswith("20 unsealed, for 6")


def test_a_missing_checkpoint_file_is_reported_if_it_is_required(hours: Sealed) -> None:
    hours.file.path.unlink()
    [difference] = hours.verify().differences
    assert (difference.what, difference.where) == ("checkpoint file", str(hours.file.path))
    assert verify(DatabaseCopy(hours.ledger, ORIGIN), hours.keys.own).ok


@many
@given(data=st.data())
def test_any_one_event_that_is_changed_is_told_with_its_position(hours: Sealed, data: st.DataObject) -> None:
    events = rows(hours, "stored_events")
    row = data.draw(st.sampled_from(events))
    columns = data.draw(st.sampled_from([*([each] for each in range(1, len(row))), list(range(1, len(row)))]))
    changed = tuple(_changed(data, value) if column in columns else value for column, value in enumerate(row))
    replace(hours, "stored_events", row, changed)
    try:
        report = hours.verify()
    finally:
        replace(hours, "stored_events", changed, row)
    assert [(each.what, each.where) for each in report.differences[:1]] == [("event", str(row[0]))]
    assert report.differences[-1].what == "root"
    assert hours.verify().ok


@many
@given(data=st.data())
def test_any_one_event_that_is_gone_is_told(hours: Sealed, data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(rows(hours, "stored_events")))
    replace(hours, "stored_events", row, None)
    try:
        report = hours.verify()
    finally:
        replace(hours, "stored_events", None, row)
    assert not report.ok
    assert report.differences[0].where in (str(row[0]), f"after event {row[0] - 1}")


@many
@given(data=st.data())
def test_two_events_that_changed_places_are_both_told(hours: Sealed, data: st.DataObject) -> None:
    events = rows(hours, "stored_events")
    one, other = data.draw(st.lists(st.sampled_from(events), min_size=2, max_size=2, unique_by=lambda row: row[0]))
    mixed = [(one[0], *other[1:]), (other[0], *one[1:])]
    for row in (one, other):
        replace(hours, "stored_events", row, None)
    for row in mixed:
        replace(hours, "stored_events", None, row)
    try:
        report = hours.verify()
    finally:
        for row in mixed:
            replace(hours, "stored_events", row, None)
        for row in (one, other):
            replace(hours, "stored_events", None, row)
    assert {each.where for each in report.differences if each.what == "event"} == {str(one[0]), str(other[0])}


@settings(many, max_examples=20)
@given(data=st.data())
def test_an_event_that_is_there_twice_is_told_where_it_is_so_for_the_second_time(
    hours: Sealed, data: st.DataObject
) -> None:
    """All behind it moves on by one place, so that no position is missing."""
    size = hours.ledger.head().position
    row = data.draw(st.sampled_from(rows(hours, "stored_events")))
    place = data.draw(st.integers(1, size))
    _move(hours, place, 1)
    again = (place, *row[1:2], row[2] + 1_000, *row[3:])
    replace(hours, "stored_events", None, again)
    try:
        report = hours.verify()
    finally:
        replace(hours, "stored_events", again, None)
        _move(hours, place + 1, -1)
    assert report.differences[0].what == "event"
    assert report.differences[0].where == str(place)
    assert report.differences_count == size - place + 2
    assert hours.verify().ok


def _move(sealed: Sealed, place: int, by: int) -> None:
    """The events from a place on, by so many places."""
    sealed.attack(
        ("UPDATE stored_events SET notification_id = -notification_id WHERE notification_id >= ?", (place,)),
        ("UPDATE stored_events SET notification_id = ? - notification_id WHERE notification_id < 0", (by,)),
    )


@many
@given(data=st.data())
def test_any_one_tile_that_is_changed_is_told_with_its_path(hours: Sealed, data: st.DataObject) -> None:
    tiles = rows(hours, "log_tiles")
    row = data.draw(st.sampled_from(tiles))
    origin, level, number, hashes = row
    how = data.draw(st.sampled_from(["flip", "drop", "cut", "lengthen", "swap", "move", "duplicate", "rewrite"]))
    if how == "flip":
        changed: Any = (origin, level, number, _changed(data, hashes))
    elif how == "cut":
        changed = (origin, level, number, hashes[: data.draw(st.integers(0, len(hashes) - 1))])
    elif how == "lengthen":
        changed = (origin, level, number, hashes + data.draw(st.binary(min_size=1, max_size=64)))
    elif how == "swap":
        half = len(hashes) // 64 * 32
        changed = (origin, level, number, hashes[half:] + hashes[:half])
    elif how == "duplicate":
        changed = (origin, level, number, data.draw(st.sampled_from([each[3] for each in tiles if each != row])))
    elif how == "rewrite":
        changed = (origin, level, number, data.draw(st.binary(min_size=len(hashes), max_size=len(hashes))))
    elif how == "move":
        changed = (origin, level, number + 1_000, hashes)
    else:
        changed = None
    replace(hours, "log_tiles", row, changed)
    try:
        report = hours.verify()
    finally:
        replace(hours, "log_tiles", changed, None) if changed is not None else None
        replace(hours, "log_tiles", None, row)
    if changed is not None and changed[3] == hashes and changed[2] == number:
        assert report.ok
        return
    assert {each.what for each in report.differences} == {"tile"}
    assert (level, number) in {(tile.level, tile.number) for tile in map(_tile, report.differences)}


def _tile(difference: Any) -> Any:
    return parse_path(difference.where)


@settings(many, max_examples=20)
@given(data=st.data())
def test_two_tiles_that_changed_places_are_both_told(hours: Sealed, data: st.DataObject) -> None:
    tiles = rows(hours, "log_tiles")
    one, other = data.draw(st.lists(st.sampled_from(tiles), min_size=2, max_size=2, unique_by=lambda row: row[:3]))
    mixed = [(*one[:3], other[3]), (*other[:3], one[3])]
    for before, after in zip((one, other), mixed, strict=True):
        replace(hours, "log_tiles", before, after)
    try:
        report = hours.verify()
    finally:
        for before, after in zip((one, other), mixed, strict=True):
            replace(hours, "log_tiles", after, before)
    assert {each.what for each in report.differences} == {"tile"}
    told = {(tile.level, tile.number) for tile in map(_tile, report.differences)}
    assert told >= {(one[1], one[2]), (other[1], other[2])}


def test_an_extra_tile_is_reported(hours: Sealed) -> None:
    replace(hours, "log_tiles", None, (ORIGIN, 5, 7, bytes(32)))
    assert [(each.what, each.where) for each in hours.verify().differences] == [("tile", "5/007")]


@many
@given(data=st.data())
def test_any_one_checkpoint_that_is_changed_is_told(hours: Sealed, data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(rows(hours, "log_checkpoints")))
    column = data.draw(st.sampled_from([0, 1, 2, 3, 5, None]))  # 4 is when it was kept: what is thinned out goes by it
    changed = None if column is None else [*row[:column], _changed(data, row[column]), *row[column + 1 :]]
    replace(hours, "log_checkpoints", row, changed)
    try:
        report = hours.verify()
    finally:
        replace(hours, "log_checkpoints", changed, None) if changed is not None else None
        replace(hours, "log_checkpoints", None, row)
    assert not report.ok
    assert {each.what for each in report.differences} <= {"checkpoint", "witnesses"}


@settings(many, max_examples=30)
@given(data=st.data())
def test_a_checkpoint_in_the_place_of_another_is_told_there(hours: Sealed, data: st.DataObject) -> None:
    """One twice, two that changed places, or one that somebody else has signed."""
    notes = rows(hours, "log_checkpoints")
    one, other = data.draw(st.lists(st.sampled_from(notes), min_size=2, max_size=2, unique_by=lambda row: row[1]))
    how = data.draw(st.sampled_from(["duplicate", "reorder", "rewrite"]))
    forged = str(signed(parse_note(one[3]).text, (generate(ORIGIN),)))
    changes = {
        "duplicate": [(one, (*one[:3], *other[3:]))],
        "reorder": [(one, (*one[:3], *other[3:])), (other, (*other[:3], *one[3:]))],
        "rewrite": [(one, (*one[:3], forged, *one[4:]))],
    }[how]
    for before, after in changes:
        replace(hours, "log_checkpoints", before, after)
    try:
        report = hours.verify()
    finally:
        for before, after in changes:
            replace(hours, "log_checkpoints", after, before)
    assert {each.what for each in report.differences} == {"checkpoint"}
    assert {each.where for each in report.differences} == {f"at {row[1]} in the database" for row, _ in changes}
    assert hours.verify().ok


@many
@given(data=st.data())
def test_any_one_letter_of_the_file_that_is_changed_is_told(hours: Sealed, data: st.DataObject) -> None:
    """But for the witness's signature: whose is wrong is told, and whose name is unknown counts for nothing."""
    note = hours.file.read() or ""
    lines = note.splitlines(keepends=True)
    hours.file.write(_changed(data, "".join(lines[:-1])) + lines[-1])
    try:
        report = hours.verify()
    finally:
        hours.file.write(note)
    assert [(each.what, each.where) for each in report.differences] == [("checkpoint", f"in {hours.file.path}")]
    assert hours.verify().ok


@many
@given(data=st.data())
def test_a_tree_of_another_size_is_told(hours: Sealed, data: st.DataObject) -> None:
    [row] = rows(hours, "log_trees")
    changed = (row[0], row[1] + data.draw(st.integers(-row[1], 1_000).filter(bool)))
    replace(hours, "log_trees", row, changed)
    try:
        report = hours.verify()
    finally:
        replace(hours, "log_trees", changed, row)
    assert {each.what for each in report.differences} == {"checkpoint" if changed[1] > row[1] else "tile"}


def _changed(data: st.DataObject, value: Any) -> Any:
    """Something else of the same kind."""
    if isinstance(value, int):
        return value + data.draw(st.integers(-(2**62), 2**62).filter(bool))
    if isinstance(value, bytes):
        at, mask = data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(1, 255))
        return value[:at] + bytes([value[at] ^ mask]) + value[at + 1 :]
    at = data.draw(st.integers(0, len(value) - 1))
    return value[:at] + ("x" if value[at] != "x" else "y") + value[at + 1 :]


def test_a_completely_forged_log_is_reported_between_the_checkpoints(hours: Sealed) -> None:
    """Somebody with the database, and without the key, makes the tiles fit as well."""
    sizes = [row[1] for row in rows(hours, "log_checkpoints")]
    [row] = [row for row in rows(hours, "stored_events") if row[0] == sizes[1] - 3]
    replace(hours, "stored_events", row, (*row[:5], "forged", row[6]))
    forger = LogKeys(ORIGIN, (generate(ORIGIN),))
    notes = rows(hours, "log_checkpoints")
    hours.attack(*((f"DELETE FROM {name}", ()) for name in ("log_tiles", "log_trees", "log_checkpoints")))
    hours.file.path.unlink()
    honest, hours.keys = hours.keys, forger
    hours.sealer(page_events=10_000).seal()
    hours.attack(("DELETE FROM log_checkpoints", ()))
    for note in notes:
        replace(hours, "log_checkpoints", None, note)
    hours.file.path.unlink()
    hours.keys = honest
    report = verify(DatabaseCopy(hours.ledger, ORIGIN), (*honest.own, *honest.witnesses))
    assert [each.what for each in report.differences] == ["root"]
    assert f"something in events {sizes[0] + 1} to {sizes[1]} was changed" in report.differences[0].found


def test_the_file_is_checked_as_well(hours: Sealed) -> None:
    hours.file.write((hours.file.read() or "").replace(ORIGIN, "another.example", 1))
    [difference] = hours.verify().differences
    assert (difference.what, difference.where) == ("checkpoint", f"in {hours.file.path}")


def test_a_file_that_is_ahead_of_the_log_is_reported(hours: Sealed) -> None:
    size = hours.ledger.head().position
    hours.attack(("DELETE FROM stored_events WHERE notification_id > ?", (size - 30,)))
    report = hours.verify()
    assert "30 fewer" in told(report)
    assert f"after event {size - 30}" in told(report)


def test_nothing_that_is_signed_is_a_difference(sealed: Sealed) -> None:
    [difference] = sealed.verify().differences
    assert difference.expected == "a signed checkpoint"


def test_a_log_of_many_tiles_is_checked_on_each_level(hours: Sealed) -> None:
    assert {tile.level for tile in edge_of(hours.ledger.head().position)} == {0, 1}
    assert hours.verify().tiles == len(rows(hours, "log_tiles"))


def test_an_event_that_was_changed_near_a_lost_end_is_not_taken_for_a_wrong_tile(hours: Sealed) -> None:
    size = hours.ledger.head().position
    hours.attack(
        ("UPDATE stored_events SET command_id = 'x' WHERE notification_id = ?", (size - 2,)),
        ("DELETE FROM stored_events WHERE notification_id > ?", (size - 1,)),
    )
    report = hours.verify()
    assert {(each.what, each.where) for each in report.differences} == {
        ("log", f"after event {size - 1}"),
        ("event", str(size - 2)),
    }


def test_differences_beyond_those_shown_are_counted(hours: Sealed) -> None:
    size = hours.ledger.head().position
    hours.attack(("UPDATE stored_events SET topic = 'x'", ()))
    report = hours.verify()
    assert (report.differences_count, len(report.differences)) == (size + 1, 20)
