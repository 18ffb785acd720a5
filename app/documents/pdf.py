"""Counts the pages of a PDF from a bounded scan of its objects. The count limits what a request can cost, so it must not be lower
than the number of pages that a reader would show.

Rule 1: every object in the file counts, including those in object streams, regardless of the cross-reference table. The largest
of three figures is used: the count declared by the page tree, the distinct page objects, and the leaves that the tree refers to,
counted once per reference.
Rule 2: if something cannot be read (an object stream that is encrypted, damaged or compressed in another way, an unusual page
tree) or would take too long, the result is None, because a guess would be too low.
Rule 3: nothing is executed, rendered or followed. Time is linear in the file size; inflated data and memory are bounded.
Source: ISO 32000-2, 7.5 (file structure) and 7.7.3 (page tree).
"""

from __future__ import annotations

import mmap
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Data = bytes | mmap.mmap
HEADER_WITHIN = 1024
INFLATED_BYTES_MAX = 32 * 1024 * 1024
TOKENS_MAX = 500_000
OBJECTS_PACKED_MAX = 200_000
"""In one object stream."""
KIDS_BYTES_MAX = 2 * 1024 * 1024
PAGES_MAX = 100_000
DICTIONARY_BYTES_MAX = 4096
"""Of an object stream; these dictionaries are short."""
_HEAD_BYTES = 32
_BLANKS_MAX = 64
_WINDOW, _OVERLAP = 64 * 1024, 64
"""Searching one window at a time holds Python's lock only briefly. No token is as long as the overlap."""
_OPEN = -1
"""Marks a node that is being counted."""
_CHUNK = 64 * 1024

_BLANKS = b"\x00\t\n\x0c\r "
_BLANK = rb"[\x00\t\n\x0c\r ]"
_GAP = rb"[\x00\t\n\x0c\r ]{0,64}"
_ENDS = rb"(?![^\x00\t\n\x0c\r ()<>\[\]{}/%])"
"""The end of a name."""


def _spelled(word: str) -> bytes:
    """A pattern for the name, in which any letter may be written as `#` and its hex code."""
    letters = []
    for letter in word:
        code = "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in f"{ord(letter):02x}")
        letters.append(f"(?:{letter}|#{code})")
    return "".join(letters).encode()


_TOKEN = re.compile(
    rb"(?P<head>(?<!d)obj(?![A-Za-z]))|/(?:(?P<type>%b)|(?P<kids>%b)|(?P<count>%b)|(?P<pages>%b)|(?P<packed>%b)|(?P<first>%b))%b"
    % (*(_spelled(word) for word in ("Type", "Kids", "Count", "Pages", "ObjStm", "First")), _ENDS)
)
_HEAD = re.compile(rb"(?<!\d)(\d{1,10})%b+\d{1,5}%b+\Z" % (_BLANK, _BLANK))
_OF_TYPE = re.compile(rb"%b(?:/(?P<page>%b(?P<tree>s|#73)?)%b|(?P<odd>[%%0-9]))" % (_GAP, _spelled("Page"), _ENDS))
_REFERENCE = re.compile(rb"%b(\d{1,10})%b\s\d{1,5}\s%bR%b" % (_GAP, _GAP, _GAP, _ENDS))
_NUMBER = re.compile(rb"%b(\d{1,9})(?![\d.]|\s%b\d{1,5}\s%bR)" % (_GAP, _GAP, _GAP))
_OPENS = re.compile(rb"%b\[" % _GAP)
_STREAM = re.compile(rb"stream\r?\n")
_N = re.compile(rb"/N%b+(\d{1,7})%b*(?=[/>])" % (_BLANK, _BLANK))
_FIRST = re.compile(rb"/First%b+(\d{1,9})%b*(?=[/>])" % (_BLANK, _BLANK))
_FILTER = re.compile(rb"/Filter%b*(/FlateDecode%b|\[%b*/FlateDecode%b*\])" % (_BLANK, _ENDS, _BLANK, _BLANK))


class _Unsure(Exception):
    """The number of pages cannot be determined with certainty."""


@dataclass(slots=True)
class _Found:
    """The facts found in the file's objects, by object number."""

    leaves: set[int] = field(default_factory=set)
    trees: set[int] = field(default_factory=set)
    counts: dict[int, int] = field(default_factory=dict)
    kids: dict[int, list[list[int]]] = field(default_factory=dict)
    """The kids of an object number, one list per definition."""
    tokens: int = 0
    kids_bytes: int = 0
    inflated: int = 0


def is_pdf(data: Data) -> bool:
    """Whether the header is within the first kilobyte, as readers accept it."""
    return b"%PDF-" in data[:HEADER_WITHIN]


def is_whole(data: Data) -> bool:
    """Whether the file says where its objects are, so that a reader can start."""
    return any(data.find(mark) >= 0 for mark in (b"startxref", b"trailer", b"/XRef"))


def page_count(data: Data) -> int | None:
    """The number of pages, or None if it cannot be determined."""
    found = _Found()
    try:
        for dictionary in _read(data, 0, found):
            for name, content in _unpacked(data, dictionary, found):
                for _ in _read(content, name, found):
                    raise _Unsure  # an object stream inside an object stream
        declared = max((found.counts.get(number, 0) for number in found.trees), default=0)
        pages = max(len(found.leaves), declared, _leaves_named(found), _leaves_below(found))
    except _Unsure:
        return None
    return pages if 0 < pages <= PAGES_MAX else None


