"""The same question on both endpoints, plain and streamed, and what a client reads of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.events import RequestDebited
from tests.support.gateway.gateway import Gateway, frames
from tests.support.upstream.vendors import SOLD
from tests.support.wire.responses_grammar import check

PATHS = ("responses", "chat/completions")
Json = dict[str, Any]


def ask(path: str, text: str = "What does the note say?", **more: Any) -> Json:
    if path == "responses":
        return {"model": SOLD, "input": text, **more}
    return {"model": SOLD, "messages": [{"role": "user", "content": text}], **more}


@dataclass(frozen=True)
class Told:
    """What a client reads of an answer, plain or streamed: the text, the usage, and the final object of Responses."""

    text: str
    usage: Json
    whole: Json


async def asked(gateway: Gateway, path: str, body: Json, *, stream: bool) -> Told:
    if not stream:
        answer = await gateway.post(path, body)
        assert answer.status_code == 200, answer.text
        return _told(path, answer.json())
    options = {} if path == "responses" else {"stream_options": {"include_usage": True}}
    answer = await gateway.post(path, {**body, "stream": True, **options})
    assert answer.status_code == 200, answer.text
    assert answer.content.endswith(b"data: [DONE]\n\n")
    if path == "responses":
        check(answer.content)
    return _streamed(path, frames(answer.content))


def _told(path: str, body: Json) -> Told:
    if path == "responses":
        parts = [part for item in body["output"] if item["type"] == "message" for part in item["content"]]
        return Told("".join(part["text"] for part in parts), body["usage"], body)
    return Told(body["choices"][0]["message"]["content"] or "", body["usage"], body)


def _streamed(path: str, told: list[Json]) -> Told:
    if path == "responses":
        deltas = "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta")
        assert told[-1]["type"] == "response.completed"
        final = _told(path, told[-1]["response"])
        assert final.text == deltas
        return final
    deltas = "".join(choice["delta"].get("content") or "" for chunk in told for choice in chunk["choices"])
    assert told[-1]["choices"] == []
    return Told(deltas, told[-1]["usage"], {})


async def debits(gateway: Gateway) -> list[RequestDebited]:
    settled = await gateway.settled()
    found = [event for event in settled if isinstance(event, RequestDebited)]
    assert len(found) == len(settled)
    return found
