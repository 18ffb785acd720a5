"""Tracks messages and reasoning of an upstream's stream."""

from __future__ import annotations

from typing import Any, ClassVar

from app.wire.answer import CitationAdded, ReasoningBegun, ReasoningDelta, ReasoningDone, RefusalDelta, TextDelta
from app.wire.relay import malformed
from app.wire.responses.item_state import CurrentMessage, Events, Handlers, ItemState, StreamedText, bound
from app.wire.responses.values import Json, number, object_in, objects, text
from app.wire.tags import seal


class _Part:
    """One part of a message. `base` is the offset of its text in the current message."""

    def __init__(self) -> None:
        self.text = StreamedText()
        self.refusal = StreamedText()
        self.length = 0
        self.base = 0
        self.message = -1
        self.citations = 0


class MessageState(ItemState):
    def __init__(self, key: int, current: CurrentMessage, upstream: str) -> None:
        super().__init__(key, current, upstream)
        self._parts: dict[int, _Part] = {}

    def added(self, item: Json) -> Events:
        return []

    def _end(self, item: Json) -> Events:
        events: Events = []
        for index, part in enumerate(objects(item.get("content"))):
            events += self._part_done({"content_index": index, "part": part})
        return events

    def streamed(self, name: str, event: Json) -> StreamedText | None:
        part = self._part(event)
        return part.text if name == "output_text.delta" else part.refusal

    def _part(self, event: Json) -> _Part:
        index = number(event.get("content_index"))
        part = self._parts.get(index)
        if part is None:
            bound(len(self._parts))
            part = self._parts[index] = _Part()
        return part

    def _text_events(self, part: _Part, text: str, logprobs: Any) -> Events:
        if not text:
            return []
        current = self._current
        if part.message != current.number:
            part.message, part.base = current.number, current.length - part.length
        part.length += len(text)
        current.length += len(text)
        return [TextDelta(text, logprobs=tuple(map(_logprob, objects(logprobs))))]

    def _text_delta(self, event: Json) -> Events:
        part = self._part(event)
        return self._text_events(part, part.text.add(text(event.get("delta"))), event.get("logprobs"))

    def _text_done(self, event: Json) -> Events:
        """Log probabilities in this event are those of the whole text."""
        part = self._part(event)
        logprobs = None if part.text else event.get("logprobs")
        return self._text_events(part, part.text.rest(text(event.get("text"))), logprobs)

    def _refusal_delta(self, event: Json) -> Events:
        return _refusal_events(self._part(event).refusal.add(text(event.get("delta"))))

    def _refusal_done(self, event: Json) -> Events:
        return _refusal_events(self._part(event).refusal.rest(text(event.get("refusal"))))

    def _part_done(self, event: Json) -> Events:
        part = object_in(event.get("part"))
        done = {"content_index": event.get("content_index"), **part}
        if part.get("type") == "refusal":
            return self._refusal_done(done)
        if part.get("type") != "output_text":
            return []
        events = self._text_done(done)
        for index, annotation in enumerate(objects(part.get("annotations"))):
            events += self._annotation({**done, "annotation_index": index, "annotation": annotation})
        return events

    def _annotation(self, event: Json) -> Events:
        part, annotation = self._part(event), object_in(event.get("annotation"))
        if number(event.get("annotation_index")) < part.citations:
            return []
        bound(part.citations)
        part.citations += 1
        if annotation.get("type") != "url_citation" or not text(annotation.get("url")):
            return []
        start, end = (max(0, part.base + number(annotation.get(name))) for name in ("start_index", "end_index"))
        return [CitationAdded(text(annotation.get("url")), text(annotation.get("title")), start, max(start, end))]

    handlers: ClassVar[Handlers] = {
        "output_text.delta": _text_delta,
        "output_text.done": _text_done,
        "output_text.annotation.added": _annotation,
        "refusal.delta": _refusal_delta,
        "refusal.done": _refusal_done,
        "content_part.done": _part_done,
    }


def _refusal_events(piece: str) -> Events:
    return [RefusalDelta(piece)] if piece else []


def _logprob(raw: Json) -> Json:
    return {**_token(raw), "top_logprobs": list(map(_token, objects(raw.get("top_logprobs"))))}


def _token(raw: Json) -> Json:
    spelled, logprob = raw.get("bytes"), raw.get("logprob")
    if spelled is not None and not (isinstance(spelled, list) and all(type(each) is int for each in spelled)):
        malformed("The answer contains a token whose bytes are invalid.")
    if type(logprob) not in (int, float):
        malformed("The answer contains a log probability that is not a number.")
    return {"token": text(raw.get("token")), "logprob": logprob, "bytes": spelled}


class ReasoningState(ItemState):
    """The paragraphs of a summary, and raw reasoning if the model shows it, in order of arrival."""

    def __init__(self, key: int, current: CurrentMessage, upstream: str) -> None:
        super().__init__(key, current, upstream)
        self._texts: dict[tuple[str, int], StreamedText] = {}
        self._places: dict[tuple[str, int], int] = {}
        self._last = 0
        self._encrypted: Any = None

    def added(self, item: Json) -> Events:
        self._current.end()
        self._encrypted = item.get("encrypted_content")
        return [ReasoningBegun(self.key)]

    def _end(self, item: Json) -> Events:
        events: Events = []
        for family in ("summary", "content"):
            for index, part in enumerate(objects(item.get(family))):
                events += self._done(family, index, part.get("text"))
        encrypted = text(item.get("encrypted_content") or self._encrypted)
        return [*events, ReasoningDone(self.key, seal(self._upstream, encrypted) if encrypted else None)]

    def _reasoning_events(self, place: tuple[str, int], raw: str) -> Events:
        if not raw:
            return []
        self._last = max(self._last, self._places.setdefault(place, len(self._places)))
        return [ReasoningDelta(self.key, raw, self._last)]

    def _text(self, place: tuple[str, int]) -> StreamedText:
        found = self._texts.get(place)
        if found is None:
            bound(len(self._texts))
            found = self._texts[place] = StreamedText()
        return found

    def streamed(self, name: str, event: Json) -> StreamedText | None:
        if name == "reasoning_text.delta":
            return self._text(("content", number(event.get("content_index"))))
        return self._text(("summary", number(event.get("summary_index"))))

    def _delta(self, family: str, index: Any, raw: Any) -> Events:
        place = family, number(index)
        return self._reasoning_events(place, self._text(place).add(text(raw)))

    def _done(self, family: str, index: Any, raw: Any) -> Events:
        place = family, number(index)
        return self._reasoning_events(place, self._text(place).rest(text(raw)))

    def _summary_delta(self, event: Json) -> Events:
        return self._delta("summary", event.get("summary_index"), event.get("delta"))

    def _summary_done(self, event: Json) -> Events:
        return self._done("summary", event.get("summary_index"), event.get("text"))

    def _raw_delta(self, event: Json) -> Events:
        return self._delta("content", event.get("content_index"), event.get("delta"))

    def _raw_done(self, event: Json) -> Events:
        return self._done("content", event.get("content_index"), event.get("text"))

    handlers: ClassVar[Handlers] = {
        "reasoning_summary_text.delta": _summary_delta,
        "reasoning_summary_text.done": _summary_done,
        "reasoning_text.delta": _raw_delta,
        "reasoning_text.done": _raw_done,
    }