def _read(data: Data, number: int, found: _Found) -> Iterator[int]:
    """Record facts about the objects. `number` is the number of the object at the start. Yields the offset of each object stream's
    dictionary: one that has /ObjStm, or a /First with a number."""
    start, bracket, yielded = 0, -1, -1
    for token in _tokens(data):
        found.tokens += 1
        kind, end = token.lastgroup, token.end()
        if found.tokens > TOKENS_MAX or (kind != "head" and not data[end : end + _BLANKS_MAX].strip(_BLANKS)):
            raise _Unsure  # too many tokens, or more blanks than a real file has
        if kind == "head":
            head = _HEAD.search(data[max(0, token.start() - _HEAD_BYTES) : token.start()])
            if head is not None:
                number, start = int(head.group(1)), end
        elif kind == "type":
            _note_type(data, end, number, found)
        elif kind == "kids":
            bracket = bracket if bracket > end else data.find(b"]", end)
            _note_kids(data, end, bracket, number, found)
        elif kind == "count":
            count = _NUMBER.match(data, end)
            if count is not None:
                found.counts[number] = max(int(count.group(1)), found.counts.get(number, 0))
        elif kind == "pages":
            root = _REFERENCE.match(data, end)
            if root is not None:
                found.trees.add(int(root.group(1)))
        elif start != yielded and (kind == "packed" or _NUMBER.match(data, end)):
            yielded = start
            yield start


def _tokens(data: Data) -> Iterator[re.Match[bytes]]:
    for start in range(0, len(data), _WINDOW):
        for token in _TOKEN.finditer(data, start, min(len(data), start + _WINDOW + _OVERLAP)):
            if token.start() < start + _WINDOW:
                yield token


def _note_type(data: Data, end: int, number: int, found: _Found) -> None:
    named = _OF_TYPE.match(data, end)
    if named is None:
        return
    if named["odd"] is not None:
        raise _Unsure  # a comment or a reference in place of a name
    (found.leaves if named["tree"] is None else found.trees).add(number)


def _note_kids(data: Data, end: int, bracket: int, number: int, found: _Found) -> None:
    opens = _OPENS.match(data, end)
    if opens is None or bracket < 0 or bracket - end > KIDS_BYTES_MAX - found.kids_bytes:
        raise _Unsure
    inside = data[opens.end() : bracket]
    kids = [int(kid) for kid in _REFERENCE.findall(inside)]
    if _REFERENCE.sub(b"", inside).strip(_BLANKS):
        raise _Unsure  # kids that are not references
    found.kids_bytes += bracket - end
    found.kids.setdefault(number, []).append(kids)


def _unpacked(data: Data, start: int, found: _Found) -> Iterable[tuple[int, bytes]]:
    """The number and bytes of each object in the object stream whose dictionary begins at `start`."""
    window = data[start : start + DICTIONARY_BYTES_MAX]
    stream = _STREAM.search(window)
    if stream is None:
        raise _Unsure
    dictionary = window[: stream.start()]
    first, number = _FIRST.search(dictionary), _N.search(dictionary)
    if first is None or number is None or _FILTER.search(dictionary) is None or b"/DecodeParms" in dictionary:
        raise _Unsure
    content = _inflated(data, start + stream.end(), found)
    base, objects = int(first.group(1)), int(number.group(1))
    words = content[:base].split() if objects <= OBJECTS_PACKED_MAX and base <= 24 * objects + 64 else []
    if len(words) != 2 * objects or not all(word.isdigit() and len(word) < 11 for word in words):
        raise _Unsure
    return _slices(content, base, words, found)


def _slices(content: bytes, base: int, words: list[bytes], found: _Found) -> Iterator[tuple[int, bytes]]:
    """Each object from its offset to the next one, in any order."""
    places = sorted(zip((base + int(word) for word in words[1::2]), map(int, words[::2]), strict=False))
    ends = [start for start, _ in places[1:]] + [len(content)]
    if len(set(ends)) < len(ends):
        raise _Unsure  # two objects at the same offset
    for (start, number), end in zip(places, ends, strict=True):
        found.tokens += 1
        yield number, content[start:end]


def _inflated(data: Data, start: int, found: _Found) -> bytes:
    """The inflated stream that begins at `start`."""
    inflater, parts, position = zlib.decompressobj(), list[bytes](), start
    try:
        while not inflater.eof:
            chunk = inflater.unconsumed_tail or data[position : position + _CHUNK]
            position += 0 if inflater.unconsumed_tail else len(chunk)
            room = INFLATED_BYTES_MAX - found.inflated
            if not chunk or room <= 0:
                raise _Unsure
            parts.append(inflater.decompress(chunk, room))
            found.inflated += len(parts[-1]) + len(chunk) // 64
    except zlib.error:
        raise _Unsure from None
    return b"".join(parts)


def _leaves_named(found: _Found) -> int:
    """The total number of references to leaves in all page tree nodes."""
    return sum(
        max(sum(kid not in found.kids for kid in kids) for kids in found.kids[number])
        for number in found.trees & found.kids.keys()
    )


def _leaves_below(found: _Found) -> int:
    """The number of leaves in the largest page tree. A node without kids is a leaf, counted once per reference. If a number has
    several definitions, the largest counts. Raises _Unsure for a node that contains itself."""
    known: dict[int, int] = {}
    for root in found.trees & found.kids.keys():
        waiting = [root]
        while waiting:
            number = waiting[-1]
            if number not in known:
                known[number] = _OPEN
                waiting += {
                    kid for kids in found.kids[number] for kid in kids if kid in found.kids and kid not in known
                }
                continue
            waiting.pop()
            if known[number] == _OPEN:
                known[number] = _sum_below(found.kids[number], known)
    return max((known[root] for root in found.trees & known.keys()), default=0)


def _sum_below(definitions: list[list[int]], known: dict[int, int]) -> int:
    below = [[known.get(kid, 1) for kid in kids] for kids in definitions]
    if any(_OPEN in each for each in below):
        raise _Unsure
    return min(max(map(sum, below)), PAGES_MAX + 1)
