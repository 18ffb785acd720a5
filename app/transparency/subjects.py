"""Finds the event of a receipt, by the id of a request, answer, payment, refund, dispute or grant, or by position.

Rule 1: the id of a request finds its charge or release; any other id finds the event that created the thing. Later events of a
refund or dispute (it failed, it was won) can only be found by position.
Rule 2: another account's events are not found.
"""

from __future__ import annotations

import re

from app.faults import NotSettledYet
from app.ledger.codec import Codec, UndecodableEvent
from app.ledger.store import Ledger, RecordedEvent
from app.read_models import ReadModels
from app.read_models.statement import Filter
from domain.events import (
    AdjustmentPosted,
    FundsReinstated,
    FundsWithdrawn,
    RefundFailed,
    RefundPosted,
    RequestDebited,
    RequestReleased,
    TopUpSettled,
    dispute_stream,
    payment_stream,
    refund_stream,
    request_stream,
)

ID_LENGTH_MAX = 200
ROWS_MAX = 50
_SETTLED_VERSION = 2
_TOLD = {
    event.TOPIC
    for event in (
        *(RequestDebited, RequestReleased, AdjustmentPosted, TopUpSettled),
        *(RefundPosted, RefundFailed, FundsWithdrawn, FundsReinstated),
    )
}
"""The topics of events that move a balance or settle a request."""
_POSITION = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


def by_id(ledger: Ledger, codec: Codec, name: str, account_id: str | None = None) -> RecordedEvent | None:
    """Find an event by the id in its stream's name. None if not found, or if it is another account's. Raises NotSettledYet."""
    if not 0 < len(name) <= ID_LENGTH_MAX:
        return None
    for stream_of in (request_stream, payment_stream, refund_stream, dispute_stream):
        recorded = ledger.stream(stream_of(name))
        if not recorded or not _is_of(recorded[0], codec, account_id):
            continue
        if stream_of is not request_stream:
            return recorded[0]
        if len(recorded) < _SETTLED_VERSION:
            raise NotSettledYet
        return recorded[_SETTLED_VERSION - 1]
    return None


def by_statement(ledger: Ledger, read_models: ReadModels, name: str, account_id: str) -> RecordedEvent | None:
    """Find an event by any id on the account's statement: the oldest row whose own id or answer's id it is."""
    if not 0 < len(name) <= ID_LENGTH_MAX:
        return None
    rows, _ = read_models.statement(account_id, Filter(name=name), before_position=None, limit=ROWS_MAX).value
    own = [row.position for row, _ in rows if name in (row.id, row.response_id)]
    return at_position(ledger, min(own)) if own else None


def by_position(ledger: Ledger, codec: Codec, name: str, account_id: str) -> RecordedEvent | None:
    """Find an event by its position in digits. None if `name` is not one, or its event is not on this account's statement."""
    row = at_position(ledger, int(name)) if _POSITION.fullmatch(name) else None
    if row is None or row.topic not in _TOLD:
        return None
    try:
        return row if _is_of(row, codec, account_id) else None
    except UndecodableEvent:
        return None


def at_position(ledger: Ledger, position: int) -> RecordedEvent | None:
    rows = ledger.read(position - 1, 1) if position > 0 else ()
    return rows[0] if rows and rows[0].id == position else None


def _is_of(row: RecordedEvent, codec: Codec, account_id: str | None) -> bool:
    return account_id is None or getattr(codec.decode(row.topic, row.state), "account_id", None) == account_id
