"""A provider's export compared with the charges: matches, differences, and files that are not valid exports."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.exports.source import WholeLog
from app.faults import ProviderFileUnfit
from app.ledger.codec import Codec
from app.reports.providers import Differences, Reconciled, read_file, reconcile
from app.settings import ProviderExportSettings
from domain.events import RequestDebited
from domain.request import AnswerSource, debit
from projections.exports.texts import fixed
from tests.support.ledger.histories import PRICES, admission, use
from tests.support.ledger.stages import Stage

COLUMNS = ("request", "in", "cached", "out", "usd")
MAPPING = ProviderExportSettings("openai", "openai", "request", "in", "cached", "out", "usd", tolerance="0")


@dataclass
class Charged:
    stage: Stage
    debits: list[RequestDebited]

    def rows(self) -> list[dict[str, str]]:
        """The export of an honest provider that charges the same as we do."""
        return [
            dict(
                zip(
                    COLUMNS,
                    (
                        event.upstream_request_id or "",
                        str(event.usage.input_tokens),
                        str(event.usage.cached_input),
                        str(event.usage.output_tokens),
                        fixed(event.cost_nanos, 9),
                    ),
                    strict=True,
                )
            )
            for event in self.debits
        ]


def charge(
    stage: Stage, upstream_ids: Sequence[str | None], *, first: int, upstream: str = "openai"
) -> list[RequestDebited]:
    """Requests of acme, each with the upstream's own id."""
    draw = random.Random(first)
    holds = stage.book.admit(*(admission(f"req-{first + n}", "acme", draw) for n in range(len(upstream_ids))))
    debits = [
        debit(
            hold,
            prices=PRICES,
            usage=use(draw),
            source=AnswerSource(upstream, upstream_id),
            finish="stop",
            outcome="completed",
        )
        for hold, upstream_id in zip(holds, upstream_ids, strict=True)
    ]
    stage.book.settle(*debits)
    return debits


@pytest.fixture
def charged(tmp_path: Path) -> Iterator[Charged]:
    """Thirty charges, and one of another upstream."""
    stage = Stage("sqlite", str(tmp_path / "ledger.db"))
    stage.book.list_prices()
    stage.book.open("acme", "acme-1", "acme-2", grant_nanos=10**12)
    debits = charge(stage, [f"up-{number}" for number in range(30)], first=0)
    charge(stage, ["up-30"], first=30, upstream="other")
    yield Charged(stage, debits)
    stage.close()


def compared(
    charged: Charged, path: Path, rows: Sequence[Mapping[str, str]], *, first_max: int = 20, **mapping: Any
) -> Reconciled:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    source = WholeLog(charged.stage.ledger, Codec())
    return reconcile(source, msgspec.structs.replace(MAPPING, **mapping), path, first_max=first_max)


def test_an_honest_export_agrees(charged: Charged, tmp_path: Path) -> None:
    found = compared(charged, tmp_path / "usage.csv", charged.rows())
    assert found.ok
    assert (found.rows, found.requests, found.matched) == (30, 30, 30)
    total = sum(event.cost_nanos for event in charged.debits)
    assert (found.charged, found.cost) == (fixed(total, 9), fixed(total * 1_000, 12))


@pytest.mark.parametrize(
    ("column", "value", "what"), [("in", "1", "input_tokens"), ("cached", "77777", "cached_tokens"), ("out", "5", "output_tokens"),
    ("usd", "9.99", "cost")],
)  # fmt: skip
def test_whatever_differs_is_named(column: str, value: str, what: str, charged: Charged, tmp_path: Path) -> None:
    rows = charged.rows()
    rows[7][column] = value
    found = compared(charged, tmp_path / "usage.csv", rows)
    assert found.counts == {what: 1}
    [one] = found.differences
    assert (one.what, one.upstream_request_id, one.request_id) == (what, "up-7", "req-7")
    assert (one.theirs or "").rstrip("0").rstrip(".") == value
    assert one.ours not in (one.theirs, None)


def test_what_one_of_both_lacks_is_named(charged: Charged, tmp_path: Path) -> None:
    rows = charged.rows()
    gone = rows.pop(10)
    found = compared(charged, tmp_path / "usage.csv", [*rows, {**gone, "request": "up-unknown"}])
    assert found.counts == {"missing_here": 1, "missing_there": 1}
    assert {(one.what, one.upstream_request_id, one.request_id) for one in found.differences} == {
        ("missing_there", "up-10", "req-10"),
        ("missing_here", "up-unknown", None),
    }


def test_a_file_is_of_a_period(charged: Charged, tmp_path: Path) -> None:
    """Charges before the file's first request and after its last are not reported as missing."""
    assert compared(charged, tmp_path / "usage.csv", charged.rows()[10:20]).ok


def test_rows_of_one_request_are_one(charged: Charged, tmp_path: Path) -> None:
    rows = charged.rows()
    first = rows[0]
    half = {**first, "in": str(int(first["in"]) - 1), "usd": "0"}
    rest = {"request": first["request"], "in": "1", "cached": "", "out": "0", "usd": first["usd"]}
    found = compared(charged, tmp_path / "usage.csv", [half, *rows[1:], rest, dict.fromkeys(COLUMNS, "")])
    assert found.ok
    assert (found.rows, found.requests) == (32, 30)


