"""Measures the content of a conversation: its images, its files, and the bytes of those that are sent inline.

Rule 1: inline bytes are excluded from the text only inside a recognized image or file. Base64 anywhere else counts as text, which
        overestimates its tokens and never underestimates them.
Rule 2: ids of a vendor's own storage are rejected (forbidden.py). An input_file refers to a file uploaded to the gateway, or
        contains its data.
Rule 3: URLs are checked (urls.py), never fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.wire.exchange import InlineFile, RequestError, ToolUse
from app.wire.file_ref import FileRef
from app.wire.forbidden import check_part, check_tool_list, reject_case_variants
from app.wire.request import decode, nested_tool_uses, unsupported
from app.wire.splice import Members, members
from app.wire.urls import check_url

INLINE_BYTES_MAX = 50 * 2**20
"""Limit on all of a request's inline and referenced content together, decoded."""
FILE_BYTES_MAX = 25 * 2**20
ITEM_REFERENCE = "The gateway is stateless: set 'store' to false, so that your client sends each item itself."
_ABSENT = msgspec.Raw(b"")
_IMAGES = {"image_url", "input_image", "computer_screenshot"}
_FILES = {"file", "input_file"}
_TEXTS = {"text", "input_text", "output_text", "refusal", "reasoning_text", "summary_text", "encrypted_content"}


class _Part(msgspec.Struct):
    type: Any = None
    image_url: msgspec.Raw = _ABSENT
    file_data: msgspec.Raw = _ABSENT
    file_url: msgspec.Raw = _ABSENT
    file_id: msgspec.Raw = _ABSENT
    file: msgspec.Raw = _ABSENT


class _Item(msgspec.Struct):
    """A message, or another item of a Responses input."""

    type: Any = None
    role: Any = None
    audio: Any = None
    content: msgspec.Raw = _ABSENT
    output: msgspec.Raw = _ABSENT
    result: msgspec.Raw = _ABSENT
    tools: Any = None


class _Holder(msgspec.Struct):
    url: msgspec.Raw = _ABSENT
    file_data: msgspec.Raw = _ABSENT
    file_id: msgspec.Raw = _ABSENT


_items = msgspec.json.Decoder(list[_Item])
_parts = msgspec.json.Decoder(list[_Part])
_part = msgspec.json.Decoder(_Part)
_holder = msgspec.json.Decoder(_Holder)
_str = msgspec.json.Decoder(str)
_names = msgspec.json.Decoder(list[Members])


@dataclass(slots=True)
class ContentTotals:
    """`inline_bytes` counts bytes of the JSON text, `content_bytes` the bytes that they decode to."""

    items: int = 0
    images: int = 0
    files: int = 0
    inline_bytes: int = 0
    content_bytes: int = 0
    tools: tuple[ToolUse, ...] = ()
    """Tools that are defined inside the items."""
    inline_files: list[InlineFile] = field(default_factory=list)
    refs: list[FileRef] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    """The paths of URLs that the vendor would have to fetch."""


def measure_content(raw: msgspec.Raw, name: str) -> ContentTotals:
    """Measure the list of messages or items named `name`. Raises RequestError if it is not a valid list of them."""
    totals = ContentTotals()
    tools: list[ToolUse] = []
    items = decode(raw, _items, name)
    for index, (item, names) in enumerate(zip(items, _names.decode(raw), strict=True)):
        where = f"{name}[{index}]"
        totals.items += 1
        reject_case_variants(names, where)
        if item.type == "item_reference" or ("id" in names and item.type is item.role is None):
            raise unsupported(f"{where}.type", ITEM_REFERENCE)
        if item.audio is not None:
            raise unsupported(f"{where}.audio", "Audio is not offered.")
        _measure_parts(totals, item.content, f"{where}.content")
        _measure_parts(totals, item.output, f"{where}.output")
        if item.type == "image_generation_call" and _first(item.result) == b'"':
            totals.images += 1
            _count(totals, item.result, _base64_bytes(item.result))
        if item.tools is not None:
            tools.extend(nested_tool_uses(item.tools, f"{where}.tools"))
            totals.addresses.extend(check_tool_list(item.tools, f"{where}.tools"))
    totals.tools = tuple(tools)
    return totals


def check_size(content_bytes: int, param: str) -> None:
    """Raises RequestError (413) if a request's inline and referenced content exceeds the limit."""
    if content_bytes > INLINE_BYTES_MAX:
        raise RequestError(
            f"The request's inline and referenced files and images add up to {content_bytes} bytes. "
            f"The limit is {INLINE_BYTES_MAX} bytes (50 MB).",
            param=param,
            code="request_too_large",
            status=413,
        )


