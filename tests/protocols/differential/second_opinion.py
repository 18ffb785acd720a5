"""Reads a vendor's answer with lm15, an independent codec library, through its public adapters and a scripted transport."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

import lm15
from lm15.testing import FakeResponse, FakeTransport

from tests.protocols.translated.expected import Call, Dialect

ADAPTERS: Final[dict[Dialect, Any]] = {
    "responses": lm15.OpenAILM,
    "chat": lm15.OpenAIChatLM,
    "anthropic": lm15.AnthropicLM,
    "gemini": lm15.GeminiLM,
}
FINISHES: Final = {"stop": "stop", "length": "length", "tool_call": "tool_calls", "content_filter": "content_filter"}
ASKED: Final = lm15.Request(model="vendor-model", messages=(lm15.Message.user("Go on."),))


@dataclass(frozen=True, slots=True)
class Opinion:
    """What lm15 understands. `broken` is the name of the error that it raises instead."""

    text: str = ""
    refusal: str = ""
    thought: str = ""
    calls: tuple[Call, ...] = ()
    finish: str = ""
    broken: str | None = None


def of_stream(dialect: Dialect, data: bytes) -> Opinion:
    lines = [line + b"\n" for line in data.split(b"\n")]
    return _opinion(
        dialect, FakeResponse(200, data, headers=[("content-type", "text/event-stream")], chunks=lines), "stream"
    )


def of_body(dialect: Dialect, body: bytes, *, status: int = 200) -> Opinion:
    return _opinion(dialect, FakeResponse(status, body), "plain")


def _opinion(dialect: Dialect, answer: FakeResponse, kind: Literal["stream", "plain"]) -> Opinion:
    adapter = ADAPTERS[dialect](api_key="key", transport=FakeTransport([answer]))
    try:
        streams = kind == "stream"
        response = lm15.materialize_response(adapter.stream(ASKED), ASKED) if streams else adapter.complete(ASKED)
    except (lm15.LM15Error, ValueError, TypeError, AttributeError) as error:
        return Opinion(broken=type(error).__name__)
    return _understood(response)


def _understood(response: lm15.Response) -> Opinion:
    texts: dict[str, list[str]] = {"text": [], "refusal": [], "thinking": []}
    calls = []
    for part in response.message.parts:
        if isinstance(part, lm15.TextPart | lm15.RefusalPart | lm15.ThinkingPart):
            texts[part.type].append(part.text)
        elif isinstance(part, lm15.ToolCallPart):
            calls.append(Call(part.id, part.name, json.dumps(part.input)))
    return Opinion(
        text="".join(texts["text"]),
        refusal="".join(texts["refusal"]),
        thought="".join(texts["thinking"]),
        calls=tuple(calls),
        finish=FINISHES.get(response.finish_reason, response.finish_reason),
    )
