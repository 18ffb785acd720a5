"""Judges answers of an upstream that speaks OpenAI's Responses: complete or failed, its finish, usage, calls and content.

The pass-through forwards bytes under this judgement, and the translating reader (answer_reader.py) returns its events, so that the
same bytes are the same answer for every client.

Rule 1: an answer ends at its closing event (verdict.py); anything after that is dropped. Content of the closing response that no
        earlier event contained is emitted then.
Rule 2: an error event (flat or nested), a failed and a cancelled response end the answer with an AnswerError.
Rule 3: an item is found by item_index.py. An item that was never added is opened by the first event about it. Items and events of
        unknown types have no events; their calls and their text are counted.
Rule 4: a response has one choice. It finishes with "tool_calls" if there were any calls.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    CallDelta,
    ChoiceFinished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
)
from app.wire.relay import decoded, malformed, text_bytes
from app.wire.responses.call_state import CallState, CustomCallState, ImageState
from app.wire.responses.delta import Delta
from app.wire.responses.item_index import ItemIndex
from app.wire.responses.item_state import Events, ItemState, StreamedText
from app.wire.responses.values import Json, object_in, objects
from app.wire.responses.verdict import (
    closing_status,
    counted,
    cut_reason,
    finish_of,
    item_bytes,
    refuse_failed,
    usage_item,
    whole_status,
    word,
)
from app.wire.usage import COUNTED_ITEMS, Item, item_usage, responses_usage, tier
from domain.usage import Usage

_ITEM_TYPES: Final = {
    "output_text": "message",
    "refusal": "message",
    "content_part": "message",
    "reasoning_summary_text": "reasoning",
    "reasoning_text": "reasoning",
    "function_call_arguments": "function_call",
    "custom_tool_call_input": "custom_tool_call",
    "web_search_call": "web_search_call",
    "image_generation_call": "image_generation_call",
}
"""The type of the item that an event is about, by the first word of the event's name."""
_CUT: Final[dict[Any, FinishReason]] = {"content_filter": "content_filter"}
_TEXT = (TextDelta, RefusalDelta, ReasoningDelta, CallDelta)

_json = msgspec.json.Decoder()


