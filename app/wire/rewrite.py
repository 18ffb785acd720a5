"""What a pass-through changes inside a conversation: uploaded files are put in, and sealed reasoning goes to its own upstream only.

Rule 1: an item that holds neither keeps its bytes.
Rule 2: on the way out, whatever is encrypted is sealed under the upstream's tag; on the way in the seal is taken off for that
        upstream, and an item that bears another's is left out. What bears none was never ours, and passes as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from app.wire.file_ref import StoredFile
from app.wire.request import decode, raw_member
from app.wire.splice import Members
from app.wire.tags import owner_of, seal, split

ENCRYPTED = b'"encrypted_content"'
_TOUCHED = re.compile(rb'"file_id"|"encrypted_content"|"extra_content"|\\u00')
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_item = msgspec.json.Decoder(dict[str, Any])

Item = dict[str, Any]


def rewrite_conversation(fields: Members, files: Mapping[str, StoredFile], upstream: str) -> Members:
    """The request's members as `upstream` gets them. Raises RequestError for a number that nobody can hold."""
    changes: Members = {}
    for name, change in (("input", _response_item), ("messages", _chat_message)):
        raw = raw_member(fields, name)
        if raw is not None and bytes(memoryview(raw)[:1]) == b"[" and _TOUCHED.search(memoryview(raw)):
            changes[name] = msgspec.Raw(msgspec.json.encode(_changed(raw, name, change, files, upstream)))
    return {**fields, **changes} if changes else fields


def seal_item(item: Any, upstream: str) -> bool:
    """Seal what `item` holds encrypted, in place. True: there was something."""
    encrypted = item.get("encrypted_content") if isinstance(item, dict) else None
    if not isinstance(encrypted, str) or not encrypted:
        return False
    item["encrypted_content"] = seal(upstream, encrypted)
    return True


Change = Callable[[Item, Mapping[str, StoredFile], str], bool]


def _changed(raw: msgspec.Raw, name: str, change: Change, files: Mapping[str, StoredFile], upstream: str) -> list[Any]:
    items: list[Any] = []
    for index, item in enumerate(_raws.decode(raw)):
        if not _TOUCHED.search(memoryview(item)):
            items.append(item)
            continue
        decoded = decode(item, _item, f"{name}[{index}]")
        if change(decoded, files, upstream):
            items.append(decoded)
    return items


def _response_item(item: Item, files: Mapping[str, StoredFile], upstream: str) -> bool:
    """False: the item is left out."""
    encrypted = item.get("encrypted_content")
    if isinstance(encrypted, str):
        owner, payload = split(encrypted)
        if owner not in (None, owner_of(upstream)):
            return False
        item["encrypted_content"] = payload
    for holder in ("content", "output"):
        for part in _parts(item.get(holder)):
            if part.get("type") == "input_file":
                _inline_file(part, files)
    return True


def _chat_message(message: Item, files: Mapping[str, StoredFile], _upstream: str) -> bool:
    for part in _parts(message.get("content")):
        if part.get("type") == "file" and isinstance(part.get("file"), dict):
            _inline_file(part["file"], files)
    for call in (*_parts(message.get("tool_calls")), *_parts([message.get("function_call")])):
        extra = call.get("extra_content")
        if isinstance(extra, dict) and extra.pop("realrouter", None) is not None and not extra:
            del call["extra_content"]
    return True


def _inline_file(holder: Item, files: Mapping[str, StoredFile]) -> None:
    """The content in place of the id."""
    file = files.get(holder["file_id"]) if isinstance(holder.get("file_id"), str) else None
    if file is not None:
        del holder["file_id"]
        holder["filename"] = file.filename
        holder["file_data"] = f"data:{file.media_type};base64,{file.data}"


def _parts(value: Any) -> list[Item]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
