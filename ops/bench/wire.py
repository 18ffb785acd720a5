"""Microseconds per stream frame of pass-throughs and translations, compared with re-encoding each frame with the json module.

.venv/bin/python -m ops.bench.wire [--frames N]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from app.wire.canonical import CanonicalRequest, Message, Target, Text
from app.wire.chat.passthrough import ChatStreamRelay
from app.wire.dialects import Dialect, translation_relay
from app.wire.exchange import Endpoint, Relay
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


def anthropic_frames(count: int) -> list[bytes]:
    start = (
        (
            b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant",'
            b'"model":"claude-sonnet-4-5","content":[],"usage":{"input_tokens":12,"output_tokens":1}}}\n\n'
        ),
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
    )
    delta = (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
        b'{"type":"text_delta","text":" word%d"}}\n\n'
    )
    return [*start, *(delta % index for index in range(count - len(start)))]


def gemini_frames(count: int) -> list[bytes]:
    chunk = (
        b'data: {"candidates":[{"content":{"parts":[{"text":" word%d"}],"role":"model"},"index":0}],"usageMetadata":'
        b'{"promptTokenCount":12,"candidatesTokenCount":%d,"totalTokenCount":512},"modelVersion":"gemini-2.5-flash",'
        b'"responseId":"x0nUaYPQ"}\n\n'
    )
    return [chunk % (index, index) for index in range(count)]


def relayed(frames: list[bytes], make: Callable[[], Relay], frames_per_read: int) -> float:
    """Seconds for all frames, the best of ROUNDS rounds."""
    reads = [b"".join(frames[start : start + frames_per_read]) for start in range(0, len(frames), frames_per_read)]
    best = float("inf")
    for _ in range(ROUNDS):
        relay = make()
        begun = time.perf_counter()
        for read in reads:
            relay.feed(read)
        best = min(best, time.perf_counter() - begun)
        assert relay.delivered.output_bytes > len(frames)
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

    print(
        f"{'upstream -> client':<24}{'one frame per read':>20}{'ten frames per read':>20}{'json re-encoding':>20}   us per frame"
    )
    for name, frames, make in (
        ("chat", chat_frames(count), lambda: ChatStreamRelay(model="public", include_usage=False, choices=1)),
        ("responses", responses_frames(count), lambda: ResponsesStreamRelay(model="public", upstream="openai")),
        ("anthropic -> responses", anthropic_frames(count), lambda: translation("anthropic", "responses")),
        ("anthropic -> chat", anthropic_frames(count), lambda: translation("anthropic", "chat")),
        ("gemini -> responses", gemini_frames(count), lambda: translation("gemini", "responses")),
        ("chat -> responses", chat_frames(count), lambda: translation("chat", "responses")),
        ("responses -> chat", responses_frames(count), lambda: translation("responses", "chat")),
    ):
        figures = relayed(frames, make, 1), relayed(frames, make, 10), reencoded(frames)
        print(f"{name:<24}" + "".join(f"{seconds / count * 1e6:>20.2f}" for seconds in figures))


def translation(dialect: Dialect, endpoint: Endpoint) -> Relay:
    """Translates a stream of `dialect` for a client of `endpoint`."""
    ask = CanonicalRequest(
        endpoint=endpoint, model="public", items=(Message("user", (Text("Say something."),)),), stream=True
    )
    target = Target(upstream="vendor", model="vendor-model", max_output_tokens=4096)
    return translation_relay(ask, dialect, target, model="public", seed="0" * 32, created=1_770_000_000, fields={})


if __name__ == "__main__":
    main()
