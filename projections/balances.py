"""What each account had, after every event that moved its money.

Rule: a customer's figures are the postings to the customer's two liabilities with the sign turned, running.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.events import Event
from domain.postings import postings
from projections.contract import Fact, Read
from projections.tables import Change, Row, Table, integer, text

_FIGURES = (integer("recorded_at_micros"), integer("available_nanos"), integer("held_nanos"))
BALANCES = Table("balances", 2, (text("account_id"), integer("position"), *_FIGURES))
"""One row per money-moving event and account: what was there after it."""
BALANCES_NOW = Table("balances_now", 1, (text("account_id"), integer("position"), *_FIGURES))
"""The newest of them."""
INSTANTS = Table("instants", 1, (integer("recorded_at_micros"), integer("position")))
"""The last position of every instant that the store stamped: turns "as of an instant" into "as of a position". One table that
grows at its end costs less than an index by instant over every account's rows."""
_CUSTOMER = "liabilities:customer:"


class Balances:
    name = "balances"
    version = 1
    tables = (BALANCES, BALANCES_NOW, INSTANTS)
    families = None

    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]:
        moves = [
            (account_id, fact, available, held)
            for fact in facts
            if isinstance(fact.event, Event)
            for account_id, (available, held) in customer_moves(fact.event).items()
        ]
        instants = Change(INSTANTS, "put", list({fact.recorded_at_micros: fact.position for fact in facts}.items()))
        if not moves:
            return [instants]
        now: dict[str, Row] = {key[0]: row for key, row in read(BALANCES_NOW, {(m[0],) for m in moves}).items()}  # type: ignore[misc]
        rows = list(_running(moves, now))
        touched = {row[0] for row in rows}
        return [
            Change(BALANCES, "insert", rows),
            Change(BALANCES_NOW, "put", [now[account_id] for account_id in touched]),
            instants,
        ]


def customer_moves(event: Event) -> dict[str, tuple[int, int]]:
    """account id -> by how many nanos the event moves (available, held)."""
    moves: dict[str, tuple[int, int]] = {}
    for name, nanos in postings(event):
        if name.startswith(_CUSTOMER):
            account_id, _, side = name[len(_CUSTOMER) :].rpartition(":")
            available, held = moves.get(account_id, (0, 0))
            moves[account_id] = (available - nanos, held) if side == "available" else (available, held - nanos)
    return moves


def _running(moves: Sequence[tuple[str, Fact, int, int]], now: dict[str, Row]) -> Iterator[Row]:
    """The rows of `moves` in order; `now` holds the newest row of each account, and does so afterwards."""
    for account_id, fact, moved_available, moved_held in moves:
        before = now.get(account_id, _NOTHING)
        available, held = before[3] + moved_available, before[4] + moved_held
        row = now[account_id] = (account_id, fact.position, fact.recorded_at_micros, available, held)
        yield row


_NOTHING: Row = ("", 0, 0, 0, 0)
