"""How many pages a PDF has, from a bounded reading of its objects.

The root of the page tree (a `/Pages` node without a parent) says its count; the last one in the file is the one that
counts, because a PDF is amended by appending. Without a readable root the `/Page` leaves are counted. Objects packed in
compressed object streams are read too. Nothing is executed, rendered or followed, and what is inflated is bounded.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

INFLATED_BYTES_MAX = 32 * 1024 * 1024
OBJECT_STREAMS_MAX = 4096
OBJECT_BYTES_MAX = 256 * 1024

_OBJECT = re.compile(rb"(?<!\d)(\d{1,10})\s+\d{1,5}\s+obj\b")
_OBJECT_STREAM = re.compile(rb"/Type\s*/ObjStm\b")
_NODE = re.compile(rb"/Type\s*/Page(s?)(?![A-Za-z0-9])")
_COUNT = re.compile(rb"/Count\s+(\d{1,9})(?!\d|\s+\d+\s+R)")
_PARENT = re.compile(rb"/Parent\s")
_FIRST = re.compile(rb"/First\s+(\d{1,9})")
_NUMBER = re.compile(rb"/N\s+(\d{1,9})")
_STREAM = re.compile(rb"stream\r?\n")


def is_pdf(data: bytes) -> bool:
    """True where the header stands within the first kilobyte, as readers accept it."""
    return b"%PDF-" in data[:1024]


def page_count(data: bytes) -> int | None:
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


def _objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Every object's number and dictionary, in file order, those inside object streams included."""
    budget = INFLATED_BYTES_MAX
    streams = 0
    for match in _OBJECT.finditer(data):
        body = _dictionary(data, match.end())
        if not _OBJECT_STREAM.search(body):
            yield int(match.group(1)), body
            continue
        streams += 1
        if streams > OBJECT_STREAMS_MAX or budget <= 0:
            return
        inflated = _inflate(data, match.end() + len(body), budget)
        budget -= len(inflated)
        yield from _packed(body, inflated)


def _dictionary(data: bytes, start: int) -> bytes:
    """The bytes of an object from `start` to its end or to its stream, whichever is first."""
    limit = start + OBJECT_BYTES_MAX
    end = data.find(b"endobj", start, limit)
    end = end if end >= 0 else min(limit, len(data))
    stream = _STREAM.search(data, start, end)
    return data[start : stream.start() if stream else end]


def _inflate(data: bytes, start: int, budget: int) -> bytes:
    stream = _STREAM.match(data, start)
    if stream is None:
        return b""
    try:
        return zlib.decompressobj().decompress(memoryview(data)[stream.end() :], budget)
    except zlib.error:
        return b""


def _packed(dictionary: bytes, content: bytes) -> Iterator[tuple[int, bytes]]:
    """The objects of one object stream: `N` pairs of number and offset, then from `First` the objects."""
    first, number = _FIRST.search(dictionary), _NUMBER.search(dictionary)
    if first is None or number is None:
        return
    base = int(first.group(1))
    header = content[:base].split()[: 2 * int(number.group(1))]
    if not all(word.isdigit() and len(word) < 12 for word in header):
        return
    pairs = [(int(header[at]), base + int(header[at + 1])) for at in range(0, len(header) - 1, 2)]
    for (name, start), (_, end) in zip(pairs, [*pairs[1:], (0, len(content))], strict=True):
        yield name, content[start:end]
