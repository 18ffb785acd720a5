"""The grammar checker refuses streams that break a rule: each case breaks one thing in a stream that was right."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.support import responses_grammar as grammar
from tests.support.simulated import Json, ask, responses

Events = list[Json]


def _first(events: Events, kind: str) -> Json:
    return next(event for event in events if event["type"] == kind)


def _drop(kind: str) -> Callable[[Events], None]:
    def change(events: Events) -> None:
        events.remove(_first(events, kind))
        for number, event in enumerate(events):
            event["sequence_number"] = number

    return change


def _set(kind: str, key: str, value: object) -> Callable[[Events], None]:
    def change(events: Events) -> None:
        _first(events, kind)[key] = value

    return change


def _edit_final(events: Events) -> None:
    events[-1]["response"]["output"][1]["content"][0]["text"] += "!"


def _other_id(events: Events) -> None:
    events[-1]["response"]["id"] = "resp_other"


BREAKS = {
    "a gap in the numbers": _set("response.in_progress", "sequence_number", 7),
    "no in_progress": _drop("response.in_progress"),
    "an item never added": _drop("response.output_item.added"),
    "an item never done": _drop("response.output_item.done"),
    "a part never added": _drop("response.content_part.added"),
    "a part never done": _drop("response.content_part.done"),
    "a text never done": _drop("response.output_text.done"),
    "a delta lost": _drop("response.output_text.delta"),
    "a delta changed": _set("response.output_text.delta", "delta", "Eh"),
    "an empty delta": _set("response.output_text.delta", "delta", ""),
    "another item's delta": _set("response.output_text.delta", "item_id", "msg_other"),
    "another index": _set("response.output_text.delta", "output_index", 2),
    "an annotation lost": _drop("response.output_text.annotation.added"),
    "a search stage lost": _drop("response.web_search_call.searching"),
    "an unknown event": _set("response.output_text.done", "type", "response.output_text.finished"),
    "no closing event": _drop("response.completed"),
    "a final output that differs": _edit_final,
    "a final id that differs": _other_id,
}


async def _right() -> bytes:
    body = responses("Search the news", tools=[{"type": "web_search"}], stream=True)
    return (await ask("responses", body)).body


@pytest.mark.parametrize("name", BREAKS)
async def test_a_broken_stream_is_refused(name: str) -> None:
    events = grammar.events(await _right())
    grammar.check_events(copy.deepcopy(events))
    BREAKS[name](events)
    with pytest.raises(grammar.GrammarError):
        grammar.check_events(events)


async def test_broken_frames_are_refused() -> None:
    data = await _right()
    done = b"data: [DONE]\n\n"
    for broken in (data.removesuffix(done), data[:-1], data.replace(b"event: response.created", b"event: other")):
        with pytest.raises(grammar.GrammarError):
            grammar.check(broken)
