"""Reads answers of an upstream that speaks OpenAI's Responses into events.

Rule 1: an answer ends at response.completed or response.incomplete; anything after that is dropped. Content of the closing response
        that no earlier event contained is emitted then.
Rule 2: an error event (flat or nested), response.failed and response.cancelled end the answer with an AnswerError.
Rule 3: an item is identified by its id or, because some upstreams change the id in each event, by its output_index. An item that
        was never added is opened by the first event about it. Items and events of unknown types are ignored.
Rule 4: a response has one choice. It finishes with "tool_calls" if there were any calls.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

import msgspec

from app.wire.answer import AnswerBegun, AnswerEnded, ChoiceFinished, FinishReason
from app.wire.canonical import CanonicalRequest, Target
from app.wire.envelope import upstream_error
from app.wire.relay import decoded, malformed
from app.wire.responses.call_state import CallState, CustomCallState, ImageState, SearchState
from app.wire.responses.item_state import CurrentMessage, Events, ItemState
from app.wire.responses.message_state import MessageState, ReasoningState
from app.wire.responses.values import Json, object_in, objects
from app.wire.usage import Item, item_usage, responses_usage, tier

ITEMS_MAX = 4096
_CLOSING: Final = frozenset({"response.completed", "response.incomplete"})
_FAILING: Final = frozenset({"error", "response.failed", "response.cancelled"})
_KINDS: Final[dict[str, type[ItemState]]] = {
    "message": MessageState,
    "reasoning": ReasoningState,
    "function_call": CallState,
    "custom_tool_call": CustomCallState,
    "web_search_call": SearchState,
    "image_generation_call": ImageState,
}
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

_json = msgspec.json.Decoder()


class ResponsesAnswerReader:
    """Reads one answer. Implements answer.AnswerReader."""

    def __init__(self, request: CanonicalRequest, target: Target) -> None:
        self._upstream = target.upstream
        self._current = CurrentMessage()
        self._items: list[ItemState] = []
        self._by_index: dict[int, ItemState] = {}
        self._by_id: dict[str, ItemState] = {}
        self._done: list[Item] = []
        self._began = False
        self._ended = False

    def frame(self, name: str, data: bytes) -> Events:
        if self._ended:
            return []
        if data.startswith(b"[DONE]"):
            malformed("The answer ended before its response did.")
        event = _object(data)
        event_type = event.get("type")
        kind = event_type if isinstance(event_type, str) else name
        if kind in _FAILING or (event.get("error") and not kind):
            _raise_failure(event)
        if kind in _CLOSING:
            return self._close(object_in(event.get("response")), kind.removeprefix("response."))
        events = self._begin(event.get("response"))
        if kind == "response.output_item.added":
            events += self._added(event, object_in(event.get("item")))
        elif kind == "response.output_item.done":
            events += self._item_done(event, object_in(event.get("item")))
        else:
            events += self._item_event(kind.removeprefix("response."), event)
        return events

    def end(self) -> Events:
        if not self._ended:
            malformed("The answer ended before it was complete.")
        return []

    def whole(self, body: bytes) -> Events:
        response = _object(body)
        status = response.get("status")
        if response.get("error") or status in ("failed", "cancelled"):
            raise upstream_error(response.get("error"))
        if status not in ("completed", "incomplete"):
            malformed("The answer is not a finished response.")
        return self._close(response, status)

    def continuation(self) -> bytes | None:
        """A response is never paused."""
        return None

    # -- Beginning and end

    def _begin(self, response: Any) -> Events:
        if self._began:
            return []
        self._began = True
        begun = object_in(response)
        upstream_id, model = (_word(begun.get(name)) for name in ("id", "model"))
        return [AnswerBegun(upstream_id, model, tier(begun.get("service_tier")))]

    def _close(self, response: Json, status: str) -> Events:
        if response.get("error"):
            raise upstream_error(response["error"])
        events = self._begin(response)
        output = objects(response.get("output"))
        for index, item in enumerate(output):
            events += self._item_done({"output_index": index}, item)
        for left in self._items:
            events += left.end({})
        self._ended = True
        items = item_usage(
            map(_usage_item, output) if output else self._done, response.get("tools"), response.get("tool_usage")
        )
        usage = responses_usage(response.get("usage"), response.get("service_tier"), items)
        return [
            *events,
            ChoiceFinished(self._reason(response, status)),
            AnswerEnded(usage, tier(response.get("service_tier"))),
        ]

    def _reason(self, response: Json, status: str) -> FinishReason:
        if status == "incomplete":
            return _CUT.get(_word(object_in(response.get("incomplete_details")).get("reason")), "length")
        called = any(isinstance(item, CallState) for item in self._items)
        return "tool_calls" if called else "stop"

    # -- Items

    def _added(self, event: Json, item: Json) -> Events:
        if self._known(event, item) is not None:
            return []
        return self._open(event, item, item.get("type"))

    def _item_done(self, event: Json, item: Json) -> Events:
        """End a known item, once. An unknown one is opened and ended."""
        known = self._known(event, item)
        events = self._open(event, item, item.get("type")) if known is None else []
        known = known or self._known(event, item)
        if known is None or known.finished:
            return events
        self._done.append(_usage_item(item))
        return [*events, *known.end(item)]

    def _item_event(self, name: str, event: Json) -> Events:
        family = _ITEM_TYPES.get(name.partition(".")[0])
        if family is None:
            return []
        about = {"id": event.get("item_id"), "type": family}
        known = self._known(event, about)
        events = self._open(event, about, family) if known is None else []
        known = known or self._known(event, about)
        return events if known is None else [*events, *known.handle(name, event)]

    def _known(self, event: Json, item: Json) -> ItemState | None:
        """The item with that id, else the one at that index if it has the same type.

        An event with neither is about the last item of its type.
        """
        kind = _KINDS.get(_word(item.get("type")) or "")
        index, name = _index(event), _word(item.get("id"))
        if index is None and name is None:
            return next((state for state in reversed(self._items) if type(state) is kind), None)
        found = self._by_id.get(name or "")
        if found is None and index is not None:
            found = self._by_index.get(index)
        return found if type(found) is kind else None

    def _open(self, event: Json, item: Json, item_type: Any) -> Events:
        kind = _KINDS.get(_word(item_type) or "")
        if kind is None:
            return []
        if len(self._items) >= ITEMS_MAX:
            malformed("The answer contains too many items.")
        opened = kind(len(self._items), self._current, self._upstream)
        self._items.append(opened)
        index, name = _index(event), _word(item.get("id"))
        if index is not None:
            self._by_index[index] = opened
        if name is not None:
            self._by_id[name] = opened
        return opened.added(item)


def _index(event: Json) -> int | None:
    index = event.get("output_index")
    return index if type(index) is int else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _usage_item(item: Json) -> Item:
    """The members of an item that usage is counted from."""
    return Item(*(item.get(name) for name in Item.__struct_fields__))


def _object(data: bytes) -> Json:
    found = decoded(_json, data)
    if not isinstance(found, dict):
        malformed("The answer contains a value that is not an object.")
    return found


def _raise_failure(event: Json) -> NoReturn:
    """Raise the error of an event, in any of three forms: members of the event, an `error` member, or an error of its response."""
    response = event.get("response")
    if isinstance(response, dict):
        raise upstream_error(response.get("error"))
    raise upstream_error(event.get("error"), {name: event.get(name) for name in ("message", "code", "param")})
