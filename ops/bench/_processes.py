"""The processes of a gateway benchmark (a scripted upstream, relays, a funded gateway, the client) and their CPU and memory.

Rule: every measured server is a separate process on the loopback interface, and is killed when the benchmark ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ops.bench.load import Plan, Tally

_TICKS = os.sysconf("SC_CLK_TCK")
_CONFIG = """\
[server]
bind = ["127.0.0.1:0"]
[store]
url = "sqlite:///{folder}/realrouter.db"
[files]
url = "file:///{folder}/files"
[limits]
concurrency = 2000
key_concurrency = 2000
[[upstream]]
name = "vendor"
protocol = "openai"
base_url = "http://127.0.0.1:{upstream}/v1"
api_key = "sk-bench"
[[model]]
id = "gpt-5.4-mini"
upstreams = ["vendor"]
context_window = 400000
max_output_tokens = 128000
price = {{ input = "0.25", cached_input = "0.025", output = "2.00" }}
"""


class Server:
    """A server process: its port, and the CPU and memory that it has used."""

    def __init__(self, process: subprocess.Popen[str], key: str = "sk-none") -> None:
        self.process = process
        self.key = key
        self.port = int(self.line())

    def line(self) -> str:
        """Its next line of output."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args!r} ended early")
        return line

    def cpu_seconds(self) -> float:
        """User and system time of all its threads, including finished ones."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_bytes(self) -> int:
        """Its resident memory (VmRSS)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def load(self, **plan: Any) -> Tally:
        """Put load on it from a separate process."""
        wanted = Plan(port=self.port, key=self.key, **plan)
        command = _python("ops.bench.load", msgspec.json.encode(wanted).decode())
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return msgspec.json.decode(done.stdout, type=Tally)

    @contextmanager
    def held_streams(self, count: int, frames: int) -> Iterator[None]:
        """While the block runs, `count` clients have a stream open and have each received `frames` frames."""
        plan = Plan(port=self.port, key=self.key, connections=count, stream=True, hold_frames=frames)
        command = _python("ops.bench.load", msgspec.json.encode(plan).decode())
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            if process.stdout.readline() != "open\n":
                raise SystemExit("the streams could not be opened")
            yield
            process.communicate()


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


@contextmanager
def running(*command: str, key: str = "sk-none") -> Iterator[Server]:
    """Runs `python -m command`, whose first line of output is its port."""
    with subprocess.Popen(_python(*command), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process, key)
        finally:
            process.kill()


@contextmanager
def upstream(**config: Any) -> Iterator[Server]:
    """A scripted vendor; tests/fakes/scripted_upstream.py lists the settings."""
    with running("tests.fakes.scripted_upstream", json.dumps(config)) as server:
        yield server


@contextmanager
def gateway(upstream_port: int, *options: str, tables: str = "") -> Iterator[Server]:
    """A gateway as in production (SQLite on disk, projections, metrics, a log) with a funded account and its key. `tables`: further
    tables of its configuration."""
    with tempfile.TemporaryDirectory(prefix="realrouter-bench-") as folder:
        config = Path(folder) / "realrouter.toml"
        config.write_text(_CONFIG.format(folder=folder, upstream=upstream_port) + tables)
        _command(config, "migrate")
        account = _command(config, "account", "create", "--name", "bench")["account_id"]
        _command(config, "credit", "grant", "--account", account, "--amount", "1000000.00", "--reason", "benchmark")
        key = _command(config, "key", "create", "--account", account)["api_key"]
        with running("ops.bench.gateway", "--serve", str(config), *options, key=key) as server:
            yield server


def _command(config: Path, *arguments: str) -> Any:
    command = _python("app.cli", *arguments, "--config", str(config), "--json")
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
