"""Microseconds per stream frame of the relays, beside a relay that decodes and encodes each frame with the json module.

.venv/bin/python -m ops.bench.wire [--frames N]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from app.wire.chat.passthrough import ChatStreamRelay
from app.wire.relay import StreamRelay
from app.wire.responses.passthrough import ResponsesStreamRelay

ROUNDS = 5


def chat_frames(count: int) -> list[bytes]:
    chunk = (
        b'data: {"id":"chatcmpl-D8Z5oo6uDh67AD85p73ksdT1KxhE0","object":"chat.completion.chunk","created":1770933892,'
        b'"model":"gpt-4.1-nano-2025-04-14","service_tier":"default","system_fingerprint":"fp_de604bd877","choices":'
        b'[{"index":0,"delta":{"content":" word%d"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"yKFv"}\n\n'
    )
    return [chunk % index for index in range(count)]


def responses_frames(count: int) -> list[bytes]:
    event = (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":%d,"item_id":'
        b'"msg_0cc96ac817fdc57e0069333732","output_index":13,"content_index":0,"delta":" word","logprobs":[],"obfuscation":"X"}\n\n'
    )
    return [event % index for index in range(count)]


def relayed(frames: list[bytes], make: Callable[[], StreamRelay], frames_per_read: int) -> float:
    """Seconds for all frames, the best of ROUNDS."""
    reads = [b"".join(frames[start : start + frames_per_read]) for start in range(0, len(frames), frames_per_read)]
    best = float("inf")
    for _ in range(ROUNDS):
        relay = make()
        begun = time.perf_counter()
        for read in reads:
            relay.feed(read)
        best = min(best, time.perf_counter() - begun)
        assert relay.delivered.frames == len(frames)
    return best


def reencoded(frames: list[bytes]) -> float:
    """The baseline: split by lines, json.loads, set the model, json.dumps."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for frame in frames:
            lines = []
            for line in frame.split(b"\n"):
                if line.startswith(b"data: "):
                    event = json.loads(line[6:])
                    event["model"] = "public"
                    lines.append(b"data: " + json.dumps(event).encode())
                else:
                    lines.append(line)
            b"\n".join(lines)
        best = min(best, time.perf_counter() - begun)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20_000)
    count = parser.parse_args().frames

    def chat() -> StreamRelay:
        return ChatStreamRelay(model="gpt-4.1-nano", include_usage=False, choices=1)

    def responses() -> StreamRelay:
        return ResponsesStreamRelay(model="gpt-5-mini", upstream="openai")

    print(f"{'protocol':<12}{'one frame a read':>20}{'ten frames a read':>20}{'json re-encoding':>20}   us per frame")
    for name, frames, make in (("chat", chat_frames(count), chat), ("responses", responses_frames(count), responses)):
        figures = relayed(frames, make, 1), relayed(frames, make, 10), reencoded(frames)
        print(f"{name:<12}" + "".join(f"{seconds / count * 1e6:>20.2f}" for seconds in figures))


if __name__ == "__main__":
    main()
