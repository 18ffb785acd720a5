"""CPU per upstream call: httpx's default transport compared with ours, through AsyncClient and called directly.

Rule: one run, one server in another process, interleaved rounds. A figure is the median of its rounds, and the CPU is this
process's own, so the server's work is not included.

Run from the project's root:  python -m ops.bench.transport [--rounds 9] [--calls 200] [--streams 40]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import httpx
import trio

from app.upstream.base import UpstreamCall
from app.upstream.http import HttpUpstream, UpstreamTimeouts
from app.upstream.http1.transport import AnswerStream, TrioTransport

CHUNKS = 50
BODIES = {
    False: b'{"model":"m","messages":[{"role":"user","content":"Hello"}]}',
    True: b'{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]}',
}
TIMEOUTS = {"timeout": {"connect": 60.0, "read": 60.0, "write": 60.0, "pool": 60.0}}
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-bench"}

Call = Callable[[bool], Awaitable[int]]
"""Makes one call, streaming or not, and returns the number of body bytes received."""


def through_client(client: httpx.AsyncClient, url: str) -> Call:
    async def call(stream: bool) -> int:
        async with client.stream("POST", url, content=BODIES[stream], headers=HEADERS) as response:
            return sum([len(data) async for data in response.aiter_raw()])

    return call


def through_transport(transport: TrioTransport, url: str) -> Call:
    parsed = httpx.URL(url)
    headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def call(stream: bool) -> int:
        request = httpx.Request(
            "POST", parsed, headers=headers, stream=httpx.ByteStream(BODIES[stream]), extensions=TIMEOUTS
        )
        response = await transport.handle_async_request(request)
        body = response.stream
        assert isinstance(body, AnswerStream)
        size = 0
        while data := await body.receive():
            size += len(data)
        return size

    return call


def through_upstream(upstream: HttpUpstream) -> Call:
    async def call(stream: bool) -> int:
        answer = await upstream.open(UpstreamCall("chat", BODIES[stream], stream, "req_bench"))
        size = 0
        while data := await answer.receive():
            size += len(data)
        return size

    return call


async def measure(call: Call, stream: bool, calls: int, width: int) -> float:
    """CPU milliseconds per call, `width` calls at a time."""

    async def worker() -> None:
        for _ in range(calls // width):
            if not await call(stream):
                raise SystemExit("The server sent nothing.")

    began = time.process_time()
    async with trio.open_nursery() as nursery:
        for _ in range(width):
            nursery.start_soon(worker)
    return (time.process_time() - began) * 1000 / (calls // width * width)


async def run(port: int, rounds: int, calls: int, streams: int, width: int) -> None:
    base = f"http://127.0.0.1:{port}/v1"
    url = f"{base}/chat/completions"
    ours = TrioTransport()
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=200)
    async with (
        httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as default_client,
        httpx.AsyncClient(trust_env=False, timeout=60, transport=ours) as client,
    ):
        ways = {
            "httpx default transport": through_client(default_client, url),
            "ours through AsyncClient": through_client(client, url),
            "ours called directly": through_transport(ours, url),
            "HttpUpstream": through_upstream(HttpUpstream("bench", base, "sk-bench", transport=ours)),
            "... its caller keeping time": through_upstream(
                HttpUpstream("bench", base, "sk-bench", transport=ours, timeouts=UpstreamTimeouts(idle=None))
            ),
        }
        figures: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ways}
        for call in ways.values():
            await measure(call, False, width * 4, width)
        for _ in range(rounds):
            for name, call in ways.items():
                figures[name][0].append(await measure(call, False, calls, width))
                figures[name][1].append(await measure(call, True, streams, width))
    report(figures, rounds, width)


def report(figures: dict[str, tuple[list[float], list[float]]], rounds: int, width: int) -> None:
    print(f"CPU ms of the client, median (minimum) of {rounds} interleaved rounds, {width} calls at a time")
    print(f"{'':28}{'plain call':>18}{f'{CHUNKS}-chunk stream':>20}{'per chunk':>10}")
    for name, (plain, stream) in figures.items():
        per_chunk = (statistics.median(stream) - statistics.median(plain)) / CHUNKS
        print(
            f"{name:28}{statistics.median(plain):10.3f} ({min(plain):.3f})"
            f"{statistics.median(stream):12.3f} ({min(stream):.3f}){per_chunk:10.4f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=200, help="plain calls per round")
    parser.add_argument("--streams", type=int, default=40, help="streams per round")
    parser.add_argument("--width", type=int, default=4, help="calls at a time")
    parser.add_argument(
        "--delay", type=float, default=0.0005, help="seconds before each chunk, so that each arrives separately"
    )
    options = parser.parse_args()
    config = f'{{"chunks": {CHUNKS}, "delay": {options.delay}}}'
    command = [sys.executable, "-m", "tests.fakes.scripted_upstream", config]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            trio.run(run, port, options.rounds, options.calls, options.streams, options.width)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
