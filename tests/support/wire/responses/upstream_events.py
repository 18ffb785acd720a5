"""Short forms for the events of a Responses upstream, and for reading them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from app.wire.answer import AnswerBegun, AnswerEnded, AnswerEvent, ChoiceFinished
from app.wire.canonical import CanonicalRequest, Target
from app.wire.responses.answer_reader import ResponsesAnswerReader
from tests.support.wire.streams import response

Json = dict[str, Any]


def reader() -> ResponsesAnswerReader:
    return ResponsesAnswerReader(CanonicalRequest("chat", "m", ()), Target("up", "vendor-model", 100))


def events_of(*events: Json | str) -> list[AnswerEvent]:
    read = reader()
    frames = [event if isinstance(event, str) else json.dumps(event) for event in events]
    found = [event for frame in frames for event in read.frame("", frame.encode())]
    assert read.end() == []
    assert read.continuation() is None
    return found


def of(name: str, **more: Any) -> Json:
    return {"type": f"response.{name}", **more}


CREATED = of("created", response=response())


def completed(*output: Json, **more: Any) -> Json:
    return of("completed", response=response("completed", output=list(output), **more))


def within(*events: Json, output: Iterable[Json] = ()) -> list[AnswerEvent]:
    """What the events say between Began and the end."""
    found = events_of(CREATED, *events, completed(*output))
    assert found[0] == AnswerBegun("resp_1", "vendor-model-2025", None)
    assert isinstance(found[-2], ChoiceFinished)
    assert isinstance(found[-1], AnswerEnded)
    return found[1:-2]


def added(at: int, **item: Any) -> Json:
    return of("output_item.added", output_index=at, item=item)


def done(at: int, **item: Any) -> Json:
    return of("output_item.done", output_index=at, item=item)


def text_part(text: str, *annotations: Json, logprobs: Any = ()) -> Json:
    return {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": list(logprobs)}


def message(*content: Json, **more: Any) -> Json:
    return {"type": "message", "id": "msg_1", "status": "completed", "content": list(content), **more}


def delta(text: str, *, at: int = 0, part: int = 0, **more: Any) -> Json:
    place = {"output_index": at, "item_id": f"msg_{at + 1}", "content_index": part}
    return of("output_text.delta", delta=text, **place, **more)


def cited(start: int, end: int, url: str = "https://a", **more: Any) -> Json:
    return {"type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": "A", **more}
