from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.anthropic.ids import anthropic_call_id, client_call_id

REST = "01KFbKqPYSuAKujiL6mTfzYA"
rests = st.from_regex(r"((bdrk|vrtx)_)?01[0-9A-Za-z]{20,30}", fullmatch=True)
ids = st.one_of(
    st.sampled_from([f"{name}_{rest}" for name in ("toolu", "call") for rest in (REST, f"bdrk_{REST}", "01", "")]),
    st.text(max_size=8),
    rests.map("call_{}".format),
    rests.map("toolu_{}".format),
)


@pytest.mark.parametrize("rest", [REST, f"bdrk_{REST}", f"vrtx_{REST}"])
def test_an_id_hides_its_vendor_and_is_restored(rest: str) -> None:
    assert client_call_id(f"toolu_{rest}") == f"call_{rest}"
    assert anthropic_call_id(f"call_{rest}", {f"call_{rest}"}) == f"toolu_{rest}"


@pytest.mark.parametrize("tool_id", ["", "call_1", "functions.f:0", f"srvtoolu_{REST}", f"Toolu_{REST}"])
def test_an_id_of_another_vendor_is_unchanged(tool_id: str) -> None:
    assert client_call_id(tool_id) == tool_id


@pytest.mark.parametrize(
    "call_id",
    [
        *(f"toolu_{REST}", REST, f"call_{REST[:21]}", f"call_02{REST}", f"call_{REST}-", f"call_{REST}\n"),
        *("call_Zl5vIMnD7dVAjgU6FkhmiCZh", f"call_abcd_{REST}", f"call_{REST}{'x' * 60}", "call_01", ""),
    ],
)
def test_other_ids_keep_their_spelling(call_id: str) -> None:
    assert anthropic_call_id(call_id, {call_id}) == call_id


def test_if_both_spellings_occur_neither_changes() -> None:
    both = {f"call_{REST}", f"toolu_{REST}"}
    assert {anthropic_call_id(each, both) for each in both} == both


@given(st.sets(ids))
def test_distinct_ids_of_a_conversation_stay_distinct(there: set[str]) -> None:
    assert len({anthropic_call_id(each, there) for each in there}) == len(there)


@given(rests.map("toolu_{}".format))
def test_anthropic_gets_its_original_id(tool_id: str) -> None:
    actual = client_call_id(tool_id)
    assert anthropic_call_id(actual, {actual}) == tool_id
