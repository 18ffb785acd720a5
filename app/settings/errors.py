"""Errors in a configuration, with their location."""

from __future__ import annotations

from app.settings.locate import Path
from domain.errors import Fault


class Problem(Exception):
    """An error at a path of the document, before file and line are known. It never leaves this package."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def spelled(path: Path) -> str:
    """A path as text: ("model", 0, "price", "input") -> "model[0].price.input"."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class SettingsError(Fault):
    """The configuration is not valid. `str(error)` has the file, the line, the key and what to do, but never a secret."""

    def __init__(self, message: str, *, file: str, line: int | None = None, key: str | None = None) -> None:
        where = file if line is None else f"{file}:{line}"
        super().__init__(f"{where}: {key}: {message}" if key else f"{where}: {message}")
        self.message = message
        self.file = file
        self.line = line
        self.key = key
