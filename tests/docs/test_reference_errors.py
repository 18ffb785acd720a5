"""The error table of ops/reference.md, compared with the error table of the code.

Rule: expectations come from the code itself; nothing that the reference should say is written down a second time here.
"""

from __future__ import annotations

from collections import defaultdict

from app import errors
from tests.support.docs.documents import spans
from tests.support.docs.error_examples import EXAMPLES, THEIRS
from tests.support.docs.reference import REFERENCE
from tests.support.docs.source import calls, codes, codes_of, status_of
from tests.support.paths import ROOT

REFUSING = ("BadRequest", "RequestError")


def test_every_row_of_the_error_table_has_an_example() -> None:
    assert set(errors._TABLE) <= {type(error) for error in EXAMPLES}


def test_the_errors_are_those_that_clients_can_meet() -> None:
    """Compares status, type, code and whether the SDKs retry."""
    retried: dict[tuple[str, str, str], set[bool]] = defaultdict(set)
    for error in EXAMPLES:
        for endpoint in ("responses", "chat", None):
            problem = errors.problem_of(error, endpoint=endpoint)
            word = {None: "`null`", THEIRS: f"*{THEIRS}*"}.get(problem.code, f"`{problem.code}`")
            again = problem.status in (408, 409, 429) or problem.status >= 500
            retried[str(problem.status), f"`{problem.type}`", word].add(
                again and errors.NO_RETRY not in problem.headers
            )
    for call in calls(REFUSING):
        for code in codes_of(call):
            retried[status_of(call), f"`{errors.INVALID}`", f"`{code}`"].add(False)
    words = {(True,): "yes", (False,): "no", (False, True): "depends"}
    expected = {key: words[tuple(sorted(again))] for key, again in retried.items()}
    documented = {(row[0], row[1], row[2]): row[5] for row in REFERENCE.rows("Errors", 6)}
    assert documented == expected


def test_the_codes_of_the_simulator_are_documented() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app/upstream/simulator").rglob("*.py"))
    documented = spans(REFERENCE.section("The simulator").partition("its own refusals")[2])
    general = {row[2].strip("`") for row in REFERENCE.rows("Errors", 6)}
    assert codes(("Rejected",), ROOT / "app/upstream/simulator", but="") <= documented | general
    assert all(f'"{code.replace("decimal_", "integer_")}"' in source for code in documented)
