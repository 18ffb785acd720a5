"""The memory of an open stream: 1,000 of them in one gateway process, compared with the bare relays.

Each stream is a real client connection, a real upstream connection, and an upstream that falls silent after a few frames.
The figure is (resident with all open - resident before) / count, after a warm-up of a few streams and requests, which loads
everything that is loaded once. Then all clients leave and as many connect again: any growth in between would be a leak.

    python -m ops.bench.streams [--streams 1000]
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

from ops.bench._common import machine_line, show
from ops.bench._processes import Server, gateway, running, upstream

MARK_BYTES = 150_000
WARM_UP = 20
FRAMES = 10
"""The upstream falls silent after this many."""


def measure(server: Server, streams: int) -> tuple[float, float]:
    """Returns the resident bytes per open stream, and how many more each needs the second time."""
    server.load(connections=WARM_UP, requests=WARM_UP * 5)
    with server.held_streams(WARM_UP, FRAMES):
        pass
    before = server.resident_bytes()
    peaks = []
    for _ in range(2):
        with server.held_streams(streams, FRAMES):
            peaks.append(server.resident_bytes())
    return (peaks[0] - before) / streams, (peaks[1] - peaks[0]) / streams


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    streams = parser.parse_args().streams
    print(f"streams ({machine_line()}), {streams:,} open in one process")
    with ExitStack() as stack:
        vendor = stack.enter_context(upstream(chunks=50, stall_after=FRAMES))
        servers = {
            "bare relay, stock": stack.enter_context(running("ops.bench.baseline_relay", "stock", str(vendor.port))),
            "bare relay, our parts": stack.enter_context(running("ops.bench.baseline_relay", "ours", str(vendor.port))),
            "gateway": stack.enter_context(gateway(vendor.port)),
        }
        used = 0.0
        for name, server in servers.items():
            used, grown = measure(server, streams)
            show(name, f"{used / 1000:.1f} kB each; the second time {grown / 1000:+.1f} kB")
    met = used <= MARK_BYTES
    show("gateway, target 150 kB each", "met" if met else "MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
