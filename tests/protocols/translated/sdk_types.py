"""Validates bytes against openai-python's types: strictly, in JSON mode, and without members that the types do not know."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator, Set
from typing import Any, Final

import pydantic
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

KNOWN_BESIDE: Final = frozenset(
    {
        # Chat, documented for clients: what vendors and their SDKs have agreed on, where OpenAI has no place for it.
        "ChoiceDelta.reasoning_content",
        "ChoiceDelta.annotations",
        "ChoiceDelta.images",
        "ChoiceDeltaToolCall.extra_content",
        "ChatCompletionMessage.reasoning_content",
        "ChatCompletionMessage.images",
        "ChatCompletionMessageFunctionToolCall.extra_content",
        # Responses: members that OpenAI sends, and that strict clients want, though these types leave them out.
        "Response.frequency_penalty",
        "Response.presence_penalty",
        "Response.store",
        "ResponseCustomToolCall.status",
        "Logprob.bytes",
        "LogprobTopLogprob.bytes",
        "ImageGenerationCall.background",
        "ImageGenerationCall.output_format",
        "ImageGenerationCall.quality",
        "ImageGenerationCall.revised_prompt",
        "ImageGenerationCall.size",
        "ResponseImageGenCallPartialImageEvent.background",
        "ResponseImageGenCallPartialImageEvent.output_format",
        "ResponseImageGenCallPartialImageEvent.quality",
        "ResponseImageGenCallPartialImageEvent.size",
    }
)


def _event_types() -> dict[str, pydantic.TypeAdapter[Any]]:
    """One type per kind of event: the union alone would blame all sixty of them for one wrong member."""
    union, *_ = typing.get_args(ResponseStreamEvent)
    found = {}
    for model in typing.get_args(union):
        for kind in typing.get_args(model.model_fields["type"].annotation):
            found[kind] = pydantic.TypeAdapter(model)
    return found


EVENTS: Final = _event_types()


def check_event(data: str) -> None:
    _check(EVENTS[json.loads(data)["type"]].validate_json(data, strict=True))


def check_response(data: bytes) -> None:
    _check(Response.model_validate_json(data, strict=True))


def check_chunk(data: str) -> None:
    """OpenAI streams calls of custom tools too; only its types of a chunk do not know them."""
    custom = '"custom":{' in data
    chunk = ChatCompletionChunk.model_validate_json(
        data.replace('"type":"custom"', '"type":"function"') if custom else data, strict=True
    )
    _check(chunk, {"ChoiceDeltaToolCall.custom"} if custom else set())


def check_completion(data: bytes) -> None:
    _check(ChatCompletion.model_validate_json(data, strict=True))


def _check(value: Any, known: Set[str] = frozenset()) -> None:
    unknown = set(_extras(value)) - KNOWN_BESIDE - known
    assert not unknown, f"members that the types do not know: {sorted(unknown)}"


def _extras(value: Any) -> Iterator[str]:
    """Type and name of every member that was only let in because the types take anything."""
    if isinstance(value, pydantic.BaseModel):
        yield from (f"{type(value).__name__}.{name}" for name in value.model_extra or ())
        for name in value.model_fields_set:
            yield from _extras(getattr(value, name, None))
    elif isinstance(value, list):
        for each in value:
            yield from _extras(each)
