"""How many pages a PDF has, from a bounded reading of its objects.

The root of the page tree (a `/Pages` node without a parent) says its count; the last one in the file is the one that
counts, because a PDF is amended by appending. Without a readable root the `/Page` leaves are counted. Objects packed in
compressed object streams are read too. Nothing is executed, rendered or followed, and what is inflated is bounded.
"""

from __future__ import annotations

import mmap
import re
import zlib
from collections.abc import Iterator

Data = bytes | mmap.mmap
INFLATED_BYTES_MAX = 32 * 1024 * 1024
OBJECT_BYTES_MAX = 256 * 1024
HEAD_BYTES_MAX = 32
WORD_BYTES_MAX = 12

_OBJECT_HEAD = re.compile(rb"(?<!\d)(\d{1,10})\s+\d{1,5}\s+\Z")
_OBJECT_STREAM = re.compile(rb"/Type\s*/ObjStm\b")
_NODE = re.compile(rb"/Type\s*/Page(s?)(?![A-Za-z0-9])")
_COUNT = re.compile(rb"/Count\s+(\d{1,9})(?!\d|\s+\d+\s+R)")
_PARENT = re.compile(rb"/Parent\s")
_FIRST = re.compile(rb"/First\s+(\d{1,9})")
_NUMBER = re.compile(rb"/N\s+(\d{1,9})")
_END = re.compile(rb"endobj|stream\r?\n")
_STREAM = re.compile(rb"stream\r?\n")


def is_pdf(data: Data) -> bool:
    """True where the header stands within the first kilobyte, as readers accept it."""
    return b"%PDF-" in data[:1024]


def is_whole(data: Data) -> bool:
    """True where the file says where its objects are: a reader has something to begin with."""
    return any(data.find(mark) >= 0 for mark in (b"startxref", b"trailer", b"/XRef"))


def page_count(data: Data) -> int | None:
    """The number of pages, or None where it cannot be told (damaged or encrypted)."""
    root: int | None = None
    leaves: set[int] = set()
    for number, body in _objects(data):
        node = _NODE.search(body)
        if node is None:
            continue
        if not node.group(1):
            leaves.add(number)
        elif not _PARENT.search(body) and (count := _COUNT.search(body)):
            root = int(count.group(1))
    if root:
        return root
    return len(leaves) or None


def _objects(data: Data) -> Iterator[tuple[int, bytes]]:
    """Every object's number and dictionary, in file order, those inside object streams included. No byte is read twice."""
    budget = INFLATED_BYTES_MAX
    position = 0
    while (at := data.find(b"obj", position)) >= 0:
        start = at + len(b"obj")
        head = _OBJECT_HEAD.search(data[max(position, at - HEAD_BYTES_MAX) : at])
        if head is None:
            position = start
            continue
        position, streaming = _dictionary_end(data, start)
        body = data[start:position]
        if not streaming or not _OBJECT_STREAM.search(body):
            yield int(head.group(1)), body
            continue
        end = data.find(b"endstream", position)
        end = end if end >= 0 else len(data)
        inflated = _inflate(data[position:end], budget)
        position = end
        budget -= len(inflated)
        yield from _packed(body, inflated)
        if budget <= 0:
            return


def _dictionary_end(data: Data, start: int) -> tuple[int, bool]:
    """Where the object from `start` ends, or its stream begins, whichever is first; and whether it is a stream."""
    limit = min(start + OBJECT_BYTES_MAX, len(data))
    end = _END.search(data, start, limit)
    return (end.start(), end.group() != b"endobj") if end else (limit, False)


def _inflate(stream: bytes, budget: int) -> bytes:
    content = _STREAM.sub(b"", stream, count=1)
    try:
        return zlib.decompressobj().decompress(content, budget)
    except zlib.error:
        return b""


def _packed(dictionary: bytes, content: bytes) -> Iterator[tuple[int, bytes]]:
    """The objects of one object stream: `N` pairs of number and offset, then from `First` the objects, in order."""
    first, number = _FIRST.search(dictionary), _NUMBER.search(dictionary)
    if first is None or number is None:
        return
    base = int(first.group(1))
    words = content[:base].split()[: 2 * int(number.group(1))]
    if not all(word.isdigit() and len(word) < WORD_BYTES_MAX for word in words):
        return
    names, starts = map(int, words[::2]), [base + int(word) for word in words[1::2]]
    if starts != sorted(starts):
        return
    for name, start, end in zip(names, starts, [*starts[1:], len(content)], strict=False):
        yield name, content[start:end]
