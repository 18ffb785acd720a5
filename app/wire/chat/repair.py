"""Corrects choices of servers that are nearly OpenAI's, in place, to what the judge understood, so that OpenAI's clients do too.

Rule 1: a choice that a client understands as the judge did is not touched, and nothing is added that a client can do without.
Rule 2: a call has one index of its own, in its first delta alone an id of its own, a type and a name; its arguments are text, and
        not empty. Empty entries are left out. Content is text.
Rule 3: a finish reason is one of OpenAI's words or null.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.chat.calls import Call, arguments_of, name_of
from app.wire.chat.choice_reader import ChoiceReader, contents_of
from app.wire.finish_words import word_of


def repair_choice(raw: dict[str, Any], part: str, choice: ChoiceReader) -> bool:
    """Whether `raw`, which `choice` has just read, had to be changed. `part`: "delta" or "message"."""
    changed = _set(raw, "index", choice.index)
    reason = raw.get("finish_reason")
    if reason is not None or part == "message":
        changed |= _set(raw, "finish_reason", choice.finish_word if word_of(reason) or part == "message" else None)
    if part == "delta" and raw.get(part) is None:
        changed |= _set(raw, part, {})
    inner = raw[part]
    if part == "message":
        changed |= _set(inner, "role", inner.get("role") or "assistant")
        if "content" not in inner:
            changed |= _set(inner, "content", None)
    changed |= _repair_content(inner)
    changed |= _repair_calls(inner, part, choice.placed)
    # A `stop` in the chunk of a call may be premature: its arguments may still come.
    word = word_of(reason)
    ends = bool(word) and not (word == "stop" and inner.get("tool_calls"))
    if part == "delta" and ends and (missing := choice.complete_calls()):
        changed |= _set(inner, "tool_calls", [*(inner.get("tool_calls") or ()), *missing])
    if isinstance(function := inner.get("function_call"), dict):
        changed |= _repair_text(function, "arguments", part)
    return changed


def _repair_content(inner: dict[str, Any]) -> bool:
    """Content that is a list of parts becomes text, and the reasoning in it `reasoning_content`."""
    if not isinstance(inner.get("content"), list):
        return False
    parts = list(contents_of(inner))
    inner["content"] = "".join(text for is_reasoning, text in parts if not is_reasoning)
    if reasoning := "".join(text for is_reasoning, text in parts if is_reasoning):
        inner["reasoning_content"] = (inner.get("reasoning_content") or "") + reasoning
    return True


def _repair_calls(inner: dict[str, Any], part: str, placed: list[Call | None]) -> bool:
    entries = inner.get("tool_calls") or ()
    pairs = [(entry, call) for entry, call in zip(entries, placed, strict=True) if call is not None]
    if part == "message" and len({id(call) for _, call in pairs}) < len(pairs):
        pairs = _merged(pairs)
    changed = len(pairs) < len(entries)
    if changed:
        inner["tool_calls"] = [entry for entry, _ in pairs]
        if not pairs:
            del inner["tool_calls"]
    for entry, call in pairs:
        changed |= _repair_call(entry, part, call)
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
    else:
        if call.shown or entry.get("id") != call.id:
            changed |= _drop(entry, "id")
        changed |= _set_name(entry.get(call.kind), call.added)
    if isinstance(inner := entry.get(call.kind), dict):
        changed |= _repair_text(inner, "arguments" if call.kind == "function" else "input", part)
    return changed


def _repair_text(inner: dict[str, Any], name: str, part: str) -> bool:
    """Arguments that are an object become text. In a message, absent or empty ones become the empty object."""
    value = inner.get(name)
    if isinstance(value, dict):
        return _set(inner, name, msgspec.json.encode(value).decode())
    if value == [] and part == "delta":
        return _set(inner, name, "")
    if part == "delta" or (isinstance(value, str) and (value or name != "arguments")):
        return False
    return _set(inner, name, "{}" if name == "arguments" else "")


def _drop(members: Any, name: str) -> bool:
    """Remove a text that an earlier delta had: clients would append it. Whether there was one."""
    return isinstance(members, dict) and bool(members.get(name)) and bool(members.pop(name))


def _set_name(members: Any, added: str) -> bool:
    """Of a later delta's name, only the new part remains. Whether it changed."""
    if not added:
        return _drop(members, "name")
    return _set(members, "name", added)


def _set(members: dict[str, Any], name: str, value: Any) -> bool:
    """Whether the member was not `value` before."""
    if name in members and members[name] == value and type(members[name]) is type(value):
        return False
    members[name] = value
    return True
