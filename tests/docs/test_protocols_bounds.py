"""What bounds the hold, in ops/protocols.md, compared with the table of members in the code."""

from __future__ import annotations

from typing import get_args

from app.wire.exchange import Endpoint
from app.wire.spending import MEMBERS
from domain.demand import TOOL_CALLS_DEFAULT, TOOL_CALLS_MAX
from domain.request import ADDED_TOKENS_MAX, ADDED_TOKENS_WITH_TOOLS_MAX
from tests.support.docs.documents import Document, spans

HEADING = "What bounds the hold"
PROTOCOLS = Document("ops/protocols.md")


def test_every_bounded_member_has_a_row_that_says_by_what() -> None:
    documented = {
        (endpoint, name, why)
        for names, where, why in PROTOCOLS.rows(HEADING, 3)
        for name in spans(names)
        for endpoint in (get_args(Endpoint) if where == "both" else (where,))
    }
    assert documented == {
        (endpoint, name, member.why)
        for endpoint, table in MEMBERS.items()
        for name, member in table.items()
        if member.handling == "bounded"
    }


def test_the_exceptions_state_the_figures_of_the_code() -> None:
    text = " ".join(PROTOCOLS.section(HEADING).split())
    assert f"{TOOL_CALLS_MAX} searches and {TOOL_CALLS_MAX} images" in text
    assert f"`max_tool_calls`, or {TOOL_CALLS_DEFAULT}" in text
    assert f"{ADDED_TOKENS_MAX} tokens, or {ADDED_TOKENS_WITH_TOOLS_MAX} with tools" in text


def test_the_members_that_are_refused_for_their_cost_are_named() -> None:
    text = PROTOCOLS.section(HEADING)
    for name in ("speed", "inference_geo", "priority", "prediction", "audio", "reasoning.mode"):
        assert f"`{name}`" in text
        assert MEMBERS["responses"][name].handling == "refused"
