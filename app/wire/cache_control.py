"""Anthropic's `cache_control` in requests of OpenAI's two protocols, as clients of several vendors write it.

Shape: {"type": "ephemeral", "ttl": "5m" | "1h"}; `ttl` may be absent. It is accepted on parts, messages, items, tools and on top.

Rule 1: it is a hint: it goes to Anthropic, and to an openai-chat server in a pass-through. For all others it is left out, because
        OpenAI refuses unknown members.
Rule 2: on a message or an item, it marks the last thing in it.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from app.wire.canonical import CacheControl, FunctionCall, FunctionCallOutput, Item, Message, Refusal
from app.wire.common_members import optional
from app.wire.splice import Members
from app.wire.strict import Shape

NAME: Final = "cache_control"
_HINT: Final = b'"cache_control"'
_LISTS: Final = ("messages", "input", "instructions", "tools", "functions")
_INNER: Final = ("content", "output", "function", "tool_calls", "tools", "image_url", "file", "summary")


class CacheShape(Shape, frozen=True, gc=False):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


_shape = msgspec.json.Decoder(CacheShape)
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder()


def cache_of(shape: CacheShape | None) -> CacheControl | None:
    return None if shape is None else CacheControl(shape.ttl)


def read_cache(fields: Members) -> CacheControl | None:
    """The member on top of a request, which caches everything up to the last block."""
    return cache_of(optional(fields, NAME, _shape))


def marked(item: Item, shape: CacheShape | None) -> Item:
    """The item with the mark that stood on the message as a whole. A part's own mark takes precedence."""
    cache = cache_of(shape)
    if cache is None:
        return item
    if isinstance(item, FunctionCall | FunctionCallOutput):
        return msgspec.structs.replace(item, cache=cache)
    if not isinstance(item, Message) or not item.parts:
        return item
    *before, last = item.parts
    if isinstance(last, Refusal) or last.cache is not None:
        return item
    return msgspec.structs.replace(item, parts=(*before, msgspec.structs.replace(last, cache=cache)))


def without_cache_control(fields: Members) -> Members:
    """A pass-through's members without the hint. Items and tools without it keep their bytes."""
    changes: Members = {}
    for name in _LISTS:
        raw = fields.get(name)
        if raw is not None and bytes(memoryview(raw)[:1]) == b"[" and _HINT in bytes(raw):
            changes[name] = msgspec.Raw(msgspec.json.encode([_stripped(each) for each in _raws.decode(raw)]))
    return {name: raw for name, raw in {**fields, **changes}.items() if name != NAME}


def _stripped(raw: msgspec.Raw) -> Any:
    """The hint occurs on an item or a tool, and on the parts, calls and tools inside it. A schema or a text may contain it."""
    if _HINT not in bytes(raw):
        return raw
    item = _any.decode(raw)
    waiting = [item]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, list):
            waiting += holder
        elif isinstance(holder, dict):
            holder.pop(NAME, None)
            waiting += [holder.get(name) for name in _INNER]
    return item
