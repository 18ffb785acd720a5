"""The grammar of a Responses stream as a checker: feed it the bytes of a stream, get the final response or a complaint.

Rule 1: created, in_progress, then items, then exactly one closing event, then `[DONE]`.
Rule 2: `sequence_number` is contiguous from 0, and the SSE event name is the type.
Rule 3: an item is added once and done once, under one id; what belongs to it lies between and names it. Items are added in the
        order of their indexes, and may be open at the same time.
Rule 4: the deltas of a part add up to its done text, and the closing response carries exactly the done items.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

CLOSING = ("response.completed", "response.incomplete", "response.failed")

WRITTEN = {
    "function_call": ("function_call_arguments", "arguments"),
    "custom_tool_call": ("custom_tool_call_input", "input"),
}
"""Items whose text is streamed: under which family, and what the text is called."""

STAGES = {
    "content_part": ("added", "done"),
    "custom_tool_call_input": ("delta", "done"),
    "function_call_arguments": ("delta", "done"),
    "image_generation_call": ("in_progress", "generating", "partial_image", "completed"),
    "output_text": ("delta", "done"),
    "output_text.annotation": ("added",),
    "reasoning_summary_part": ("added", "done"),
    "reasoning_summary_text": ("delta", "done"),
    "refusal": ("delta", "done"),
    "web_search_call": ("in_progress", "searching", "completed"),
}


class GrammarError(AssertionError):
    """The stream broke a rule; the message names the event."""


@dataclass
class _Part:
    deltas: str = ""
    done: bool = False
    closed: bool = False
    annotations: list[Json] = field(default_factory=list)


@dataclass
class _Item:
    index: int
    id: str
    type: str
    parts: dict[int, _Part] = field(default_factory=dict)
    written: str = ""
    written_done: bool = False
    stages: list[str] = field(default_factory=list)


def frames(data: bytes) -> list[tuple[str | None, str]]:
    """(event name, data) of every SSE frame of a whole stream."""
    expect(data.endswith(b"\n\n"), "the stream ends within a frame")
    found = []
    for block in data.decode().split("\n\n")[:-1]:
        name, payload = None, []
        for line in block.split("\n"):
            key, _, value = line.partition(": ")
            expect(key in ("event", "data"), f"a line that is neither event nor data: {line!r}")
            if key == "event":
                name = value
            else:
                payload.append(value)
        found.append((name, "\n".join(payload)))
    return found


def events(data: bytes) -> list[Json]:
    """The events of a stream, without the `[DONE]` that must end it."""
    found = frames(data)
    expect(bool(found) and found[-1] == (None, "[DONE]"), "the stream does not end in [DONE]")
    result = []
    for name, payload in found[:-1]:
        event = json.loads(payload)
        expect(name == event["type"], f"event: {name} carries {event['type']}")
        result.append(event)
    return result


def check(data: bytes) -> Json:
    """The final response of a stream that keeps every rule. Raises GrammarError."""
    return check_events(events(data))


def check_events(found: list[Json]) -> Json:
    for number, event in enumerate(found):
        expect(event["sequence_number"] == number, f"event {number} is numbered {event['sequence_number']}")
    types = [event["type"] for event in found]
    expect(types[:2] == ["response.created", "response.in_progress"], f"the stream begins with {types[:2]}")
    expect(types[-1] in CLOSING, f"the stream ends with {types[-1]}")
    walk = _Walk(found[0]["response"])
    for event in found[2:-1]:
        walk.step(event)
    return walk.close(found[1]["response"], found[-1])


class _Walk:
    def __init__(self, created: Json) -> None:
        self.created = created
        self.open: dict[int, _Item] = {}
        self.added = 0
        self.done: dict[int, Json] = {}
        self.failed = False
        expect(created["status"] == "in_progress" and created["output"] == [], "created is not an empty beginning")

    def step(self, event: Json) -> None:
        kind = event["type"]
        if kind == "error":
            self.failed = True
        elif kind == "response.output_item.added":
            self._added(event)
        elif kind == "response.output_item.done":
            self._done(event)
        else:
            item = self._item(event)
            expect(event["item_id"] == item.id, f"{kind} names {event['item_id']}, open is {item.id}")
            self._inside(item, kind, event)

    def close(self, in_progress: Json, event: Json) -> Json:
        final: Json = event["response"]
        expect(event["type"] == f"response.{final['status']}", "the closing event and its status differ")
        for response in (in_progress, final):
            for key in ("id", "created_at", "model"):
                expect(response[key] == self.created[key], f"{key} changed within the stream")
        if final["status"] == "failed":
            expect(final["error"] is not None, "a failed response without an error")
            return final
        output = [self.done[index] for index in sorted(self.done)]
        expect(not self.open, "the stream closed while an item was open")
        expect(not self.failed, "an error event, and yet an answer")
        expect(final["output"] == output, "the final output is not what the stream built up")
        whole = final["status"] == "completed"
        expect((final["incomplete_details"] is None) == whole, "incomplete_details")
        cut = any(item["status"] == "incomplete" for item in output)
        expect(not (cut and whole), "an item is incomplete in a response that is complete")
        ids = [item["id"] for item in output]
        expect(len(set(ids)) == len(ids), "two items have one id")
        return final

    def _item(self, event: Json) -> _Item:
        item = self.open.get(event["output_index"])
        if item is None:
            raise GrammarError(f"{event['type']} outside of an item")
        return item

    def _added(self, event: Json) -> None:
        item = event["item"]
        expect(event["output_index"] == self.added, f"item {self.added} came as {event['output_index']}")
        expect(item.get("status") == "in_progress", "an added item is not in progress")
        filled = [name for name in ("content", "arguments", "input", "summary", "result") if item.get(name)]
        expect(not filled, f"an added item has {filled} already")
        self.open[self.added] = _Item(event["output_index"], item["id"], item["type"])
        self.added += 1

    def _done(self, event: Json) -> None:
        opened, item = self._item(event), event["item"]
        expect((item["id"], item["type"]) == (opened.id, opened.type), "the item that is done is not the one added")
        searched = item["type"] == "web_search_call"
        ends = ("completed", "incomplete", "failed") if searched else ("completed", "incomplete")
        expect(item["status"] in ends, f"an item is done as {item['status']}")
        if item["type"] == "message":
            _check_message(opened, item)
        elif item["type"] in WRITTEN:
            text = item[WRITTEN[item["type"]][1]]
            expect(opened.written_done and opened.written == text, "the text of a call was not streamed")
        elif item["type"] == "reasoning":
            expect(all(part.closed for part in opened.parts.values()), "reasoning is done with an open part")
            shown = [part["text"] for part in item["summary"]]
            expect(shown == [part.deltas for part in opened.parts.values()], "the summary was not streamed")
        elif searched:
            end = [] if item["status"] == "failed" else ["completed"]
            expect(opened.stages == ["in_progress", "searching", *end], f"search stages {opened.stages}")
        elif item["type"] == "image_generation_call":
            whole = opened.stages[:2] == ["in_progress", "generating"] and opened.stages[-1] == "completed"
            expect(whole and set(opened.stages[2:-1]) <= {"partial_image"}, f"image stages {opened.stages}")
        self.done[opened.index] = item
        del self.open[opened.index]

    def _inside(self, item: _Item, kind: str, event: Json) -> None:
        family, _, stage = kind.removeprefix("response.").rpartition(".")
        expect(stage in STAGES.get(family, ()), f"unknown event {kind}")
        if family in ("web_search_call", "image_generation_call"):
            expect(item.type == family, f"{kind} inside of a {item.type}")
            item.stages.append(stage)
        elif family in ("function_call_arguments", "custom_tool_call_input"):
            _written(item, family, stage, event)
        elif family in ("content_part", "reasoning_summary_part"):
            _part(item, stage, event)
        elif family in ("output_text", "refusal", "reasoning_summary_text"):
            _text(item, family, stage, event)
        else:
            part = item.parts[event["content_index"]]
            expect(not part.done, "an annotation after its text was done")
            expect(event["annotation_index"] == len(part.annotations), "annotations are not numbered in order")
            part.annotations.append(event["annotation"])


def _written(item: _Item, family: str, stage: str, event: Json) -> None:
    expected, member = WRITTEN.get(item.type, ("", ""))
    expect(family == expected and not item.written_done, f"{family} inside of a {item.type}, or after its end")
    if stage == "delta":
        expect(event["delta"] != "", "an empty delta")
        item.written += event["delta"]
        return
    expect(event[member] == item.written, "the deltas of a call do not add up")
    item.written_done = True


def _part(item: _Item, stage: str, event: Json) -> None:
    index = _index(event)
    if stage == "added":
        expect(index == len(item.parts), f"part {len(item.parts)} came as {index}")
        item.parts[index] = _Part()
        return
    part = item.parts[index]
    expect(part.done and not part.closed, "a part is closed twice, or before its text is done")
    given = event["part"]
    expect(given.get("text", given.get("refusal")) == part.deltas, "the part is not what its deltas add up to")
    expect(given.get("annotations", []) == part.annotations, "the part's annotations are not those that were added")
    part.closed = True


def _index(event: Json) -> int:
    return int(event["content_index"] if "content_index" in event else event["summary_index"])


def _text(item: _Item, family: str, stage: str, event: Json) -> None:
    part = item.parts.get(_index(event))
    if part is None:
        raise GrammarError(f"{event['type']} before its part was added")
    expect(not part.done, "text after the text was done")
    if stage == "delta":
        expect(event["delta"] != "", "an empty delta")
        part.deltas += event["delta"]
        return
    expect(event["refusal" if family == "refusal" else "text"] == part.deltas, "the deltas do not add up")
    part.done = True


def _check_message(opened: _Item, item: Json) -> None:
    expect(all(part.closed for part in opened.parts.values()), "a message is done with an open part")
    expect(len(item["content"]) == len(opened.parts), "a message has parts that were not streamed")
    for part, content in zip(opened.parts.values(), item["content"], strict=True):
        expect(content.get("text", content.get("refusal")) == part.deltas, "a message differs from its deltas")
        expect(content.get("annotations", []) == part.annotations, "a message differs in its annotations")


def expect(holds: bool, complaint: str) -> None:
    if not holds:
        raise GrammarError(complaint)
