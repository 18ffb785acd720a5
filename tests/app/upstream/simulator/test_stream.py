"""Every request gets a plan, an answer or an error, and never an exception."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from app.upstream.simulator.stream import plan
from app.wire.exchange import Endpoint
from tests.app.upstream.simulator.test_chat import EVERY_KIND as CHATS
from tests.support.upstream.simulated_responses import EVERY_KIND as RESPONSES

LEAF = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=9)
JSON = st.recursive(
    LEAF | st.sampled_from(["user", "function", "auto", "json_schema", "message", "web_search"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "role", "content", "name", "function", "text"]), inner, max_size=3)
    ),
    max_leaves=8,
)
REQUESTS: list[tuple[Endpoint, Any]] = [
    *(("responses", each) for each in RESPONSES.values()),
    *(("chat", each) for each in CHATS.values()),
]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inner for found in _paths(each, (*path, key)))]


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_any_part_of_a_request_may_be_anything(data: st.DataObject) -> None:
    endpoint, request = data.draw(st.sampled_from(REQUESTS))
    path = data.draw(st.sampled_from(_paths(request)))
    changed = _replaced(request, path, data.draw(JSON))
    if isinstance(changed, dict) and data.draw(st.booleans()):
        changed = {**changed, "stream": True}
    made = plan(endpoint, json.dumps(changed).encode(), "sim", "req-1", 1_790_000_000)
    steps = list(made.steps)
    assert steps
    if made.status == 200:
        return
    assert set(msgspec.json.decode(b"".join(each for each in steps if isinstance(each, bytes)))) == {"error"}


@given(st.binary(max_size=60), st.sampled_from(["responses", "chat"]))
def test_any_bytes_are_answered(body: bytes, endpoint: Endpoint) -> None:
    assert plan(endpoint, body, "sim", "req-1", 1_790_000_000).status == 400
