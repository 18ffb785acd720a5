"""A run whose pytest process is killed fails soon, and leaves no process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships none
import pytest

from tests.support import scratch
from tests.support.gateway.watchdog import VARIABLE
from tests.support.paths import ROOT

SECONDS_MAX = 60
STARTS = """
import os
from pathlib import Path

import trio
from tests.support.gateway.processes import Postgres, config, house


def test_starts_much(tmp_path):
    server = Postgres()
    with house(tmp_path, config(server.database())) as home:

        async def serve_for_ever():
            gateway = await home.gateway()
            ready = Path(os.environ["READY"])
            ready.with_suffix(".part").write_text(f"{os.getpid()} {server.pid} {gateway.process.pid}")
            ready.with_suffix(".part").rename(ready)
            await trio.sleep_forever()

        trio.run(serve_for_ever)
"""


def living(mark: str) -> list[psutil.Process]:
    """Everything below a run, the run included: its own processes inherit `mark`, and the databases' descend from those."""
    found = []
    for process in psutil.process_iter():
        try:
            if mark in process.environ().get("WHOSE", "") and process.status() != psutil.STATUS_ZOMBIE:
                found += [process, *process.children(recursive=True)]
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("victim", ["worker", "run"])
def test_a_killed_test_process_takes_everything_along(tmp_path: Path, victim: str) -> None:
    module, ready, mark = tmp_path / "test_starts.py", tmp_path / "ready", str(tmp_path)
    module.write_text(STARTS)
    command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    command += ["-q", "-n", "2", "--max-worker-restart", "0", f"--basetemp={tmp_path / 'inner'}", str(module)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"READY": str(ready), "WHOSE": mark}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        try:
            while not ready.exists():
                assert run.poll() is None, run.stdout.read().decode() if run.stdout else ""
                time.sleep(0.05)
            worker, postmaster, gateway = map(int, ready.read_text().split())
            started = living(mark)
            assert {run.pid, worker, postmaster, gateway} <= {process.pid for process in started}
            marks = psutil.Process(postmaster).environ()[VARIABLE].split(",")
            assert list(Path(scratch.root()).glob(f"realrouter-{marks[-1]}-*"))
            os.kill(worker if victim == "worker" else run.pid, 9)
            output, _ = run.communicate(timeout=SECONDS_MAX)
            assert run.returncode == (1 if victim == "worker" else -9), output.decode()
            assert victim == "run" or b"crashed" in output
            _, left = psutil.wait_procs(started, timeout=SECONDS_MAX)
            assert not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
            assert not living(mark)
            assert not list(Path(scratch.root()).glob(f"realrouter-{marks[-1]}-*")), "the database's files are left"
        finally:
            for process in living(mark):
                process.kill()
