"""Lists of files, compared with a plain list of the uploads, on both engines."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replay.replay import replay
from domain.events import FileDeleted, file_stream
from projections.runner import Runner
from tests.support.ledger.histories import upload
from tests.support.ledger.stages import ENGINES, Stage, drain, staged

HOUR_MICROS = 3_600_000_000


@pytest.fixture(params=ENGINES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with staged(request, tmp_path) as stage:
        yield stage


def keep(stage: Stage, count: int) -> dict[str, list[str]]:
    """Uploads of two accounts, every fifth of them for an hour, every third deleted again. By account: what stays, by age."""
    draw, there = random.Random(3), dict[str, list[str]]({"acme": [], "zoë": []})
    for number in range(count):
        account_id, file_id = draw.choice(list(there)), f"file-{number:032x}"
        stage.book.say(file_stream(file_id), upload(file_id, account_id, 3600 if number % 5 == 0 else None))
        if number % 3 == 0:
            stage.book.say(file_stream(file_id), FileDeleted(file_id, account_id, 1000, "deleted"))
        else:
            there[account_id].append(file_id)
    drain(Runner(stage.log, stage.shown, batch_events=7))
    return there


def ids(stage: Stage, account_id: str, *, limit: int = 100, newest_first: bool = False, **more: int) -> list[str]:
    now = more.pop("now_micros", stage.ledger.now_micros())
    found = stage.shown.files(account_id, now_micros=now, newest_first=newest_first, limit=limit, **more)
    assert found.position == stage.log.head().position
    return [each.file_id for each in found.value]


def test_an_account_s_files_are_listed_by_age_without_what_is_gone(stage: Stage) -> None:
    there = keep(stage, 40)
    for account_id, expected in there.items():
        assert ids(stage, account_id) == expected
        assert ids(stage, account_id, newest_first=True) == expected[::-1]
    assert ids(stage, "nobody") == []


def test_pages_put_together_are_the_whole_in_both_orders(stage: Stage) -> None:
    there = keep(stage, 40)
    for newest_first in (False, True):
        found: list[str] = []
        after: dict[str, int] = {}
        while page := ids(stage, "acme", limit=3, newest_first=newest_first, **after):
            found += page
            last = stage.shown.file("acme", page[-1]).value
            assert last is not None
            after = {"after_position": last.position}
        assert found == (there["acme"][::-1] if newest_first else there["acme"])


def test_a_file_ends_in_lists_when_its_time_is_over_and_is_then_found_for_the_sweep(stage: Stage) -> None:
    there = keep(stage, 40)
    for_an_hour = {f"file-{number:032x}" for number in range(0, 40, 5)}
    now = stage.ledger.now_micros()
    assert stage.shown.expired_files(now, limit=100).value == []
    later = now + HOUR_MICROS
    assert set(ids(stage, "acme", now_micros=later)) == set(there["acme"]) - for_an_hour
    expired = stage.shown.expired_files(later, limit=100).value
    assert {each.file_id for each in expired} == for_an_hour & {*there["acme"], *there["zoë"]}
    assert [each.expires_at_micros for each in expired] == sorted(each.expires_at_micros or 0 for each in expired)
    assert stage.shown.expired_files(later, limit=2).value == expired[:2]


def test_a_file_is_found_by_its_account_only_there_or_not_any_more(stage: Stage) -> None:
    keep(stage, 4)
    gone = next(row for row in ("acme", "zoë") if stage.shown.file(row, f"file-{0:032x}").value)
    found = stage.shown.file(gone, f"file-{0:032x}").value
    assert found is not None
    assert (found.there, found.bytes, found.pages, found.purpose) == (0, 1000, 1, "user_data")
    assert stage.shown.file("zoë" if gone == "acme" else "acme", f"file-{0:032x}").value is None


def test_which_of_many_ids_are_there(stage: Stage) -> None:
    there = keep(stage, 12)
    asked = [f"file-{number:032x}" for number in range(30)]
    assert stage.shown.files_there(asked).value == {*there["acme"], *there["zoë"]}
    assert stage.shown.files_there([]).value == frozenset()


def test_the_rows_are_those_that_a_replay_derives(stage: Stage) -> None:
    keep(stage, 20)
    assert replay(stage.ledger, stage.shown).differences == ()
    stage.views_sql("UPDATE files SET there = 1 WHERE there = 0")
    assert {each.what for each in replay(stage.ledger, stage.shown).differences} >= {"row of files"}
