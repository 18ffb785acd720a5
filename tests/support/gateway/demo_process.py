"""`realrouter demo --json` as a process of its own, as a newcomer starts it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STOP_SECONDS = 120


@dataclass
class Demo:
    """A running demo. `lines` grows with what it prints after its first line."""

    process: subprocess.Popen[str]
    first: dict[str, Any]
    folder: Path
    lines: list[str] = field(default_factory=list)
    _printed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def base_url(self) -> str:
        return str(self.first["base_url"])

    @property
    def key(self) -> str:
        return str(self.first["api_key"])

    @property
    def port(self) -> int:
        return int(self.base_url.rpartition(":")[2].partition("/")[0])

    def wait_for_lines(self, count: int) -> list[str]:
        with self._printed:
            assert self._printed.wait_for(lambda: len(self.lines) >= count, timeout=STOP_SECONDS), self.lines
            return list(self.lines)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def follow(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._printed:
                self.lines.append(line.rstrip("\n"))
                self._printed.notify_all()


@contextmanager
def demo(folder: Path, port: int) -> Iterator[Demo]:
    """The demo on `port`, or the next one that is free. It is stopped with SIGTERM at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "demo", "--port", str(port), "--data-dir", str(folder), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    reader: threading.Thread | None = None
    try:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        running = Demo(process, first, folder)
        reader = threading.Thread(target=running.follow)
        reader.start()
        yield running
        running.stop()
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(STOP_SECONDS)
        if reader is not None:
            reader.join()
        if process.stdout is not None:
            process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
