"""What has been told of each output item of an upstream's response, so that each word is told once.

Rule 1: an item may tell the same thing four times: in deltas, in the `done` of its part, in its own `done`, and in the closing
        response. What came first is told, and later tellings only add what was still missing.
Rule 2: where a later telling contradicts what was told, what was told stands: a client has it already.
Rule 3: members of the wrong type make the answer malformed; members that are absent say nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from app.wire.answer import (
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    Cited,
    ImageBegun,
    ImageDone,
    ImagePartial,
    Refused,
    Said,
    SearchBegun,
    SearchDone,
    Thought,
    ThoughtBegun,
    ThoughtDone,
)
from app.wire.exchange import AnswerError
from app.wire.relay import malformed
from app.wire.responses.values import Json, number, object_in, objects, text
from app.wire.tags import seal

Events = list[AnswerEvent]
Heard = Mapping[str, Callable[[Any, Json], Events]]

PLACES_MAX = 4096
"""Parts of a message, paragraphs of reasoning, citations of a part."""
_DETAILS = ("size", "quality", "output_format", "background", "revised_prompt")


class Current:
    """The message that text goes to: how much text it has, and which message it is."""

    def __init__(self) -> None:
        self.length = 0
        self.number = 0

    def end(self) -> None:
        self.length = 0
        self.number += 1


class ToldItem(ABC):
    """One item. `on` names what it hears of, by the event's name without "response."."""

    on: ClassVar[Heard] = {}

    def __init__(self, key: int, current: Current, upstream: str) -> None:
        self.key = key
        self.over = False
        self._current = current
        self._upstream = upstream

    def hear(self, name: str, event: Json) -> Events:
        """One event of the item. What it has no word for says nothing."""
        heard = self.on.get(name)
        return [] if heard is None or self.over else heard(self, event)

    def end(self, item: Json) -> Events:
        """The item is done: `item` as it stands there, empty where nobody told it again."""
        if self.over:
            return []
        self.over = True
        return self._end(item)

    @abstractmethod
    def added(self, item: Json) -> Events: ...

    @abstractmethod
    def _end(self, item: Json) -> Events: ...


def _bound(places: int) -> None:
    if places >= PLACES_MAX:
        malformed("The answer holds an item of too many parts.")


