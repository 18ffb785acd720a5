"""A token estimate that is self-consistent: the counted tokens are the streamed ones.

Rule 1: `pieces(text)`, joined, is `text`; `count(text)` is their number.
Rule 2: a piece is one to four bytes of UTF-8, so a count lies between bytes/4 and bytes.
Rule 3: cutting a text after one of its pieces does not change the pieces before it.
"""

from __future__ import annotations

import re

PIECE_BYTES_MAX = 4

_PIECE = re.compile(
    r" [A-Za-z0-9]{1,3}"  # the start of a word includes the space before it
    r"|[A-Za-z0-9]{1,4}"
    r"| ?[!-/:-@\[-`{-~]{1,3}"
    r"|[\x00-\x20]{1,4}"
    r"|[\x00-\x7f]"
    r"|[\x80-\u07ff]{1,2}"
    r"|.",
    re.DOTALL,
)


def pieces(text: str) -> list[str]:
    return _PIECE.findall(text)


def count(text: str) -> int:
    return sum(1 for _ in _PIECE.finditer(text))


def cut(text: str, tokens_max: int) -> str:
    """The first `tokens_max` pieces of `text`."""
    end = 0
    for number, match in enumerate(_PIECE.finditer(text)):
        if number == tokens_max:
            return text[:end]
        end = match.end()
    return text


def chunks(text: str, tokens_each: int) -> list[str]:
    """The text in deltas of `tokens_each` pieces each; the last may be shorter."""
    parts = pieces(text)
    if tokens_each == 1:
        return parts
    return ["".join(parts[at : at + tokens_each]) for at in range(0, len(parts), tokens_each)]
