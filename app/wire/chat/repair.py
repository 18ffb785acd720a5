"""Corrects choices of servers that are nearly OpenAI's, in place, to what the judge understood, so that OpenAI's clients do too.

Rule 1: a choice that a client understands as the judge did is not touched, and nothing is added that a client can do without.
Rule 2: a call has one index of its own, in its first delta an id of its own and a type; its arguments are text, and not empty.
Rule 3: a finish reason is one of OpenAI's words or null.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.chat.calls import Call, arguments_of, name_of
from app.wire.chat.choice_reader import ChoiceReader


def repair_choice(raw: dict[str, Any], part: str, choice: ChoiceReader) -> bool:
    """Whether `raw`, which `choice` has just read, had to be changed. `part`: "delta" or "message"."""
    changed = _set(raw, "index", choice.index)
    reason = raw.get("finish_reason")
    if reason is not None or part == "message":
        changed |= _set(raw, "finish_reason", choice.finish_word if reason or part == "message" else None)
    inner = raw.get(part)
    if not isinstance(inner, dict):
        return changed
    if part == "message":
        changed |= _set(inner, "role", inner.get("role") or "assistant")
        if "content" not in inner:
            changed |= _set(inner, "content", None)
    pairs = list(zip(inner.get("tool_calls") or (), choice.placed, strict=True))
    if part == "message" and len({id(call) for _, call in pairs}) < len(pairs):
        pairs = _merged(pairs)
        changed |= _set(inner, "tool_calls", [entry for entry, _ in pairs])
    for entry, call in pairs:
        changed |= _repair_call(entry, part, call)
    if part == "delta" and reason and (missing := choice.complete_calls()):
        changed = _set(inner, "tool_calls", [*(inner.get("tool_calls") or ()), *missing])
    if isinstance(function := inner.get("function_call"), dict):
        changed |= _repair_text(function, "arguments", part)
    return changed


def _merged(pairs: list[tuple[dict[str, Any], Call]]) -> list[tuple[dict[str, Any], Call]]:
    """One entry for each call of a message, with the text of all of its entries."""
    first: dict[int, tuple[dict[str, Any], Call]] = {}
    for entry, call in pairs:
        earlier, _ = first.setdefault(id(call), (entry, call))
        if earlier is not entry:
            name = name_of(earlier) or name_of(entry)
            text = arguments_of(earlier) + arguments_of(entry)
            earlier[call.kind] = {"name": name, "arguments" if call.kind == "function" else "input": text}
    return list(first.values())


def _repair_call(entry: dict[str, Any], part: str, call: Call) -> bool:
    changed = _set(entry, "index", call.index) if part == "delta" or "index" in entry else False
    if call.key is not None and not call.shown:
        call.shown = True
        changed |= _set(entry, "type", call.kind)
        changed |= _set(entry, "id", call.id)
    elif entry.get("id") and entry["id"] != call.id:
        changed = bool(entry.pop("id"))
    if isinstance(inner := entry.get(call.kind), dict):
        changed |= _repair_text(inner, "arguments" if call.kind == "function" else "input", part)
    return changed


def _repair_text(inner: dict[str, Any], name: str, part: str) -> bool:
    """Arguments that are an object become text. In a message, absent or empty ones become the empty object."""
    value = inner.get(name)
    if isinstance(value, dict):
        return _set(inner, name, msgspec.json.encode(value).decode())
    if part == "delta" or (isinstance(value, str) and (value or name != "arguments")):
        return False
    return _set(inner, name, "{}" if name == "arguments" else "")


def _set(members: dict[str, Any], name: str, value: Any) -> bool:
    """Whether the member was not `value` before."""
    if name in members and members[name] == value and type(members[name]) is type(value):
        return False
    members[name] = value
    return True
