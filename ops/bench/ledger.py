"""The ledger under load on one hot account: guarded commands per second, waits and batch sizes. Checks that nothing is overdrawn.

Callers are Trio tasks on one GroupCommit. Each admits a request with every guard that a key may have, then debits it or, every
tenth time, releases it. At the end, all callers of a process race for an account that can pay for 50: exactly 50 must succeed.
Baselines from the same run: the disk's fdatasync, and one `Application.save` of `eventsourcing` per command on the same engine.

    python -m ops.bench.ledger [--seconds 5] [--engine sqlite|postgres]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import trio
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict

from app.ledger.codec import Codec
from app.ledger.group_commit import GroupCommit
from app.ledger.store import Committed, GuardRefused, Ledger
from domain import buckets
from domain.events import RequestAdmitted, UnknownEvent
from domain.postings import movements
from ops.bench._common import (
    ACCOUNT,
    ENGINES,
    HOLD_NANOS,
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

TARGET_PER_SECOND = 10_000
PROCESSES = {"sqlite": 1, "postgres": 3}
CALLERS = {"sqlite": 200, "postgres": 100}
FUNDS_NANOS = 10**15
RACE_HOLDS = 50


@dataclass
class Figures:
    """The measurements of one process. Times in seconds."""

    commands: int = 0
    refused: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)

    def committed(self, *, size: int, seconds: float) -> None:
        self.batches.append(size)

    def commit_waited(self, seconds: float) -> None:
        self.waits.append(seconds)


async def load(ledger: Ledger, callers: int, seconds: float) -> Figures:
    """Run `callers` callers at full speed for `seconds`."""
    figures = Figures()
    writer = GroupCommit(ledger, watch=figures)
    async with trio.open_nursery() as outer:
        outer.start_soon(writer.run)
        started, cpu = trio.current_time(), time.process_time()
        async with trio.open_nursery() as nursery:
            for number in range(callers):
                nursery.start_soon(_caller, writer, number, started + seconds, figures)
        figures.seconds = trio.current_time() - started
        figures.cpu_seconds = time.process_time() - cpu
        await _race(writer, callers)
        writer.close()
    return figures


async def _race(writer: GroupCommit, callers: int) -> None:
    """All callers compete at once for an account that can pay for RACE_HOLDS."""
    account_id = f"poor-{uuid.uuid4().hex}"
    await trio.to_thread.run_sync(fund, writer.ledger, RACE_HOLDS * HOLD_NANOS, account_id)
    taken: list[bool] = []

    async def ask(number: int) -> None:
        verdict = await writer.append(admission(f"{account_id}-{number}", account_id))
        taken.append(isinstance(verdict, Committed))

    async with trio.open_nursery() as nursery:
        for number in range(callers):
            nursery.start_soon(ask, number)
    assert sum(taken) == RACE_HOLDS, f"{sum(taken)} of {RACE_HOLDS} holds"


async def _caller(writer: GroupCommit, number: int, until: float, figures: Figures) -> None:
    prefix = f"{uuid.uuid4().hex}-{number}"
    count = 0
    while trio.current_time() < until:
        count += 1
        command = admission(f"{prefix}-{count}")
        verdict = await writer.append(command)
        figures.commands += 1
        if isinstance(verdict, GuardRefused):
            figures.refused += 1
            continue
        assert isinstance(verdict, Committed), verdict
        admitted = command.events[0]
        assert isinstance(admitted, RequestAdmitted)
        settled = await writer.append(settlement(admitted, verdict.recorded_at_micros, debited=count % 10 != 0))
        assert isinstance(settled, Committed), settled
        figures.commands += 1


def check(ledger: Ledger) -> str:
    """Replay every event. Asserts that available is never negative, that nothing remains held, and that all buckets agree."""
    codec, replayed, position, lowest = Codec(), Counter[str](), 0, FUNDS_NANOS
    name = buckets.available(ACCOUNT)
    while page := ledger.read(position, 5_000):
        for recorded in page:
            position += 1
            assert recorded.id == position, "a gap"
            fact = codec.decode(recorded.topic, recorded.state)
            assert not isinstance(fact, UnknownEvent)
            for bucket, delta in movements(fact, recorded.recorded_at_micros):
                replayed[bucket] += delta
            if fact.TOPIC.startswith("request."):
                lowest = min(lowest, replayed[name])
    assert dict(ledger.buckets()) == dict(replayed), "buckets differ from the replay"
    assert lowest >= 0, f"overdrawn: {lowest}"
    assert replayed[buckets.held(ACCOUNT)] == 0
    return f"{position} events replayed, {len(replayed)} buckets equal, available at least {lowest} nanos throughout"


class _Account(Aggregate):
    """The design of a plain application: a balance as an aggregate."""

    def __init__(self) -> None:
        self.balance = 0

    @event("Moved")
    def move(self, nanos: int) -> None:
        self.balance += nanos


def saves_per_second(engine: str, location: str, seconds: float) -> float:
    """The rate with one `Application.save` of one event per command, using the library's own recorder."""
    env: dict[str, Any] = {"PERSISTENCE_MODULE": f"eventsourcing.{engine}"}
    if engine == "sqlite":
        env["SQLITE_DBNAME"] = location + ".baseline"
    else:
        parameters = conninfo_to_dict(location)
        for name in ("dbname", "host", "port", "user", "password"):
            env[f"POSTGRES_{name.upper()}"] = str(parameters.get(name) or "")
        env["POSTGRES_PORT"] = env["POSTGRES_PORT"] or "5432"
        env["POSTGRES_PASSWORD"] = env["POSTGRES_PASSWORD"] or "none"
    with Application[uuid.UUID](env) as application:
        account = _Account()
        application.save(account)
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            account.move(1)
            application.save(account)
            count += 1
        return count / (time.perf_counter() - started)


