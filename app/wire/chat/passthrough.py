"""Relays answers of /v1/chat/completions from an upstream to a client, under the judgement of judge.py.

Rule 1: a stream is closing at the chunk with the finish_reason of the last requested choice, or at [DONE] if the upstream returned
        fewer choices and finished them all. It is finished at [DONE]. While every choice that began is finished, frames are held
        until one of these happens or another choice begins.
Rule 2: only `model` changes in a chunk, and usage that shows other figures than those billed (billed_usage.py). A null
        system_fingerprint is removed. A chunk that contains only usage is dropped unless the client requested it.
Rule 3: if a server's choice is nearly OpenAI's, that choice alone is written again (repair.py). If an answer is whole without a
        finish reason, a chunk with it is added.
Rule 4: usage, searches and custom tool calls are the judge's.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.answer import AnswerEvent, ChoiceFinished
from app.wire.billed_usage import show_in_body, show_in_chunks
from app.wire.chat.held import finish_once
from app.wire.chat.judge import ChatJudge
from app.wire.chat.usage import usage_object
from app.wire.envelope import error_envelope
from app.wire.relay import PlainRelay, StreamRelay, is_done
from app.wire.splice import StringSplicer, members, with_members
from app.wire.sse import Frame
from app.wire.translate import EventState
from domain.usage import Usage

_encode = msgspec.json.Encoder().encode


class ChatStreamRelay(StreamRelay):
    """Relays one streamed completion with `choices` choices. Clients see the model as `model`.

    `searches`: whether the client offered a web search.
    """

    def __init__(self, *, model: str, include_usage: bool, choices: int, searches: bool = False) -> None:
        super().__init__()
        self._model = model
        self._splicer = StringSplicer("model", model)
        self._include_usage = include_usage
        self._judge = ChatJudge(choices=choices, searches=searches, repairs=True)
        self._state = EventState(choices=choices)
        self._state.delivered = self.delivered
        self._forwarded_usage: Any = None

    @property
    def usage(self) -> Usage | None:
        return self._state.usage

    @property
    def items(self) -> Usage:
        return self._state.items

    @property
    def finish(self) -> str:
        return self._state.finish

    @property
    def response_id(self) -> str | None:
        return self._judge.upstream_id

    def end(self) -> None:
        super().end()
        if not self._state.finished:
            self._note(self._judge.end())

    def cut(self) -> None:
        """End with the usage that the judge knows."""
        assert self.closing, "only a closing answer may be cut"
        self._note(self._judge.end())
        self.finished = False

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        """An error in place of a chunk, without [DONE]: an answer that ends with an error is not done."""
        return b"data: %s\n\n" % error_envelope(message=message, type=type, code=code)

    def _take(self, frame: Frame, data: bytes) -> bytes:
        glanced = self._judge.glance(frame.event, data)
        if glanced is not None:
            common, size = glanced
            self._state.add_output(size)
            if common.error is None:
                data = _without_null(data, "error")
                frame = Frame(frame.with_data(data), frame.event, data, frame.at)
            return frame.with_data(self._splicer.replace(data)) if type(common.model) is str else frame.raw
        events = self._judge.frame(frame.event, data)
        self._note(events)
        if is_done(data):
            return b"".join(self._finish_chunk(event.choice) for event in events if isinstance(event, ChoiceFinished))
        chunk = self._judge.chunk
        if chunk.get("usage") is not None:
            if not chunk.get("choices") and not self._include_usage:
                return b""
            self._forwarded_usage = chunk["usage"]
        written = _written(data, self._judge, self._splicer)
        return frame.raw if written is data else frame.with_data(written)

    def tail(self, usage: Usage | None = None) -> bytes:
        if resumed := self._judge.resumed:
            words = {choice: self._judge.finish_word(choice) for choice in resumed}
            self._held = finish_once(self._held, words)
        return super().tail(usage)

    def _show(self, held: list[bytes], usage: Usage) -> list[bytes]:
        billed = usage_object(usage)
        return show_in_chunks(held, billed, requested=self._include_usage, forwarded=self._forwarded_usage)

    def _note(self, events: list[AnswerEvent]) -> None:
        state = self._state
        for event in events:
            state.note(event)
        self.closing, self.finished, self._waiting = state.closing, state.finished, state.waiting

    def _finish_chunk(self, choice: int) -> bytes:
        """A chunk for the finish that the upstream left out."""
        missing = self._judge.complete_calls(choice)
        delta = {"tool_calls": missing} if missing else {}
        finished = {"index": choice, "delta": delta, "logprobs": None, "finish_reason": self._judge.finish_word(choice)}
        chunk = {
            "id": self._judge.upstream_id or "",
            "object": "chat.completion.chunk",
            "created": self._judge.created or 0,
            "model": self._model,
            "choices": [finished],
        }
        return b"data: %s\n\n" % _encode(chunk)


class ChatPlainRelay(PlainRelay):
    """Relays one whole completion with up to `choices` choices. Clients see the model as `model`.

    `searches`: whether the client offered a web search.
    """

    def __init__(self, *, model: str, choices: int = 1, searches: bool = False) -> None:
        super().__init__()
        self._splicer = StringSplicer("model", model)
        self._judge = ChatJudge(choices=choices, searches=searches, repairs=True)
        self._state = EventState(choices=choices)
        self._state.delivered = self.delivered

    def _whole(self, body: bytes) -> bytes:
        for event in self._judge.whole(body):
            self._state.note(event)
        self._usage, self._items, self._finish = self._state.usage, self._state.items, self._state.finish
        self._response_id = self._judge.upstream_id
        return _written(body, self._judge, self._splicer)

    def _show(self, answer: bytes, usage: Usage) -> bytes:
        return show_in_body(answer, usage_object(usage), reported=self._judge.chunk.get("usage"))


def _written(data: bytes, judge: ChatJudge, model: StringSplicer) -> bytes:
    """The chunk or completion that `judge` has just read, for the client: `data` itself if nothing changes."""
    chunk = judge.chunk
    if "system_fingerprint" in chunk and chunk["system_fingerprint"] is None:
        data = _without_null(data, "system_fingerprint")
    if "error" in chunk:  # clients take any error for the end
        data = _without(data, "error")
    if judge.repaired:
        data = with_members(members.decode(data), {"choices": msgspec.Raw(_encode(chunk["choices"]))})
    return model.replace(data) if isinstance(chunk.get("model"), str) else data


def _without_null(data: bytes, member: str) -> bytes:
    name = b'"%s"' % member.encode()
    null = name + b":null,"
    return data.replace(null, b"") if null in data and data.count(name) == 1 else _without(data, member)


def _without(data: bytes, member: str) -> bytes:
    return with_members({name: raw for name, raw in members.decode(data).items() if name != member}, {})