@pytest.mark.parametrize("until", [30, 20])
def test_a_request_that_was_charged_twice_is_named(until: int, charged: Charged, tmp_path: Path) -> None:
    """After all others, or between two requests of the file."""
    again = charge(charged.stage, ["up-7"], first=100)
    if until < 30:
        charge(charged.stage, ["up-late"], first=200)
    rows = charged.rows()
    late = [{**rows[0], "request": "up-late"}] if until < 30 else []
    found = compared(charged, tmp_path / "usage.csv", [*rows[:until], *late], cost=None, input_tokens=None,
                     cached_tokens=None, output_tokens=None)  # fmt: skip
    assert (found.ok, found.counts["charged_twice"], found.matched) == (False, 1, until + len(late))
    one = next(each for each in found.differences if each.what == "charged_twice")
    assert (one.upstream_request_id, one.request_id, one.line) == ("up-7", "req-100", 9)
    assert one.ours == fixed(again[0].cost_nanos, 9)


def test_a_row_that_names_no_request_is_named(charged: Charged, tmp_path: Path) -> None:
    nameless = {**charged.rows()[0], "request": " ", "usd": "99"}
    found = compared(charged, tmp_path / "usage.csv", [*charged.rows(), nameless])
    assert (found.ok, found.counts) == (False, {"without_id": 1})
    assert [(each.line, each.theirs) for each in found.differences] == [(32, fixed(99 * 10**12, 12))]


def test_nothing_that_was_compared_is_not_well(charged: Charged, tmp_path: Path) -> None:
    found = compared(charged, tmp_path / "usage.csv", [])
    assert (found.ok, found.matched, found.outside, found.counts) == (False, 0, 30, {})


def test_what_was_not_compared_is_counted(charged: Charged, tmp_path: Path) -> None:
    """Five before and one after; two in between without an id."""
    charge(charged.stage, [None, None], first=100)
    charge(charged.stage, ["up-100", None], first=200)
    last = {**charged.rows()[0], "request": "up-100"}
    nothing: dict[str, Any] = dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens", "cost"))
    found = compared(charged, tmp_path / "usage.csv", [*charged.rows()[5:], last], **nothing)
    assert (found.ok, found.matched, found.outside, found.charges_without_id) == (True, 26, 6, 2)


def test_input_may_be_reported_without_cached_input(charged: Charged, tmp_path: Path) -> None:
    rows = [{**row, "in": str(int(row["in"]) - int(row["cached"]))} for row in charged.rows()]
    assert compared(charged, tmp_path / "usage.csv", rows, input_includes_cached=False).ok
    assert not compared(charged, tmp_path / "usage.csv", rows).ok


def test_a_markup_and_a_tolerance_are_allowed_for(charged: Charged, tmp_path: Path) -> None:
    rows = [
        {**row, "usd": fixed(event.cost_nanos * 800, 12)}
        for row, event in zip(charged.rows(), charged.debits, strict=True)
    ]
    assert compared(charged, tmp_path / "usage.csv", rows, markup="25").ok
    assert compared(charged, tmp_path / "usage.csv", rows).counts == {"cost": 30}
    assert compared(charged, tmp_path / "usage.csv", rows, tolerance="100").ok


def test_columns_that_are_not_mapped_are_not_compared(charged: Charged, tmp_path: Path) -> None:
    rows = [{"request": row["request"], "in": "", "cached": "", "out": "", "usd": "x"} for row in charged.rows()]
    nothing: dict[str, Any] = dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens", "cost"))
    found = compared(charged, tmp_path / "usage.csv", rows, **nothing)
    assert (found.ok, found.cost) == (True, None)


def test_differences_are_all_counted_and_the_first_shown(charged: Charged, tmp_path: Path) -> None:
    rows = [{**row, "in": "0"} for row in charged.rows()[::2]]
    found = compared(charged, tmp_path / "usage.csv", rows, first_max=3)
    assert found.counts["missing_there"] == 14
    assert found.counts["input_tokens"] >= 14
    assert len(found.differences) == 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no column 'request'"),
        (b"request,in,cached,out\n", "no column 'usd'"),
        (b"request,in,cached,out,usd\nup,one,0,0,0\n", "line 2"),
        (b"request,in,cached,out,usd\nup,1.5,0,0,0\n", "line 2"),
        (b"request,in,cached,out,usd\nup,1,0,0,1e5\n", "line 2"),
        (b"request,in,cached,out,usd,usd\nup,1,0,0,9,1\n", "more than one column 'usd'"),
        (b"request,in,cached,out,usd\nup\n", "line 2: the number of cells differs"),
        (b"request,in,cached,out,usd\nup,1,0,0,1,5\n", "line 2: the number of cells differs"),
        (b"request,in,cached,out,usd\n\xff,1,0,0,1\n", "not valid CSV"),
        (b'request,in,cached,out,usd\n"up,1,0,0,1\n', "not valid CSV"),
        (b"request,in,cached,out,usd\n" + b"u" * 200_000 + b",1,0,0,1\n", "not valid CSV"),
    ],
)
def test_a_file_that_is_no_export_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_bytes(content)
    with pytest.raises(ProviderFileUnfit, match=why):
        read_file(path, MAPPING, Differences(20, Counter(), []))


def test_a_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.reports.providers.REQUESTS_MAX", 2)
    path = tmp_path / "usage.csv"
    path.write_text("request,in,cached,out,usd\n" + "".join(f"up-{n},1,0,0,1\n" for n in range(3)), encoding="utf-8")
    with pytest.raises(ProviderFileUnfit, match="more than 2 requests"):
        read_file(path, MAPPING, Differences(20, Counter(), []))
