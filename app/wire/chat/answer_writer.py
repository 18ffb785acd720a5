"""Writes answer events as a chat completion.

Rule 1: a plain answer is assembled from the deltas of its stream (message.py), so both are made from the same deltas.
Rule 2: a choice's first delta is its role. A call's first delta has its index, id, type and name; later ones only add text.
Rule 3: annotations and images are sent once, complete, in the last delta before the finish. Clients merge lists by `index` or keep
        the last one, and these have no index.
Rule 4: chat has one message per choice. The text of a later message is appended to it, and its citations are shifted accordingly.
Rule 5: a legacy request (`functions`) gets a legacy answer, which can hold only one call: further calls are left out.
Rule 6: sealed reasoning is carried by the call that follows it, as `extra_content.realrouter.reasoning`: one tag, or a list of
        tags. `before_text` next to it is the number of tags that came before the text, because some vendors need their order.
        Reasoning without a call after it is not needed in the next turn and is left out, as are searches and previews of
        images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    CitationAdded,
    ImageBegun,
    ImageDone,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    RefusalDelta,
    SearchBegun,
    TextDelta,
)
from app.wire.chat.message import MessageBuilder
from app.wire.chat.usage import usage_object
from app.wire.envelope import error_envelope
from app.wire.request import decode, flag, raw_member
from app.wire.splice import Members, members

TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast"})
"""The service tiers that OpenAI's clients know. Other vendors' names are not shown to clients."""
IMAGE_TYPES: Final = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _Choice:
    """A choice so far. `length` is the number of code points of all its text, `start` of the text before the current message.

    `has_answer`: whether it has text, a refusal or a call. Without any of them, it ends with an empty text.
    """

    opened: bool = False
    has_answer: bool = False
    length: int = 0
    start: int = 0
    calls: int = 0
    sealed: list[str] = field(default_factory=list)
    before_text: int = 0
    paragraph: tuple[int, int] | None = None
    annotations: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class _Call:
    """`index` is None for a call that a legacy answer cannot hold."""

    choice: int
    index: int | None
    kind: str
    empty: bool = True


class ChatAnswerWriter:
    """Writes one completion. `fields` is the client's request, already validated. Implements answer.AnswerWriter."""

    def __init__(self, *, seed: str, model: str, created: int, fields: Members, stream: bool) -> None:
        self._id = f"chatcmpl-{seed}"
        self._model = model
        self._created = created
        self._stream = stream
        self._legacy = raw_member(fields, "functions") is not None
        options = raw_member(fields, "stream_options")
        self._include_usage = options is not None and flag(decode(options, members, "stream_options"), "include_usage")
        self._tier: str | None = None
        self._head = b""
        self._tail = b',"usage":null}\n\n' if self._include_usage else b"}\n\n"
        self._choices: dict[int, _Choice] = {}
        self._whole: dict[int, MessageBuilder] = {}
        self._calls: dict[int, _Call] = {}
        self._owners: dict[int, int] = {}
        self._handlers: dict[type[AnswerEvent], Callable[[Any], bytes]] = {
            AnswerBegun: self._answer_begun,
            TextDelta: self._text_delta,
            RefusalDelta: self._refusal_delta,
            CitationAdded: self._citation_added,
            ReasoningBegun: self._reasoning_begun,
            ReasoningDelta: self._reasoning_delta,
            ReasoningDone: self._reasoning_done,
            CallBegun: self._call_begun,
            CallDelta: self._call_delta,
            CallDone: self._call_done,
            SearchBegun: self._search_begun,
            ImageBegun: self._image_begun,
            ImageDone: self._image_done,
            ChoiceFinished: self._choice_finished,
            AnswerEnded: self._answer_ended,
        }

    @property
    def response_id(self) -> str:
        return self._id

    def write(self, event: AnswerEvent) -> bytes:
        handler = self._handlers.get(type(event))
        return handler(event) if handler is not None else b""

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        """An error in place of a chunk, without [DONE]: an answer that ends with an error is not done."""
        envelope = error_envelope(message=message, type=type, code=code)
        return b"data: %s\n\n" % envelope if self._stream else envelope

    # -- One method an event ----------------------------------------------------------------------------------------------

    def _answer_begun(self, event: AnswerBegun) -> bytes:
        self._tier = _tier(event.service_tier)
        return b""

    def _text_delta(self, event: TextDelta) -> bytes:
        opened = self._open_answer(event.choice, "")
        choice = self._choices[event.choice]
        choice.length += len(event.text)
        if not choice.calls:
            choice.before_text = len(choice.sealed)
        return opened + self._delta(event.choice, {"content": event.text}, event.logprobs)

    def _refusal_delta(self, event: RefusalDelta) -> bytes:
        return self._open_answer(event.choice) + self._delta(event.choice, {"refusal": event.text})

    def _citation_added(self, event: CitationAdded) -> bytes:
        opened = self._open(event.choice)
        choice = self._choices[event.choice]
        place = {"start_index": choice.start + event.start, "end_index": choice.start + event.end}
        citation = {**place, "title": event.title, "url": event.url}
        choice.annotations.append({"type": "url_citation", "url_citation": citation})
        return opened

    def _reasoning_begun(self, event: ReasoningBegun) -> bytes:
        self._owners[event.key] = event.choice
        opened = self._open(event.choice)
        self._end_message(event.choice)
        return opened

    def _reasoning_delta(self, event: ReasoningDelta) -> bytes:
        """Paragraphs are separated by an empty line."""
        index = self._owners[event.key]
        choice, paragraph = self._choices[index], (event.key, event.part)
        new_paragraph = choice.paragraph not in (None, paragraph)
        choice.paragraph = paragraph
        return self._delta(index, {"reasoning_content": f"\n\n{event.text}" if new_paragraph else event.text})

    def _reasoning_done(self, event: ReasoningDone) -> bytes:
        if event.sealed is not None:
            self._choices[self._owners[event.key]].sealed.append(event.sealed)
        return b""

    def _call_begun(self, event: CallBegun) -> bytes:
        opened = self._open_answer(event.choice)
        self._end_message(event.choice)
        choice = self._choices[event.choice]
        extra = _extra_content(choice)
        index = None if self._legacy and choice.calls else choice.calls
        self._calls[event.key] = _Call(event.choice, index, event.kind)
        if index is None:
            return opened
        choice.calls += 1
        choice.sealed, choice.before_text = [], 0
        if self._legacy:
            return opened + self._delta(event.choice, {"function_call": {"name": event.name, "arguments": "", **extra}})
        inner = {"name": event.name, _argument(event.kind): ""}
        call = {"index": index, "id": event.call_id, "type": event.kind, event.kind: inner, **extra}
        return opened + self._delta(event.choice, {"tool_calls": [call]})

    def _call_delta(self, event: CallDelta) -> bytes:
        call = self._calls[event.key]
        call.empty = False
        if call.index is None:
            return b""
        if self._legacy:
            return self._delta(call.choice, {"function_call": {"arguments": event.text}})
        more = {"index": call.index, call.kind: {_argument(call.kind): event.text}}
        return self._delta(call.choice, {"tool_calls": [more]})

    def _call_done(self, event: CallDone) -> bytes:
        call = self._calls[event.key]
        return self._call_delta(CallDelta(event.key, "{}")) if call.empty and call.kind == "function" else b""

    def _search_begun(self, event: SearchBegun) -> bytes:
        return self._open(event.choice)

    def _image_begun(self, event: ImageBegun) -> bytes:
        self._owners[event.key] = event.choice
        return self._open(event.choice)

    def _image_done(self, event: ImageDone) -> bytes:
        media_type = IMAGE_TYPES.get(str(event.details.get("output_format")), "image/png")
        image = {"type": "image_url", "image_url": {"url": f"data:{media_type};base64,{event.data}"}}
        self._choices[self._owners[event.key]].images.append(image)
        return b""

    def _choice_finished(self, event: ChoiceFinished) -> bytes:
        opened = self._open(event.choice, "")
        choice = self._choices[event.choice]
        rest = {name: found for name in ("annotations", "images") if (found := getattr(choice, name))}
        if not (opened or choice.has_answer):
            rest["content"] = ""
        last = self._delta(event.choice, rest) if rest else b""
        reason = "function_call" if self._legacy and event.reason == "tool_calls" else event.reason
        return opened + last + self._delta(event.choice, {}, finish=reason)

    def _answer_ended(self, event: AnswerEnded) -> bytes:
        usage = usage_object(event.usage) if event.usage is not None else None
        self._tier = _tier(event.service_tier) or self._tier
        if not self._stream:
            choices = [builder.choice(index) for index, builder in sorted(self._whole.items())]
            return _encode({**self._envelope("chat.completion"), "choices": choices, "usage": usage})
        if not self._include_usage or usage is None:
            return b""
        return b"data: %s\n\n" % _encode({**self._envelope("chat.completion.chunk"), "choices": [], "usage": usage})

    # -- Deltas -----------------------------------------------------------------------------------------------------------

    def _open(self, index: int, content: str | None = None) -> bytes:
        """The role, before anything else of a choice. As in OpenAI's streams, `content` is "" if text follows."""
        choice = self._choices.setdefault(index, _Choice())
        if choice.opened:
            return b""
        choice.opened = True
        return self._delta(index, {"role": "assistant", "content": content, "refusal": None})

    def _open_answer(self, index: int, content: str | None = None) -> bytes:
        opened = self._open(index, content)
        self._choices[index].has_answer = True
        return opened

    def _end_message(self, index: int) -> None:
        choice = self._choices[index]
        choice.start = choice.length

    def _delta(
        self,
        index: int,
        delta: dict[str, Any],
        logprobs: tuple[dict[str, Any], ...] = (),
        finish: str | None = None,
    ) -> bytes:
        if not self._stream:
            self._whole.setdefault(index, MessageBuilder()).add(delta, logprobs, finish)
            return b""
        choice_logprobs = {"content": logprobs, "refusal": None} if logprobs else None
        choice = {"index": index, "delta": delta, "logprobs": choice_logprobs, "finish_reason": finish}
        if not self._head:
            self._head = b"data: " + _encode(self._envelope("chat.completion.chunk"))[:-1] + b',"choices":['
        return self._head + _encode(choice) + b"]" + self._tail

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "service_tier": self._tier,
        }


def _argument(kind: str) -> str:
    return "arguments" if kind == "function" else "input"


def _tier(name: str | None) -> str | None:
    return name if name in TIERS else None


def _extra_content(choice: _Choice) -> dict[str, Any]:
    """The member of a call that carries the reasoning sealed before it."""
    if not choice.sealed:
        return {}
    gateway: dict[str, Any] = {"reasoning": choice.sealed[0] if len(choice.sealed) == 1 else choice.sealed}
    if choice.before_text:
        gateway["before_text"] = choice.before_text
    return {"extra_content": {"realrouter": gateway}}
