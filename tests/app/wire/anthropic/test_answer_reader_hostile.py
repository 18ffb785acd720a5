"""Any input is either read or malformed."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire.answer import AnswerEnded, AnswerEvent
from app.wire.exchange import AnswerError
from tests.support.wire.anthropic.anthropic_answers import (
    SEARCHING,
    feed,
    reader,
    start,
)

WORDS = st.sampled_from(
    [
        *("text", "thinking", "tool_use", "server_tool_use", "web_search", "web_search_tool_result", "t", "{}"),
        *("text_delta", "input_json_delta", "citations_delta", "signature_delta", "thinking_delta"),
        *("end_turn", "pause_turn"),
    ]
)
MEMBERS = st.sampled_from(
    [
        *("type", "text", "id", "name", "input", "index", "delta", "content_block", "content", "citation", "citations"),
        *("partial_json", "thinking", "signature", "data", "tool_use_id", "usage", "stop_reason", "message", "url"),
    ]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(MEMBERS, inner, max_size=5),
    max_leaves=8,
)
KINDS = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
]
FRAMES = st.lists(
    st.builds(
        lambda kind, index, members: {**members, "type": kind, "index": index},
        st.sampled_from(KINDS),
        st.integers(0, 1) | ANY,
        st.dictionaries(st.sampled_from(["delta", "content_block", "message", "usage"]), ANY, max_size=3),
    ),
    max_size=8,
)


@given(FRAMES, st.booleans())
@settings(max_examples=200, deadline=None)
def test_hostile_streams_are_read_or_at_fault(frames: list[dict[str, Any]], begun: bool) -> None:
    one = reader(SEARCHING)
    events: list[AnswerEvent] = []
    try:
        events = feed(one, [start(), *frames] if begun else frames)
    except AnswerError:
        return
    assert isinstance(events[-1], AnswerEnded) or one.continuation() is not None


@given(ANY, st.lists(ANY, max_size=3))
@settings(max_examples=150, deadline=None)
def test_hostile_bodies_are_read_or_at_fault(body: Any, blocks: list[Any]) -> None:
    for whole in (body, {"content": blocks, "stop_reason": "end_turn", "usage": body}):
        one = reader(SEARCHING)
        try:
            events = one.whole(json.dumps(whole).encode())
        except AnswerError:
            continue
        assert isinstance(events[-1], AnswerEnded) or one.continuation() is not None
