"""The tree in tiles, as C2SP tlog-tiles has it: 256 hashes of one level in one piece, levels eight apart.

Rule 1: level 0 holds the hashes of leaves; above it, each hash is the root of a full tile of the level below.
Rule 2: a tile only grows, and a full one never changes: the tile of any smaller width is its beginning.
Rule 3: what is known of a tree of some size is in its unfinished tiles, one per level: more leaves need nothing else.
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
"""The hashes of a tile (level, number), as many as there are; empty where there is none."""


class Tile(NamedTuple):
    """One tile: where it is, and how many hashes of it are meant."""

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
    """The tile of a path, which must be spelled as `Tile.path` spells it. Raises ProofInvalid."""
    match = _PATH.fullmatch(path) if len(path) <= PATH_LENGTH_MAX else None
    if match is None:
        raise ProofInvalid("This is not the path of a tile.")
    tile = Tile(int(match[1]), int(match[2].replace("/", "").replace("x", "")), int(match[3] or WIDTH))
    if tile.level > LEVEL_MAX or tile.width > WIDTH or tile.path != path:
        raise ProofInvalid("This is not the path of a tile.")
    if tile.number << HEIGHT * tile.level > SIZE_MAX:
        raise ProofInvalid("No log is so long that it has this tile.")
    return tile


def width_at(level: int, number: int, size: int) -> int:
    """How many hashes a tile has in a tree of `size`."""
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
    """The unfinished tiles of a tree of `size`."""
    edge, level = [], 0
    while size >> HEIGHT * level:
        number, width = divmod(size >> HEIGHT * level, WIDTH)
        if width:
            edge.append(Tile(level, number, width))
        level += 1
    return edge


class Growth:
    """A tree that grows by leaves. `changed` has, for each tile that did, all of its hashes."""

    def __init__(self, size: int = 0, edge: Mapping[int, bytes] | None = None) -> None:
        """`edge`: by level, the unfinished tiles of the tree of `size`."""
        self.size = size
        self.changed: dict[tuple[int, int], bytes] = {}
        self._edge = {level: bytearray(hashes) for level, hashes in (edge or {}).items()}
        self._touched: set[int] = set()

    def append(self, leaf: bytes) -> None:
        """The hash of the next leaf."""
        self.size += 1
        self._push(0, leaf)

    def root(self) -> bytes:
        peaks: list[bytes] = []
        for level in sorted(self._edge, reverse=True):
            peaks += _peaks(bytes(self._edge[level]))
        return fold(peaks)

    def edge(self, level: int) -> bytes:
        """The unfinished tile of a level, as it stands."""
        return bytes(self._edge.get(level, b""))

    def take(self) -> dict[tuple[int, int], bytes]:
        """The tiles that have changed since the last time, finished or not."""
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
    """The root over a power of two of hashes."""
    nodes = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(nodes) > 1:
        nodes = [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes), 2)]
    return nodes[0]


def reader(fetch: Fetch) -> Read:
    """The hashes of a tree, from its tiles. Reading raises ProofInvalid where a tile is not there, or too short."""

    def read(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        tile, offset = divmod(index << height, WIDTH)
        hashes = fetch(tile_level, tile)
        end = (offset + (1 << height)) * HASH_BYTES
        if len(hashes) < end:
            raise ProofInvalid(f"Tile {Tile(tile_level, tile).path} is missing, or too short.")
        return tile_root(hashes[offset * HASH_BYTES : end])

    return read


def _peaks(hashes: bytes) -> list[bytes]:
    """The whole subtrees that hashes side by side make, the largest first."""
    peaks, at, left = [], 0, len(hashes) // HASH_BYTES
    while left:
        width = 1 << left.bit_length() - 1
        peaks.append(tile_root(hashes[at : at + width * HASH_BYTES]))
        at, left = at + width * HASH_BYTES, left - width
    return peaks
