"""Tracks calls, searches and images of an upstream's stream."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Literal

from app.wire.answer import (
    CallBegun,
    CallDelta,
    CallDone,
    ImageBegun,
    ImageDone,
    ImagePartial,
    SearchBegun,
    SearchDone,
)
from app.wire.exchange import AnswerError
from app.wire.relay import malformed, text_bytes
from app.wire.responses.item_state import CurrentMessage, Events, Handlers, ItemState, StreamedText
from app.wire.responses.values import Json, json_text, number, object_in, objects, text

_DETAILS = ("size", "quality", "output_format", "background", "revised_prompt")


class CallState(ItemState):
    """A call begins once its name is known: with its first event, or only with its last one."""

    kind: ClassVar[Literal["function", "custom"]] = "function"
    member: ClassVar[str] = "arguments"

    def __init__(self, key: int, current: CurrentMessage, upstream: str) -> None:
        super().__init__(key, current, upstream)
        self._text = StreamedText()
        self.begun = False
        self.call_id = ""
        self.waiting_bytes = 0  # of the arguments that came before the name

    def added(self, item: Json) -> Events:
        return self._begin(item) if item.get("name") else []

    def _begin(self, item: Json) -> Events:
        """If the vendor's call has no call_id, the item's id is used; without either, one is made from the answer's id."""
        name, call_id = text(item.get("name")), text(item.get("call_id") or item.get("id")) or self._made_id()
        if not name or not call_id:
            malformed("The answer contains a call without a name or an id.")
        self.begun, self.call_id, self.waiting_bytes = True, call_id, 0
        self._current.end()
        return [CallBegun(self.key, call_id, name, self.kind)]

    def _made_id(self) -> str:
        """The same at every client, and different in every answer. "" if the answer has no id either."""
        if self.answer_id is None:
            return ""
        return f"call_{hashlib.sha256(f'{self.answer_id}:{self.key}'.encode()).hexdigest()[:24]}"

    def streamed(self, name: str, event: Json) -> StreamedText | None:
        return self._text if self.begun else None

    def _end(self, item: Json) -> Events:
        events = [] if self.begun else self._begin(item)
        return [*events, *self._delta_events(self._text.rest(json_text(item.get(self.member)))), CallDone(self.key)]

    def _delta_events(self, piece: str) -> Events:
        return [CallDelta(self.key, piece)] if piece else []

    def _delta(self, event: Json) -> Events:
        piece = json_text(event.get("delta"))
        if self.begun:
            return self._delta_events(self._text.add(piece))
        self.waiting_bytes += text_bytes(piece)
        return []

    def _done(self, event: Json) -> Events:
        return self._delta_events(self._text.rest(json_text(event.get(self.member)))) if self.begun else []

    handlers: ClassVar[Handlers] = {
        "function_call_arguments.delta": _delta,
        "function_call_arguments.done": _done,
        "custom_tool_call_input.delta": _delta,
        "custom_tool_call_input.done": _done,
    }


class CustomCallState(CallState):
    kind = "custom"
    member = "input"


class SearchState(ItemState):
    def added(self, item: Json) -> Events:
        return [SearchBegun(self.key)]

    def _end(self, item: Json) -> Events:
        failed = item.get("status") == "failed"
        return [SearchDone(self.key, _action(object_in(item.get("action"))), failed=failed)]


def _action(raw: Json) -> Json:
    """A search action in OpenAI's form. Other members, and sources that are not URLs, are left out."""
    kind = text(raw.get("type")) or "search"
    action: Json = {name: text(raw[name]) for name in ("query", "url", "pattern") if raw.get(name) is not None}
    queries = raw.get("queries")
    if isinstance(queries, list):
        action["queries"] = list(map(text, queries))
    if raw.get("sources") is not None:
        urls = (text(source.get("url")) for source in objects(raw["sources"]))
        action["sources"] = [{"type": "url", "url": url} for url in urls if url]
    return {"type": kind, **action}


class ImageState(ItemState):
    """An image begins with its first data: an image that cannot be generated may never have any."""

    def __init__(self, key: int, current: CurrentMessage, upstream: str) -> None:
        super().__init__(key, current, upstream)
        self.begun = False
        self.quality: Any = None
        self.size: Any = None

    def added(self, item: Json) -> Events:
        return []

    def _begin(self) -> Events:
        events: Events = [] if self.begun else [ImageBegun(self.key)]
        self.begun = True
        return events

    def _end(self, item: Json) -> Events:
        data = text(item.get("result"))
        if not data and self.begun:
            raise AnswerError("An image could not be generated.", malformed=False, type="server_error")
        return [*self._begin(), ImageDone(self.key, data, _details(item))] if data else []

    def _partial(self, event: Json) -> Events:
        data, index = text(event.get("partial_image_b64")), number(event.get("partial_image_index"))
        self.quality, self.size = event.get("quality"), event.get("size")
        return [*self._begin(), ImagePartial(self.key, data, index, _details(event))] if data else []

    handlers: ClassVar[Handlers] = {"image_generation_call.partial_image": _partial}


def _details(raw: Json) -> Json:
    return {name: text(raw[name]) for name in _DETAILS if raw.get(name) is not None}
