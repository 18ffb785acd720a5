"""A replay at full size: its speed, and its memory while the log grows tenfold. The numbers of accounts, keys, files, payments and
open requests are the same at both sizes, so memory that grows with events shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.gateway.processes import Postgres
from tests.support.ledger.stages import ENGINES

EVENTS = 1_000_000
EVENTS_PER_SECOND = 5_000
"""On a machine that is also busy with other work. The measured value is printed."""
GROWTH_MAX_BYTES = 8 << 20
_TASK = """
import sys, time
from pathlib import Path
from app.replay.replay import replay
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from app.read_models import DecodedLog, PostgresReadModels, SQLiteReadModels
from ops.bench.projections import write_history
from projections.runner import Runner

engine, place, task, events = sys.argv[1:]
sqlite = engine == "sqlite"
ledger = SQLiteLedger(place) if sqlite else PostgresLedger(place)
views = SQLiteReadModels(place) if sqlite else PostgresReadModels(place)
ledger.migrate()
started = time.perf_counter()
if task == "write":
    write_history(ledger, int(events))
elif task == "follow":
    runner = Runner(DecodedLog(ledger), views)
    runner.prepare()
    while runner.step():
        pass
else:
    report = replay(ledger, views if task == "replay all" else None)
    assert report.ok, report
    assert report.events > int(events) * 0.99
seconds = time.perf_counter() - started
# Not ru_maxrss: that begins with what the process had that started this one.
[peak] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(seconds, time.process_time(), int(peak) * 1024)
"""


def run(engine: str, place: str, task: str, events: int) -> tuple[float, int]:
    """(events per second, the process's peak memory). Each task runs in a separate process."""
    command = [sys.executable, "-c", _TASK, engine, place, task, str(events)]
    environment = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    seconds, of_cpu, resident = map(float, done.stdout.split())
    rate, peak = events / seconds, f"{resident / 2**20:.1f} MiB"
    print(
        f"{engine}, {events:,} events, {task}: {rate:,.0f}/s ({events / of_cpu:,.0f} a CPU second), {peak}", flush=True
    )
    return rate, int(resident)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_million_events_are_replayed_in_the_same_memory(engine: str, tmp_path: Path) -> None:
    print()
    server = Postgres() if engine == "postgres" else None
    try:
        found = {}
        for events in (EVENTS // 10, EVENTS):
            place = str(tmp_path / f"{events}.db") if server is None else server.database()
            tasks = ("write", "follow", "replay the ledger", "replay all")
            found[events] = {task: run(engine, place, task, events) for task in tasks}
    finally:
        if server is not None:
            server.close()
    for task in ("replay the ledger", "replay all"):
        few, many = found[EVENTS // 10][task], found[EVENTS][task]
        assert min(few[0], many[0]) >= EVENTS_PER_SECOND
        assert many[1] - few[1] <= GROWTH_MAX_BYTES
