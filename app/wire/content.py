"""What a conversation weighs: its images, its files, and the bytes of those that come inline.

Rule: only what counts as an image or a file takes its inline bytes out of the text; base64 anywhere else stays text, which bounds
it from above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from app.wire.exchange import RequestError, ToolUse
from app.wire.request import carried_uses, decode

_ABSENT = msgspec.Raw(b"")
_IMAGES = {"image_url", "input_image", "computer_screenshot"}
_FILES = {"file", "input_file"}


class _Part(msgspec.Struct):
    type: Any = None
    image_url: msgspec.Raw = _ABSENT
    file_data: msgspec.Raw = _ABSENT
    file: msgspec.Raw = _ABSENT


class _Item(msgspec.Struct):
    """A message, or another item of a response's input."""

    type: Any = None
    content: msgspec.Raw = _ABSENT
    output: msgspec.Raw = _ABSENT
    result: msgspec.Raw = _ABSENT
    tools: Any = None


class _Holder(msgspec.Struct):
    url: msgspec.Raw = _ABSENT
    file_data: msgspec.Raw = _ABSENT


_items = msgspec.json.Decoder(list[_Item])
_parts = msgspec.json.Decoder(list[_Part])
_part = msgspec.json.Decoder(_Part)
_holder = msgspec.json.Decoder(_Holder)


@dataclass(slots=True)
class Weight:
    items: int = 0
    images: int = 0
    files: int = 0
    inline_bytes: int = 0
    tools: tuple[ToolUse, ...] = ()
    """Tools that the items themselves bring along."""


def weigh(raw: msgspec.Raw, name: str) -> Weight:
    """Weigh the list of messages or items that stands under `name`. Raises RequestError where it is no such list."""
    weight = Weight()
    tools: list[ToolUse] = []
    items = decode(raw, _items, name)
    for index, item in enumerate(items):
        where = f"{name}[{index}]"
        weight.items += 1
        _weigh_content(weight, item.content, f"{where}.content")
        _weigh_content(weight, item.output, f"{where}.output")
        if item.type == "image_generation_call":
            weight.images += 1
            weight.inline_bytes += _base64_bytes(item.result)
        if item.tools is not None:
            tools.extend(carried_uses(item.tools, f"{where}.tools"))
    weight.tools = tuple(tools)
    return weight


def _weigh_content(weight: Weight, raw: msgspec.Raw, where: str) -> None:
    for part in _parts_of(raw, where):
        if part.type in _IMAGES:
            weight.images += 1
            weight.inline_bytes += _data_uri_bytes(_held(part.image_url).url)
        elif part.type in _FILES:
            weight.files += 1
            weight.inline_bytes += _base64_bytes(part.file_data) + _base64_bytes(_held(part.file).file_data)


def _parts_of(raw: msgspec.Raw, where: str) -> Sequence[_Part]:
    first = _first(raw)
    if first == b"[":
        return decode(raw, _parts, where)
    if first == b"{" and where.endswith(".output"):
        return (decode(raw, _part, where),)
    if first not in (b"", b'"', b"n"):
        message = f"Invalid type for '{where}': expected a string or an array."
        raise RequestError(message, param=where, code="invalid_type")
    return ()


def _held(raw: msgspec.Raw) -> _Holder:
    """Chat puts the URL or the data into an object; Responses has the URL itself."""
    return _holder.decode(raw) if _first(raw) == b"{" else _Holder(url=raw)


def _data_uri_bytes(raw: msgspec.Raw) -> int:
    """The payload of a data URI, 0 for any other URL."""
    view = memoryview(raw)
    if bytes(view[:6]).lower() != b'"data:':
        return 0
    comma = bytes(view[:1024]).find(b",")
    return len(view) - comma - 2 if comma > 0 else 0


def _base64_bytes(raw: msgspec.Raw) -> int:
    """The payload of a file: a data URI, or base64 as it is."""
    if _first(raw) != b'"':
        return 0
    return _data_uri_bytes(raw) or len(memoryview(raw)) - 2


def _first(raw: msgspec.Raw) -> bytes:
    return bytes(memoryview(raw)[:1])
