"""`verify` at full size: its speed, and its memory while the log grows tenfold."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

EVENTS = 1_000_000
EVENTS_PER_SECOND = 20_000
GROWTH_MAX_BYTES = 8 << 20
"""The extra memory that a process may need for ten times the events: a part of the tree's right edge, and memory kept by the
allocator."""
_MEASURE = """
import sys, time
from pathlib import Path
from app.ledger.sqlite import SQLiteLedger
from app.transparency.copies import DatabaseCopy
from app.transparency.file import CheckpointFile
from app.transparency.sealer import Sealer
from app.transparency.verify import verify
from projections.proofs.keys import LogKeys
from tests.support.transparency.logs import ORIGIN, SIGNER
ledger, keys = SQLiteLedger(sys.argv[1]), LogKeys(ORIGIN, (SIGNER,))
file = CheckpointFile(Path(sys.argv[1] + ".checkpoint"))
if sys.argv[2] == "seal":
    sealer = Sealer(ledger, keys, file, alone=True, page_events=5000)
    while sealer.step():
        pass
started = time.perf_counter()
report = verify(DatabaseCopy(ledger, ORIGIN, file), keys.own)
assert report.ok, report
seconds = time.perf_counter() - started
# Not ru_maxrss: that begins with what the process had that started this one.
[peak] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(report.events, seconds, int(peak) * 1024)
"""


def measured(path: str) -> tuple[int, float, int]:
    """(events, seconds, the process's peak memory), each in a separate process."""
    told = ""
    for task in ("seal", "verify"):
        command = [sys.executable, "-c", _MEASURE, path, task]
        environment = {**os.environ, "PYTHONPATH": "."}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        told = done.stdout
    events, seconds, resident = told.split()
    return int(events), float(seconds), int(resident)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_million_events_are_verified_fast_and_in_the_same_memory(tmp_path: object) -> None:
    from app.ledger.sqlite import SQLiteLedger
    from ops.bench._common import fund
    from ops.bench.sealing import fill

    path = f"{tmp_path}/ledger.db"
    ledger = SQLiteLedger(path)
    ledger.migrate()
    fund(ledger, 2**60)
    figures, filled = [], 0
    for wanted in (EVENTS // 10, EVENTS):
        fill(ledger, (wanted - filled) // 2, filled // 2)
        filled = wanted
        events, seconds, resident = measured(path)
        print(f"{events:,} events verified at {events / seconds:,.0f}/s, at most {resident / 2**20:.1f} MiB in memory")
        figures.append((events / seconds, resident))
    ledger.close()
    assert min(rate for rate, _ in figures) >= EVENTS_PER_SECOND
    assert figures[1][1] - figures[0][1] <= GROWTH_MAX_BYTES
