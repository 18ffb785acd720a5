"""Events that are no longer valid: invalid text, impossible numbers, values of a wrong type. Each is reported with its position,
and neither signed nor exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.faults import ExportRefused, LogDiffers
from app.ledger.store import StoreUnavailable, Tables
from app.transparency.copies import DatabaseCopy, export
from tests.app.transparency.conftest import Sealed
from tests.support.ledger.mutations import many
from tests.support.transparency.logs import ORIGIN

TEXTS = ("originator_id", "topic", "command_id")
NUMBERS = ("originator_version", "recorded_at_micros")


def changed(sealed: Sealed, position: int, column: str, expression: str, *parameters: object) -> tuple[str, Any]:
    """Write an expression there. Returns the statement that restores the old value."""
    [(before,)] = sealed.ledger.select(f"SELECT {column} FROM stored_events WHERE notification_id = ?", (position,))
    statement = f"UPDATE stored_events SET {column} = {{}} WHERE notification_id = ?"
    sealed.attack((statement.format(expression), (*parameters, position)))
    return statement.format("?"), (before, position)


@many
@given(position=st.integers(1, 500), column=st.sampled_from(NUMBERS), number=st.integers(-(2**63), -1))
def test_a_number_below_zero_is_told(sealed: Sealed, position: int, column: str, number: int) -> None:
    sealed.sealer(page_events=10_000).seal()
    back = changed(sealed, position, column, "?", number)
    report = sealed.verify()
    with pytest.raises(ExportRefused, match=f"Event {position} is missing or cannot be read"):
        export(sealed.stored, sealed.keys, sealed.file.path.parent / f"copy-{sealed.ledger.now_micros()}")
    sealed.attack(back)
    assert next((each.what, each.where) for each in report.differences) == ("event", str(position))
    assert sealed.verify().ok


def test_nothing_is_signed_over_what_is_no_event(sealed: Sealed) -> None:
    sealed.sealer().step()
    changed(sealed, 150, "originator_version", "?", -1)
    with pytest.raises(LogDiffers, match="Event 150 contains an impossible value"):
        sealed.sealer().seal()
    assert sealed.stored.trees.size() == 100


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@many
@given(data=st.data())
def test_a_value_of_another_kind_is_told(sealed: Sealed, data: st.DataObject) -> None:
    sealed.sealer(page_events=10_000).seal()
    position, column = data.draw(st.integers(1, 500)), data.draw(st.sampled_from([*TEXTS, *NUMBERS, "state"]))
    # Text goes into `state`, which is bytes; into a number, which it then is not; and bytes go into text.
    back = changed(sealed, position, column, "?", b"\xff\x00" if column in TEXTS else "10x")
    report = sealed.verify()
    sealed.attack(back)
    assert next((each.what, each.where) for each in report.differences) == ("event", str(position))
    assert sealed.verify().ok


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@many
@given(positions=st.sets(st.integers(1, 500), min_size=1, max_size=3), column=st.sampled_from(TEXTS))
def test_text_in_which_a_bit_has_flipped_so_that_it_is_none_is_told(
    sealed: Sealed, positions: set[int], column: str
) -> None:
    """SQLite gives such a row to nobody: all others are read around it."""
    sealed.sealer(page_events=10_000).seal()
    flipped = f"X'80' || CAST(substr({column}, 2) AS BLOB)"
    back = [changed(sealed, position, column, flipped) for position in positions]
    report = sealed.verify()
    sealed.attack(*back)
    told = [each for each in report.differences if each.expected == "a readable event"]
    assert {(each.what, each.where) for each in told} == {("event", str(position)) for position in positions}
    assert all("UTF-8" in each.found for each in told)
    assert report.events == report.size - len(positions)
    assert sealed.verify().ok


def test_a_store_that_is_out_of_reach_is_no_event_that_cannot_be_read() -> None:
    class Away:
        def select(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
            raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable, match="away"):
        list(DatabaseCopy(cast(Tables, Away()), ORIGIN).leaves(10))


def test_a_log_that_lost_its_end_is_not_exported(sealed: Sealed, tmp_path: Path) -> None:
    sealed.sealer().seal()
    size = sealed.ledger.head().position
    sealed.attack(("DELETE FROM stored_events WHERE notification_id = ?", (size,)))
    with pytest.raises(
        ExportRefused, match=f"The log ends at event {size - 1}, but its checkpoint covers {size} events"
    ):
        export(sealed.stored, sealed.keys, tmp_path / "copy")