def check_file_size(size: int, param: str) -> None:
    """Raises RequestError (413) if a single file is too large."""
    if size > FILE_BYTES_MAX:
        message = f"The file is {size} bytes. The limit is {FILE_BYTES_MAX} bytes (25 MB)."
        raise RequestError(message, param=param, code="file_too_large", status=413)


def _measure_parts(totals: ContentTotals, raw: msgspec.Raw, where: str) -> None:
    single = _first(raw) == b"{"
    parts = _parts_of(raw, where)
    named = [members.decode(raw)] if single else _names.decode(raw) if parts else []
    for index, (part, names) in enumerate(zip(parts, named, strict=True)):
        param = where if single else f"{where}[{index}]"
        kind = part.type if isinstance(part.type, str) else ""
        check_part(names, param, typed=kind in _IMAGES or kind in _FILES or kind in _TEXTS)
        if kind in _IMAGES:
            totals.images += 1
            _measure_image(totals, part, param)
        elif kind in _FILES:
            totals.files += 1
            _measure_file(totals, part, param)


def _measure_image(totals: ContentTotals, part: _Part, param: str) -> None:
    if _first(part.file_id) == b'"':
        raise unsupported(f"{param}.file_id", "Send the image inline or by URL.")
    nested = _first(part.image_url) == b"{"
    if nested:
        reject_case_variants(members.decode(part.image_url), f"{param}.image_url")
    url = _url_holder(part.image_url).url
    payload = _data_uri_bytes(url)
    _count(totals, url, payload)
    if not payload:
        _check_address(totals, url, f"{param}.image_url.url" if nested else f"{param}.image_url")


def _measure_file(totals: ContentTotals, part: _Part, param: str) -> None:
    nested = _first(part.file) == b"{"
    holder = _holder.decode(part.file) if nested else _Holder(file_data=part.file_data, file_id=part.file_id)
    inside = f"{param}.file" if nested else param
    if nested:
        reject_case_variants(members.decode(part.file), inside)
    if _first(holder.file_id) == b'"':
        totals.refs.append(FileRef(decode(holder.file_id, _str, f"{inside}.file_id"), f"{inside}.file_id"))
    if payload := _base64_bytes(holder.file_data):
        check_file_size(_decoded_size(holder.file_data, payload), f"{inside}.file_data")
        _count(totals, holder.file_data, payload)
        totals.inline_files.append(InlineFile(holder.file_data, f"{inside}.file_data"))
    _check_address(totals, part.file_url, f"{param}.file_url")


def _check_address(totals: ContentTotals, raw: msgspec.Raw, param: str) -> None:
    if _first(raw) == b'"' and not _is_data_uri(raw):
        check_url(decode(raw, _str, param), param)
        totals.addresses.append(param)


def _count(totals: ContentTotals, raw: msgspec.Raw, payload: int) -> None:
    totals.inline_bytes += payload
    totals.content_bytes += _decoded_size(raw, payload)


def _decoded_size(raw: msgspec.Raw, payload: int) -> int:
    """The decoded size of the last `payload` characters, all base64, of the JSON string `raw`."""
    padding = bytes(memoryview(raw)[-3:-1]).count(b"=") if payload else 0
    return max(0, payload * 3 // 4 - padding)


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


def _url_holder(raw: msgspec.Raw) -> _Holder:
    """Chat wraps the URL in an object; Responses has the URL itself."""
    return _holder.decode(raw) if _first(raw) == b"{" else _Holder(url=raw)


def _is_data_uri(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:6]).lower() == b'"data:'


def _data_uri_bytes(raw: msgspec.Raw) -> int:
    """The length of a data URI's payload, 0 for any other URL."""
    if not _is_data_uri(raw):
        return 0
    view = memoryview(raw)
    comma = bytes(view[:1024]).find(b",")
    return len(view) - comma - 2 if comma > 0 else 0


def _base64_bytes(raw: msgspec.Raw) -> int:
    """The length of a file's payload: that of a data URI, or of plain base64."""
    if _first(raw) != b'"':
        return 0
    return _data_uri_bytes(raw) or len(memoryview(raw)) - 2


def _first(raw: msgspec.Raw) -> bytes:
    return bytes(memoryview(raw)[:1])
