"""Gateways and PostgreSQL as real processes, with the configuration, prices, accounts and keys that they need.

Rule 1: what is started here is also ended here, by its process id.
Rule 2: a gateway is the program itself (`realrouter serve`), perhaps wrapped by tests/support/gateway/crashing_gateway.py.
Rule 3: PostgreSQL dies at once, the postmaster and every backend, by SIGKILL.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships none
import psycopg
import trio
from psycopg.sql import SQL, Identifier

from app.accounts.commands import apply_prices, new_id, on_account
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from app.services import open_ledger
from app.settings import Settings, load
from domain import account as accounts
from domain import api_key
from domain.events import KeyLimits
from tests.support.gateway.postgres_server import discard, restart, start_server
from tests.support.paths import ROOT

MODEL = "chaos-model"
PATIENCE_SECONDS = 120.0
"""Ends a wait for something that never happens, on however busy a machine. A test of a promised time sets its own limit."""
POLL_SECONDS = 0.02
_CONFIG = """\
[server]
bind = ["127.0.0.1:0"]

[store]
url = {store}

[limits]
{limits}

[billing]
{billing}

[[upstream]]
name = "chaos"
{upstream}

[[model]]
id = "chaos-model"
upstreams = ["chaos"]
input = ["text", "image", "file"]
context_window = 400000
max_output_tokens = 128000

[model.price]
input = "1.00"
output = "10.00"
"""


def config(
    store_url: str,
    *,
    upstream: str = 'protocol = "simulator"',
    limits: dict[str, float] | None = None,
    billing: str = "",
) -> str:
    """A `realrouter.toml` with one model on one upstream, serving on a port that the kernel chooses."""
    lines = "\n".join(f"{name} = {value}" for name, value in (limits or {}).items())
    return _CONFIG.format(store=json.dumps(store_url), limits=lines, billing=billing, upstream=upstream)


@dataclass
class House:
    """One ledger with its configuration in a folder, and the gateways that were started over it."""

    folder: Path
    settings: Settings
    ledger: Ledger
    codec: Codec
    gateways: list[Gateway] = field(default_factory=list)

    @property
    def config_path(self) -> Path:
        return self.folder / "realrouter.toml"

    def account(self, *, nanos: int, limits: KeyLimits | None = None) -> tuple[str, str]:
        """A funded account and its key."""
        account_id, key = new_id("acct"), api_key.make_key(os.urandom(api_key.RANDOM_BYTES))
        on_account(self.ledger, self.codec, account_id, lambda state: accounts.open_account(state, name="Chaos"))
        if nanos:
            self.grant(account_id, nanos)
        on_account(
            self.ledger,
            self.codec,
            account_id,
            lambda state: api_key.create_key(
                state,
                key_id=new_id("key"),
                name="chaos",
                digest=api_key.digest(key),
                hint=api_key.hint(key),
                limits=limits or KeyLimits(),
            ),
        )
        return account_id, key

    def grant(self, account_id: str, nanos: int) -> None:
        on_account(
            self.ledger,
            self.codec,
            account_id,
            lambda state: accounts.post_adjustment(
                state,
                adjustment_id=new_id("adj"),
                kind="grant",
                amount_nanos=nanos,
                reason="to be spent under fire",
                reference=None,
            ),
        )

    async def gateway(self, plan: dict[str, Any] | None = None) -> Gateway:
        """A gateway that accepts requests. `plan`: how it dies (crashing_gateway.py)."""
        gateway = Gateway.start(self.config_path, self.folder / f"gateway-{len(self.gateways)}.log", plan)
        self.gateways.append(gateway)
        await gateway.ready()
        return gateway

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The program's command line over this ledger."""
        line = [sys.executable, "-m", "app.cli", *arguments, "--config", str(self.config_path)]
        return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@contextmanager
def house(folder: Path, text: str) -> Iterator[House]:
    """Migrated, with its prices listed. At the end its gateways are killed and its ledger closed."""
    path = folder / "realrouter.toml"
    path.write_text(text, encoding="utf-8")
    settings, codec = load(path), Codec()
    ledger = open_ledger(settings, codec)
    made = House(folder, settings, ledger, codec)
    try:
        ledger.migrate()
        apply_prices(ledger, codec, settings.catalog())
        yield made
    finally:
        for gateway in made.gateways:
            gateway.kill()
        ledger.close()


