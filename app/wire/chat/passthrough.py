"""Relays answers of /v1/chat/completions from an upstream to a client.

Rule 1: a stream is closing at the chunk with the finish_reason of the last requested choice, or at [DONE] if the upstream returned
        fewer choices and finished them all. It is finished at [DONE]. While every choice that began is finished, frames are held
        until one of these happens or another choice begins.
Rule 2: only `model` changes in a chunk, and usage that shows other figures than those billed (billed_usage.py). A chunk that
        contains only usage is dropped unless the client requested it.
Rule 3: chat's usage includes neither searches nor custom tool calls. Each choice that cites sources counts as one search, which is
        how vendors price them; custom tool calls are counted in the answer.
Rule 4: usage may come in any chunk and more than once (some upstreams send running totals): the greatest value of each
        figure counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from app.wire.billed_usage import show_in_body, show_in_chunks
from app.wire.chat.usage import usage_object
from app.wire.envelope import error_envelope, upstream_error
from app.wire.relay import PlainRelay, StreamRelay, decoded, malformed, text_bytes
from app.wire.splice import StringSplicer
from app.wire.sse import Frame
from app.wire.usage import ChatFigures, call_counts, with_items
from domain.usage import Usage


class _Text(msgspec.Struct):
    """A delta or a message. Members of an unknown shape are forwarded and do not count as text."""

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    annotations: Any = None

    def bytes(self) -> int:
        content = self.content
        if (
            type(content) is str
            and content.isascii()
            and self.reasoning is self.reasoning_content is self.tool_calls is None
        ):
            return len(content) + text_bytes(self.refusal)
        texts = (self.content, self.reasoning_content, self.reasoning, self.refusal)
        calls = self.tool_calls if isinstance(self.tool_calls, list) else []
        return sum(map(text_bytes, texts)) + sum(map(_call_bytes, calls)) + _function_bytes(self.function_call)


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Text | None = None
    message: _Text | None = None
    finish_reason: str | None = None
    usage: Any = None


class _Answer(msgspec.Struct):
    """The members of a chunk or of a whole completion that the relay reads."""

    id: Any = None
    object: Any = None
    model: Any = None
    choices: list[_Choice] | None = None
    usage: Any = None
    service_tier: Any = None
    error: Any = None
    x_groq: Any = None
    timings: Any = None

    def report(self, figures: ChatFigures) -> None:
        in_choices = [choice.usage for choice in self.choices or () if choice.usage is not None]
        if in_choices or self.usage is not None or self.x_groq is not None or self.timings is not None:
            figures.add(self.usage, x_groq=self.x_groq, in_choices=in_choices, timings=self.timings)


_decoder = msgspec.json.Decoder(_Answer)


class ChatStreamRelay(StreamRelay):
    """Relays one streamed completion with `choices` choices. Clients see the model as `model`."""

    def __init__(self, *, model: str, include_usage: bool, choices: int) -> None:
        super().__init__()
        self._model = StringSplicer("model", model)
        self._include_usage = include_usage
        self._choices = choices
        self._reasons: dict[int, str | None] = {}
        self._open = choices
        self._tier: Any = None
        self._figures = ChatFigures()
        self._forwarded_usage: Any = None
        self._citing_choices: set[int] = set()
        self._custom: set[tuple[int, int]] = set()

    @property
    def usage(self) -> Usage | None:
        return _with_items(self._figures.usage(self._tier), self._items)

    def _take(self, frame: Frame, data: bytes) -> bytes:
        if data.startswith(b"[DONE]"):
            self._done()
            return b""
        chunk = decoded(_decoder, data)
        _raise_error(chunk, data)
        for choice in chunk.choices or ():
            self._read_choice(choice)
        if self._response_id is None and isinstance(chunk.id, str) and chunk.id:
            self._response_id = chunk.id
        self._tier = chunk.service_tier or self._tier
        chunk.report(self._figures)
        if chunk.usage is not None:
            if not chunk.choices and not self._include_usage:
                return b""
            self._forwarded_usage = chunk.usage
        return frame.with_data(self._model.replace(data)) if isinstance(chunk.model, str) else frame.raw

    def _show(self, held: list[bytes], usage: Usage) -> list[bytes]:
        billed = usage_object(usage)
        return show_in_chunks(held, billed, requested=self._include_usage, forwarded=self._forwarded_usage)

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        """An error in place of a chunk, without [DONE]: an answer that ends with an error is not done."""
        return b"data: %s\n\n" % error_envelope(message=message, type=type, code=code)

    def _read_choice(self, choice: _Choice) -> None:
        index = choice.index
        if not 0 <= index < self._choices:
            malformed("The answer contains a choice that was not requested.")
        if choice.delta is not None:
            self.delivered.output_bytes += choice.delta.bytes()
            if choice.delta.annotations:
                self._citing_choices.add(index)
                self._items = _items(len(self._citing_choices), len(self._custom))
            if choice.delta.tool_calls:
                self._custom.update((index, call) for call in _custom_calls(choice.delta.tool_calls))
                self._items = _items(len(self._citing_choices), len(self._custom))
        if choice.finish_reason is None:
            self._reasons.setdefault(index)
        elif self._reasons.get(index) is None:
            self._reasons[index] = choice.finish_reason
            self._open -= 1
            self._finish = _joined(self._reasons)
            self.closing = self._open == 0
        self._waiting = None not in self._reasons.values()

    def _done(self) -> None:
        if not self._reasons or None in self._reasons.values():
            malformed("The answer ended before its choices did.")
        self.closing = self.finished = True


class ChatPlainRelay(PlainRelay):
    """Relays one whole completion. Clients see the model as `model`."""

    def __init__(self, *, model: str) -> None:
        super().__init__()
        self._model = StringSplicer("model", model)

    def _whole(self, body: bytes) -> bytes:
        answer = decoded(_decoder, body)
        _raise_error(answer, body)
        if not answer.choices:
            malformed("The answer contains no choice.")
        messages = [choice.message for choice in answer.choices if choice.message is not None]
        self.delivered.output_bytes += sum(message.bytes() for message in messages)
        cited = sum(bool(message.annotations) for message in messages)
        self._items = _items(cited, sum(1 for message in messages for _ in _custom_calls(message.tool_calls)))
        figures = ChatFigures()
        answer.report(figures)
        self._usage = _with_items(figures.usage(answer.service_tier), self._items)
        self._finish = _joined({choice.index: choice.finish_reason for choice in answer.choices})
        self._response_id = answer.id if isinstance(answer.id, str) and answer.id else None
        return self._model.replace(body) if isinstance(answer.model, str) else body

    def _show(self, answer: bytes, usage: Usage) -> bytes:
        return show_in_body(answer, usage_object(usage))


def _items(cited: int, custom: int) -> Usage:
    return Usage(web_search_calls=cited, calls=call_counts(["custom"] * custom))


def _with_items(usage: Usage | None, items: Usage) -> Usage | None:
    return None if usage is None else with_items(usage, items)


def _custom_calls(calls: Any) -> Iterator[int]:
    """The indices of custom tool calls. A stream sends each call in many pieces."""
    for position, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict) and isinstance(call.get("custom"), dict):
            index = call.get("index")
            yield index if type(index) is int else position


def _raise_error(answer: _Answer, data: bytes) -> None:
    if answer.error:
        raise upstream_error(answer.error)
    if answer.object == "error":
        raise upstream_error(msgspec.json.decode(data))


def _joined(reasons: dict[int, str | None]) -> str:
    """Each reason once, in the order of the choices."""
    return ",".join(dict.fromkeys(reason for _, reason in sorted(reasons.items()) if reason))


def _call_bytes(call: Any) -> int:
    """The arguments of a function call, or the input of a custom tool call."""
    if not isinstance(call, dict):
        return 0
    custom = call.get("custom")
    return _function_bytes(call.get("function")) + (text_bytes(custom.get("input")) if isinstance(custom, dict) else 0)


def _function_bytes(function: Any) -> int:
    return text_bytes(function.get("arguments")) if isinstance(function, dict) else 0
