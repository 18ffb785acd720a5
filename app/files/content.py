"""The bytes of a file: checked on upload, and read in chunks or as base64.

Rule: only its content makes a file a PDF. The name and type given by the client are not evidence.
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
"""Bytes written or read per thread call: a multiple of 3, so that the base64 of the chunks can be joined."""


def inspect(file: BinaryIO) -> int | None:
    """The number of pages of a PDF, or None if unknown. Blocks; the file is mapped, not read. Raises RequestError."""
    file.flush()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not pdf.is_pdf(data):
            raise RequestError(
                "Only PDF files are accepted. This file is not a PDF: it does not start with `%PDF-`. Its name does not matter.",
                param="file",
                code="unsupported_file",
            )
        if not pdf.is_whole(data):
            raise RequestError(
                "The file starts like a PDF but has no readable cross-reference table: it is damaged or truncated.",
                param="file",
                code="invalid_file",
            )
        return pdf.page_count(data)


def encoded_bytes(size: int) -> int:
    """The length of the base64 of `size` bytes."""
    return -(-size // 3) * 4


def encoded(content: Content, sha256: str) -> str | None:
    """The whole content as base64, or None if its digest differs. Blocks. Raises StorageUnavailable."""
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
    """An asynchronous iterator over a content's chunks, each read in a thread."""

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
