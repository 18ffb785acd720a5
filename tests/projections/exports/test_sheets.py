"""Every table agrees with the events: rows, sums, and the same bytes wherever an export is continued."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.books import TrialBalance
from domain.events import Event, RequestDebited, TopUpSettled, UnknownEvent
from domain.lots import Lots
from projections.contract import Fact, Undecodable
from projections.exports.contract import ExportStopped, Sheet, id_of
from projections.exports.csv import CsvEncoder
from projections.exports.focus import FocusSheet
from projections.exports.parquet import ParquetEncoder
from projections.exports.sheets import SHEETS, JournalSheet, TransactionSheet
from tests.support.ledger.stages import Stage
from tests.support.ledger.trading import Trade

NAMES = (*SHEETS, "focus")


def sheet(name: str) -> Sheet:
    return FocusSheet("Router Ltd", lambda account_id: f"name of {account_id}") if name == "focus" else SHEETS[name]()


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Fact]]:
    stage = Stage("sqlite", str(tmp_path_factory.mktemp("sheets") / "ledger.db"))
    Trade(stage.book).run(400)
    yield stage.log.read(0, 100_000)
    stage.close()


def balance(facts: Sequence[Fact]) -> Decimal:
    lots = Lots()
    for fact in facts:
        if isinstance(fact.event, Event):
            lots.apply(fact.event, fact.recorded_at_micros)
    return Decimal(sum(purse.balance_nanos for purse in lots.purses.values())).scaleb(-9)


def table(name: str, facts: Sequence[Fact]) -> list[dict[str, str]]:
    encoder = CsvEncoder(sheet(name))
    text = (encoder.head() + encoder.encode(facts) + encoder.tail()).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert encoder.tally.rows == len(rows) > 0
    told = Decimal(encoder.tally.total).scaleb(-encoder.tally.decimals)
    assert told == sum(Decimal(row[encoder.tally.of]) for row in rows)
    return rows


@pytest.mark.parametrize(
    ("name", "column"), [("transactions", "amount"), ("lots", "amount"), ("focus", "x_CreditAmount")]
)
def test_rows_sum_to_the_balance(facts: Sequence[Fact], name: str, column: str) -> None:
    assert sum(Decimal(row[column]) for row in table(name, facts)) == balance(facts)


def test_usage_is_what_was_charged(facts: Sequence[Fact]) -> None:
    debits = [fact.event for fact in facts if isinstance(fact.event, RequestDebited)]
    rows = table("usage", facts)
    assert [row["request_id"] for row in rows] == [event.request_id for event in debits]
    assert Decimal(sum(Decimal(row["cost"]) for row in rows)).scaleb(9) == sum(event.cost_nanos for event in debits)
    assert sum(int(row["cached_input"]) for row in rows) == sum(event.usage.cached_input for event in debits)


def test_the_journal_is_the_trial_balance(facts: Sequence[Fact]) -> None:
    trial, rows = TrialBalance(), table("journal", facts)
    for fact in facts:
        if isinstance(fact.event, Event):
            trial.feed(fact.event)
    summed: Counter[str] = Counter()
    for row in rows:
        summed[row["account"]] += int(Decimal(row["debit"]).scaleb(9) - Decimal(row["credit"]).scaleb(9))
    assert summed == trial.totals
    assert sum(Decimal(row["amount"]) for row in rows) == 0


def test_the_lots_table_ends_where_the_lots_stand(facts: Sequence[Fact]) -> None:
    lots = Lots()
    for fact in facts:
        if isinstance(fact.event, Event):
            lots.apply(fact.event, fact.recorded_at_micros)
    last = {(row["account_id"], row["source"], row["lot_id"]): row["remaining"] for row in table("lots", facts)}
    for purse in lots.purses.values():
        for lot in purse.lots.values():
            key = (purse.account_id, lot.source, lot.lot_id)
            assert Decimal(last.get(key, "0")).scaleb(9) == lot.remaining_nanos


def test_the_price_of_a_lot_and_its_tax_are_in_the_row_that_opens_it(facts: Sequence[Fact]) -> None:
    paid = {fact.event.payment_id: fact.event for fact in facts if isinstance(fact.event, TopUpSettled)}
    rows = [row for row in table("lots", facts) if row["paid_minor"]]
    assert len(rows) == len(paid)
    for row in rows:
        event = paid[row["lot_id"]]
        assert (row["paid_minor"], row["currency"]) == (str(event.amount_minor), event.currency)
        treatment = "unknown" if event.tax is None else event.tax.treatment
        assert row["tax_treatment"] == treatment


@pytest.mark.parametrize("name", NAMES)
def test_money_has_all_decimals_everywhere(facts: Sequence[Fact], name: str) -> None:
    wanted = {column.name: column.decimals for column in sheet(name).columns if column.kind == "decimal"}
    for row in table(name, facts):
        for column, decimals in wanted.items():
            if row[column]:
                assert len(row[column].partition(".")[2]) == decimals, (column, row)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cut", [1, 57, 300, 10_000])
def test_going_on_writes_the_same_bytes(facts: Sequence[Fact], name: str, cut: int) -> None:
    whole, first, second = CsvEncoder(sheet(name)), CsvEncoder(sheet(name)), CsvEncoder(sheet(name))
    expected = whole.head() + whole.encode(facts)
    parts = first.head() + b"".join(first.encode([fact]) for fact in facts[:cut])
    if second.remembers:
        for fact in facts[:cut]:
            second.see(fact)
    assert parts + second.encode(facts[cut:]) == expected
    assert first.tally.total + second.tally.total == whole.tally.total


@pytest.mark.parametrize("name", NAMES)
def test_parquet_is_the_same_table(facts: Sequence[Fact], name: str, tmp_path: Path) -> None:
    encoder, rows = ParquetEncoder(sheet(name)), table(name, facts)
    path = tmp_path / "table.parquet"
    path.write_bytes(
        encoder.head() + b"".join(encoder.encode(facts[at : at + 100]) for at in range(0, len(facts), 100))
    )
    with path.open("ab") as file:
        file.write(encoder.tail())
    read = pq.read_table(path)
    assert read.num_rows == encoder.tally.rows == len(rows)
    for column in sheet(name).columns:
        field = read.schema.field(column.name)
        if column.kind == "decimal":
            assert field.type == pa.decimal128(38, column.decimals)
            told = [
                None if value is None else f"{value:.{column.decimals}f}" for value in read[column.name].to_pylist()
            ]
            assert told == [row[column.name] or None for row in rows], column.name
        elif column.kind == "int":
            told = [None if value is None else str(value) for value in read[column.name].to_pylist()]
            assert told == [row[column.name] or None for row in rows]


def test_a_group_is_written_when_it_is_full(facts: Sequence[Fact], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.exports.parquet.GROUP_ROWS", 10)
    encoder = ParquetEncoder(TransactionSheet())
    assert encoder.head()
    assert encoder.encode(facts)
    whole = encoder.tail()
    assert whole.endswith(b"PAR1")


def test_unknown_events_are_passed_over_and_unreadable_ones_stop_it() -> None:
    unknown, broken = UnknownEvent("later.v1", b"{}"), Undecodable("request.debited.v1", "cut")
    for name in NAMES:
        assert list(sheet(name).rows(Fact(1, 0, unknown))) == []
        with pytest.raises(ExportStopped, match="position 2"):
            list(sheet(name).rows(Fact(2, 0, broken)))


def test_an_event_is_known_by_what_it_is_of(facts: Sequence[Fact]) -> None:
    rows = list(JournalSheet().rows(next(fact for fact in facts if isinstance(fact.event, TopUpSettled))))
    assert {row[3] for row in rows} == {
        id_of(next(fact.event for fact in facts if isinstance(fact.event, TopUpSettled)))
    }
    assert id_of(Event()) == ""
