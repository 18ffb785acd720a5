"""CPU per request and per streamed chunk: the edge compared with plain hypercorn + quart-trio, interleaved in one run.

    python -m ops.bench.edge [--rounds 5] [--requests 2000] [--streams 400]

Each server is a separate process with the same trivial handlers. CPU is the user and system time of that process, so the
client, which runs here, does not count. Trust the ratio.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CONNECTIONS = 16
STREAM_CHUNKS = 50
CHUNK = b'data: {"type":"response.output_text.delta","delta":"hello"}\n\n'
BODY = b'{"model":"gpt-5.4-mini","input":"' + b"x" * 1000 + b'"}'
HEAD = (
    b"POST /v1/%b HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer sk-rr-0000000000000000\r\n"
    b"content-type: application/json\r\naccept: application/json\r\naccept-encoding: gzip, deflate\r\n"
    b"user-agent: OpenAI/Python 3.54.0\r\nx-stainless-lang: python\r\nx-stainless-os: Linux\r\n"
    b"x-stainless-arch: x64\r\nx-stainless-runtime: CPython\r\nx-stainless-async: false\r\nconnection: keep-alive\r\n"
    b"content-length: %d\r\n\r\n"
)


def add_routes(app: Any, read: Any, stream: Any) -> None:
    async def plain() -> Any:
        return app.response_class(await read(), content_type="application/json")

    async def streamed() -> Any:
        await read()
        return stream(parts())

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(STREAM_CHUNKS):
            await trio_checkpoint()
            yield CHUNK

    from trio.lowlevel import checkpoint as trio_checkpoint

    app.add_url_rule("/v1/plain", view_func=plain, methods=["POST"])
    app.add_url_rule("/v1/stream", view_func=streamed, methods=["POST"])


def serve_plain() -> None:
    import trio
    from hypercorn.config import Config
    from hypercorn.trio import serve
    from quart import request
    from quart_trio import QuartTrio

    app = QuartTrio("plain")
    app.config["RESPONSE_TIMEOUT"] = None

    async def read() -> Any:
        return await request.get_data()

    add_routes(app, read, lambda parts: app.response_class(parts, mimetype="text/event-stream"))
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            (url,) = await nursery.start(serve, app, config)
            print(url.rsplit(":", 1)[1], flush=True)

    trio.run(main)


def serve_edge() -> None:
    import trio
    from quart import request

    from app.edge.application import make_app, stream_response
    from app.edge.body import BodyBudget, read_body, reserve_for
    from app.edge.server import serve

    app = make_app()
    budget = BodyBudget()
    add_routes(app, lambda: read_body(request, 1 << 20, reserve_for(request, budget), json=True), stream_response)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            ports = await nursery.start(
                lambda task_status: serve(app, bind=["127.0.0.1:0"], shutdown=trio.Event(), task_status=task_status)
            )
            print(ports[0], flush=True)

    trio.run(main)


class Process:
    """One server and its CPU time."""

    def __init__(self, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ops.bench.edge", "--serve", name], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(self, path: bytes, count: int) -> float:
        """CPU seconds per request, over `count` requests on CONNECTIONS connections."""
        before = self.cpu_seconds()
        threads = [
            threading.Thread(target=drive, args=(self.port, path, count // CONNECTIONS)) for _ in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (self.cpu_seconds() - before) / (count // CONNECTIONS * CONNECTIONS)


def drive(port: int, path: bytes, count: int) -> None:
    request = HEAD % (path, len(BODY)) + BODY
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            client.sendall(request)
            answer = b""
            while not (answer.endswith(b"0\r\n\r\n") if path == b"stream" else answer.endswith(BODY)):
                part = client.recv(65536)
                assert part, "the server closed early"
                answer = (answer + part)[-4096:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", choices=["plain", "edge"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--streams", type=int, default=400)
    args = parser.parse_args()
    if args.serve:
        (serve_plain if args.serve == "plain" else serve_edge)()
        return
    servers = {name: Process(name) for name in ("plain", "edge")}
    figures: dict[tuple[str, str], list[float]] = {}
    started = time.monotonic()
    try:
        for server in servers.values():
            server.measure(b"plain", 200)
        for _ in range(args.rounds):
            for name, server in servers.items():
                figures.setdefault((name, "request"), []).append(server.measure(b"plain", args.requests))
            for name, server in servers.items():
                figures.setdefault((name, "stream"), []).append(server.measure(b"stream", args.streams))
    finally:
        for server in servers.values():
            server.process.kill()
            server.process.wait()
    report(figures, time.monotonic() - started)


def report(figures: dict[tuple[str, str], list[float]], seconds: float) -> None:
    print(f"CPU of the server process, median of rounds, {CONNECTIONS} connections, {seconds:.0f} s in all")
    for kind, unit in (("request", "plain request, 1 kB"), ("stream", f"stream of {STREAM_CHUNKS} chunks")):
        plain, edge = (statistics.median(figures[name, kind]) for name in ("plain", "edge"))
        print(
            f"  {unit:24} hypercorn {plain * 1e3:6.3f} ms   edge {edge * 1e3:6.3f} ms   {plain / edge:5.2f} x per CPU-second"
        )
    base, ours = (
        (statistics.median(figures[n, "stream"]) - statistics.median(figures[n, "request"])) / STREAM_CHUNKS
        for n in ("plain", "edge")
    )
    print(
        f"  {'streamed chunk':24} hypercorn {base * 1e6:6.1f} us   edge {ours * 1e6:6.1f} us   {base / ours:5.2f} x per CPU-second"
    )


if __name__ == "__main__":
    main()
