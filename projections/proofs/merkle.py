"""The Merkle tree of RFC 6962 (and 9162), over SHA-256.

Rule 1: a leaf is hashed with prefix 0x00, a node with 0x01, so that neither can be taken for the other.
Rule 2: a tree of n leaves is split at the largest power of two below n. A subtree over a full power of two never changes again.
Rule 3: proofs are made only from such full subtrees, through a `Read`, and verified without one.
Rule 4: verification requires a proof of exactly the right length, and compares hashes in constant time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from hmac import compare_digest

from projections.proofs.errors import ProofInvalid

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
SIZE_MAX = 2**63 - 1

Read = Callable[[int, int], bytes]
"""Returns the hash of the full subtree (level, index), which covers leaves index * 2**level to (index + 1) * 2**level - 1."""


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that keeps only its right edge: takes leaves, returns the root. Memory is logarithmic in the size."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        for leaf in leaves:
            self.append(leaf)

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        carry, rest = leaf, self.size
        while rest & 1:
            carry = node_hash(self._peaks.pop(), carry)
            rest >>= 1
        self._peaks.append(carry)
        self.size += 1

    def root(self) -> bytes:
        return fold(self._peaks)


def fold(peaks: Sequence[bytes]) -> bytes:
    """The root over adjacent full subtrees, each smaller than the one before."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def root(size: int, read: Read) -> bytes:
    """The root of the first `size` leaves."""
    return _range_root(0, size, read)


def prove_inclusion(index: int, size: int, read: Read) -> list[bytes]:
    """The inclusion proof of leaf `index` in the tree of `size`: the siblings from the leaf up to the root's child."""
    assert 0 <= index < size, "the leaf is in the tree"
    proof, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_range_root(middle, end, read))
            end = middle
        else:
            proof.append(_range_root(start, middle, read))
            start = middle
    return proof[::-1]


def prove_consistency(old: int, new: int, read: Read) -> list[bytes]:
    """The proof that the tree of `new` leaves continues that of `old`. Empty if both are equal or the old one is empty."""
    assert 0 <= old <= new, "the old tree is not the larger"
    if old in (0, new):
        return []
    proof, start, end = [], 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_range_root(middle, end, read))
            end = middle
        else:
            proof.append(_range_root(start, middle, read))
            start = middle
    if start:
        proof.append(_range_root(start, end, read))
    return proof[::-1]


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected_root: bytes) -> None:
    """Raises ProofInvalid unless the leaf, given by its hash, is at `index` in the tree of `size` with this root."""
    if not 0 <= index < size:
        raise ProofInvalid(f"Leaf {index} is not in a tree of {size}.")
    value = leaf
    for sibling, on_the_left in _climb(index, size - 1, proof):
        value = node_hash(sibling, value) if on_the_left else node_hash(value, sibling)
    if not compare_digest(value, expected_root):
        raise ProofInvalid("The event and its inclusion proof do not match the checkpoint's root.")


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises ProofInvalid unless the tree of `new` leaves continues the tree of `old`."""
    if not 0 <= old <= new:
        raise ProofInvalid(f"A tree of {new} cannot continue one of {old}.")
    if old in (0, new):
        known = EMPTY_ROOT if old == 0 else new_root
        if proof or not compare_digest(old_root, known):
            raise ProofInvalid("The consistency proof is not valid.")
        return
    whole = (old & -old).bit_length() - 1
    hashes = list(proof) if old != 1 << whole else [old_root, *proof]
    if not hashes:
        raise ProofInvalid("The proof is too short.")
    of_old = of_new = hashes[0]
    for sibling, on_the_left in _climb((old - 1) >> whole, (new - 1) >> whole, hashes[1:]):
        of_old = node_hash(sibling, of_old) if on_the_left else of_old
        of_new = node_hash(sibling, of_new) if on_the_left else node_hash(of_new, sibling)
    if not (compare_digest(of_old, old_root) & compare_digest(of_new, new_root)):
        raise ProofInvalid("The consistency proof is not valid.")


def _climb(at: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each sibling on the way up from node `at` of a row that ends with `last`, and whether it is on the left. Raises ProofInvalid
    if the proof has the wrong length."""
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("The proof is too long.")
        on_the_left = bool(at & 1) or at == last
        yield sibling, on_the_left
        while on_the_left and not at & 1 and at:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    if last:
        raise ProofInvalid("The proof is too short.")


def _split(width: int) -> int:
    """The largest power of two below `width`, which is above 1."""
    return 1 << (width - 1).bit_length() - 1


def _range_root(start: int, end: int, read: Read) -> bytes:
    """The root of the leaves from `start`, where a split of the tree begins, up to `end`."""
    peaks = []
    while start < end:
        level = (end - start).bit_length() - 1
        peaks.append(read(level, start >> level))
        start += 1 << level
    return fold(peaks)
