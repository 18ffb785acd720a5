"""The sizes of an answer's chunks, read next to the parser, which waits for any size that a server declares and reports none."""

from __future__ import annotations

CHUNK_BYTES_MAX = 256 * 1024 * 1024
"""Far above any answer that the gateway accepts. The same limit applies to a Content-Length."""


class ChunkTooLarge(Exception):
    """A chunk declares more than CHUNK_BYTES_MAX bytes."""


class ChunkSizes:
    """Follows a chunked body from its first byte. What is not a chunk's size line is left to the parser (RFC 9112 section 7.1)."""

    __slots__ = ("_ended", "_left", "_line")

    def __init__(self) -> None:
        self._ended = False
        self._left = 0
        """Bytes of the current chunk and its line end that have not arrived."""
        self._line = b""

    def feed(self, data: bytes) -> None:
        """Raises ChunkTooLarge at a size line, before the chunk's bytes arrive."""
        at, length = 0, len(data)
        while not self._ended:
            if self._left >= length - at:
                self._left -= length - at
                return
            at += self._left
            self._left = 0
            end = data.find(b"\n", at)
            if end < 0:
                self._line += data[at:]
                return
            line = data[at:end]
            if self._line:
                line, self._line = self._line + line, b""
            self._begin(line)
            at = end + 1

    def _begin(self, line: bytes) -> None:
        try:
            size = int(line if b";" not in line else line.partition(b";")[0], 16)
        except ValueError:
            size = 0  # the parser refuses the line
        if size > CHUNK_BYTES_MAX:
            raise ChunkTooLarge(
                f"A chunk declares {size} bytes." if size < 2**64 else "A chunk declares too many bytes."
            )
        self._ended = size <= 0
        self._left = size + 2
