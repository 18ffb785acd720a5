"""Responses as the writer produces them from events, checked against the grammar and OpenAI's own types."""

from __future__ import annotations

import json
from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from app.wire.answer import (
    AnswerEvent,
)
from app.wire.relay import DONE
from app.wire.responses.answer_writer import ResponsesAnswerWriter
from app.wire.splice import members
from tests.support.wire import responses_grammar as grammar

Json = dict[str, Any]


SEED = "0123456789abcdef0123456789abcdef"


_event: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


_response: TypeAdapter[Response] = TypeAdapter(Response)


def writer(request: Json | None = None, *, stream: bool = True) -> ResponsesAnswerWriter:
    fields = members.decode(json.dumps(request or {}))
    return ResponsesAnswerWriter(seed=SEED, model="gpt-5.4-mini", created=1_790_000_000, fields=fields, stream=stream)


def streamed(events: list[AnswerEvent], request: Json | None = None) -> bytes:
    wrote = writer(request)
    return b"".join(map(wrote.write, events)) + DONE


def plain(events: list[AnswerEvent], request: Json | None = None) -> Json:
    wrote = writer(request, stream=False)
    *before, last = map(wrote.write, events)
    assert not any(before)
    result: Json = json.loads(last)
    return result


def kinds(stream: bytes) -> list[str]:
    return [event["type"].removeprefix("response.") for event in grammar.events(stream)]


def check(events: list[AnswerEvent], request: Json | None = None) -> Json:
    """The grammar, OpenAI's types, and that a stream's last word is the plain answer."""
    stream = streamed(events, request)
    for event in grammar.events(stream):
        _event.validate_json(json.dumps(event), strict=True)
    final = grammar.check(stream)
    _response.validate_json(json.dumps(final), strict=True)
    assert final == plain(events, request)
    return final
