"""Helpers to call the simulator in a test: open, read to the end, close."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from app.upstream.base import UpstreamCall
from app.upstream.simulator import SimulatorUpstream
from app.wire.exchange import Endpoint

Json = dict[str, Any]


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    received: list[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.received)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def chunks(self) -> list[Json]:
        """The chunks of a chat stream, whose `[DONE]` is checked and left out."""
        frames = self.body.decode().split("\n\n")
        assert frames[-2:] == ["data: [DONE]", ""]
        return [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]


def call(endpoint: Endpoint, body: Json | bytes, request_id: str = "req-1") -> UpstreamCall:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return UpstreamCall(endpoint, data, isinstance(body, dict) and bool(body.get("stream")), request_id)


async def send(endpoint: Endpoint, body: Json | bytes, upstream: SimulatorUpstream | None = None) -> Got:
    upstream = upstream or SimulatorUpstream("sim", pace_seconds=0, now=lambda: 1_790_000_000)
    answer = await upstream.open(call(endpoint, body))
    try:
        received = []
        while data := await answer.receive():
            received.append(data)
        return Got(answer.status, dict(answer.headers), received)
    finally:
        await answer.aclose()


def responses(prompt: Any = "Say something about ledgers.", /, **more: Any) -> Json:
    return {"model": "gpt-5.4-mini", "input": prompt, **more}


def chat(prompt: Any = "Say something about ledgers.", /, **more: Any) -> Json:
    messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    return {"model": "gpt-5.4-mini", "messages": messages, **more}


def with_directives(directives: str) -> Json:
    return {"metadata": {"simulator": directives}}


WEATHER: Json = {
    "type": "function",
    "name": "get_weather",
    "description": "Get current weather for a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
CHAT_WEATHER: Json = {"type": "function", "function": {key: WEATHER[key] for key in WEATHER if key != "type"}}
