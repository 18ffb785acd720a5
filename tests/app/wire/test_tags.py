from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.tags import seal, split, unseal


@given(st.text(max_size=50))
def test_a_seal_is_taken_off_by_its_own_upstream_only(payload: str) -> None:
    sealed = seal("vendor", payload)
    assert unseal(sealed, "vendor") == payload
    assert unseal(sealed, "other") is None


@pytest.mark.parametrize(
    "text", ["", "gAAAA", "rr1.", "rr1.vendor", "rr1.:x", "rr1." + "n" * 65 + ":x", "rr2.vendor:x"]
)
def test_what_bears_no_tag_is_its_own_payload(text: str) -> None:
    assert split(text) == (None, text)
    assert unseal(text, "vendor") is None
