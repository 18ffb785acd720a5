"""The tree: against the published vectors, against another implementation at every size, and against every flipped bit."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree
from pymerkle.proof import ConsistencyProof

from projections.proofs.errors import ProofInvalid
from projections.proofs.merkle import (
    EMPTY_ROOT,
    Frontier,
    Read,
    check_consistency,
    check_inclusion,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    root,
)

SIZES = 300
CT_LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
"""The leaves and roots of the certificate-transparency project's own tests."""
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
CT_CONSISTENCY = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def reading(leaves: list[bytes]) -> Read:
    """The whole subtrees over hashes of leaves, each computed once."""
    rows = [leaves]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append([node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)])
    return lambda level, index: rows[level][index]


@pytest.mark.parametrize("size", range(len(CT_ROOTS)))
def test_the_published_roots(size: int) -> None:
    leaves = [leaf_hash(leaf) for leaf in CT_LEAVES[:size]]
    assert Frontier(leaves).root().hex() == root(size, reading(leaves)).hex() == CT_ROOTS[size]


def test_the_root_of_no_leaves_is_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == CT_ROOTS[0]


@pytest.mark.parametrize(("place", "proof"), CT_INCLUSION.items())
def test_the_published_inclusion_proofs(place: tuple[int, int], proof: list[str]) -> None:
    leaves = [leaf_hash(leaf) for leaf in CT_LEAVES]
    made = prove_inclusion(*place, reading(leaves))
    assert [each.hex() for each in made] == proof
    check_inclusion(*place, leaves[place[0]], made, bytes.fromhex(CT_ROOTS[place[1]]))


@pytest.mark.parametrize(("sizes", "proof"), CT_CONSISTENCY.items())
def test_the_published_consistency_proofs(sizes: tuple[int, int], proof: list[str]) -> None:
    made = prove_consistency(*sizes, reading([leaf_hash(leaf) for leaf in CT_LEAVES]))
    assert [each.hex() for each in made] == proof
    old, new = (bytes.fromhex(CT_ROOTS[size]) for size in sizes)
    check_consistency(*sizes, old, new, made)


@pytest.fixture(scope="module")
def other() -> InmemoryTree:
    return InmemoryTree.init_from_entries([str(number).encode() for number in range(SIZES)], algorithm="sha256")


@pytest.fixture(scope="module")
def ours() -> tuple[Read, list[bytes]]:
    """A reader of the same leaves, and the root of every size."""
    leaves = [leaf_hash(str(number).encode()) for number in range(SIZES)]
    frontier, roots = Frontier(), [EMPTY_ROOT]
    for leaf in leaves:
        frontier.append(leaf)
        roots.append(frontier.root())
    return reading(leaves), roots


def test_another_implementation_has_the_same_root_at_every_size(
    other: InmemoryTree, ours: tuple[Read, list[bytes]]
) -> None:
    read, roots = ours
    assert [root(size, read) for size in range(SIZES + 1)] == roots
    assert [other.get_root(size) for size in range(1, SIZES + 1)] == roots[1:]


def test_another_implementation_makes_the_same_inclusion_proofs_for_every_leaf_of_every_size(
    other: InmemoryTree, ours: tuple[Read, list[bytes]]
) -> None:
    read, roots = ours
    for size in range(1, SIZES + 1):
        for index in range(size):
            proof = prove_inclusion(index, size, read)
            assert proof == other.prove_inclusion(index + 1, size).path[1:], (index, size)
            check_inclusion(index, size, read(0, index), proof, roots[size])


def test_another_implementation_makes_the_same_consistency_proofs_between_all_sizes(
    other: InmemoryTree, ours: tuple[Read, list[bytes]]
) -> None:
    read, roots = ours
    for new in range(1, SIZES + 1):
        for old in range(1, new):
            proof = prove_consistency(old, new, read)
            assert proof == _as_rfc_6962(other, other.prove_consistency(old, new)), (old, new)
            check_consistency(old, new, roots[old], roots[new], proof)