class Gateway:
    """One gateway process. It logs to a file, from which its port is read."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log
        self.port = 0

    @classmethod
    def start(cls, config_path: Path, log: Path, plan: dict[str, Any] | None = None) -> Gateway:
        module = "app.cli" if plan is None else "tests.support.gateway.crashing_gateway"
        line = [sys.executable, "-m", module, "serve", "--config", str(config_path)]
        environment = {**os.environ, "REALROUTER_CRASH": json.dumps(plan or {})}
        with log.open("wb") as out:
            return cls(subprocess.Popen(line, cwd=ROOT, stdout=out, stderr=out, env=environment), log)

    async def ready(self) -> None:
        """Returns when it accepts requests."""
        await eventually(self._serves, PATIENCE_SECONDS, lambda: f"no gateway: {self.log.read_text()[-3000:]}")

    def _serves(self) -> bool:
        assert self.running, f"the gateway ended at its start: {self.log.read_text()[-3000:]}"
        for line in self.log.read_text().splitlines():
            if '"event":"serving"' in line:
                self.port = int(json.loads(line)["ports"][0])
                return True
        return False

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, and wait. No effect if it is dead already."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    async def ended(self, seconds: float) -> int:
        """Wait until it ends on its own. Returns its exit code."""
        await eventually(lambda: not self.running, seconds, lambda: f"still running: {self.log.read_text()[-3000:]}")
        return self.process.returncode

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log's lines of one kind."""
        found = (line for line in self.log.read_text().splitlines() if f'"event":"{event}"' in line)
        return [json.loads(line) for line in found]


class Postgres:
    """A PostgreSQL that a test may kill, and start again on the same data."""

    def __init__(self) -> None:
        self._server = start_server()

    @property
    def pid(self) -> int:
        pid = self._server.get_pid()
        assert pid is not None
        return pid

    @property
    def alive(self) -> bool:
        """Whether any of its processes lives, orphaned backends included. The data folder is the working directory of each."""
        return any(_lives_in(process, self._server.pgdata) for process in psutil.process_iter())

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"chaos_{secrets.token_hex(6)}"
        with psycopg.connect(str(self._server.get_uri()), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        host = str(self._server.get_uri()).partition("host=")[2]
        return f"postgresql://postgres@/{name}?host={host}"

    def kill(self) -> None:
        """The postmaster and all backends, at once; returns when they are gone."""
        kill_family(self.pid)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.alive:
            assert time.monotonic() < deadline, "PostgreSQL does not die"
            time.sleep(POLL_SECONDS)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """All its processes are suspended during the block: they exist, and none responds."""
        processes = family(self.pid)
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def start(self) -> None:
        """Again, on the same data."""
        assert not self.alive
        # The dead postmaster may be a zombie that its new parent has not reaped; its number would count as running.
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (self._server.pgdata / name).unlink(missing_ok=True)
        restart(self._server)

    def close(self) -> None:
        discard(self._server)


def family(pid: int) -> Sequence[psutil.Process]:
    """A process and its descendants."""
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill_family(pid: int) -> None:
    """SIGKILL a process and its descendants: the process first, so that it starts nothing new."""
    for process in family(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _lives_in(process: psutil.Process, folder: Path) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.name() == "postgres" and process.cwd() == str(folder))
    return False  # gone, or a zombie: that has no working directory any more


async def eventually(
    condition: Callable[[], bool], seconds: float, otherwise: Callable[[], str] = lambda: "it did not happen"
) -> float:
    """Wait until `condition` holds; it is evaluated in a worker thread. Returns the seconds that this took."""
    began = trio.current_time()
    while not await trio.to_thread.run_sync(condition):
        assert trio.current_time() - began < seconds, f"after {seconds:g} s: {otherwise()}"
        await trio.sleep(POLL_SECONDS)
    return trio.current_time() - began
