"""If any one row of a read model, bucket or hold is changed, on either engine, a replay reports the change and its place."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.replay.findings import Difference
from projections.runner import ALL
from projections.tables import Column, Row, Table
from tests.support.ledger.mutations import MOVED, TEXT, busy_stage, many, report
from tests.support.ledger.stages import ENGINES, Stage

TABLES = tuple(table for item in ALL for table in item.tables)


@pytest.fixture(params=ENGINES)
def audited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with busy_stage(request, tmp_path) as stage:
        yield stage


@pytest.fixture
def rows(audited: Stage) -> dict[str, list[Row]]:
    """Of every read model."""
    with audited.shown.snapshot() as snapshot:
        found = {table.name: list(snapshot.rows(table)) for table in TABLES}
    assert all(found.values())
    return found


# Rows of read models


@many
@given(data=st.data())
def test_any_one_row_of_a_read_model_that_is_changed_is_told_with_its_key(
    audited: Stage, rows: dict[str, list[Row]], data: st.DataObject
) -> None:
    _change_one(audited, rows, data)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(many, max_examples=1_000, derandomize=False)
@given(data=st.data())
def test_a_thousand_rows_of_read_models_are_changed_one_by_one(
    audited: Stage, rows: dict[str, list[Row]], data: st.DataObject
) -> None:
    _change_one(audited, rows, data)


def _change_one(audited: Stage, rows: dict[str, list[Row]], data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(TABLES), "table")
    there = rows[table.name]
    how = data.draw(st.sampled_from(["flip", "drop", "duplicate", "reorder", "rewrite"]), "how")
    old, new = _mutated(data, table, there, how)
    kept = [row[: table.key] for row in there if row not in old]
    assume(not any(row[: table.key] in kept for row in new))
    _put(audited, table, old, new)
    try:
        found = report(audited)
    finally:
        _put(audited, table, new, old)
    assert {one.what for one in found.differences} == {f"row of {table.name}"}
    assert {one.where for one in found.differences} == {str(row[: table.key]) for row in {*old, *new}}
    assert report(audited).ok


def _mutated(data: st.DataObject, table: Table, there: Sequence[Row], how: str) -> tuple[list[Row], list[Row]]:
    """Rows that go, and rows that come in their place."""
    row = data.draw(st.sampled_from(there), "row")
    key, values = range(table.key), range(table.key, len(row))
    if how == "drop":
        return [row], []
    if how == "duplicate":
        return [], [_changed(data, table, row, [data.draw(st.sampled_from(key))])]
    if how == "reorder":
        other = data.draw(st.sampled_from(there), "other")
        assume(other[: table.key] != row[: table.key] and other[table.key :] != row[table.key :])
        return [row, other], [row[: table.key] + other[table.key :], other[: table.key] + row[table.key :]]
    columns = list(values) if how == "rewrite" else [data.draw(st.sampled_from([*key, *values]), "column")]
    return [row], [_changed(data, table, row, columns)]


def _changed(data: st.DataObject, table: Table, row: Row, columns: Sequence[int]) -> Row:
    changed = list(row)
    for number in columns:
        changed[number] = _another(data, table.columns[number], row[number])
    return tuple(changed)


def _another(data: st.DataObject, column: Column, value: Any) -> Any:
    """Something else that the column takes."""
    if column.nullable and value is not None and data.draw(st.booleans()):
        return None
    if column.kind == "int":
        return (value or 0) + data.draw(MOVED)
    return (value or "") + data.draw(TEXT)


def _put(stage: Stage, table: Table, old: Sequence[Row], new: Sequence[Row]) -> None:
    clause = " AND ".join(f"{column.name} = ?" for column in table.key_columns)
    for row in old:
        stage.views_sql(f"DELETE FROM {table.name} WHERE {clause}", row[: table.key])
    for row in new:
        stage.views_sql(f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(row))})", row)


@many
@given(data=st.data())
def test_a_read_model_that_does_not_stand_where_it_says_is_told(audited: Stage, data: st.DataObject) -> None:
    item = data.draw(st.sampled_from(ALL), "projection")
    at = audited.shown.tracked()[item.name]
    moved = at.recorded_at_micros + data.draw(MOVED)
    statement = "UPDATE tracking SET recorded_at_micros = ? WHERE application_name = ?"
    audited.views_sql(statement, (moved, item.name))
    try:
        found = report(audited)
    finally:
        audited.views_sql(statement, (at.recorded_at_micros, item.name))
    expected = Difference("instant of the projection", item.name, str(at.recorded_at_micros), str(moved))
    assert found.differences == (expected,)


@pytest.mark.parametrize("audited", ["sqlite"], indirect=True)
@many
@given(data=st.data())
def test_a_value_of_another_kind_is_told_wherever_it_stands(
    audited: Stage, rows: dict[str, list[Row]], data: st.DataObject
) -> None:
    """SQLite takes any kind of value in any column."""
    table = data.draw(st.sampled_from(TABLES), "table")
    row = data.draw(st.sampled_from(rows[table.name]), "row")
    number = data.draw(st.integers(0, len(row) - 1), "column")
    kinds: tuple[object, ...] = (b"", b"\xff\x00", "10x", 0.5)
    changed = (*row[:number], data.draw(st.sampled_from(kinds), "value"), *row[number + 1 :])
    _put(audited, table, [row], [changed])
    try:
        found = report(audited)
    finally:
        _put(audited, table, [changed], [row])
    assert {one.what for one in found.differences} == {f"row of {table.name}"}
    assert str(row[: table.key]) in {one.where for one in found.differences}
    assert report(audited).ok


@pytest.mark.parametrize("audited", ["sqlite"], indirect=True)
@many
@given(data=st.data())
def test_text_in_which_a_bit_has_flipped_so_that_it_is_none_is_told_where_it_stands(
    audited: Stage, rows: dict[str, list[Row]], data: st.DataObject
) -> None:
    table = data.draw(st.sampled_from([each for each in TABLES if _texts(each, rows[each.name][0])]), "table")
    row = data.draw(st.sampled_from([each for each in rows[table.name] if _texts(table, each)]), "row")
    number = data.draw(st.sampled_from(_texts(table, row)), "column")
    name, clause = table.names[number], " AND ".join(f"{column.name} = ?" for column in table.key_columns)
    flipped = f"X'80' || CAST(substr({name}, 2) AS BLOB)"
    audited.views_sql(f"UPDATE {table.name} SET {name} = {flipped} WHERE {clause}", row[: table.key])
    try:
        [told] = report(audited).differences
    finally:
        audited.views_sql(f"UPDATE {table.name} SET {name} = ? WHERE {clause}", (row[number], *row[: table.key]))
    assert (told.what, told.where) == (f"row of {table.name}", str(row[: table.key]))
    assert "x80" in told.found
    assert report(audited).ok


def _texts(table: Table, row: Row) -> list[int]:
    """The columns after the key in which this row has text."""
    return [number for number in range(table.key, len(row)) if isinstance(row[number], str)]


@pytest.mark.parametrize("audited", ["sqlite"], indirect=True)
def test_bytes_that_are_the_same_text_in_base64_are_reported(audited: Stage, rows: dict[str, list[Row]]) -> None:
    """As JSON has it, b64decode("stop") is "stop"."""
    [table] = [each for each in TABLES if each.name == "transactions"]
    number = table.names.index("finish")
    row = next(row for row in rows["transactions"] if row[number] == "stop")
    _put(audited, table, [row], [(*row[:number], base64.b64decode("stop"), *row[number + 1 :])])
    [told] = report(audited).differences
    assert (told.what, told.where, told.expected) == ("row of transactions", str(row[:2]), "finish='stop'")


# The store's data other than events


@many
@given(data=st.data())
def test_any_one_bucket_that_is_changed_is_told_with_its_name(audited: Stage, data: st.DataObject) -> None:
    values = dict(audited.ledger.buckets())
    name = data.draw(st.sampled_from([name for name, value in values.items() if value]), "bucket")
    how = data.draw(st.sampled_from(["flip", "drop", "duplicate", "reorder"]), "how")
    new = dict(values)
    if how == "flip":
        new[name] += data.draw(MOVED)
    elif how == "drop":
        del new[name]
    elif how == "duplicate":
        new[name + data.draw(TEXT)] = values[name]
    else:
        other = data.draw(st.sampled_from(list(values)), "other")
        assume(values[other] != values[name])
        new[name], new[other] = values[other], values[name]
    _keep(audited, "buckets", values, new)
    try:
        found = report(audited)
    finally:
        _keep(audited, "buckets", new, values)
    wrong = {each for each in values.keys() | new.keys() if values.get(each) != new.get(each)}
    assert {one.where for one in found.differences} == wrong
    assert {one.what for one in found.differences} == {"bucket"}
    assert report(audited).ok


def _keep(stage: Stage, table: str, old: dict[str, int], new: dict[str, int]) -> None:
    """Past the store."""
    gone = [(f"DELETE FROM {table} WHERE name = ?", (name,)) for name in old if old[name] != new.get(name)]
    come = [
        (f"INSERT INTO {table} (name, value) VALUES (?, ?)", (name, value))
        for name, value in new.items()
        if old.get(name) != value
    ]
    stage.ledger.change(*gone, *come)


@many
@given(data=st.data())
def test_any_one_hold_that_is_changed_is_told_with_its_request(audited: Stage, data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(audited.ledger.open_requests()), "request")
    old = (row.request_id, row.position, row.instance_id, row.deadline_at_micros)
    number = data.draw(st.sampled_from([None, 0, 1, 2, 3]), "column")
    new = None if number is None else (*old[:number], _differing(data, old[number]), *old[number + 1 :])
    _hold(audited, old, new)
    try:
        found = report(audited)
    finally:
        _hold(audited, new, old)
    assert {one.what for one in found.differences} == {"open request"}
    assert {one.where for one in found.differences} == {each[0] for each in (old, new) if each is not None}
    assert report(audited).ok


def _differing(data: st.DataObject, value: Any) -> Any:
    return value + (data.draw(MOVED) if isinstance(value, int) else data.draw(TEXT))


def _hold(stage: Stage, old: Sequence[Any] | None, new: Sequence[Any] | None) -> None:
    statements: list[tuple[str, Sequence[Any]]] = []
    if old is not None:
        statements.append(("DELETE FROM open_requests WHERE request_id = ?", old[:1]))
    if new is not None:
        statements.append(("INSERT INTO open_requests VALUES (?, ?, ?, ?)", new))
    stage.ledger.change(*statements)


@many
@given(column=st.sampled_from(["position", "recorded_at_micros"]), moved=MOVED)
def test_an_end_of_the_log_that_is_not_its_last_event_is_told(audited: Stage, column: str, moved: int) -> None:
    audited.ledger.change((f"UPDATE log_head SET {column} = {column} + ?", (moved,)))
    try:
        found = report(audited)
    finally:
        audited.ledger.change((f"UPDATE log_head SET {column} = {column} - ?", (moved,)))
    assert [one.where for one in found.differences] == ["log_head"]
