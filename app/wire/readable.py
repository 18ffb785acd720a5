"""Makes JSON readable that only lenient parsers accept, as Python and JavaScript servers send it.

Rule 1: half a surrogate pair (a token that ends within an emoji) becomes U+FFFD. NaN, Infinity and -Infinity become null.
        Control characters in a text become escapes.
Rule 2: it is tried only after the JSON could not be read, so that JSON that is valid costs nothing.
"""

from __future__ import annotations

import re

from app.wire.exchange import AnswerError

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|-?\bInfinity\b|\bNaN\b', re.DOTALL)
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_CONTROL = re.compile(rb"[\x00-\x1f]")


class Unreadable(AnswerError):
    """The JSON cannot be read."""

    def __init__(self) -> None:
        super().__init__("The answer contains data that cannot be read.", malformed=True)


def readable(data: bytes, unreadable: Unreadable) -> bytes:
    """`data` in standard JSON. Raises `unreadable` if nothing in it can be replaced."""
    found = _TOKEN.sub(_token, data)
    if found == data:
        raise unreadable
    return found


def _token(found: re.Match[bytes]) -> bytes:
    token = found[0]
    if not token.startswith(b'"'):
        return b"null"
    return _CONTROL.sub(_controlled, _ESCAPE.sub(_escape, token))


def _controlled(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % found[0][0]


def _escape(found: re.Match[bytes]) -> bytes:
    return found[0] if found["half"] is None else rb"\ufffd"
