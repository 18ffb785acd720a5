"""Processes that write and seal are killed by SIGKILL at any moment. The remaining log continues everything that was signed
before.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.ledger.store import Ledger
from app.transparency.copies import DatabaseCopy
from app.transparency.file import CheckpointFile
from app.transparency.sealer import Sealer
from app.transparency.verify import verify
from tests.app.transparency.conftest import KEYS
from tests.support.ledger.ledgers import Engine
from tests.support.paths import ROOT
from tests.support.transparency.logs import ORIGIN
from tests.support.transparency.sealed import Continuation

KILLS, KILLS_LONG = 12, 400
PAUSE_SECONDS_MAX = 0.06
"""Meanwhile a process seals some more pages: it may die in any statement of any of them, and between any two."""
_NURSERY = """
import os, signal, sys, threading, time
from pathlib import Path
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Append
from app.transparency.file import CheckpointFile
from app.transparency.sealer import Sealer
from domain.events import AdjustmentPosted, account_stream
from tests.app.transparency.conftest import KEYS

engine, place, file = sys.argv[1:]


def write(ledger, name):
    version = 0
    while True:
        events = tuple(AdjustmentPosted(name, f"{name}-{version + n}", "grant", 1, "r", None) for n in range(1 + version % 13))
        ledger.append([Append(f"{name}-{version}", account_stream(name), version, events)])
        version += len(events)


def work(name, ready):
    ledger = SQLiteLedger(place) if engine == "sqlite" else PostgresLedger(place)
    sealer = Sealer(ledger, KEYS, CheckpointFile(Path(file)), alone=True, page_events=9)
    threading.Thread(target=write, args=(ledger, name)).start()
    while not sealer.step():
        pass
    os.write(ready, b".")
    while True:
        sealer.seal()


for number, line in enumerate(sys.stdin):
    waiting, ready = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work(f"{os.getpid()}-{number}", ready)
        finally:
            os._exit(1)
    os.close(ready)
    began = os.read(waiting, 1)
    time.sleep(float(line))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(waiting)
    print(os.waitstatus_to_exitcode(status) if began else "it never began", flush=True)
"""
"""For each line on its input, a process that writes and seals, killed so many seconds after its first page; then its exit code."""


class Nursery:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def kill_one(self, seconds: float) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "-9\n"


@contextmanager
def nursery(engine: Engine, file: CheckpointFile) -> Iterator[Nursery]:
    command = [sys.executable, "-c", _NURSERY, engine.name, engine.location, str(file.path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        try:
            yield Nursery(process)
        finally:
            process.kill()


def kill_many(engine: Engine, ledger: Ledger, folder: Path, kills: int, verify_every: int) -> None:
    file = CheckpointFile(folder / "outside" / "log.checkpoint")
    signed, draw = Continuation(ledger, KEYS, file), random.Random(7)
    stored, heads, behind = DatabaseCopy(ledger, ORIGIN, file), [0], 0
    with nursery(engine, file) as processes:
        for number in range(1, kills + 1):
            processes.kill_one(draw.uniform(0, PAUSE_SECONDS_MAX))
            signed.look()
            heads.append(ledger.head().position)
            behind += heads[-1] > signed.newest()
            Sealer(ledger, KEYS, file, alone=True).check()
            if number % verify_every == 0:
                assert verify(stored, KEYS.own).differences == ()
    assert signed.newest() > 0
    assert behind, "every one was killed at rest"
    Sealer(ledger, KEYS, file, alone=True).seal()
    signed.look()
    signed.check()
    assert len(signed.checkpoints) >= kills
    report = verify(stored, KEYS.own)
    assert (report.differences, report.size) == ((), ledger.head().position)
    left = list(file.path.parent.iterdir())
    print(
        f"\n{engine.name}: {kills} kills, {report.size} events, {len(signed.checkpoints)} checkpoints seen, {behind} times events "
        f"were unsealed, {len(left) - 1} halves of the file left beside it"
    )


def test_whatever_sealers_that_were_killed_leave_continues_what_was_signed(
    engine: Engine, ledger: Ledger, tmp_path: Path
) -> None:
    kill_many(engine, ledger, tmp_path, KILLS, verify_every=3)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_hundreds_of_sealers_are_killed(engine: Engine, ledger: Ledger, tmp_path: Path) -> None:
    kill_many(engine, ledger, tmp_path, KILLS_LONG, verify_every=40)
