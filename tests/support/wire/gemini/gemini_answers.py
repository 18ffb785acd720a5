"""Short forms for Gemini's chunks, and for reading them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.answer import AnswerBegun, AnswerEnded, AnswerEvent
from app.wire.canonical import CanonicalRequest, Target
from app.wire.exchange import AnswerError
from app.wire.gemini.answer_reader import GeminiAnswerReader

TARGET = Target("google", "gemini-3-flash-preview", 512)
ASK = CanonicalRequest("responses", "public", ())


def chunk(*parts: Any, finish: Any = None, index: int | None = None, **members: Any) -> dict[str, Any]:
    """A chunk with one candidate; `members` are the candidate's."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, **members}
    if finish is not None:
        candidate["finishReason"] = finish
    if index is not None:
        candidate["index"] = index
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "m1"}


def streamed(*chunks: Any, request: CanonicalRequest = ASK) -> list[AnswerEvent]:
    reader = GeminiAnswerReader(request, TARGET)
    events = [event for entry in chunks for event in reader.frame("", json.dumps(entry).encode())]
    return events + reader.end()


def plain(body: Any, request: CanonicalRequest = ASK) -> list[AnswerEvent]:
    return GeminiAnswerReader(request, TARGET).whole(json.dumps(body).encode())


def inner(events: list[AnswerEvent]) -> list[AnswerEvent]:
    """Without the beginning and the end, which must be there."""
    assert isinstance(events[0], AnswerBegun)
    assert isinstance(events[-1], AnswerEnded)
    return events[1:-1]


def read(*parts: Any, finish: str = "STOP", **members: Any) -> list[AnswerEvent]:
    """The same parts, each in a chunk of its own."""
    chunks = [chunk(part) for part in parts]
    return inner(streamed(*chunks, chunk(finish=finish, **members)))


def broken(*chunks: Any, request: CanonicalRequest = ASK) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        streamed(*chunks, request=request)
    return caught.value
