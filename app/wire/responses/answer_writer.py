"""Writes answers for a client of /v1/responses: the events of a stream, or a single Response object.

Rule 1: events come in OpenAI's order and are numbered from 0 without gaps. The closing response contains the items that the events
        built up.
Rule 2: all ids are derived from the seed: resp_<seed>, and <prefix>_<seed>_<output index> for each item.
Rule 3: a message is open from its first text until a call or reasoning begins, or the choice finishes.
Rule 4: if an answer is cut off, the item that was written last is incomplete. A call or reasoning is therefore reported as done
        only with the next event: if that is a finish by length or filter, the item is incomplete.
Rule 5: the relay holds everything from ChoiceFinished on. If the answer then fails, the numbering continues from before it.
Rule 6: a Response has one choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from app.wire import answer
from app.wire.envelope import error_envelope
from app.wire.relay import DONE
from app.wire.responses.items import (
    CustomCallItem,
    FunctionCallItem,
    ImageItem,
    Json,
    MessageItem,
    OutputItem,
    ReasoningItem,
    SearchItem,
    Status,
)
from app.wire.responses.response import Echo
from app.wire.splice import Members

ItemT = TypeVar("ItemT", bound=OutputItem)

_INCOMPLETE: Final[dict[str, str]] = {"length": "max_output_tokens", "content_filter": "content_filter"}
_CALLS: Final = {"function": FunctionCallItem, "custom": CustomCallItem}
_RESPONSE_CODES: Final = frozenset(
    {
        "server_error",
        "rate_limit_exceeded",
        "invalid_prompt",
        "image_content_policy_violation",
        "invalid_image",
        "invalid_image_url",
        "failed_to_download_image",
    }
)
"""The codes that a failed response may have, an enumeration in clients. The error event before it has the actual code."""


class ResponsesAnswerWriter:
    """Writes one answer. Implements answer.AnswerWriter."""

    def __init__(
        self,
        *,
        seed: str,
        model: str,
        created: int,
        fields: Members,
        stream: bool,
        namespaces: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        """`namespaces`: the namespace and the name of each tool that the upstream knows by a name made from both."""
        self._id = f"resp_{seed}"
        self._seed = seed
        self._stream = stream
        self._namespaces = namespaces or {}
        self._echo = Echo(id=self._id, model=model, created=created, fields=fields)
        self._frames: list[bytes] = []
        self._sequence = 0
        self._failing_at: int | None = None
        self._began = False
        self._open: dict[int, OutputItem] = {}
        self._message: MessageItem | None = None
        self._ending: OutputItem | None = None
        self._added = 0
        self._output: dict[int, Json] = {}
        self._finish: str = "stop"
        self._write: dict[type[Any], Callable[[Any], None]] = {
            answer.AnswerBegun: self._answer_begun,
            answer.TextDelta: self._text_delta,
            answer.RefusalDelta: self._refusal_delta,
            answer.CitationAdded: self._citation_added,
            answer.ReasoningBegun: self._reasoning_begun,
            answer.ReasoningDelta: self._reasoning_delta,
            answer.ReasoningDone: self._reasoning_done,
            answer.CallBegun: self._call_begun,
            answer.CallDelta: self._call_delta,
            answer.CallDone: self._call_done,
            answer.SearchBegun: self._search_begun,
            answer.SearchDone: self._search_done,
            answer.ImageBegun: self._image_begun,
            answer.ImagePartial: self._image_partial,
            answer.ImageDone: self._image_done,
            answer.ChoiceFinished: self._choice_finished,
        }

    @property
    def response_id(self) -> str:
        return self._id

    def write(self, event: answer.AnswerEvent) -> bytes:
        if isinstance(event, answer.AnswerEnded):
            return self._answer_ended(event)
        if not isinstance(event, answer.ChoiceFinished):
            self._settle_ended_item("completed")
        self._write[type(event)](event)
        return self._take_frames()

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        """A flat error event, after which clients keep reading, then response.failed if the response had begun, then [DONE]."""
        if not self._stream:
            return error_envelope(message=message, type=type, code=code)
        if self._failing_at is not None:
            self._sequence = self._failing_at
        error = {"code": code or "server_error", "message": message}
        self._emit({"type": "error", **error, "param": None})
        if self._began:
            known = error | ({} if error["code"] in _RESPONSE_CODES else {"code": "server_error"})
            self._emit({"type": "response.failed", "response": self._echo.failed(known)})
        return self._take_frames() + DONE

    # -- Beginning and end

    def _answer_begun(self, event: answer.AnswerBegun) -> None:
        self._began = True
        response = self._echo.begun(event.service_tier)
        self._emit({"type": "response.created", "response": response})
        self._emit({"type": "response.in_progress", "response": response})

    def _choice_finished(self, event: answer.ChoiceFinished) -> None:
        self._finish = event.reason
        self._failing_at = self._sequence
        self._settle_ended_item("incomplete" if event.reason in _INCOMPLETE else "completed")
        self._end_message("incomplete" if event.reason in _INCOMPLETE else "completed")

    def _answer_ended(self, event: answer.AnswerEnded) -> bytes:
        assert not self._open, "an item is open at the end of the answer"
        response = self._echo.closed(
            [self._output[index] for index in range(self._added)],
            incomplete=_INCOMPLETE.get(self._finish),
            usage=event.usage,
            service_tier=event.service_tier,
        )
        if not self._stream:
            return msgspec.json.encode(response)
        self._emit({"type": f"response.{response['status']}", "response": response})
        return self._take_frames()

    # -- The message

    def _text_delta(self, event: answer.TextDelta) -> None:
        self._current().add_text(event.text, [_logprob(each) for each in event.logprobs])

    def _refusal_delta(self, event: answer.RefusalDelta) -> None:
        self._current().add_refusal(event.text)

    def _citation_added(self, event: answer.CitationAdded) -> None:
        place = {"start_index": event.start, "end_index": event.end}
        self._current().add_citation({"type": "url_citation", **place, "url": event.url, "title": event.title})

    def _current(self) -> MessageItem:
        if self._message is None:
            self._message = MessageItem(self._emit, self._next(), self._seed)
        return self._message

    def _end_message(self, status: Status) -> None:
        if self._message is not None:
            self._done(self._message, status)
            self._message = None

    # -- Reasoning and calls

    def _reasoning_begun(self, event: answer.ReasoningBegun) -> None:
        self._end_message("completed")
        self._open[event.key] = ReasoningItem(self._emit, self._next(), self._seed)

    def _reasoning_delta(self, event: answer.ReasoningDelta) -> None:
        self._at(event.key, ReasoningItem).add_text(event.text, event.part)

    def _reasoning_done(self, event: answer.ReasoningDone) -> None:
        item = self._take(event.key, ReasoningItem)
        item.sealed = event.sealed
        self._ending = item

    def _call_begun(self, event: answer.CallBegun) -> None:
        self._end_message("completed")
        kind = _CALLS[event.kind]
        namespace, name = self._namespaces.get(event.name, (None, event.name))
        named = {"call_id": event.call_id, "name": name, **({"namespace": namespace} if namespace is not None else {})}
        self._open[event.key] = kind(self._emit, self._next(), self._seed, named)

    def _call_delta(self, event: answer.CallDelta) -> None:
        item = self._open[event.key]
        assert isinstance(item, FunctionCallItem | CustomCallItem)
        item.write(event.text)

    def _call_done(self, event: answer.CallDone) -> None:
        self._ending = self._open.pop(event.key)

    # -- Searches and images

    def _search_begun(self, event: answer.SearchBegun) -> None:
        self._open[event.key] = SearchItem(self._emit, self._next(), self._seed)

    def _search_done(self, event: answer.SearchDone) -> None:
        item = self._take(event.key, SearchItem)
        item.action = _action(event.action, sources=self._echo.sources)
        item.failed = event.failed
        self._done(item, "failed" if event.failed else "completed")

    def _image_begun(self, event: answer.ImageBegun) -> None:
        self._open[event.key] = ImageItem(self._emit, self._next(), self._seed)

    def _image_partial(self, event: answer.ImagePartial) -> None:
        self._at(event.key, ImageItem).add_partial(event.data, event.index, event.details)

    def _image_done(self, event: answer.ImageDone) -> None:
        item = self._take(event.key, ImageItem)
        item.result = {**event.details, "result": event.data}
        self._done(item, "completed")

    # -- Items and frames

    def _next(self) -> int:
        index = self._added
        self._added += 1
        return index

    def _at(self, key: int, kind: type[ItemT]) -> ItemT:
        item = self._open[key]
        assert isinstance(item, kind), f"{key} is not a {kind.type}"
        return item

    def _take(self, key: int, kind: type[ItemT]) -> ItemT:
        item = self._at(key, kind)
        del self._open[key]
        return item

    def _settle_ended_item(self, status: Status) -> None:
        """Mark the call or reasoning that ended last as done, now that it is known whether the answer continued after it."""
        if self._ending is not None:
            self._done(self._ending, status)
            self._ending = None

    def _done(self, item: OutputItem, status: Status) -> None:
        self._output[item.index] = item.done(status)

    def _emit(self, event: Json) -> None:
        if not self._stream:
            return
        data = msgspec.json.encode({**event, "sequence_number": self._sequence})
        self._frames.append(b"event: %s\ndata: %s\n\n" % (event["type"].encode(), data))
        self._sequence += 1

    def _take_frames(self) -> bytes:
        frames = b"".join(self._frames)
        self._frames.clear()
        return frames


def _logprob(raw: Json) -> Json:
    """A token's log probability as Responses has it: its alternatives have no alternatives themselves."""
    return {**_token(raw), "top_logprobs": [_token(each) for each in raw.get("top_logprobs") or ()]}


def _token(raw: Json) -> Json:
    return {"token": raw.get("token"), "logprob": raw.get("logprob"), "bytes": raw.get("bytes") or []}


def _action(raw: Json, *, sources: bool) -> Json:
    """A search with its queries in both forms, and with its sources only if the client requested them."""
    if raw.get("type") != "search":
        return raw
    action = {name: value for name, value in raw.items() if sources or name != "sources"}
    queries = raw.get("queries") or [raw.get("query") or ""]
    return {**action, "query": raw.get("query") or queries[0], "queries": queries}
