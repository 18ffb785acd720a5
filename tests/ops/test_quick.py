"""Which tests a change needs first."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ops.quick import changed, find_tests, room_of, wanted
from tests.support.paths import ROOT


@pytest.mark.parametrize(
    ("name", "room"),
    [
        ("app/wire/chat/request_reader.py", "app/wire/chat"),
        ("app/errors.py", "app/errors.py"),
        ("domain/money.py", "domain"),
        ("projections/exports/csv.py", "projections/exports"),
        ("tests/app/feed/test_feed.py", "app/feed"),
        ("tests/app/test_errors.py", "app/errors.py"),
        ("tests/support/wire/streams.py", "app/wire"),
        ("ops/quick.py", "ops"),
        ("ops/runbook.md", None),
        ("web/app/page.tsx", None),
        ("README.md", None),
    ],
)
def test_the_room_of_a_file(name: str, room: str | None) -> None:
    assert room_of(name) == room


def test_a_room_s_tests_are_at_its_place_in_the_table_and_next_to_it(tmp_path: Path) -> None:
    for name in ("tests/app/wire/test_a.py", "tests/app/test_errors.py", "tests/app/test_errors_more.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    table = {
        "app/wire/b.py": "tests/app/wire/test_a.py",
        "app/wire/c.py": "tests/docs/test_c.py",
        "app/wire/d.py": "tests/chaos/test_d.py",
    }
    (tmp_path / "tests/tested_elsewhere.json").write_text(json.dumps(table))
    assert wanted(["app/wire/"], tmp_path) == [
        "tests/app/wire",
        "tests/docs/test_c.py",
        "tests/protocols",
        "tests/support/wire",
    ]
    assert wanted(["app/wire/chat"], tmp_path) == ["tests/protocols", "tests/support/wire"]
    assert wanted(["app/errors.py"], tmp_path) == ["tests/app/test_errors.py", "tests/app/test_errors_more.py"]


def test_each_room_of_this_checkout_has_tests() -> None:
    rooms = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "app").glob("*/*.py")}
    assert [room for room in sorted(rooms) if not find_tests(room, ROOT)] == []


def test_changes_are_those_since_main_committed_or_not(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    for name in ("same.py", "edited.py", "committed.py"):
        (tmp_path / name).touch()
    git("add", ".")
    git("commit", "--message", "one")
    git("checkout", "-b", "work")
    (tmp_path / "committed.py").write_text("x = 1\n")
    git("commit", "--all", "--message", "two")
    (tmp_path / "edited.py").write_text("x = 1\n")
    (tmp_path / "new.py").touch()
    assert changed(tmp_path) == ["committed.py", "edited.py", "new.py"]
