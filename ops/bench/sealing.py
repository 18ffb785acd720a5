"""What sealing adds to a request: two gateways as in production, one that seals its log and one that does not.

Each is a separate process in front of one scripted upstream. Rounds are short, interleaved, and alternate in order, so that other
load on the machine affects both. Each round yields the ratio (sealing to not sealing) of CPU per request and of time per request.
The result is the mean of these ratios without the highest and lowest fifth, with its 95% interval (bootstrap over rounds). The
target applies to the upper end of the CPU interval: if processes share two cores, time is less meaningful.
Then `verify` runs over a log of `--events` events: events per second, and memory while the log grows tenfold.

    python -m ops.bench.sealing [--rounds 200] [--requests 400] [--events 100000]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from app.ledger.sqlite import SQLiteLedger
from app.transparency.copies import DatabaseCopy
from app.transparency.file import CheckpointFile
from app.transparency.sealer import Sealer
from app.transparency.verify import verify
from ops.bench._common import admission, fund, machine_line, settlement, show
from ops.bench._processes import Server, gateway, upstream
from projections.proofs.keys import LogKeys
from projections.proofs.note import generate

CONNECTIONS = 16
MARK = 1.05
EVENTS_MARK = 20_000
RESAMPLES = 2_000
ORIGIN = "bench.example/log"
BATCH = 250


def measure(server: Server, count: int) -> tuple[float, float]:
    """Returns CPU seconds and seconds per request."""
    before, started = server.cpu_seconds(), time.perf_counter()
    server.load(connections=CONNECTIONS, requests=count)
    return (server.cpu_seconds() - before) / count, (time.perf_counter() - started) / count


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Returns the trimmed mean and its 95% interval, from the percentiles of resampled means."""
    chance = random.Random(1)
    means = sorted(trimmed(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return trimmed(values), means[RESAMPLES // 40], means[-RESAMPLES // 40]


def trimmed(values: Sequence[float]) -> float:
    """The mean without the highest and lowest fifth."""
    cut = len(values) // 5
    return statistics.fmean(sorted(values)[cut : len(values) - cut])


def cost(rounds: int, requests: int) -> bool:
    """Print what sealing costs. Returns whether the target is met."""
    key = generate(ORIGIN).text()
    tables = f'[log]\norigin = "{ORIGIN}"\nkey = "{key}"\n'
    with ExitStack() as stack:
        vendor = stack.enter_context(upstream())
        plain = stack.enter_context(gateway(vendor.port))
        sealing = stack.enter_context(gateway(vendor.port, tables=tables))
        for server in (plain, sealing):
            measure(server, 1_000)
        found: dict[Server, list[tuple[float, float]]] = {plain: [], sealing: []}
        for number in range(rounds):
            for server in (plain, sealing) if number % 2 else (sealing, plain):
                found[server].append(measure(server, requests))
        print(f"{rounds} rounds of {requests} requests each, {CONNECTIONS} connections")
        medians = [statistics.median(cpu for cpu, _ in found[server]) * 1e3 for server in (plain, sealing)]
        show("CPU per request, median", f"{medians[0]:.3f} ms, sealing {medians[1]:.3f} ms")
        cpu, took = ([b[at] / a[at] for a, b in zip(found[plain], found[sealing], strict=True)] for at in (0, 1))
        for name, ratios in (("CPU", cpu), ("time", took)):
            middle, low, high = interval(ratios)
            show(f"{name}: sealing adds", f"{middle - 1:+.2%}, 95% interval {low - 1:+.2%} to {high - 1:+.2%}")
        met = interval(cpu)[2] < MARK
        show("the interval's upper end, by CPU", f"target {MARK - 1:.0%}: {'met' if met else 'MISSED'}")
        return met


def fill(ledger: SQLiteLedger, requests: int, start: int) -> None:
    """Write `requests` requests, admitted and debited."""
    for at in range(start, start + requests, BATCH):
        admissions = [admission(f"r{number}") for number in range(at, at + BATCH)]
        verdicts = ledger.append(admissions)
        done = [
            settlement(each.events[0], verdict.recorded_at_micros, debited=True)  # type: ignore[arg-type,union-attr]
            for each, verdict in zip(admissions, verdicts, strict=True)
        ]
        ledger.append(done)


def checked(events: int) -> bool:
    """Print how fast a log is sealed and verified, at a tenth of its size and at full size. Returns whether the target is met."""
    keys = LogKeys(ORIGIN, (generate(ORIGIN),))
    met = True
    with tempfile.TemporaryDirectory(prefix="realrouter-bench-") as folder:
        ledger, file = SQLiteLedger(f"{folder}/ledger.db"), CheckpointFile(Path(folder) / "checkpoint")
        ledger.migrate()
        fund(ledger, 2**60)
        filled = 0
        for wanted in (events // 10, events):
            fill(ledger, wanted // 2 - filled, filled)
            filled = wanted // 2
            sealer = Sealer(ledger, keys, file, alone=True)
            size = ledger.head().position
            before = sealer.check().size
            seconds = timed(lambda sealer=sealer: all(iter(sealer.step, 0)))  # type: ignore[misc]
            show(f"sealing {size - before} events", f"{(size - before) / seconds:,.0f} events/s")
            started = time.perf_counter()
            report = verify(DatabaseCopy(ledger, ORIGIN, file), keys.own)
            rate = report.events / (time.perf_counter() - started)
            assert report.ok, report
            met = met and rate >= EVENTS_MARK
            show(
                f"verifying {report.events} events",
                f"{rate:,.0f} events/s, {resident_bytes() / 2**20:.0f} MiB resident",
            )
        ledger.close()
    show("verified per second", f"target {EVENTS_MARK:,}: {'met' if met else 'MISSED'}")
    return met


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def resident_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    print(f"What sealing costs ({machine_line()})")
    met = cost(options.rounds, options.requests) if options.rounds else True
    print("The sealed log alone, on SQLite")
    return 0 if checked(options.events) and met else 1


if __name__ == "__main__":
    sys.exit(main())
