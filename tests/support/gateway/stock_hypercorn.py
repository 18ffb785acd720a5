"""Hypercorn as anyone starts it, serving app/asgi.py over a house's configuration."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.gateway.processes import PATIENCE_SECONDS, House, eventually, family
from tests.support.paths import ROOT

TARGET = "app.asgi:app"
_RUNNING = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")


@dataclass
class StockHypercorn:
    """The running program. Its log is a file, read for the port that it got."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int = 0

    async def ready(self) -> None:
        await eventually(self._serves, PATIENCE_SECONDS, self.log.read_text)

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        if found := _RUNNING.search(self.log.read_text()):
            self.port = int(found[1])
        return self.port > 0

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        await eventually(lambda: self.process.poll() is not None, PATIENCE_SECONDS, self.log.read_text)
        return self.process.returncode


@contextmanager
def stock_hypercorn(house: House, *options: str) -> Iterator[StockHypercorn]:
    """`hypercorn --worker-class trio app.asgi:app`. It is killed at the end, with its worker, if it still runs."""
    log = house.folder / "hypercorn.log"
    line = [sys.executable, "-m", "hypercorn", "--worker-class", "trio", "--bind", "127.0.0.1:0", *options, TARGET]
    environment = {**os.environ, "REALROUTER_CONFIG": str(house.config_path)}
    with log.open("wb") as out:
        process = subprocess.Popen(line, cwd=ROOT, stdout=out, stderr=out, env=environment)
    try:
        yield StockHypercorn(process, log)
    finally:
        for each in family(process.pid):
            each.kill()
        process.wait(PATIENCE_SECONDS)
