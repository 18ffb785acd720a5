"""Rewrites a conversation in a pass-through: uploaded files are inlined, and sealed reasoning is sent only to the upstream that
sealed it.

Rule 1: an item without files or sealed reasoning keeps its bytes.
Rule 2: encrypted content in an answer is sealed with the upstream's tag. In a request the seal is removed for that upstream, and
        items sealed for another one are left out. Content without a tag did not come from the gateway and passes unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from app.wire.file_ref import StoredFile
from app.wire.request import TOOL_ALIASES, decode, raw_member
from app.wire.splice import Members
from app.wire.tags import owner_of, seal, split

ENCRYPTED = b'"encrypted_content"'
_TOUCHED = re.compile(rb'"file_id"|"encrypted_content"|"extra_content"|\\u00')
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_item = msgspec.json.Decoder(dict[str, Any])
_TOOL_MEMBERS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})


class _Search(msgspec.Struct):
    type: Any = None
    external_web_access: Any = None


_search = msgspec.json.Decoder(_Search)

Item = dict[str, Any]


def rewrite_conversation(fields: Members, files: Mapping[str, StoredFile], upstream: str) -> Members:
    """The request's members as `upstream` receives them. Raises RequestError for an item that cannot be decoded."""
    changes: Members = {}
    for name, change in (("input", _response_item), ("messages", _chat_message)):
        raw = raw_member(fields, name)
        if raw is not None and bytes(memoryview(raw)[:1]) == b"[" and _TOUCHED.search(memoryview(raw)):
            changes[name] = msgspec.Raw(msgspec.json.encode(_changed(raw, name, change, files, upstream)))
    return {**fields, **changes} if changes else fields


def without_cached_searches(fields: Members) -> Members:
    """The members without web searches that may only use a cache. Without tools, there are no options for them either."""
    raw = raw_member(fields, "tools")
    tools = [] if raw is None else _raws.decode(raw)
    kept = [tool for tool in tools if not _is_cached_search(tool)]
    if kept:
        return {**fields, "tools": msgspec.Raw(msgspec.json.encode(kept))}
    return {name: member for name, member in fields.items() if name not in _TOOL_MEMBERS}


def seal_item(item: Any, upstream: str) -> bool:
    """Seal the encrypted content of `item` in place. Returns whether there was any."""
    encrypted = item.get("encrypted_content") if isinstance(item, dict) else None
    if not isinstance(encrypted, str) or not encrypted:
        return False
    item["encrypted_content"] = seal(upstream, encrypted)
    return True


Change = Callable[[Item, Mapping[str, StoredFile], str], bool]


def _is_cached_search(raw: msgspec.Raw) -> bool:
    tool = _search.decode(raw)
    return tool.external_web_access is False and TOOL_ALIASES.get(tool.type, tool.type) == "web_search"


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
    """Rewrite one item in place. Returns False if the item must be left out."""
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
    """Replace the file's id with its content."""
    file = files.get(holder["file_id"]) if isinstance(holder.get("file_id"), str) else None
    if file is not None:
        del holder["file_id"]
        holder["filename"] = file.filename
        holder["file_data"] = f"data:{file.media_type};base64,{file.data}"


def _parts(value: Any) -> list[Item]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
