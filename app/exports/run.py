"""An export as a sequence of bytes.

Rule 1: an export can stop between two pages without loss: the bytes after a position are always the same.
Rule 2: a complete export starts with the encoder's head; a continued one does not.
Rule 3: earlier events are read only if the head or a following row needs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from app.exports.source import Source, Span, pages
from projections.exports.contract import Encoder


class Chunk(NamedTuple):
    """Bytes, and the position that they reach. Everything up to that position has been encoded."""

    position: int
    data: bytes


def chunks(source: Source, encoder: Encoder, span: Span, *, continues: bool = False) -> Iterator[Chunk]:
    """The bytes of a span, one page at a time. Raises ExportStopped, StoreUnavailable."""
    if encoder.remembers and (not continues or span.after < span.until):
        yield from _seen(source, encoder, span)
    if not continues:
        yield Chunk(span.after, encoder.head())
    for page in pages(source, span.after, span.until):
        yield Chunk(page[-1].position, encoder.encode(page))
    yield Chunk(max(span.after, span.until), encoder.tail())


def _seen(source: Source, encoder: Encoder, span: Span) -> Iterator[Chunk]:
    """Let the encoder see earlier events. The chunks are empty, so that the caller can stop between two pages."""
    for page in pages(source, 0, span.after):
        for fact in page:
            encoder.see(fact)
        yield Chunk(span.after, b"")
