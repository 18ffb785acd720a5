"""The bytes of a file: judged when it comes, and read again in chunks or as base64.

Rule: a file is a PDF by what is in it. Its name and the type that a client gave it prove nothing.
"""

from __future__ import annotations

import base64
import hashlib
import mmap
from typing import BinaryIO

import trio

from app.documents import pdf
from app.files.storage import Content
from app.wire.exchange import RequestError

CHUNK_BYTES = 192 * 1024
"""What is written or read in one turn of a thread: a multiple of 3, so that base64 of the pieces is that of the whole."""


def inspect(file: BinaryIO) -> int | None:
    """The pages of a PDF, None where nobody can count them. Blocks; the file is mapped, not read. Raises RequestError."""
    file.flush()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not pdf.is_pdf(data):
            raise RequestError(
                "Only PDF files are taken, and this is none: it does not begin with `%PDF-`. Its name does not matter.",
                param="file",
                code="unsupported_file",
            )
        if not pdf.is_whole(data):
            raise RequestError(
                "The file begins like a PDF and has no cross-reference table that could be read: it is damaged, or cut off.",
                param="file",
                code="invalid_file",
            )
        return pdf.page_count(data)


def encoded_bytes(size: int) -> int:
    """How long base64 of so many bytes is."""
    return -(-size // 3) * 4


def encoded(content: Content, sha256: str) -> str | None:
    """All of it as base64, None where it is not what the digest says. Blocks. Raises StorageUnavailable."""
    digest, pieces, rest = hashlib.sha256(), [], b""
    while data := content.read(CHUNK_BYTES):
        digest.update(data)
        data = rest + data
        whole = len(data) - len(data) % 3
        pieces.append(base64.b64encode(data[:whole]).decode("ascii"))
        rest = data[whole:]
    pieces.append(base64.b64encode(rest).decode("ascii"))
    return "".join(pieces) if digest.hexdigest() == sha256 else None


class FileChunks:
    """A content as an asynchronous iterator of chunks, each read in a thread."""

    def __init__(self, content: Content, threads: trio.CapacityLimiter) -> None:
        self.content = content
        self._threads = threads

    def __aiter__(self) -> FileChunks:
        return self

    async def __anext__(self) -> bytes:
        data = await trio.to_thread.run_sync(self.content.read, CHUNK_BYTES, limiter=self._threads)
        if not data:
            raise StopAsyncIteration
        return data

    async def aclose(self) -> None:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self.content.close, limiter=self._threads)