class _Text:
    """A text that comes in pieces."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def add(self, piece: str) -> str:
        if piece:
            self._pieces.append(piece)
        return piece

    def rest(self, whole: str) -> str:
        """What is missing of the whole text, now told as well."""
        told = "".join(self._pieces)
        self._pieces = [told] if told else []
        return self.add(whole[len(told) :]) if whole.startswith(told) else ""

    def __bool__(self) -> bool:
        return bool(self._pieces)


# -- Messages


class _Part:
    """One part of a message. `base` is where its text begins in the current message."""

    def __init__(self) -> None:
        self.text = _Text()
        self.refusal = _Text()
        self.length = 0
        self.base = 0
        self.message = -1
        self.citations = 0


class ToldMessage(ToldItem):
    def __init__(self, key: int, current: Current, upstream: str) -> None:
        super().__init__(key, current, upstream)
        self._parts: dict[int, _Part] = {}

    def added(self, item: Json) -> Events:
        return []

    def _end(self, item: Json) -> Events:
        events: Events = []
        for index, part in enumerate(objects(item.get("content"))):
            events += self._part_done({"content_index": index, "part": part})
        return events

    def _part(self, event: Json) -> _Part:
        index = number(event.get("content_index"))
        part = self._parts.get(index)
        if part is None:
            _bound(len(self._parts))
            part = self._parts[index] = _Part()
        return part

    def _say(self, part: _Part, text: str, logprobs: Any) -> Events:
        if not text:
            return []
        current = self._current
        if part.message != current.number:
            part.message, part.base = current.number, current.length - part.length
        part.length += len(text)
        current.length += len(text)
        return [Said(text, logprobs=tuple(map(_logprob, objects(logprobs))))]

    def _text_delta(self, event: Json) -> Events:
        part = self._part(event)
        return self._say(part, part.text.add(text(event.get("delta"))), event.get("logprobs"))

    def _text_done(self, event: Json) -> Events:
        """Log probabilities that stand here are those of the whole text."""
        part = self._part(event)
        logprobs = None if part.text else event.get("logprobs")
        return self._say(part, part.text.rest(text(event.get("text"))), logprobs)

    def _refusal_delta(self, event: Json) -> Events:
        return _refused(self._part(event).refusal.add(text(event.get("delta"))))

    def _refusal_done(self, event: Json) -> Events:
        return _refused(self._part(event).refusal.rest(text(event.get("refusal"))))

    def _part_done(self, event: Json) -> Events:
        part = object_in(event.get("part"))
        told = {"content_index": event.get("content_index"), **part}
        if part.get("type") == "refusal":
            return self._refusal_done(told)
        if part.get("type") != "output_text":
            return []
        events = self._text_done(told)
        for index, annotation in enumerate(objects(part.get("annotations"))):
            events += self._annotation({**told, "annotation_index": index, "annotation": annotation})
        return events

    def _annotation(self, event: Json) -> Events:
        part, told = self._part(event), object_in(event.get("annotation"))
        if number(event.get("annotation_index")) < part.citations:
            return []
        _bound(part.citations)
        part.citations += 1
        if told.get("type") != "url_citation" or not text(told.get("url")):
            return []
        start, end = (max(0, part.base + number(told.get(name))) for name in ("start_index", "end_index"))
        return [Cited(text(told.get("url")), text(told.get("title")), start, max(start, end))]

    on: ClassVar[Heard] = {
        "output_text.delta": _text_delta,
        "output_text.done": _text_done,
        "output_text.annotation.added": _annotation,
        "refusal.delta": _refusal_delta,
        "refusal.done": _refusal_done,
        "content_part.done": _part_done,
    }


def _refused(told: str) -> Events:
    return [Refused(told)] if told else []


def _logprob(told: Json) -> Json:
    return {**_token(told), "top_logprobs": list(map(_token, objects(told.get("top_logprobs"))))}


def _token(told: Json) -> Json:
    spelled, logprob = told.get("bytes"), told.get("logprob")
    if spelled is not None and not (isinstance(spelled, list) and all(type(each) is int for each in spelled)):
        malformed("The answer holds bytes of a token that are none.")
    if type(logprob) not in (int, float):
        malformed("The answer holds a log probability that is no number.")
    return {"token": text(told.get("token")), "logprob": logprob, "bytes": spelled}


# -- Reasoning


class ToldReasoning(ToldItem):
    """A summary's paragraphs, and raw reasoning where the model shows it, in the order in which they come."""

    def __init__(self, key: int, current: Current, upstream: str) -> None:
        super().__init__(key, current, upstream)
        self._texts: dict[tuple[str, int], _Text] = {}
        self._places: dict[tuple[str, int], int] = {}
        self._last = 0
        self._encrypted: Any = None

    def added(self, item: Json) -> Events:
        self._current.end()
        self._encrypted = item.get("encrypted_content")
        return [ThoughtBegun(self.key)]

    def _end(self, item: Json) -> Events:
        events: Events = []
        for family in ("summary", "content"):
            for index, part in enumerate(objects(item.get(family))):
                events += self._done(family, index, part.get("text"))
        encrypted = text(item.get("encrypted_content") or self._encrypted)
        return [*events, ThoughtDone(self.key, seal(self._upstream, encrypted) if encrypted else None)]

    def _think(self, place: tuple[str, int], told: str) -> Events:
        if not told:
            return []
        self._last = max(self._last, self._places.setdefault(place, len(self._places)))
        return [Thought(self.key, told, self._last)]

    def _text(self, place: tuple[str, int]) -> _Text:
        found = self._texts.get(place)
        if found is None:
            _bound(len(self._texts))
            found = self._texts[place] = _Text()
        return found

    def _delta(self, family: str, index: Any, told: Any) -> Events:
        place = family, number(index)
        return self._think(place, self._text(place).add(text(told)))

    def _done(self, family: str, index: Any, told: Any) -> Events:
        place = family, number(index)
        return self._think(place, self._text(place).rest(text(told)))

    def _summary_delta(self, event: Json) -> Events:
        return self._delta("summary", event.get("summary_index"), event.get("delta"))

    def _summary_done(self, event: Json) -> Events:
        return self._done("summary", event.get("summary_index"), event.get("text"))

    def _raw_delta(self, event: Json) -> Events:
        return self._delta("content", event.get("content_index"), event.get("delta"))

    def _raw_done(self, event: Json) -> Events:
        return self._done("content", event.get("content_index"), event.get("text"))

    on: ClassVar[Heard] = {
        "reasoning_summary_text.delta": _summary_delta,
        "reasoning_summary_text.done": _summary_done,
        "reasoning_text.delta": _raw_delta,
        "reasoning_text.done": _raw_done,
    }


