"""Requests and stream chunks per CPU-second: the gateway, which bills, compared with bare relays that do not.

There are three servers, each a separate process in front of one scripted upstream: `stock` (hypercorn + quart-trio + httpx), `ours`
(the same relay on the gateway's edge and transport) and the gateway as in production (SQLite with synchronous=FULL on disk,
projections, metrics, a log). Rounds are interleaved, and a figure is the median over the rounds. CPU is the user and system time of
all threads of the server's process. The upstream sends each frame separately, with a pause, so that reads are not merged; the
output shows what the client saw of that. A second pass, with a meter inside, shows where the gateway's CPU time goes.

    python -m ops.bench.gateway [--rounds 5] [--requests 400] [--streams 96] [--endpoint responses|chat]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field

from ops.bench._common import machine_line, show
from ops.bench._processes import Server, gateway, running, upstream
from ops.bench.load import Tally

CONNECTIONS = 16
CHUNKS = 50
CHUNK_DELAY_SECONDS = 0.008
"""With 16 streams this is 2,000 chunks/s: less than one core of the slower server can do, so that each chunk is a separate read."""
REQUESTS_MARK, CHUNKS_MARK = 1.10, 0.90
STOCK, OURS, GATEWAY = "bare relay, stock", "bare relay, our parts", "gateway"
NAMES = (STOCK, OURS, GATEWAY)


@dataclass
class Figures:
    """One server's CPU seconds per answer, one value per round, and what its client saw."""

    plain: list[float] = field(default_factory=list)
    streamed: list[float] = field(default_factory=list)
    seen: Tally = field(default_factory=Tally)

    @property
    def request(self) -> float:
        return statistics.median(self.plain)

    @property
    def stream(self) -> float:
        return statistics.median(self.streamed)

    @property
    def chunk(self) -> float:
        return (self.stream - self.request) / (self.seen.frames / self.seen.answers)


def measure(server: Server, count: int, *, endpoint: str, stream: bool) -> tuple[float, Tally]:
    """Returns the CPU seconds per answer, and what the client saw."""
    before = server.cpu_seconds()
    tally = server.load(connections=CONNECTIONS, requests=count, endpoint=endpoint, stream=stream)
    return (server.cpu_seconds() - before) / count, tally


def compare(servers: dict[str, Server], options: argparse.Namespace) -> dict[str, Figures]:
    """Run all rounds, interleaved."""
    figures = {name: Figures() for name in servers}
    for server in servers.values():
        measure(server, 5 * CONNECTIONS, endpoint=options.endpoint, stream=False)
        measure(server, 2 * CONNECTIONS, endpoint=options.endpoint, stream=True)
    for _ in range(options.rounds):
        for name, server in servers.items():
            cpu, _ = measure(server, options.requests, endpoint=options.endpoint, stream=False)
            figures[name].plain.append(cpu)
        for name, server in servers.items():
            cpu, figures[name].seen = measure(server, options.streams, endpoint=options.endpoint, stream=True)
            figures[name].streamed.append(cpu)
    return figures


def report(figures: dict[str, Figures]) -> bool:
    """Print the comparison. Returns whether both targets are met."""
    print("CPU of the server process, median (minimum to maximum) of rounds")
    for name, figure in figures.items():
        show(f"{name}: plain request", f"{_spread(figure.plain)}  {1 / figure.request:6.0f}/CPU-s")
        chunks = figure.seen.frames / figure.seen.answers
        show(f"{name}: stream", f"{_spread(figure.streamed)}  {chunks / figure.stream:6.0f} chunks/CPU-s")
    print("How the chunks arrived at the client, per stream")
    for name, figure in figures.items():
        seen, count = figure.seen, figure.seen.answers
        show(
            name,
            f"{seen.frames / count:.1f} frames in {seen.http_chunks / count:.1f} HTTP chunks and {seen.reads / count:.1f} reads",
        )
    base, ours, paid = (figures[name] for name in NAMES)
    print("What billing adds, compared with the relay on our parts")
    show("per plain request", f"{(paid.request - ours.request) * 1e3:.3f} ms on {ours.request * 1e3:.3f} ms")
    show("per stream", f"{(paid.stream - ours.stream) * 1e3:.3f} ms on {ours.stream * 1e3:.3f} ms")
    requests, chunks = base.request / paid.request, base.stream / paid.stream
    requests_met, chunks_met = requests >= REQUESTS_MARK, chunks >= CHUNKS_MARK
    print("Compared with the stock relay")
    show("requests per CPU-second", f"{requests:.0%}, target {REQUESTS_MARK:.0%}: {_word(requests_met)}")
    show("stream chunks per CPU-second", f"{chunks:.0%}, target {CHUNKS_MARK:.0%}: {_word(chunks_met)}")
    return requests_met and chunks_met