class ResponsesJudge:
    """Judges one answer, streamed or plain.

    - `ended`: the answer is complete, and `finish` (status or status:reason), `usage` and `items` are final.
    - `output_bytes`: text, reasoning and arguments in UTF-8.
    """

    def __init__(self, upstream: str) -> None:
        self.ended = False
        self.finish = ""
        self.response_id: str | None = None
        self.usage: Usage | None = None
        self._items = ItemIndex(upstream)
        self._began = False
        self._text_bytes = 0
        self._untracked_deltas = 0
        self._untracked_done = 0
        self._listed_bytes = 0
        self._waiting: set[CallState] = set()
        self._done: list[Item] = []
        self._untracked: set[tuple[str, Any]] = set()
        self._total: Usage | None = None
        self._last: tuple[Delta, StreamedText, ItemState, str, Json] | None = None

    @property
    def output_bytes(self) -> int:
        waiting = sum(call.waiting_bytes for call in self._waiting)
        return max(self._text_bytes + waiting + max(self._untracked_deltas, self._untracked_done), self._listed_bytes)

    @property
    def items(self) -> Usage:
        """Calls and images so far: those of finished items, calls of custom tools that began, and images with a preview."""
        if self._total is not None:
            return self._total
        open_items: list[Item] = []
        for state in self._items:
            if isinstance(state, CustomCallState) and state.begun and not state.finished:
                open_items.append(Item(type="custom_tool_call"))
            elif isinstance(state, ImageState) and state.begun and not state.finished:
                open_items.append(Item(type="image_generation_call", quality=state.quality, size=state.size))
        return item_usage([*self._done, *open_items])

    def count(self, delta: Delta) -> int | None:
        """Count a delta that continues the text of the last event. Returns its bytes, or None if `judged` must read it."""
        last = self._last
        if last is None or not delta.same_place(last[0]):
            return None
        piece = delta.delta
        last[1].add(piece)
        size = len(piece) if piece.isascii() else len(piece.encode())
        self._text_bytes += size
        return size

    def continued(self, delta: Delta) -> Events | None:
        """The events of a delta that continues the text of the last event. None if `judged` must read it."""
        last = self._last
        if last is None or delta.logprobs or not delta.same_place(last[0]):
            return None
        _, _, state, name, event = last
        event["delta"] = delta.delta
        self._text_bytes += text_bytes(delta.delta)
        return state.handle(name, event)

    def judged(self, event: Json, kind: str, delta: Delta | None = None) -> Events:
        """The events of one upstream event. Raises AnswerError if the answer failed or is malformed. `delta` is the same event
        if it is a common delta: those that follow it at the same place may be counted."""
        refuse_failed(event, kind)
        self._last = None
        raw_response = event.get("response")
        response = raw_response if isinstance(raw_response, dict) else {}
        status = closing_status(kind, response)
        if status is not None:
            if not isinstance(raw_response, dict) and (raw_response or not self._seen()):
                malformed("The answer's closing event has no response.")
            return self._close(response, status)
        events = self._begin(response)
        if kind == "response.output_item.added":
            events += self._added(event, object_in(event.get("item")))
        elif kind == "response.output_item.done":
            events += self._item_done(event, object_in(event.get("item")))
        else:
            events += self._item_event(kind.removeprefix("response."), event, delta)
        self._text_bytes += _text_size(events)
        return events

    def judged_whole(self, response: Json) -> Events:
        """The events of a plain answer."""
        return self._close(response, whole_status(response))

    def call_id(self, event: Json, item: Json) -> str | None:
        """The id of the call that `item` is, which may be missing in it. None if it is no call."""
        found = self._items.find(event, item)
        return found.call_id if isinstance(found, CallState) and found.begun else None

    # -- Beginning and end

    def _begin(self, response: Json) -> Events:
        self.response_id = word(response.get("id")) or self.response_id
        if self._began:
            return []
        self._began = True
        return [AnswerBegun(self.response_id, word(response.get("model")), tier(response.get("service_tier")))]

    def _close(self, response: Json, status: str) -> Events:
        events = self._begin(response)
        output = objects(response.get("output"))
        for index, item in enumerate(output):
            events += self._item_done({"output_index": index}, item)
        for left in self._items:
            if isinstance(left, CustomCallState) and left.begun and not left.finished:
                self._done.append(Item(type="custom_tool_call"))
            events += left.end({})
        self.ended = True
        self.finish = finish_of(response, status)
        self._total = counted(output, self._done, response)
        self.usage = responses_usage(response.get("usage"), response.get("service_tier"), self._total)
        self._text_bytes += _text_size(events)
        self._listed_bytes = sum(map(item_bytes, output))
        listed = self._total if self.usage is None else None
        ended = AnswerEnded(
            self.usage,
            tier(response.get("service_tier")),
            listed,
            eventless_bytes=self.output_bytes - self._text_bytes,
        )
        return [*events, ChoiceFinished(self._reason(response, status)), ended]

    def _reason(self, response: Json, status: str) -> FinishReason:
        if status == "incomplete":
            return _CUT.get(cut_reason(response), "length")
        return "tool_calls" if any(isinstance(item, CallState) for item in self._items) else "stop"

    # -- Items

    def _seen(self) -> bool:
        """Whether any item has come."""
        return bool(self._untracked or self._untracked_deltas or any(True for _ in self._items))

    def _opened(self, event: Json, item: Json) -> tuple[ItemState | None, Events]:
        """The item's state, and the events of opening it if it was not known."""
        known = self._items.find(event, item)
        if known is not None:
            return known, []
        opened = self._items.open(event, item)
        if opened is None:
            return None, []
        opened.answer_id = self.response_id
        return opened, opened.added(item)

    def _added(self, event: Json, item: Json) -> Events:
        return self._opened(event, item)[1]

    def _item_done(self, event: Json, item: Json) -> Events:
        """End a known item, once. An unknown one is opened and ended."""
        known, events = self._opened(event, item)
        if known is None:
            self._count_untracked(event, item)
            return events
        if known.finished:
            return events
        events += known.end(item)
        self._done.append(usage_item(item))
        return events

    def _count_untracked(self, event: Json, item: Json) -> None:
        """Count an item without a state, once: by its id, else by its place."""
        kind = word(item.get("type")) or ""
        places = {(kind, word(item.get("id"))), (kind, event.get("output_index"))} - {(kind, None)}
        known = bool(places & self._untracked)
        self._untracked |= places
        if known:
            return
        self._untracked_done += item_bytes(item)
        if kind in COUNTED_ITEMS:
            self._done.append(usage_item(item))

    def _item_event(self, name: str, event: Json, delta: Delta | None) -> Events:
        family = _ITEM_TYPES.get(name.partition(".")[0])
        if family is None:
            self._untracked_deltas += text_bytes(event.get("delta"))
            return []
        known, events = self._opened(event, {"id": event.get("item_id"), "type": family})
        assert known is not None, "an event that is about an item names a type that has a state"
        events += known.handle(name, event)
        if isinstance(known, CallState) and known.waiting_bytes:
            self._waiting.add(known)
        text = known.streamed(name, event) if delta is not None and not known.finished else None
        if delta is not None and text is not None:
            self._last = delta, text, known, name, {**event, "logprobs": None}
        return events


def event_in(data: bytes) -> Json:
    """The JSON object in `data`."""
    found = decoded(_json, data)
    if not isinstance(found, dict):
        malformed("The answer contains a value that is not an object.")
    return found


def _text_size(events: Events) -> int:
    return sum(text_bytes(event.text) for event in events if isinstance(event, _TEXT))
