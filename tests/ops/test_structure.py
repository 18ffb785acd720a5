"""The limits of the tree, and the table of who tests what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.structure import FUNCTION_LINES_MAX, LINES_MAX, PARAMETERS_MAX, TABLE, broken, main
from tests.support.paths import ROOT


def tree(folder: Path, files: dict[str, str], table: dict[str, str] | None = None) -> Path:
    """A checkout with these files and this table."""
    for name, text in {str(TABLE): json.dumps(table or {}), **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_tree_within_its_limits_breaks_nothing(tmp_path: Path) -> None:
    parameters = ", ".join(f"p{number}" for number in range(PARAMETERS_MAX))
    body = "    pass\n" * (FUNCTION_LINES_MAX - 1)
    files = {
        "app/x/full.py": f"def full(self, {parameters}):\n{body}",
        "app/x/other.py": "",
        "app/x/__init__.py": "",
        "domain/long.py": "\n" * LINES_MAX,
        "tests/app/x/test_full_of_it.py": "",
        "tests/domain/test_long.py": "",
    }
    root = tree(tmp_path, files, {"app/x/other.py": "tests/domain/test_long.py"})
    assert list(broken(root)) == []
    assert main(["--check", str(root)]) == 0


@pytest.mark.parametrize(
    ("files", "table", "named"),
    [
        ({"tests/test_long.py": "\n" * (LINES_MAX + 1)}, {}, "tests/test_long.py: 401 lines"),
        (
            {"app/a.py": "def f():\n" + "    pass\n" * FUNCTION_LINES_MAX, "tests/app/test_a.py": ""},
            {},
            "app/a.py:1: f has 51",
        ),
        ({"app/a.py": "async def f(a, b, /, c, *, d, e, f, g, h): ...", "tests/app/test_a.py": ""}, {}, "8 parameters"),
        ({"app/a.py": ""}, {}, "app/a.py: no tests/app/test_a*.py"),
        (
            {"app/a.py": ""},
            {"app/a.py": "tests/app/test_gone.py"},
            "tests/app/test_gone.py, which tests app/a.py, is not",
        ),
        ({"app/a.py": "", "tests/b.py": ""}, {"app/a.py": "tests/b.py"}, "tests/b.py, which tests app/a.py, is not"),
        ({"tests/test_b.py": ""}, {"app/a.py": "tests/test_b.py"}, "there is no module app/a.py"),
        ({"app/a.py": "", "tests/app/test_a.py": ""}, {"app/a.py": "tests/app/test_a.py"}, "needs no entry"),
    ],
)
def test_what_breaks_a_rule_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], table: dict[str, str], named: str
) -> None:
    root = tree(tmp_path, files, table)
    [fault] = broken(root)
    assert named in fault
    assert main(["--check", str(root)]) == 1
    assert capsys.readouterr().out == f"{fault}\n"


def test_the_figures_of_this_checkout_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(ROOT)]) == 0
    assert "longest function" in capsys.readouterr().out