def stages(servers: dict[str, Server], options: argparse.Namespace) -> None:
    """Print CPU time by stage, from servers with a meter inside: the relay on our parts, and what billing adds to each stage."""
    columns = {
        (name, stream): seconds
        for stream in (False, True)
        for name, seconds in _stage_seconds(servers, stream, options).items()
    }
    names = sorted(columns[GATEWAY, False], key=lambda name: -columns[GATEWAY, False][name])
    print("CPU by stage in ms, with a meter inside (trust the shares)")
    show("", f"{'plain: relay':>14}{'gateway':>10}{'billing':>10}{'stream: relay':>16}{'gateway':>10}{'billing':>10}")
    for name in names:
        row = []
        for stream in (False, True):
            relay, paid = columns[OURS, stream].get(name, 0.0) * 1e3, columns[GATEWAY, stream].get(name, 0.0) * 1e3
            row.append(f"{relay:{16 if stream else 14}.3f}{paid:10.3f}{paid - relay:+10.3f}")
        show(name, "".join(row))


def _stage_seconds(
    servers: dict[str, Server], stream: bool, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """CPU seconds per answer of each server's stages, over interleaved rounds."""
    for server in servers.values():
        measure(server, 4 * CONNECTIONS, endpoint=options.endpoint, stream=stream)
    before = {name: _metered(server) for name, server in servers.items()}
    count = options.streams if stream else options.requests
    for _ in range(options.rounds):
        for server in servers.values():
            measure(server, count, endpoint=options.endpoint, stream=stream)
    return {
        name: _difference(before[name], _metered(server), count * options.rounds) for name, server in servers.items()
    }


def _difference(before: dict[str, float], after: dict[str, float], count: int) -> dict[str, float]:
    seconds = {stage: (value - before.get(stage, 0.0)) / count for stage, value in after.items()}
    whole = seconds.pop("process")
    return {"whole process": whole, **seconds, "thread switches and the rest": whole - sum(seconds.values())}


def _metered(server: Server) -> dict[str, float]:
    os.kill(server.process.pid, signal.SIGUSR1)
    figures: dict[str, float] = json.loads(server.line())
    return figures


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values) * 1e3:7.3f} ms ({min(values) * 1e3:.3f} to {max(values) * 1e3:.3f})"


def _word(met: bool) -> str:
    return "met" if met else "MISSED"


def serve(config: str, *, metered: bool) -> None:
    """Run the gateway as `realrouter serve` does, with its log in a file. Prints its port."""
    from app.cli.serve import serve_sockets
    from app.edge.server import open_sockets
    from app.settings import load
    from app.telemetry import logs
    from ops.bench._stages import gateway_meter

    settings, meter = load(config), gateway_meter() if metered else None

    def ready(ports: list[int]) -> None:
        if meter is not None:
            meter.start()
        print(ports[0], flush=True)

    with tempfile.TemporaryFile("w") as log:
        logs.configure(log)
        serve_sockets(settings, open_sockets(settings.server.bind), on_ready=ready)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=400, help="plain requests per round")
    parser.add_argument("--streams", type=int, default=96, help="streams per round")
    parser.add_argument("--endpoint", choices=["responses", "chat"], default="responses")
    parser.add_argument("--serve", metavar="CONFIG", help=argparse.SUPPRESS)
    parser.add_argument("--meter", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, metered=options.meter)
        return 0
    print(f"gateway ({machine_line()}), {CONNECTIONS} connections, /{options.endpoint}, {CHUNKS}-chunk streams")
    with upstream(chunks=CHUNKS, delay=CHUNK_DELAY_SECONDS) as vendor:
        with ExitStack() as stack:
            servers = {
                STOCK: stack.enter_context(running("ops.bench.baseline_relay", "stock", str(vendor.port))),
                OURS: stack.enter_context(running("ops.bench.baseline_relay", "ours", str(vendor.port))),
                GATEWAY: stack.enter_context(gateway(vendor.port)),
            }
            met = report(compare(servers, options))
        with ExitStack() as stack:
            metered = {
                OURS: stack.enter_context(running("ops.bench.baseline_relay", "ours", str(vendor.port), "--meter")),
                GATEWAY: stack.enter_context(gateway(vendor.port, "--meter")),
            }
            stages(metered, options)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
