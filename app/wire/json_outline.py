"""The outline of a JSON text, read before decoding it: its depth, the number of its values, its top-level names.

Rule: one pass over the quotes, with the work done in C. A body of a few large strings (inline files) costs no more than a copy.
"""

from __future__ import annotations

import re

import msgspec

from app.wire.exchange import RequestError

DEPTH_MAX = 200
PIECES_MAX = 1_000_000
"""Strings and brackets together. This bounds the time spent on a body that consists only of brackets."""

_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_COLON = re.compile(rb"\s*:")
_SEPARATORS = frozenset((b":", b",", b": ", b", "))


def top_level_names(body: bytes) -> list[str]:
    """The names of the top-level members of the JSON object `body`, with repeated names repeated.

    Raises RequestError if it is nested deeper than DEPTH_MAX or has more than PIECES_MAX pieces. `body` may be invalid JSON.
    """
    # Escapes are blanked in pairs from the left, so that every remaining quote opens or closes a string.
    pieces = body.replace(rb"\\", b"??").replace(rb"\"", b"??").split(b'"')
    _limit(len(pieces))
    names: list[int] = []
    depth = brackets = 0
    for index in range(0, len(pieces), 2):
        gap = pieces[index]
        if depth == 1 and index and _COLON.match(gap):
            names.append(index - 1)
        if gap in _SEPARATORS:
            continue
        moves = gap.translate(None, _NOT_BRACKETS)
        brackets += len(moves)
        _limit(brackets)
        depth = _deeper(depth, moves)
    return [_name(pieces[index]) for index in names]


def _deeper(depth: int, moves: bytes) -> int:
    for move in moves:
        depth += 1 if move in b"[{" else -1
        if depth > DEPTH_MAX:
            raise RequestError(f"The request body is nested deeper than {DEPTH_MAX} levels.")
    return depth


def _name(piece: bytes) -> str:
    """Names may contain escapes. One with an escaped quote or backslash was blanked above; no known name has either."""
    return str(msgspec.json.decode(b'"%s"' % piece)) if b"\\" in piece else piece.decode()


def _limit(count: int) -> None:
    if count > PIECES_MAX:
        raise RequestError(f"The request body has more than {PIECES_MAX} values.")
