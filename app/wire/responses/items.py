"""Writes the output items of a response, each from `added` to `done`, in OpenAI's order of events.

Rule 1: an item passes its events to `emit`, which numbers them. Every event contains the item's id and output_index, so several
        items may be open at the same time.
Rule 2: an item is done once. `done` returns it in the form in which the closing response contains it.
Rule 3: deltas add up to the final item: it contains nothing that was not streamed, except results that have no deltas.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

Json = dict[str, Any]
Emit = Callable[[Json], None]
Status = Literal["completed", "incomplete", "failed"]


class OutputItem(ABC):
    """One item. Subclasses emit its `added` event when they are created."""

    type: ClassVar[str]
    prefix: ClassVar[str]

    def __init__(self, emit: Emit, index: int, seed: str) -> None:
        self._emit = emit
        self.index = index
        self.id = f"{self.prefix}_{seed}_{index}"

    def done(self, status: Status = "completed") -> Json:
        """End the item and return its final form."""
        item = self._item(status, **self._end())
        self._emit({"type": "response.output_item.done", "output_index": self.index, "item": item})
        return item

    @abstractmethod
    def _end(self) -> Json:
        """Emit the events that precede `done`; returns the item's final members."""

    def _add(self, **members: Any) -> None:
        item = self._item("in_progress", **members)
        self._emit({"type": "response.output_item.added", "output_index": self.index, "item": item})

    def _item(self, status: str, **members: Any) -> Json:
        return {"id": self.id, "type": self.type, "status": status, **members}

    def _emit_item_event(self, kind: str, **members: Any) -> None:
        self._emit({"type": f"response.{kind}", "item_id": self.id, "output_index": self.index, **members})


class MessageItem(OutputItem):
    """An assistant's message: one part of text and one of refusal, in the order in which they first occurred.

    The text stays a single part even if a refusal comes in between, so that citations count from its start.
    """

    type = "message"
    prefix = "msg"

    def __init__(self, emit: Emit, index: int, seed: str) -> None:
        super().__init__(emit, index, seed)
        self._places: dict[str, int] = {}
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._logprobs: list[Json] = []
        self._annotations: list[Json] = []
        self._add(role="assistant", content=[])

    def add_text(self, text: str, logprobs: list[Json]) -> None:
        place = self._place("output_text")
        self._text.append(text)
        self._logprobs += logprobs
        self._emit_item_event("output_text.delta", content_index=place, delta=text, logprobs=logprobs)

    def add_refusal(self, text: str) -> None:
        place = self._place("refusal")
        self._refusal.append(text)
        self._emit_item_event("refusal.delta", content_index=place, delta=text)

    def add_citation(self, annotation: Json) -> None:
        place, number = self._place("output_text"), len(self._annotations)
        self._annotations.append(annotation)
        members = {"annotation_index": number, "annotation": annotation}
        self._emit_item_event("output_text.annotation.added", content_index=place, **members)

    def _place(self, kind: str) -> int:
        place = self._places.get(kind)
        if place is None:
            place = self._places[kind] = len(self._places)
            self._emit_item_event("content_part.added", content_index=place, part=self._part(kind))
        return place

    def _part(self, kind: str) -> Json:
        if kind == "refusal":
            return {"type": kind, "refusal": "".join(self._refusal)}
        members = {"annotations": self._annotations.copy(), "logprobs": self._logprobs.copy()}
        return {"type": kind, "text": "".join(self._text), **members}

    def _end(self) -> Json:
        content = [self._part(kind) for kind in self._places]
        for place, part in enumerate(content):
            if part["type"] == "refusal":
                self._emit_item_event("refusal.done", content_index=place, refusal=part["refusal"])
            else:
                members = {"text": part["text"], "logprobs": part["logprobs"]}
                self._emit_item_event("output_text.done", content_index=place, **members)
            self._emit_item_event("content_part.done", content_index=place, part=part)
        return {"role": "assistant", "content": content}


