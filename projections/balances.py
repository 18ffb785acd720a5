"""Each account's balance after every event that moved its money.

Rule: a customer's balance is the running sum of the postings to its two liabilities, with opposite sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from domain.events import Event, UnknownEvent
from domain.postings import postings
from projections.contract import Fact, Read, Undecodable
from projections.tables import Change, Row, Table, integer, text

_FIGURES = (integer("recorded_at_micros"), integer("available_nanos"), integer("held_nanos"))
BALANCES = Table("balances", 2, (text("account_id"), integer("position"), *_FIGURES))
"""One row per event and account whose money it moved, with the balance after it."""
BALANCES_NOW = Table("balances_now", 1, (text("account_id"), integer("position"), *_FIGURES))
"""The newest row of each account."""
INSTANTS = Table("instants", 1, (integer("recorded_at_micros"), integer("position")))
"""The last position of every recorded instant, which turns "as of an instant" into "as of a position". One append-only table costs
less than an index by instant over every account's rows."""
Move = tuple[str, int, int]
"""(account id, nanos of available, nanos of held)"""
_STILL: Move = ("", 0, 0)
_CUSTOMER = "liabilities:customer:"


class Balances:
    name = "balances"
    version = 1
    tables = (BALANCES, BALANCES_NOW, INSTANTS)
    families = None

    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]:
        moves = [(fact, *move) for fact in facts for move in customer_moves(fact.event)]
        instants = Change(INSTANTS, "put", list({fact.recorded_at_micros: fact.position for fact in facts}.items()))
        if not moves:
            return [instants]
        now: dict[str, Row] = {key[0]: row for key, row in read(BALANCES_NOW, {(move[1],) for move in moves}).items()}  # type: ignore[misc]
        rows = list(_running(moves, now))
        touched = {row[0] for row in rows}
        return [
            Change(BALANCES, "insert", rows),
            Change(BALANCES_NOW, "put", [now[account_id] for account_id in touched]),
            instants,
        ]


def customer_moves(event: Event | UnknownEvent | Undecodable) -> list[Move]:
    """The accounts whose money the event moves, each once, and by how many nanos."""
    if not isinstance(event, Event):
        return []
    moves: dict[str, Move] = {}
    for name, nanos in postings(event):
        customer = _customer(name)
        if customer is not None:
            account_id, is_available = customer
            _, available, held = moves.get(account_id, _STILL)
            moves[account_id] = (
                (account_id, available - nanos, held) if is_available else (account_id, available, held - nanos)
            )
    return list(moves.values())


@lru_cache(maxsize=16_384)
def _customer(name: str) -> tuple[str, bool] | None:
    """(account id, whether it is the available part) of a customer's liability, or None for any other ledger account."""
    if not name.startswith(_CUSTOMER):
        return None
    account_id, _, side = name[len(_CUSTOMER) :].rpartition(":")
    return account_id, side == "available"


def _running(moves: Sequence[tuple[Fact, str, int, int]], now: dict[str, Row]) -> Iterator[Row]:
    """The rows of `moves` in order. `now` has the newest row of each account, and is updated."""
    for fact, account_id, moved_available, moved_held in moves:
        before = now.get(account_id, _NOTHING)
        available, held = before[3] + moved_available, before[4] + moved_held
        row = now[account_id] = (account_id, fact.position, fact.recorded_at_micros, available, held)
        yield row


_NOTHING: Row = ("", 0, 0, 0, 0)
