"""The form of an upstream's answer, by its first bytes: a stream of server-sent events, or one JSON body.

Some servers always stream, others never do, and some name the wrong media type. The bytes decide.
"""

from __future__ import annotations

from typing import Literal

Form = Literal["stream", "body"]

_MARKS = (b"data:", b"event:", b"id:", b"retry:", b":")
BOM = b"\xef\xbb\xbf"


def form_of(head: bytes, requested: Form) -> Form | None:
    """The form of an answer that begins with `head`. None if more bytes are needed. What is neither is taken for `requested`.

    A body may be a list: Gemini's streams are lists unless events are requested. Blanks and a byte order mark in front say nothing.
    """
    head = head.lstrip().removeprefix(BOM).lstrip()
    if head.startswith((b"{", b"[")):
        return "body"
    if head.startswith(_MARKS):
        return "stream"
    return None if any(mark.startswith(head) for mark in (*_MARKS, BOM)) else requested
