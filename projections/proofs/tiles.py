"""The tree in tiles, as defined by C2SP tlog-tiles: a tile has up to 256 hashes of one level, and levels are eight apart.

Rule 1: level 0 has the hashes of leaves; above it, each hash is the root of a full tile of the level below.
Rule 2: a tile only grows, and a full one never changes. A tile of a smaller width is a prefix of it.
Rule 3: to add leaves to a tree, only its partial tiles are needed, one per level.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from projections.proofs.errors import ProofInvalid
from projections.proofs.merkle import HASH_BYTES, SIZE_MAX, Read, fold, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
TILE_BYTES = WIDTH * HASH_BYTES
LEVEL_MAX = 63
PATH_LENGTH_MAX = 100
_PATH = re.compile(r"(0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)

Fetch = Callable[[int, int], bytes]
"""Returns the existing hashes of a tile (level, number); empty if it has none."""


class Tile(NamedTuple):
    """A tile's place, and how many of its hashes are meant."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """`<level>/<number>[.p/<width>]`, the number in groups of three digits: 1234067 is x001/x234/067."""
        suffix = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{self.level}/{encode_index(self.number)}{suffix}"


def encode_index(number: int) -> str:
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups))


def parse_path(path: str) -> Tile:
    """The tile with this path, in the form of `Tile.path`. Raises ProofInvalid."""
    match = _PATH.fullmatch(path) if len(path) <= PATH_LENGTH_MAX else None
    if match is None:
        raise ProofInvalid("This is not the path of a tile.")
    tile = Tile(int(match[1]), int(match[2].replace("/", "").replace("x", "")), int(match[3] or WIDTH))
    if tile.level > LEVEL_MAX or tile.width > WIDTH or tile.path != path:
        raise ProofInvalid("This is not the path of a tile.")
    if tile.number << HEIGHT * tile.level > SIZE_MAX:
        raise ProofInvalid("No log is long enough to have this tile.")
    return tile


def width_at(level: int, number: int, size: int) -> int:
    """The number of hashes that a tile has in a tree of `size`."""
    return max(0, min(WIDTH, (size >> HEIGHT * level) - number * WIDTH))


def tiles_of(size: int) -> Iterable[Tile]:
    """All tiles of a tree of `size`, level by level."""
    level, hashes = 0, size
    while hashes:
        full, rest = divmod(hashes, WIDTH)
        yield from (Tile(level, number) for number in range(full))
        if rest:
            yield Tile(level, full, rest)
        level, hashes = level + 1, full


def edge_of(size: int) -> list[Tile]:
    """The partial tiles of a tree of `size`."""
    edge, level = [], 0
    while size >> HEIGHT * level:
        number, width = divmod(size >> HEIGHT * level, WIDTH)
        if width:
            edge.append(Tile(level, number, width))
        level += 1
    return edge


class Growth:
    """A tree to which leaves are added. `changed` has all hashes of each changed tile."""

    def __init__(self, size: int = 0, edge: Mapping[int, bytes] | None = None) -> None:
        """`edge`: the partial tiles of the tree of `size`, by level."""
        self.size = size
        self.changed: dict[tuple[int, int], bytes] = {}
        self._edge = {level: bytearray(hashes) for level, hashes in (edge or {}).items()}
        self._touched: set[int] = set()

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        self.size += 1
        self._push(0, leaf)

    def root(self) -> bytes:
        peaks: list[bytes] = []
        for level in sorted(self._edge, reverse=True):
            peaks += _peaks(bytes(self._edge[level]))
        return fold(peaks)

    def edge(self, level: int) -> bytes:
        """The current partial tile of a level."""
        return bytes(self._edge.get(level, b""))

    def take(self) -> dict[tuple[int, int], bytes]:
        """The tiles changed since the last call, full or partial."""
        for level in self._touched:
            if self._edge[level]:
                self.changed[level, self.size >> HEIGHT * (level + 1)] = bytes(self._edge[level])
        self._touched.clear()
        changed, self.changed = self.changed, {}
        return changed

    def _push(self, level: int, value: bytes) -> None:
        tile = self._edge.setdefault(level, bytearray())
        tile += value
        self._touched.add(level)
        if len(tile) == TILE_BYTES:
            full = bytes(tile)
            tile.clear()
            self.changed[level, (self.size >> HEIGHT * (level + 1)) - 1] = full
            self._push(level + 1, tile_root(full))


def tile_root(hashes: bytes) -> bytes:
    """The root over hashes whose number is a power of two."""
    nodes = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(nodes) > 1:
        nodes = [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes), 2)]
    return nodes[0]


def reader(fetch: Fetch) -> Read:
    """A `Read` from a tree's tiles. Reading raises ProofInvalid if a tile is missing or too short."""

    def read(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        tile, offset = divmod(index << height, WIDTH)
        hashes = fetch(tile_level, tile)
        end = (offset + (1 << height)) * HASH_BYTES
        if len(hashes) < end:
            raise ProofInvalid(f"Tile {Tile(tile_level, tile).path} is missing or too short.")
        return tile_root(hashes[offset * HASH_BYTES : end])

    return read


def _peaks(hashes: bytes) -> list[bytes]:
    """The full subtrees formed by adjacent hashes, the largest first."""
    peaks, at, left = [], 0, len(hashes) // HASH_BYTES
    while left:
        width = 1 << left.bit_length() - 1
        peaks.append(tile_root(hashes[at : at + width * HASH_BYTES]))
        at, left = at + width * HASH_BYTES, left - width
    return peaks
