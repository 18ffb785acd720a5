"""The corpus: every case file, in every way in which it can occur. See README.md next to this file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.reports.cases import Case
from tests.support.reports.shop import shop

CASES = sorted(Path(__file__).parent.glob("*.toml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
async def test_a_reported_case_has_its_right_outcome(tmp_path: Path, path: Path) -> None:
    """Every vendor also accepts the answer when the client sends it back."""
    case = Case(path)
    runs = list(case.runs())
    assert runs, "the case cannot occur"
    async with shop(tmp_path, case) as opened:
        for run in runs:
            seen = await opened.check(case, run)
            if run.mode == "plain" and seen.finish is not None and case.answers:
                await opened.check_return(case, run, seen)
