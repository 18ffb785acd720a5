"""What a test process starts dies with it, however it dies: gateways, databases, browsers and whatever they started.

Rule 1: every pytest process, an xdist worker included, has one watchdog: a process that waits for the end of a pipe.
Rule 2: only the pytest process holds the other end, so the kernel closes it at any death, SIGKILL included.
Rule 3: what the pytest process starts inherits a mark in its environment, and so do its descendants. A daemon that leaves its
parent, its process group and its session, as PostgreSQL does, keeps the mark.
Rule 4: the watchdog holds none of the run's pipes and carries no mark: nothing waits for it, and no other watchdog kills it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships none

from tests.support import scratch
from tests.support.paths import ROOT

VARIABLE = "REALROUTER_TEST_PROCESSES"
"""The marks of the pytest processes that a process descends from, joined by commas."""
ROUNDS_MAX = 200
PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Watchdog:
    """The watchdog of this process. What starts after `start` is marked with `mark`."""

    mark: str
    _process: subprocess.Popen[bytes]
    _pipe: int

    @classmethod
    def start(cls) -> Watchdog:
        environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
        mark = secrets.token_hex(8)
        reading, writing = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, mark, scratch.root()],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
            cwd=ROOT,
        )
        os.close(reading)
        os.register_at_fork(after_in_child=lambda: os.close(writing))
        os.environ[VARIABLE] = ",".join(filter(None, (os.environ.get(VARIABLE), mark)))
        return cls(mark, process, writing)

    def stop(self) -> None:
        """Returns when nothing is left that this process started."""
        os.close(self._pipe)
        self._process.wait()


def folder(purpose: str) -> str:
    """A new folder with a short path, which the watchdog removes if the process that made it cannot."""
    return tempfile.mkdtemp(prefix=f"realrouter-{_own_mark()}-{purpose}-", dir=scratch.root())


def marked(mark: str) -> list[psutil.Process]:
    """The living processes that carry the mark, and those below them: PostgreSQL's backends overwrite their environment.

    Other watchdogs are left out: they end by themselves, when they have done their own work.
    """
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if mark in process.environ().get(VARIABLE, "").split(","):
                below = (each for each in process.children(recursive=True) if __spec__.name not in each.cmdline())
                found |= {each.pid: each for each in (process, *below)}
    return list(found.values())


def _own_mark() -> str:
    return os.environ.get(VARIABLE, "").rpartition(",")[2] or "unwatched"


def _bury(mark: str, scratch_folder: str) -> None:
    """Kill until nothing is left: a process may have started another while the list was read."""
    for _ in range(ROUNDS_MAX):
        processes = marked(mark)
        if not processes:
            break
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(PAUSE_SECONDS)
    for left in Path(scratch_folder).glob(f"realrouter-{mark}-*"):
        shutil.rmtree(left, ignore_errors=True)


def main(mark: str, scratch_folder: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 1):
        pass
    _bury(mark, scratch_folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
