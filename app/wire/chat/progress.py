"""Follows a call's arguments piece by piece: whether they have begun, and whether they are a complete JSON object."""

from __future__ import annotations

import re

_NOT_OBJECT = re.compile(r"\s*[^\s{]")
_MARKS = re.compile(r'["\\{}\[\]]')


class Progress:
    """Reads each character once and keeps none, so that the cost does not depend on the number of pieces.

    `complete`: the text so far is an object whose last bracket is closed.
    """

    __slots__ = ("_depth", "_escape_end", "_in_string", "_length", "_other", "begun", "complete")

    def __init__(self) -> None:
        self.begun = self.complete = False
        self._other = self._in_string = False
        self._depth = self._length = 0
        self._escape_end = -1

    @property
    def open(self) -> bool:
        """Whether the text so far is the beginning of an object."""
        return self.begun and not self.complete and not self._other

    def add(self, piece: str) -> None:
        if not self.begun:
            if not piece or piece.isspace():
                return
            self.begun = True
            self._other = _NOT_OBJECT.match(piece) is not None
        if self._other:
            return
        for mark in _MARKS.finditer(piece):
            self._mark(mark.group(), self._length + mark.start())
        self._length += len(piece)
        self.complete = self._depth == 0

    def _mark(self, mark: str, position: int) -> None:
        if position == self._escape_end:
            return
        if self._in_string:
            if mark == "\\":
                self._escape_end = position + 1
            elif mark == '"':
                self._in_string = False
        elif mark == '"':
            self._in_string = True
        elif mark != "\\":
            self._depth += 1 if mark in "{[" else -1
