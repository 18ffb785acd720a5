"""Tool calls in the deltas of chat upstreams, in all the forms in which servers send them."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.answer import (
    AnswerEnded,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
)
from tests.support.wire.chat.chat_answers import A, B, call, delta, fault, inner, read


def test_calls_as_openai_sends_them() -> None:
    frames = (
        delta(content=None, tool_calls=[call(0, "call_a", "f", "")]),
        delta(tool_calls=[call(0, arguments='{"x":')]),
        delta(tool_calls=[call(0, arguments="1}")]),
        delta(tool_calls=[call(1, "call_b", "g", "")]),
        delta(tool_calls=[call(1, arguments="{}")]),
        delta("tool_calls"),
    )
    assert inner(*frames) == [
        CallBegun(0, "call_a", "f"),
        CallDelta(0, '{"x":'),
        CallDelta(0, "1}"),
        CallBegun(1, "call_b", "g"),
        CallDelta(1, "{}"),
        CallDone(0),
        CallDone(1),
    ]


BOTH = [A, CallDelta(0, "1"), B, CallDelta(1, "2"), CallDone(0), CallDone(1)]


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([[call(0, "a", "f", "1"), call(1, "b", "g", "2")]], id="whole, in one delta"),
        pytest.param([[call(None, "a", "f", "1"), call(None, "b", "g", "2")]], id="without an index"),
        pytest.param([[call(None, "a", "f", "1")], [call(None, "b", "g", "2")]], id="without an index, in two deltas"),
        pytest.param([[call(0, "a", "f", "1")], [call(0, "b", "g", "2")]], id="every index is 0"),
        pytest.param([[call(0, "a", "f", "1"), call(0, "b", "g", "2")]], id="every index is 0, in one delta"),
        pytest.param(
            [[call(0, "a", "f")], [call(0, "a", "f", "1")], [call(1, "b", "g")], [call(1, "b", "g", "2")]],
            id="id and name are repeated",
        ),
        pytest.param(
            [
                [call(0, "a", "f")],
                [call(0, "other", arguments="1")],
                [call(1, "b", "g")],
                [call(1, "b", arguments="2")],
            ],
            id="an id of its own in every delta",
        ),
        pytest.param(
            [[call(None, "a", "f")], [call(None, "a", "f", "1")], [call(None, "b", "g")], [call(None, "b", None, "2")]],
            id="by id alone",
        ),
        pytest.param(
            [[call(None, "a", "f")], [call(None, None, None, "1")], [call(None, "b", "g")], [call(arguments="2")]],
            id="the last one goes on",
        ),
        pytest.param(
            [[call(None, "a", "f")], [call(None, "z", None, "1")], [call(None, "b", "g")], [call(arguments="2")]],
            id="the last one goes on under another id",
        ),
        pytest.param(
            [[{"index": 0, "id": "a"}], [call(0, arguments="1")], [call(0, None, "f")], [call(1, "b", "g", "2")]],
            id="the name comes last",
        ),
        pytest.param(
            [[call(0, "a", None, "1")], [call(0, None, "f")], [call(1, "b", "g", "2")]], id="the name comes late"
        ),
    ],
)
def test_two_calls_in_every_form_that_servers_send(calls: list[Any]) -> None:
    frames = [delta(tool_calls=entry) for entry in calls]
    assert inner(*frames, delta("tool_calls")) == BOTH


def test_calls_may_interleave() -> None:
    frames = (
        delta(tool_calls=[call(0, "a", "f"), call(1, "b", "g")]),
        delta(tool_calls=[call(1, arguments="2")]),
        delta(tool_calls=[call(0, arguments="1"), call(1, arguments="3")]),
        delta("tool_calls"),
    )
    assert inner(*frames) == [A, B, CallDelta(1, "2"), CallDelta(0, "1"), CallDelta(1, "3"), CallDone(0), CallDone(1)]


def test_a_call_without_an_id_gets_one_derived_from_its_answer() -> None:
    def ids(answer: str) -> list[str]:
        result = delta(tool_calls=[call(0, None, "f", "{}"), call(1, None, "g", "{}")]) | {"id": answer}
        return [event.call_id for event in inner(result, delta("tool_calls")) if isinstance(event, CallBegun)]

    assert len({*ids("x"), *ids("y")}) == 4
    assert ids("x") == ids("x")
    assert all(made.startswith("call_") and made.isascii() for made in ids("x"))


@pytest.mark.parametrize("arguments", [{"x": 1}, '{"x":1}'])
def test_arguments_may_be_an_object(arguments: Any) -> None:
    assert inner(delta(tool_calls=[call(0, "a", "f", arguments)]), delta("stop"))[1] == CallDelta(0, '{"x":1}')


def test_a_custom_call() -> None:
    frames = (
        delta(tool_calls=[{"index": 0, "id": "a", "type": "custom", "custom": {"name": "sql", "input": ""}}]),
        delta(tool_calls=[{"index": 0, "custom": {"input": "SELECT 1"}}]),
        delta("tool_calls"),
    )
    assert inner(*frames) == [CallBegun(0, "a", "sql", "custom"), CallDelta(0, "SELECT 1"), CallDone(0)]


def test_a_legacy_function_call() -> None:
    frames = (
        delta(function_call={"name": "f", "arguments": ""}),
        delta(function_call={"arguments": "{}"}),
        delta("function_call"),
    )
    events = read(*frames, "[DONE]")
    assert isinstance(events[1], CallBegun)
    assert events[1].name == "f"
    assert events[2:] == [CallDelta(0, "{}"), CallDone(0), ChoiceFinished("tool_calls"), AnswerEnded()]


@pytest.mark.parametrize(
    ("deltas", "calls"),
    [
        pytest.param(
            [("f", '{"a": "\\"}{"}'), ("f", '{"a": 2}'), ("g", {})],
            [("f", '{"a": "\\"}{"}'), ("f", '{"a": 2}'), ("g", "{}")],
            id="whole calls of one index",
        ),
        pytest.param([("f", "{}"), ("g", "")], [("f", "{}"), ("g", "")], id="another call without arguments"),
        pytest.param([("get_", None), ("weather", None), (None, "{}")], [("get_weather", "{}")], id="name in pieces"),
        pytest.param([("get_", ""), ("get_weather", "{}")], [("get_weather", "{}")], id="name longer each time"),
        pytest.param(
            [("f", ""), ("f", " "), ("f", '{"a\\'), ("f", '": [1'), ("f", "]}"), ("f", " "), ("f", "")],
            [("f", ' {"a\\": [1]} ')],
            id="name repeated",
        ),
        pytest.param([("f", "1"), ("f", "2")], [("f", "12")], id="name repeated, arguments that are no object"),
        pytest.param([("get_", None), ("weather", None)], [("get_weather", "")], id="no arguments"),
    ],
)
@pytest.mark.parametrize("call_id", [None, "x"])
def test_calls_of_one_index_without_ids_of_their_own(deltas: list[Any], calls: list[Any], call_id: str | None) -> None:
    frames = [delta(tool_calls=[call(0, call_id, name, arguments)]) for name, arguments in deltas]
    read_calls: dict[int, tuple[str, str]] = {}
    for event in inner(*frames, delta("tool_calls")):
        if isinstance(event, CallBegun):
            read_calls[event.key] = (event.name, "")
        elif isinstance(event, CallDelta):
            name, text = read_calls[event.key]
            read_calls[event.key] = (name, text + event.text)
    assert list(read_calls.values()) == calls


@pytest.mark.parametrize("ids", [("a", "b", "c"), (None, None, None)])
@pytest.mark.parametrize("index", [0, None])
def test_a_name_repeated_while_the_arguments_are_incomplete_is_one_call(index: int | None, ids: list[str]) -> None:
    pieces = zip(ids, ('{"a"', ":", "1}"), strict=True)
    events = inner(*(delta(tool_calls=[call(index, id_, "f", text)]) for id_, text in pieces), delta("stop"))
    assert sum(isinstance(event, CallBegun) for event in events) == (3 if index is None and ids[0] else 1)


def test_a_name_that_never_ends_is_malformed() -> None:
    assert fault(*(delta(tool_calls=[call(0, "a", letter * 60_000)]) for letter in "fg")).malformed
