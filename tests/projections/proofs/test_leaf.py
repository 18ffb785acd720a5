"""Leaves: documented to the byte, and one event each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.proofs.errors import ProofInvalid
from projections.proofs.leaf import Entry, leaf_bytes, parse_leaf

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
counts = st.integers(0, 2**63 - 1)
entries = st.builds(Entry, counts, texts, counts, texts, st.binary(max_size=50), texts, counts)


def test_the_bytes_are_those_that_are_documented() -> None:
    entry = Entry(258, "account:a", 3, "account.opened.v1", b'{"nonce":"00"}', "c1", 1_764_000_000_000_000)
    assert leaf_bytes(entry).hex(" ", -8).replace(" ", "") == (
        "01"
        "0000000000000102"
        "0000000000000003"
        f"{1_764_000_000_000_000:016x}"
        f"00000009{b'account:a'.hex()}"
        f"00000011{b'account.opened.v1'.hex()}"
        f"00000002{b'c1'.hex()}"
        f"0000000e{entry.state.hex()}"
    )


@given(entries)
def test_a_leaf_reads_as_its_event(entry: Entry) -> None:
    assert parse_leaf(leaf_bytes(entry)) == entry


@given(entries, entries)
def test_two_events_have_two_leaves(one: Entry, other: Entry) -> None:
    assert (leaf_bytes(one) == leaf_bytes(other)) == (one == other)


@given(entries, st.data())
def test_a_leaf_is_taken_whole_or_not_at_all(entry: Entry, data: st.DataObject) -> None:
    leaf = leaf_bytes(entry)
    for changed in (leaf[: data.draw(st.integers(0, len(leaf) - 1))], leaf + b"\x00", b"\x02" + leaf[1:]):
        with pytest.raises(ProofInvalid):
            parse_leaf(changed)


def test_a_name_that_is_not_utf_8_is_refused() -> None:
    leaf = leaf_bytes(Entry(1, "abc", 1, "t", b"{}", "c", 1))
    with pytest.raises(ProofInvalid, match="UTF-8"):
        parse_leaf(leaf.replace(b"abc", b"a\xffc"))


@pytest.mark.parametrize(
    "changed", [{"version": -1}, {"recorded_at_micros": 2**64}, {"version": "x"}, {"stream": b"x"}, {"state": "text"}]
)
def test_what_no_event_has_makes_no_leaf(changed: dict[str, Any]) -> None:
    entry = Entry(7, "abc", 1, "t", b"{}", "c", 1)
    with pytest.raises(ProofInvalid, match="Event 7 contains an impossible value"):
        leaf_bytes(entry._replace(**changed))
