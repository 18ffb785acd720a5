"""Chat completions as the writer produces them from events."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from app.wire.answer import (
    AnswerEnded,
    AnswerEvent,
    ChoiceFinished,
)
from app.wire.chat.answer_writer import ChatAnswerWriter
from app.wire.splice import Members
from domain.usage import Usage
from tests.support.wire.streams import payloads

SEED = "0123456789abcdef0123456789abcdef"
USAGE = Usage(
    input=10, cached_input=5, cache_write=2, cache_write_1h=1, output=7, reasoning=3, image_input=4, image_output=6
)
FUNCTIONS = {"functions": [{"name": "f"}, {"name": "g"}]}
INCLUDE = {"stream_options": {"include_usage": True}}
SILENT_ROLE = {"role": "assistant", "content": None, "refusal": None}


def writer(*, stream: bool, **fields: Any) -> ChatAnswerWriter:
    members: Members = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
    return ChatAnswerWriter(seed=SEED, model="public", created=5, fields=members, stream=stream)


def streamed(*events: AnswerEvent, **fields: Any) -> list[dict[str, Any]]:
    """The chunks, each of them valid in the eyes of OpenAI's client."""
    one = writer(stream=True, **fields)
    chunks = payloads(b"".join(one.write(event) for event in events))
    for result in chunks:
        if not _holds_custom(result):
            ChatCompletionChunk.model_validate(result, strict=True)
        assert (result["id"], result["object"], result["created"]) == (one.response_id, "chat.completion.chunk", 5)
        assert (result["model"], "system_fingerprint" in result) == ("public", False)
    return chunks


def _holds_custom(raw: dict[str, Any]) -> bool:
    """openai-python's type of a call's delta knows functions only; its stream helper takes custom ones."""
    return any(
        call.get("type") == "custom" for choice in raw["choices"] for call in choice["delta"].get("tool_calls", ())
    )


def plain(*events: AnswerEvent, **fields: Any) -> dict[str, Any]:
    one = writer(stream=False, **fields)
    pieces = [one.write(event) for event in events]
    assert pieces[:-1] == [b""] * (len(pieces) - 1)
    body: dict[str, Any] = json.loads(pieces[-1])
    ChatCompletion.model_validate(body, strict=True)
    return body


def deltas(chunks: list[dict[str, Any]]) -> list[Any]:
    """What the only choice says, chunk by chunk: its delta, or why it is finished."""
    return [choice["finish_reason"] or choice["delta"] for entry in chunks for choice in entry["choices"]]


def message(*events: AnswerEvent, **fields: Any) -> dict[str, Any]:
    result: dict[str, Any] = plain(*events, ChoiceFinished("stop"), AnswerEnded(), **fields)["choices"][0]["message"]
    return result
