"""The grammar checker rejects broken streams: each case breaks one thing in a valid stream."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.support.upstream.simulated import Json, responses, send
from tests.support.wire import responses_grammar as grammar

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
    return (await send("responses", body)).body


@pytest.mark.parametrize("name", BREAKS)
async def test_a_broken_stream_is_rejected(name: str) -> None:
    events = grammar.events(await _right())
    grammar.check_events(copy.deepcopy(events))
    BREAKS[name](events)
    with pytest.raises(grammar.GrammarError):
        grammar.check_events(events)


def _calls() -> Events:
    """Two calls, open at the same time; the second one is done first."""

    def event(kind: str, at: int, **members: object) -> Json:
        return {"type": f"response.{kind}", "output_index": at, **members}

    def item(at: int, text: str, status: str) -> Json:
        return {"id": f"ctc_{at}", "type": "custom_tool_call", "input": text, "status": status}

    def response(status: str, *output: Json) -> Json:
        about = {"id": "resp_1", "created_at": 1, "model": "m", "error": None, "incomplete_details": None}
        return {"response": {**about, "status": status, "output": list(output)}}

    def family(stage: str, at: int, **members: object) -> Json:
        return event(f"custom_tool_call_input.{stage}", at, item_id=f"ctc_{at}", **members)

    result = [
        {"type": "response.created", **response("in_progress")},
        {"type": "response.in_progress", **response("in_progress")},
        event("output_item.added", 0, item=item(0, "", "in_progress")),
        event("output_item.added", 1, item=item(1, "", "in_progress")),
        family("delta", 1, delta="b"),
        family("delta", 0, delta="a"),
        family("done", 1, input="b"),
        event("output_item.done", 1, item=item(1, "b", "completed")),
        family("done", 0, input="a"),
        event("output_item.done", 0, item=item(0, "a", "completed")),
        {"type": "response.completed", **response("completed", item(0, "a", "completed"), item(1, "b", "completed"))},
    ]
    for number, each in enumerate(result):
        each["sequence_number"] = number
    return result


def _swap_output(events: Events) -> None:
    events[-1]["response"]["output"].reverse()


def _cut(events: Events) -> None:
    events[9]["item"]["status"] = events[-1]["response"]["output"][0]["status"] = "incomplete"


OPEN_TOGETHER_BREAKS = {
    "an index out of order": _set("response.output_item.added", "output_index", 1),
    "another item's id": _set("response.custom_tool_call_input.delta", "item_id", "ctc_0"),
    "another family": _set("response.custom_tool_call_input.done", "type", "response.function_call_arguments.done"),
    "an empty delta": _set("response.custom_tool_call_input.delta", "delta", ""),
    "a delta changed": _set("response.custom_tool_call_input.delta", "delta", "c"),
    "an input never done": _drop("response.custom_tool_call_input.done"),
    "an item never done": _drop("response.output_item.done"),
    "an output in the order of its ends": _swap_output,
    "a cut item in a whole response": _cut,
}


@pytest.mark.parametrize("name", OPEN_TOGETHER_BREAKS)
def test_items_may_be_open_together(name: str) -> None:
    events = _calls()
    assert len(grammar.check_events(copy.deepcopy(events))["output"]) == 2
    OPEN_TOGETHER_BREAKS[name](events)
    with pytest.raises(grammar.GrammarError):
        grammar.check_events(events)


async def test_broken_frames_are_rejected() -> None:
    data = await _right()
    done = b"data: [DONE]\n\n"
    for broken in (data.removesuffix(done), data[:-1], data.replace(b"event: response.created", b"event: other")):
        with pytest.raises(grammar.GrammarError):
            grammar.check(broken)