# -- Calls


class ToldCall(ToldItem):
    """A call is begun when its name is known: with its first word, or with its last one."""

    kind: ClassVar[Literal["function", "custom"]] = "function"
    member: ClassVar[str] = "arguments"

    def __init__(self, key: int, current: Current, upstream: str) -> None:
        super().__init__(key, current, upstream)
        self._text = _Text()
        self.begun = False

    def added(self, item: Json) -> Events:
        return self._begin(item) if item.get("name") else []

    def _begin(self, item: Json) -> Events:
        """A vendor's call without an id takes that of its item."""
        name, call_id = text(item.get("name")), text(item.get("call_id") or item.get("id"))
        if not name or not call_id:
            malformed("The answer holds a call without a name or an id.")
        self.begun = True
        self._current.end()
        return [CallBegun(self.key, call_id, name, self.kind)]

    def _end(self, item: Json) -> Events:
        events = [] if self.begun else self._begin(item)
        return [*events, *self._told(self._text.rest(text(item.get(self.member)))), CallDone(self.key)]

    def _told(self, told: str) -> Events:
        return [CallDelta(self.key, told)] if told else []

    def _delta(self, event: Json) -> Events:
        return self._told(self._text.add(text(event.get("delta")))) if self.begun else []

    def _done(self, event: Json) -> Events:
        return self._told(self._text.rest(text(event.get(self.member)))) if self.begun else []

    on: ClassVar[Heard] = {
        "function_call_arguments.delta": _delta,
        "function_call_arguments.done": _done,
        "custom_tool_call_input.delta": _delta,
        "custom_tool_call_input.done": _done,
    }


class ToldCustomCall(ToldCall):
    kind = "custom"
    member = "input"


# -- Searches and images


class ToldSearch(ToldItem):
    def added(self, item: Json) -> Events:
        return [SearchBegun(self.key)]

    def _end(self, item: Json) -> Events:
        failed = item.get("status") == "failed"
        return [SearchDone(self.key, _action(object_in(item.get("action"))), failed=failed)]


def _action(told: Json) -> Json:
    """What a search did, in OpenAI's words for it; other members and other sources are left out."""
    kind = text(told.get("type")) or "search"
    action: Json = {name: text(told[name]) for name in ("query", "url", "pattern") if told.get(name) is not None}
    queries = told.get("queries")
    if isinstance(queries, list):
        action["queries"] = list(map(text, queries))
    if told.get("sources") is not None:
        urls = (text(source.get("url")) for source in objects(told["sources"]))
        action["sources"] = [{"type": "url", "url": url} for url in urls if url]
    return {"type": kind, **action}


class ToldImage(ToldItem):
    """An image is begun with the first that is seen of it: one that cannot be made may never be seen."""

    def __init__(self, key: int, current: Current, upstream: str) -> None:
        super().__init__(key, current, upstream)
        self._begun = False

    def added(self, item: Json) -> Events:
        return []

    def _begin(self) -> Events:
        events: Events = [] if self._begun else [ImageBegun(self.key)]
        self._begun = True
        return events

    def _end(self, item: Json) -> Events:
        data = text(item.get("result"))
        if not data and self._begun:
            raise AnswerError("An image could not be finished.", malformed=False, type="server_error")
        return [*self._begin(), ImageDone(self.key, data, _details(item))] if data else []

    def _partial(self, event: Json) -> Events:
        data, index = text(event.get("partial_image_b64")), number(event.get("partial_image_index"))
        return [*self._begin(), ImagePartial(self.key, data, index, _details(event))] if data else []

    on: ClassVar[Heard] = {"image_generation_call.partial_image": _partial}


def _details(told: Json) -> Json:
    return {name: text(told[name]) for name in _DETAILS if told.get(name) is not None}
