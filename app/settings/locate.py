"""Locates settings in the text: the line of every table, key and array entry of a TOML document.

Rule 1: only `tomllib` decides what is valid TOML. `lines_of` takes text that it has accepted, and never fails.
Rule 2: a path has the keys and indexes of the parsed document: ("model", 0, "price", "input").
Rule 3: a path's line is the first one that names it, including dotted prefixes and implied tables.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""(?P<newline>\n)
      | (?P<skip>[ \t\r]+|\#[^\n]*)
      | (?P<string>\"{3}(?:[^\\]|\\.)*?\"{3}\"{0,2} | '{3}.*?'{3}'{0,2} | "(?:[^"\\\n]|\\.)*" | '[^'\n]*')
      | (?P<mark>[\[\]{}=,.])
      | (?P<bare>[^\s\[\]{}=,.\#"']+)""",
    re.VERBOSE | re.DOTALL,
)


def lines_of(text: str) -> Mapping[Path, int]:
    """The line (from 1) of every path in a valid TOML document."""
    return _Locator(text).lines


def nearest(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of `path`, or of the innermost enclosing table that the text contains."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


class _Locator:
    """One pass over the tokens. `_table` is the path that the last header opened."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._entries: dict[Path, int] = {}
        self._table: Path = ()
        self._tokens = _tokens(text)
        self._at = 0
        while self._at < len(self._tokens):
            if self._peek() == "\n":
                self._at += 1
            elif self._peek() == "[":
                self._header()
            else:
                self._pair(self._table)

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else "\n"

    def _skip_newlines(self) -> None:
        while self._at < len(self._tokens) and self._peek() == "\n":
            self._at += 1

    def _header(self) -> None:
        """`[a.b]` or `[[a.b]]`: opens a table, or the next entry of an array of tables."""
        line = self._tokens[self._at][1]
        self._at += 1
        is_entry = self._peek() == "["
        self._at += is_entry
        parts = self._key()
        self._at += 1 + is_entry
        path: Path = ()
        for part in parts[:-1]:
            path = self._inside((*path, part))
            self.lines.setdefault(path, line)
        path = (*path, parts[-1])
        self.lines.setdefault(path, line)
        if is_entry:
            index = self._entries.get(path, 0)
            self._entries[path] = index + 1
            path = (*path, index)
            self.lines.setdefault(path, line)
        self._table = self._inside(path)

    def _inside(self, path: Path) -> Path:
        """A path inside an array of tables refers to its newest entry."""
        return (*path, self._entries[path] - 1) if path in self._entries else path

    def _key(self) -> list[str]:
        """The parts of a dotted key, unquoted."""
        parts = [_unquoted(self._take())]
        while self._peek() == ".":
            self._at += 1
            parts.append(_unquoted(self._take()))
        return parts

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][0]

    def _pair(self, table: Path) -> None:
        line = self._tokens[self._at][1]
        path = table
        for part in self._key():
            path = (*path, part)
            self.lines.setdefault(path, line)
        self._at += 1  # the equals sign
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._peek() == "[":
            self._array(path)
        elif self._peek() == "{":
            self._inline_table(path)
        else:
            while self._peek() not in ("\n", ",", "]", "}"):
                self._at += 1

    def _array(self, path: Path) -> None:
        self._at += 1
        self._skip_newlines()
        index = 0
        while self._peek() != "]":
            entry = (*path, index)
            self.lines[entry] = self._tokens[self._at][1]
            self._value(entry)
            self._separator()
            index += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        self._skip_newlines()
        while self._peek() != "}":
            self._pair(path)
            self._separator()
        self._at += 1

    def _separator(self) -> None:
        self._skip_newlines()
        if self._peek() == ",":
            self._at += 1
            self._skip_newlines()


def _tokens(text: str) -> list[tuple[str, int]]:
    """The text and first line of each token, without whitespace and comments."""
    tokens: list[tuple[str, int]] = []
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "skip":
            tokens.append((match.group(), line))
        line += match.group().count("\n")
    return tokens


def _unquoted(part: str) -> str:
    return str(tomllib.loads(f"key = {part}")["key"]) if part[:1] in ("'", '"') else part