class ReasoningItem(OutputItem):
    """Reasoning: a summary with one paragraph after another, and sealed content that only its upstream can read."""

    type = "reasoning"
    prefix = "rs"

    def __init__(self, emit: Emit, index: int, seed: str) -> None:
        super().__init__(emit, index, seed)
        self._summary: list[Json] = []
        self._part = -1
        self._texts: list[str] = []
        self.sealed: str | None = None
        self._add(summary=[], encrypted_content=None)

    def add_text(self, text: str, part: int) -> None:
        if part != self._part:
            self._end_part()
            self._part = part
            self._emit_item_event(
                "reasoning_summary_part.added", summary_index=len(self._summary), part=_summary_part("")
            )
        self._texts.append(text)
        self._emit_item_event("reasoning_summary_text.delta", summary_index=len(self._summary), delta=text)

    def _end_part(self) -> None:
        if not self._texts:
            return
        place, part = len(self._summary), _summary_part("".join(self._texts))
        self._emit_item_event("reasoning_summary_text.done", summary_index=place, text=part["text"])
        self._emit_item_event("reasoning_summary_part.done", summary_index=place, part=part)
        self._summary.append(part)
        self._texts.clear()

    def _end(self) -> Json:
        self._end_part()
        return {"summary": self._summary, "encrypted_content": self.sealed}


def _summary_part(text: str) -> Json:
    return {"type": "summary_text", "text": text}


class _CallItem(OutputItem):
    """A call of one of the client's tools. Its text is streamed in `family` events and becomes the item's `member`.

    `named` are the members that identify the call and its tool: call_id, name and, if the tool is in one, namespace.
    """

    family: ClassVar[str]
    member: ClassVar[str]
    empty: ClassVar[str] = ""

    def __init__(self, emit: Emit, index: int, seed: str, named: Mapping[str, str]) -> None:
        super().__init__(emit, index, seed)
        self._named = named
        self._texts: list[str] = []
        self._add(**self._named, **{self.member: ""})

    def write(self, text: str) -> None:
        self._texts.append(text)
        self._emit_item_event(f"{self.family}.delta", delta=text)

    def _end(self) -> Json:
        if not self._texts and self.empty:
            self.write(self.empty)
        members = {self.member: "".join(self._texts)}
        self._emit_item_event(f"{self.family}.done", **members)
        return {**self._named, **members}


class FunctionCallItem(_CallItem):
    type = "function_call"
    prefix = "fc"
    family = "function_call_arguments"
    member = "arguments"
    empty = "{}"


class CustomCallItem(_CallItem):
    type = "custom_tool_call"
    prefix = "ctc"
    family = "custom_tool_call_input"
    member = "input"


class SearchItem(OutputItem):
    """A web search. Its query is known only at its end."""

    type = "web_search_call"
    prefix = "ws"

    def __init__(self, emit: Emit, index: int, seed: str) -> None:
        super().__init__(emit, index, seed)
        self.action: Json = {"type": "search"}
        self.failed = False
        self._add(action=self.action)
        self._emit_item_event("web_search_call.in_progress")
        self._emit_item_event("web_search_call.searching")

    def _end(self) -> Json:
        if not self.failed:
            self._emit_item_event("web_search_call.completed")
        return {"action": self.action}


class ImageItem(OutputItem):
    """An image being generated, with previews if the vendor sends them."""

    type = "image_generation_call"
    prefix = "ig"

    def __init__(self, emit: Emit, index: int, seed: str) -> None:
        super().__init__(emit, index, seed)
        self.result: Json = {"result": None}
        self._add(**self.result)
        self._emit_item_event("image_generation_call.in_progress")
        self._emit_item_event("image_generation_call.generating")

    def add_partial(self, data: str, index: int, details: Json) -> None:
        members = {**details, "partial_image_index": index, "partial_image_b64": data}
        self._emit_item_event("image_generation_call.partial_image", **members)

    def _end(self) -> Json:
        self._emit_item_event("image_generation_call.completed")
        return self.result
