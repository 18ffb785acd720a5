"""The newest checkpoint in a file outside the database: what a database that was put back cannot take along.

Rule 1: the file is replaced as a whole: written beside, synced, renamed, and the folder synced.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from projections.proofs.note import Signer

FILE_BYTES_MAX = 1 << 20


class CheckpointFile:
    """One file. Raises OSError where it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str | None:
        """None where there is no file. What is not UTF-8 comes as text that is no checkpoint."""
        try:
            with self.path.open("rb") as file:
                return file.read(FILE_BYTES_MAX).decode(errors="replace")
        except FileNotFoundError:
            return None

    def write(self, note: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        try:
            with beside.open("wb") as file:
                file.write(note.encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        finally:
            beside.unlink(missing_ok=True)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_key(signer: Signer, path: Path) -> None:
    """A private key into a new file that its owner alone may read. Raises FileExistsError: a key is never written over."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(signer.text() + "\n")
        file.flush()
        os.fsync(file.fileno())
