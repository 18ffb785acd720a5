"""The newest checkpoint, in a file outside the database: it reveals a database that was rolled back.

Rule 1: the file is replaced atomically: a temporary file is written, synced and renamed, and the folder is synced.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from projections.proofs.note import Signer

FILE_BYTES_MAX = 1 << 20


class CheckpointFile:
    """One checkpoint file. Raises OSError if it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str | None:
        """The file's text, or None if there is no file. Invalid UTF-8 yields text that is not a checkpoint."""
        try:
            with self.path.open("rb") as file:
                return file.read(FILE_BYTES_MAX).decode(errors="replace")
        except FileNotFoundError:
            return None

    def write(self, note: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        try:
            with temporary.open("wb") as file:
                file.write(note.encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_key(signer: Signer, path: Path) -> None:
    """Write a private key to a new file that only its owner can read. Raises FileExistsError: a key is never overwritten."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(signer.text() + "\n")
        file.flush()
        os.fsync(file.fileno())
