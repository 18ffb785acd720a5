"""What h11 knows about a chunked request body before the bytes arrive: the size of the current chunk.

h11 parses a chunk's size and then waits for its bytes, however many they are, and it waits for the end of a size line that can no
longer become valid. It has no event for either, so this reads the state of its reader (RFC 9112 section 7.1).
"""

from __future__ import annotations

import re
from typing import Any

import h11

_SIZE_LINE = re.compile(rb"[0-9A-Fa-f]{0,20}(?:(?<=[0-9A-Fa-f])[;\r \t].*)?", re.DOTALL)
"""The beginning of a line that h11 accepts: at most 20 digits, then perhaps an extension."""


class MalformedChunk(Exception):
    """The bytes received so far cannot become a chunk's size line."""


class ChunkWatch:
    """Watches the chunked body that a connection is receiving."""

    def __init__(self, connection: h11.Connection) -> None:
        self._connection = connection
        self._reader: Any = connection._reader  # noqa: SLF001 - h11 has no public way to it

    def coming(self) -> int:
        """How many bytes of the current chunk have not arrived yet, once h11 needs more data. Raises MalformedChunk."""
        reader = self._reader
        if rest := getattr(reader, "_bytes_in_chunk", 0):
            return int(rest)
        between = not getattr(reader, "_bytes_to_discard", b"\n") and not getattr(reader, "_reading_trailer", True)
        if between and not _SIZE_LINE.fullmatch(self._connection.trailing_data[0]):
            raise MalformedChunk("illegal chunk size")
        return 0
