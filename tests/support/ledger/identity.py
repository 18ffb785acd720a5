"""All that is derived from a log, as bytes: two derivations of one log are compared whole.

Rule 1: a table is its name and its rows in the order of their key, a row a line of JSON: no engine leaves a trace in it.
Rule 2: `derived` makes the same bytes from the events alone, by the code that replay has of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from app.exports.kinds import TABLES, ExportSpec, encoder_for, export_spec
from app.exports.run import chunks
from app.exports.source import OneAccount, Source, WholeLog, span_of
from app.ledger.codec import Codec
from app.ledger.store import Ledger, LogReader, OpenRequest, RecordedEvent
from app.read_models import ReadModels
from app.replay.derive import DERIVATIONS
from app.replay.replay import MINUTES_KEPT, replay
from domain.events import Event
from domain.postings import movements
from projections.runner import ALL
from projections.tables import Row

PAGE = 1_000
EXPORTS = [
    *(export_spec("csv", table) for table in TABLES),
    *(export_spec(kind, None) for kind in ("focus", "beancount", "hledger")),
]
_EVENT = (
    "INSERT INTO stored_events (notification_id, originator_id, originator_version, topic, state, command_id, "
    "recorded_at_micros) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_BUCKET = "INSERT INTO buckets (name, value) VALUES (?, ?)"
_OPEN = "INSERT INTO open_requests (request_id, position, instance_id, deadline_at_micros) VALUES (?, ?, ?, ?)"


def shown(views: ReadModels) -> bytes:
    """Every row of every read model, as it is stored."""
    with views.snapshot() as snapshot:
        tables = {table.name: list(snapshot.rows(table)) for item in ALL for table in item.tables}
    return _canonical(tables)


def derived(ledger: LogReader) -> bytes:
    """What `shown` must be at the end of the log."""
    sides = [made() for made, _ in DERIVATIONS.values()]
    tables: dict[str, list[Row]] = {table.name: [] for _, of in DERIVATIONS.values() for table in of}
    for row in whole(ledger):
        event = Codec().decode(row.topic, row.state)
        moves = movements(event, row.recorded_at_micros) if isinstance(event, Event) else ()
        for side in sides:
            for table, made in side.feed(row.id, row.recorded_at_micros, event, moves):
                tables[table.name].append(made)
    for side in sides:
        for table, made in side.finish():
            tables[table.name].append(made)
    keys = {table.name: table.key for _, of in DERIVATIONS.values() for table in of}
    return _canonical({name: sorted(rows, key=lambda row: row[: keys[name]]) for name, rows in tables.items()})


def exported(ledger: Ledger, views: ReadModels, accounts: Sequence[str] = ()) -> dict[str, bytes]:
    """Every export, of the whole log and of each of these accounts, by what was asked."""
    asked = [*EXPORTS, *(msgspec.structs.replace(one, account_id=name) for one in EXPORTS for name in accounts)]
    return {repr(one): _export(one, ledger, views) for one in asked}


def replayed(ledger: Ledger, views: ReadModels | None, *, minutes_kept: int = MINUTES_KEPT) -> bytes:
    """What a replay says: nothing in it is of an engine, a path or a clock. Where read models stand is left out."""
    report = msgspec.to_builtins(replay(ledger, views, minutes_kept=minutes_kept))
    return msgspec.json.encode({name: value for name, value in report.items() if name != "projections"})


def transcribe(source: Ledger, target: Ledger) -> None:
    """The same events, buckets and open requests into an empty ledger of the other engine, row by row."""
    with source.snapshot() as log:
        for page in _pages(log):
            target.change(*((_EVENT, _columns(row)) for row in page))
        target.change(*((_BUCKET, bucket) for bucket in log.buckets()))
        target.change(*((_OPEN, _open(request)) for request in log.open_requests()))
        head = log.head()
    moved = (head.position, head.recorded_at_micros)
    assert target.change(("UPDATE log_head SET position = ?, recorded_at_micros = ?", moved)) == 1


def whole(log: LogReader) -> Iterator[RecordedEvent]:
    for page in _pages(log):
        yield from page


def _pages(log: LogReader) -> Iterator[Sequence[RecordedEvent]]:
    after = 0
    while page := log.read(after, PAGE):
        yield page
        after = page[-1].id


def _columns(row: RecordedEvent) -> tuple[object, ...]:
    place = (row.id, str(row.originator_id), row.originator_version)
    return *place, row.topic, row.state, row.command_id, row.recorded_at_micros


def _open(one: OpenRequest) -> tuple[object, ...]:
    return one.request_id, one.position, one.instance_id, one.deadline_at_micros


def _export(asked: ExportSpec, ledger: Ledger, views: ReadModels) -> bytes:
    account_id, codec = asked.account_id, Codec()
    source: Source = WholeLog(ledger, codec) if account_id is None else OneAccount(ledger, codec, views, account_id)

    def name_of(name: str) -> str:
        account = views.account(name).value
        assert account is not None
        return account.name

    encoder = encoder_for(asked, provider="router.example", name_of=name_of)
    return b"".join(chunk.data for chunk in chunks(source, encoder, span_of(ledger, source, asked, None)))


def _canonical(tables: Mapping[str, Sequence[Row]]) -> bytes:
    lines = [
        b"%b\t%b" % (name.encode(), msgspec.json.encode(row)) for name, rows in sorted(tables.items()) for row in rows
    ]
    return b"\n".join(lines)
