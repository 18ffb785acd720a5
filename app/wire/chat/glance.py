"""Recognizes the common chunk of a chat stream, one choice with nothing but text, without decoding the rest of it."""

from __future__ import annotations

from typing import Any

import msgspec


class GlanceDelta(msgspec.Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    annotations: Any = None


class GlanceChoice(msgspec.Struct, gc=False):
    """`index` is -1 if it is absent."""

    index: int = -1
    delta: GlanceDelta | None = None
    finish_reason: Any = None
    logprobs: Any = None
    error: Any = None
    usage: Any = None


class Glance(msgspec.Struct, gc=False):
    """The members of a chunk that judge.py reads, and those that a pass-through may have to repair.

    `error` is None if it is null, and "" if it is absent.
    """

    id: Any = None
    object: Any = None
    model: Any = None
    choices: list[GlanceChoice] | None = None
    usage: Any = None
    service_tier: Any = None
    system_fingerprint: Any = ""
    error: Any = ""
    x_groq: Any = None
    timings: Any = None
    base_resp: Any = None


_decode = msgspec.json.Decoder(Glance).decode


def glance(data: bytes) -> Glance | None:
    """The chunk, or None if it has to be read in full: it is invalid, or it has other members with a value than text."""
    try:
        if not data.isascii():
            data.decode()
        chunk = _decode(data)
    except (ValueError, RecursionError):
        return None
    choices = chunk.choices
    if not choices or len(choices) != 1:
        return None
    choice = choices[0]
    delta = choice.delta
    if (
        delta is None
        or choice.finish_reason is not None
        or chunk.usage is not None
        or choice.usage is not None
        or chunk.x_groq is not None
        or chunk.timings is not None
        or delta.tool_calls is not None
        or choice.logprobs is not None
        or delta.refusal is not None
        or delta.annotations is not None
        or delta.function_call is not None
        or chunk.system_fingerprint is None
        or choice.error is not None
        or (chunk.error is not None and chunk.error != "")
        or chunk.object == "error"
        or chunk.base_resp is not None
    ):
        return None
    return chunk