def _as_rfc_6962(tree: InmemoryTree, proof: ConsistencyProof) -> list[bytes]:
    """The other implementation leads down to a leaf where the old tree ends between two subtrees; the RFC stops above it. Its
    `subset` marks what belongs to the old tree."""
    path, subset = list(proof.path), list(proof.subset)
    if not subset[0]:
        within = subset.index(1)
        later = path[0]
        for bit, sibling in zip(proof.rule[: within - 1], path[1:within], strict=True):
            later = tree.hash_pair(sibling, later) if bit else tree.hash_pair(later, sibling)
        path, subset = [path[within], later, *path[within + 1 :]], [1, 0, *subset[within + 1 :]]
    return path[1:] if sum(subset) == 1 else path


def test_equal_and_empty_trees_are_consistent_without_a_proof(ours: tuple[Read, list[bytes]]) -> None:
    read, roots = ours
    assert prove_consistency(7, 7, read) == prove_consistency(0, 7, read) == []
    check_consistency(7, 7, roots[7], roots[7], [])
    check_consistency(0, 7, EMPTY_ROOT, roots[7], [])
    for old, new, proof in ((roots[7], roots[8], []), (roots[7], roots[7], [roots[1]])):
        with pytest.raises(ProofInvalid):
            check_consistency(7, 7, old, new, proof)
    with pytest.raises(ProofInvalid):
        check_consistency(0, 7, roots[1], roots[7], [])


@given(st.data())
def test_a_flipped_bit_breaks_an_inclusion_proof(ours: tuple[Read, list[bytes]], data: st.DataObject) -> None:
    read, roots = ours
    size = data.draw(st.integers(2, SIZES))
    index = data.draw(st.integers(0, size - 1))
    parts = [read(0, index), roots[size], *prove_inclusion(index, size, read)]
    part, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[part] = flipped(parts[part], bit)
    with pytest.raises(ProofInvalid):
        check_inclusion(index, size, parts[0], parts[2:], parts[1])


@given(st.data())
def test_a_proof_holds_at_its_own_place_alone(ours: tuple[Read, list[bytes]], data: st.DataObject) -> None:
    read, roots = ours
    size = data.draw(st.integers(2, SIZES))
    index, elsewhere = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    proof = prove_inclusion(index, size, read)
    for changed in (proof[:-1], [*proof, proof[-1]], proof[1:]):
        with pytest.raises(ProofInvalid):
            check_inclusion(index, size, read(0, index), changed, roots[size])
    with pytest.raises(ProofInvalid):
        check_inclusion(elsewhere, size, read(0, index), proof, roots[size])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_leaf_is_outside_its_tree(index: int, size: int) -> None:
    with pytest.raises(ProofInvalid, match="not in a tree"):
        check_inclusion(index, size, EMPTY_ROOT, [], EMPTY_ROOT)


@given(st.data())
def test_a_flipped_bit_breaks_a_consistency_proof(ours: tuple[Read, list[bytes]], data: st.DataObject) -> None:
    read, roots = ours
    new = data.draw(st.integers(2, SIZES))
    old = data.draw(st.integers(1, new - 1))
    parts = [roots[old], roots[new], *prove_consistency(old, new, read)]
    part, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[part] = flipped(parts[part], bit)
    with pytest.raises(ProofInvalid):
        check_consistency(old, new, parts[0], parts[1], parts[2:])


@given(st.data())
def test_a_consistency_proof_of_another_length_is_refused(ours: tuple[Read, list[bytes]], data: st.DataObject) -> None:
    read, roots = ours
    new = data.draw(st.integers(2, SIZES))
    old = data.draw(st.integers(1, new - 1))
    proof = prove_consistency(old, new, read)
    for changed in (proof[:-1], [*proof, proof[-1]], []):
        with pytest.raises(ProofInvalid):
            check_consistency(old, new, roots[old], roots[new], changed)
    with pytest.raises(ProofInvalid):
        check_consistency(new, old, roots[new], roots[old], proof)


def test_every_size_has_a_different_root(ours: tuple[Read, list[bytes]]) -> None:
    assert all(before != after for before, after in pairwise(ours[1]))


def flipped(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