def run_process(engine: str, location: str, callers: int, seconds: float) -> None:
    """Run as one of several processes: prints its figures as JSON."""
    ledger = open_ledger(engine, location)
    try:
        figures = trio.run(load, ledger, callers, seconds)
    finally:
        ledger.close()
    json.dump(vars(figures), sys.stdout)


def run_all(engine: str, location: str, seconds: float) -> list[Figures]:
    command = [sys.executable, "-m", "ops.bench.ledger", "--process", engine, location, "--seconds", str(seconds)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(PROCESSES[engine])]
    outputs = [process.communicate()[0] for process in running]
    assert all(process.returncode == 0 for process in running), "a process failed"
    return [Figures(**json.loads(output)) for output in outputs]


def measure(engine: str, seconds: float) -> bool:
    with database(engine) as location:
        ledger = open_ledger(engine, location)
        ledger.migrate()
        fund(ledger, FUNDS_NANOS)
        with sampling_fdatasync() as syncs:
            figures = run_all(engine, location, seconds)
        checked = check(ledger)
        ledger.close()
        baseline = saves_per_second(engine, location, min(seconds, 3.0))
    waits = [wait for one in figures for wait in one.waits]
    batches = [size for one in figures for size in one.batches]
    rate = sum(one.commands / one.seconds for one in figures)
    print(
        f"ledger, {engine}: {PROCESSES[engine]} process(es) of {CALLERS[engine]} callers, one hot account ({machine_line()})"
    )
    passed = rate >= TARGET_PER_SECOND
    show("guarded commands/s", f"{rate:,.0f}  (target {TARGET_PER_SECOND:,}: {'met' if passed else 'MISSED'})")
    cpu_share = sum(one.cpu_seconds for one in figures) / sum(one.commands for one in figures)
    show("CPU of the callers' processes", f"{cpu_share * 1e6:.0f} us per command")
    show("wait for the verdict", f"p50 {percentile(waits, 50) * 1e3:.1f} ms, p99 {percentile(waits, 99) * 1e3:.1f} ms")
    show("batch", f"mean {sum(batches) / len(batches):.0f}, p99 {percentile(batches, 99):.0f}, {len(batches)} commits")
    show("refused admissions", f"{sum(one.refused for one in figures)}")
    show("one Application.save per command", f"{baseline:,.0f}/s: the ledger is {rate / baseline:.1f} x that")
    show("fdatasync", f"p50 {percentile(syncs, 50) * 1e3:.2f} ms, p99 {percentile(syncs, 99) * 1e3:.2f} ms")
    show("checked", checked)
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--process", nargs=2, metavar=("ENGINE", "LOCATION"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.process:
        engine, location = options.process
        run_process(engine, location, CALLERS[engine], options.seconds)
        return 0
    engines = [options.engine] if options.engine else ENGINES
    passed = [measure(engine, options.seconds) for engine in engines]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
