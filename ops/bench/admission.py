"""How long an admission waits for its verdict, compared with the disk's sync time.

There are two loads. In the closed loop, on either engine, ten callers each admit and then settle, without pauses. In the open loop,
admissions arrive at a fixed rate whether or not earlier ones are done; 100 callers process them, and each wait counts from the
scheduled arrival, so a stall counts for every admission that it delays.

    python -m ops.bench.admission [--seconds 5]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable

import trio

from app.ledger.group_commit import GroupCommit
from app.ledger.store import Committed, Ledger
from domain.events import RequestAdmitted
from ops.bench._common import (
    ENGINES,
    admission,
    database,
    fund,
    machine_line,
    open_ledger,
    percentile,
    sampling_fdatasync,
    settlement,
    show,
)

CLOSED_CALLERS = 10
SYNC_FACTOR, SYNC_EXTRA_SECONDS = 3, 0.008
OPEN_CALLERS = 100
OPEN_PER_SECOND = 5_000
OPEN_P99_SECONDS = 0.030
WARM_UP_SECONDS = 0.5
"""Opens connections and prepares statements before anything is counted."""
Waits = list[float]


async def closed_loop(writer: GroupCommit, seconds: float) -> Waits:
    """Each caller admits and settles without pauses. Returns the admissions' waits."""
    waits: Waits = []
    started = trio.current_time()

    async def caller(number: int) -> None:
        count = 0
        while (now := trio.current_time()) < started + seconds:
            count += 1
            command = admission(f"closed-{number}-{count}")
            verdict = await writer.append(command)
            if now >= started + WARM_UP_SECONDS:
                waits.append(trio.current_time() - now)
            await _settle(writer, command.events[0], verdict)

    async with trio.open_nursery() as nursery:
        for number in range(CLOSED_CALLERS):
            nursery.start_soon(caller, number)
    return waits


async def open_loop(writer: GroupCommit, seconds: float) -> Waits:
    """One admission is due every 1/OPEN_PER_SECOND. Returns their waits, counted from when they were due."""
    waits: Waits = []
    arrivals = iter(range(int(seconds * OPEN_PER_SECOND)))
    started = trio.current_time()

    async def caller() -> None:
        for arrival in arrivals:
            due = started + arrival / OPEN_PER_SECOND
            await trio.sleep_until(due)
            verdict = await writer.append(admission(f"open-{arrival}"))
            assert isinstance(verdict, Committed), verdict
            if due >= started + WARM_UP_SECONDS:
                waits.append(trio.current_time() - due)

    async with trio.open_nursery() as nursery:
        for _ in range(OPEN_CALLERS):
            nursery.start_soon(caller)
    return waits


async def _settle(writer: GroupCommit, admitted: object, verdict: object) -> None:
    assert isinstance(admitted, RequestAdmitted)
    assert isinstance(verdict, Committed), verdict
    await writer.append(settlement(admitted, verdict.recorded_at_micros, debited=True))


async def _with_writer(ledger: Ledger, load: Callable[[GroupCommit, float], Awaitable[Waits]], seconds: float) -> Waits:
    writer = GroupCommit(ledger)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        waits = await load(writer, seconds)
        writer.close()
    return waits


def measure(engine: str, load: Callable[[GroupCommit, float], Awaitable[Waits]], seconds: float) -> tuple[Waits, Waits]:
    """Returns the waits, and samples of fdatasync taken meanwhile."""
    with database(engine) as location:
        ledger = open_ledger(engine, location)
        try:
            ledger.migrate()
            fund(ledger, 10**15)
            with sampling_fdatasync() as syncs:
                waits = trio.run(_with_writer, ledger, load, seconds)
        finally:
            ledger.close()
    return waits, syncs


def _row(label: str, waits: Waits, seconds: float) -> None:
    p50, p99, most = percentile(waits, 50), percentile(waits, 99), max(waits)
    rate = len(waits) / (seconds - WARM_UP_SECONDS)
    show(label, f"p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms, max {most * 1e3:.1f} ms, {rate:,.0f}/s")


def _verdict(label: str, value: float, bound: float) -> bool:
    met = value <= bound
    show(label, f"p99 {value * 1e3:.2f} ms, bound {bound * 1e3:.2f} ms: {'met' if met else 'MISSED'}")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    seconds = parser.parse_args().seconds
    met: list[bool] = []
    print(f"admission ({machine_line()})")
    for engine in ENGINES:
        waits, syncs = measure(engine, closed_loop, seconds)
        _row(f"{engine}, {CLOSED_CALLERS} callers without pauses", waits, seconds)
        _row("  fdatasync meanwhile", syncs, seconds)
        bound = SYNC_FACTOR * percentile(syncs, 99) + SYNC_EXTRA_SECONDS
        met.append(_verdict("  compared with 3 x fdatasync + 8 ms", percentile(waits, 99), bound))
    waits, syncs = measure("postgres", open_loop, seconds)
    _row(f"postgres, {OPEN_PER_SECOND:,}/s offered to {OPEN_CALLERS} callers", waits, seconds)
    _row("  fdatasync meanwhile", syncs, seconds)
    met.append(_verdict("  from the scheduled arrival", percentile(waits, 99), OPEN_P99_SECONDS))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
