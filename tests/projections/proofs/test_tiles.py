"""Tiles: their paths as C2SP spells them, which there are, and that they hold the tree."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.proofs.errors import ProofInvalid
from projections.proofs.merkle import EMPTY_ROOT, SIZE_MAX, Frontier, leaf_hash, prove_inclusion, root
from projections.proofs.tiles import Growth, Tile, edge_of, parse_path, reader, tile_root, tiles_of, width_at


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1_234_067), "0/x001/x234/067"),
        (Tile(0, 0), "0/000"),
        (Tile(1, 999, 1), "1/999.p/1"),
        (Tile(6, 1000, 255), "6/x001/000.p/255"),
        (Tile(63, 0, 255), "63/000.p/255"),
    ],
)
def test_paths_are_spelled_as_c2sp_spells_them(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/0",
        "0/0000",
        "00/000",
        "64/000",
        "-1/000",
        "0/x000/067",
        "0/001/067",
        "0/x001/x067",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/000.p/",
        "0/000/",
        "0/../000",
        "0/000\n",
        "0/" + "x001/" * 40 + "000",
        "0/\u0661\u0662\u0663",
        "entries/000",
    ],
)
def test_another_spelling_is_no_path(path: str) -> None:
    with pytest.raises(ProofInvalid):
        parse_path(path)


@given(st.integers(0, 63), st.integers(0, SIZE_MAX), st.integers(1, 256))
def test_a_path_reads_as_its_tile(level: int, number: int, width: int) -> None:
    tile = Tile(level, number >> 8 * level, width)
    assert parse_path(tile.path) == tile


@pytest.mark.parametrize("tile", [Tile(0, SIZE_MAX + 1), Tile(7, 128), Tile(63, 1), Tile(0, 10**21 - 1)])
def test_a_tile_that_no_log_can_have_is_no_path(tile: Tile) -> None:
    with pytest.raises(ProofInvalid, match="long enough"):
        parse_path(tile.path)


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    tiles = list(tiles_of(70_000))
    assert Counter((tile.level, tile.width) for tile in tiles) == {
        (0, 256): 273,
        (0, 112): 1,
        (1, 256): 1,
        (1, 17): 1,
        (2, 1): 1,
    }
    assert edge_of(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_a_tree_of_256_has_a_full_tile_and_one_above() -> None:
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == edge_of(0) == []


LEAVES = [leaf_hash(str(number).encode()) for number in range(66_000)]


@given(st.lists(st.integers(0, 400), max_size=6))
def test_growing_in_steps_is_growing_at_once(steps: list[int]) -> None:
    stored: dict[tuple[int, int], bytes] = {}
    size = 0
    for step in steps:
        growth = Growth(size, {tile.level: stored[tile.level, tile.number] for tile in edge_of(size)})
        for leaf in LEAVES[size : size + step]:
            growth.append(leaf)
        stored |= growth.take()
        size += step
        assert growth.root() == Frontier(LEAVES[:size]).root()
    at_once = Growth()
    for leaf in LEAVES[:size]:
        at_once.append(leaf)
    assert at_once.take() == stored
    assert {(tile.level, tile.number): 32 * tile.width for tile in tiles_of(size)} == {
        place: len(hashes) for place, hashes in stored.items()
    }


def test_a_tree_of_three_levels_of_tiles_reads_as_its_leaves() -> None:
    growth = Growth()
    for leaf in LEAVES:
        growth.append(leaf)
    tiles = growth.take()
    read = reader(lambda level, number: tiles.get((level, number), b""))
    assert {level for level, _ in tiles} == {0, 1, 2}
    assert growth.root() == root(len(LEAVES), read) == Frontier(LEAVES).root()
    for size in (1, 255, 256, 257, 65_535, 65_536, 65_537):
        assert root(size, read) == Frontier(LEAVES[:size]).root()
    assert len(prove_inclusion(65_535, len(LEAVES), read)) == 17
    assert tiles[2, 0] == tile_root(tiles[1, 0])


def test_what_was_not_grown_has_not_changed() -> None:
    growth = Growth()
    assert growth.root() == EMPTY_ROOT
    assert growth.take() == {}
    growth.append(LEAVES[0])
    assert growth.take() == {(0, 0): LEAVES[0]}
    assert growth.take() == {}


def test_a_tile_that_is_missing_or_too_short_is_reported() -> None:
    with pytest.raises(ProofInvalid, match="0/000 is missing or too short"):
        root(2, reader(lambda _level, _number: LEAVES[0]))


@given(st.integers(0, 70_000))
def test_widths_are_those_of_the_tiles(size: int) -> None:
    assert all(width_at(tile.level, tile.number, size) == tile.width for tile in edge_of(size))
    assert width_at(0, size // 256 + 1, size) == 0
