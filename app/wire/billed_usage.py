"""Shows the usage that an answer is billed by, in answers that pass through.

Rule 1: usage that already shows the billed figures is not touched. Otherwise only that one object changes, and its other
        members are kept.
Rule 2: a stream shows it in the last frame that reports usage. If no frame does and the client requested usage, a chunk is added.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from app.wire.figures import count
from app.wire.splice import Members, members, with_members
from app.wire.sse import Frame, FrameSplitter

Json = dict[str, Any]
_PARTS: Final = ("cached_tokens", "cache_write_tokens", "reasoning_tokens")
"""The details that are billed, or are part of what is billed. An upstream may leave out a detail that is 0."""


def shown(reported: Any, billed: Json) -> Json | None:
    """The usage object to show instead of `reported`, or None if that shows the figures of `billed` already."""
    known: Json = reported if isinstance(reported, dict) else {}
    result, differs = known | billed, False
    for name, value in billed.items():
        if isinstance(value, dict):
            details = known.get(name)
            details = details if isinstance(details, dict) else {}
            parts = {part: value[part] for part in _PARTS if part in value}
            differs = differs or any((count(details.get(part)) or 0) != found for part, found in parts.items())
            result[name] = value | details | parts
        elif name != "total_tokens" or known.get(name) is not None:
            differs = differs or count(known.get(name)) != value
    return result if differs else None


def show_in_object(fields: Members, billed: Json) -> Members:
    """A completion or a response with the billed usage. The same object if it shows it already."""
    raw = fields.get("usage")
    usage = shown(None if raw is None else msgspec.json.decode(raw), billed)
    return fields if usage is None else fields | {"usage": _raw(usage)}


def show_in_body(body: bytes, billed: Json, *, reported: Any) -> bytes:
    """A plain answer with the billed usage. The same bytes if `reported`, its decoded usage, shows it already."""
    usage = shown(reported, billed)
    return body if usage is None else with_members(members.decode(body), {"usage": _raw(usage)})


def show_in_response_frame(raw: bytes, billed: Json) -> bytes:
    """The closing event of a Responses stream with the billed usage in its response."""
    frame = _frame(raw)
    event = members.decode(frame.data or b"")
    response = members.decode(event["response"])
    changed = show_in_object(response, billed)
    return raw if changed is response else frame.with_data(with_members(event, {"response": _raw(changed)}))


def show_in_chunks(frames: list[bytes], billed: Json, *, requested: bool, forwarded: Any) -> list[bytes]:
    """The last frames of a chat stream. `forwarded` is the last usage of the frames before them, or None."""
    head: Json = {}
    for index in reversed(range(len(frames))):
        fields = _chunk(frames[index])
        if not head:
            names = ("id", "object", "created", "model", "service_tier")
            head = {name: fields[name] for name in names if name in fields}
        if "usage" in fields and msgspec.json.decode(fields["usage"]) is not None:
            changed = show_in_object(fields, billed)
            if changed is fields:
                return frames
            frame = _frame(frames[index]).with_data(with_members(changed, {}))
            return [*frames[:index], frame, *frames[index + 1 :]]
    if not requested or (forwarded is not None and shown(forwarded, billed) is None):
        return frames
    added = {"object": "chat.completion.chunk", **head, "choices": [], "usage": billed}
    return [*frames, b"data: %s\n\n" % msgspec.json.encode(added)]


def _chunk(raw: bytes) -> Members:
    data = _frame(raw).data
    return members.decode(data) if data else {}


def _frame(raw: bytes) -> Frame:
    splitter = FrameSplitter()
    whole = splitter.feed(raw)
    rest = splitter.flush()
    return whole[0] if whole else rest or Frame(raw, "", None, -1)


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
