"""Corrects the held frames of a chat stream whose choices went on after a finish."""

from __future__ import annotations

import msgspec

from app.wire.figures import place
from app.wire.splice import Members, members, with_members
from app.wire.sse import FrameSplitter

_choices = msgspec.json.Decoder(list[Members])


def finish_once(held: list[bytes], words: dict[int, str]) -> list[bytes]:
    """The frames, so that each choice in `words` finishes with that word in its last chunk, and in no other."""
    words = dict(words)
    corrected = [_corrected(raw, words) for raw in reversed(held)]
    return corrected[::-1]


def _corrected(raw: bytes, words: dict[int, str]) -> bytes:
    """The frame with the finish of the choices whose last chunk it is. They are taken out of `words`, to which "" remains."""
    frames = FrameSplitter().feed(raw)
    if not frames or not frames[0].data:
        return raw
    chunk = members.decode(frames[0].data)
    choices = _choices.decode(chunk["choices"])
    changed = False
    for choice in reversed(choices):
        index = place(msgspec.json.decode(choice["index"]))
        if index in words:
            choice["finish_reason"] = msgspec.Raw(msgspec.json.encode(words[index] or None))
            words[index], changed = "", True
    if not changed:
        return raw
    return frames[0].with_data(with_members(chunk, {"choices": msgspec.Raw(msgspec.json.encode(choices))}))
