from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.tags import owner_of, seal, split, unseal

VENDOR = "630ba094"
"""The beginning of `printf vendor | sha256sum`."""


@given(st.text(max_size=50))
def test_only_its_own_upstream_can_remove_a_seal(payload: str) -> None:
    sealed = seal("vendor", payload)
    assert unseal(sealed, "vendor") == payload
    assert unseal(sealed, "other") is None
    assert split(sealed) == (owner_of("vendor"), payload)


def test_a_seal_does_not_reveal_the_upstreams_name() -> None:
    assert seal("vendor", "c2ln") == f"rr1.{VENDOR}:c2ln"


@pytest.mark.parametrize(
    "text",
    [
        *("", "gAAAA", "rr1.", "rr1.vendor", "rr1.vendor:x", "rr1.:x", f"rr1.{VENDOR}", f"rr2.{VENDOR}:x"),
        *(f"rr1.{VENDOR[1:]}:x", f"rr1.0{VENDOR}:x", f"rr1.{VENDOR.upper()}:x", f" rr1.{VENDOR}:x", "rr1.bbbbbbb\n:x"),
    ],
)
def test_text_without_a_tag_is_its_own_payload(text: str) -> None:
    assert split(text) == (None, text)
    assert unseal(text, "vendor") is None
