"""The tables of an export: the statement, usage, lots, and the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.events import RequestDebited, TopUpSettled
from domain.lots import Lots, Move
from domain.postings import postings
from projections.contract import Fact
from projections.exports.contract import Column, Row, event_of, id_of
from projections.transactions import TRANSACTIONS, Transactions

_UNSHOWN = frozenset(("upstream", "lines"))
"""Left out: the upstream does not concern the customer, and the lines of a charge are rows of FOCUS."""
_COUNTS = (
    "input",
    "cached_input",
    "cache_write",
    "cache_write_1h",
    "image_input",
    "output",
    "reasoning",
    "image_output",
    "web_search_calls",
)


def _nothing(*_: Any) -> dict[Any, Any]:
    return {}


def _shown(name: str, kind: str) -> Column:
    if name.endswith("_nanos"):
        return Column(name.removesuffix("_nanos"), "decimal")
    if name.endswith("_micros"):
        return Column(name.removesuffix("_micros"), "instant")
    if name == "estimated":
        return Column(name, "flag")
    return Column(name, "text" if kind == "text" else "int")


class TransactionSheet:
    """The statement: a row for each credit, debit and release, as in `projections.transactions`."""

    name = "transactions"
    control = "amount"
    remembers = False
    columns = tuple(_shown(column.name, column.kind) for column in TRANSACTIONS.columns if column.name not in _UNSHOWN)

    def __init__(self) -> None:
        self._made = Transactions()
        self._places = [place for place, name in enumerate(TRANSACTIONS.names) if name not in _UNSHOWN]

    def rows(self, fact: Fact) -> Iterator[Row]:
        if event_of(fact) is None:
            return
        for change in self._made.apply([fact], _nothing):
            for row in change.rows:
                yield tuple(row[place] for place in self._places)


class UsageSheet:
    """A row for each charged request: its usage of every kind, and its cost."""

    name = "usage"
    control = "cost"
    remembers = False
    columns = (
        Column("account_id"),
        Column("position", "int"),
        Column("recorded_at", "instant"),
        Column("request_id"),
        Column("response_id"),
        Column("key_id"),
        Column("model"),
        Column("endpoint"),
        Column("outcome"),
        Column("finish"),
        Column("price_version", "int"),
        Column("service_tier"),
        *(Column(count, "int") for count in _COUNTS),
        Column("images", "int"),
        Column("calls", "int"),
        Column("estimated", "flag"),
        Column("cost", "decimal"),
    )

    def rows(self, fact: Fact) -> Iterator[Row]:
        event = event_of(fact)
        if not isinstance(event, RequestDebited):
            return
        usage = event.usage
        yield (
            *(event.account_id, fact.position, fact.recorded_at_micros, event.request_id, event.response_id),
            *(event.key_id, event.model, event.endpoint, event.outcome, event.finish, event.price_version),
            usage.service_tier,
            *(getattr(usage, count) for count in _COUNTS),
            sum(image.count for image in usage.images),
            sum(call.count for call in usage.calls),
            usage.estimated,
            event.cost_nanos,
        )


class JournalSheet:
    """A row for each posting: a debit is positive. The postings of a position sum to zero."""

    name = "journal"
    control = "debit"
    remembers = False
    columns = (
        Column("position", "int"),
        Column("recorded_at", "instant"),
        Column("event"),
        Column("id"),
        Column("account"),
        Column("amount", "decimal"),
        Column("debit", "decimal"),
        Column("credit", "decimal"),
    )

    def rows(self, fact: Fact) -> Iterator[Row]:
        event = event_of(fact)
        if event is None:
            return
        for account, nanos in postings(event):
            sides = (max(nanos, 0), max(-nanos, 0))
            yield fact.position, fact.recorded_at_micros, event.TOPIC, id_of(event), account, nanos, *sides


class LotSheet:
    """A row for each movement of a lot: `amount` was added or taken, `remaining` is left. An account's amounts sum to its balance.
    A row without a lot is a change of the amount owed. `paid`, in `currency`, is in the row that opens a lot."""

    name = "lots"
    control = "amount"
    remembers = True
    columns = (
        Column("account_id"),
        Column("position", "int"),
        Column("recorded_at", "instant"),
        Column("event"),
        Column("id"),
        Column("lot_id"),
        Column("source"),
        Column("opened_at", "instant"),
        Column("expires_at", "instant"),
        Column("what"),
        Column("amount", "decimal"),
        Column("remaining", "decimal"),
        Column("paid_minor", "int"),
        Column("currency"),
        Column("tax_country"),
        Column("tax_treatment"),
        Column("tax_minor", "int"),
    )

    def __init__(self) -> None:
        self._lots = Lots()

    def rows(self, fact: Fact) -> Iterator[Row]:
        event = event_of(fact)
        if event is None:
            return
        for move in self._lots.apply(event, fact.recorded_at_micros):
            account_id: str = event.account_id  # type: ignore[attr-defined]  # every event that moves a lot has one
            yield (
                *(account_id, fact.position, fact.recorded_at_micros, event.TOPIC, id_of(event)),
                *_lot(move),
                *(move.what, move.nanos, move.remaining_nanos),
                *_paid(event, move),
            )


def _lot(move: Move) -> Row:
    lot = move.lot
    return (None,) * 4 if lot is None else (lot.lot_id, lot.source, lot.opened_at_micros, lot.expires_at_micros)


def _paid(event: object, move: Move) -> Row:
    """For the row that opens a lot: the price paid, and its tax if known."""
    if not isinstance(event, TopUpSettled) or move.what != "opened":
        return (None,) * 5
    return event.amount_minor, event.currency, *tax_told(event)


def tax_told(event: TopUpSettled) -> tuple[str | None, str, int | None]:
    """The tax's country, treatment and amount in the smallest unit; `unknown` if it was not reported."""
    tax = event.tax
    return (None, "unknown", None) if tax is None else (tax.country, tax.treatment, tax.amount_minor)


SHEETS = {sheet.name: sheet for sheet in (TransactionSheet, UsageSheet, LotSheet, JournalSheet)}
"""The tables, by name."""
