"""What the shape of a JSON text tells before it is decoded: how deep it nests, how much it holds, the names at its top.

Rule: one pass over the quotes, with the work in C: a body of a few large strings (inline files) costs what copying it costs.
"""

from __future__ import annotations

import re

import msgspec

from app.wire.exchange import RequestError

DEPTH_MAX = 200
PIECES_MAX = 1_000_000
"""Strings and brackets together: bounds the time that a body of nothing but brackets takes."""

_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_COLON = re.compile(rb"\s*:")
_SEPARATORS = frozenset((b":", b",", b": ", b", "))


def top_level_names(body: bytes) -> list[str]:
    """The names of the top-level members of `body`, a JSON object, repeated ones as often as they stand there.

    Raises RequestError for a body that nests deeper than DEPTH_MAX or holds more than PIECES_MAX. The text need not be JSON.
    """
    # Escapes are blanked in pairs from the left, so that every quote left is one that opens or closes a string.
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
            raise RequestError(f"The request body nests deeper than {DEPTH_MAX} levels.")
    return depth


def _name(piece: bytes) -> str:
    """A name may be spelled with escapes. One that holds a quote or a backslash was blanked: it is none of ours."""
    return str(msgspec.json.decode(b'"%s"' % piece)) if b"\\" in piece else piece.decode()


def _limit(count: int) -> None:
    if count > PIECES_MAX:
        raise RequestError(f"The request body holds more than {PIECES_MAX} values.")
