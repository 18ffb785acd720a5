"""An export as a sequence of bytes.

Rule 1: whoever stops between two pages has lost nothing: what comes behind a position is the same bytes, whenever it is asked for.
Rule 2: a whole export begins with the encoder's head; one that goes on behind a position never does.
Rule 3: what was before is read for a head or a row that needs it, and not where neither comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from app.exports.source import Source, Span, pages
from projections.exports.contract import Encoder


class Chunk(NamedTuple):
    """Bytes, and the position that they go up to: all that is wanted up to there has been told."""

    position: int
    data: bytes


def chunks(source: Source, encoder: Encoder, span: Span, *, continues: bool = False) -> Iterator[Chunk]:
    """The bytes of a span, a page at a time. Raises ExportStopped, StoreUnavailable."""
    if encoder.remembers and (not continues or span.after < span.until):
        yield from _seen(source, encoder, span)
    if not continues:
        yield Chunk(span.after, encoder.head())
    for page in pages(source, span.after, span.until):
        yield Chunk(page[-1].position, encoder.encode(page))
    yield Chunk(max(span.after, span.until), encoder.tail())


def _seen(source: Source, encoder: Encoder, span: Span) -> Iterator[Chunk]:
    """Nothing is told of these, but whoever streams may stop between two pages."""
    for page in pages(source, 0, span.after):
        for fact in page:
            encoder.see(fact)
        yield Chunk(span.after, b"")
