"""Relays answers of /v1/responses from an upstream to a client.

Rule 1: a stream is closing, and finished, at response.completed or response.incomplete; anything after that is dropped.
Rule 2: an error event (flat or nested), response.failed and response.cancelled end the answer with an AnswerError.
Rule 3: in an event's response only `model` and `store` change, and usage that shows other figures than those billed
        (billed_usage.py); encrypted content is sealed with the upstream's tag. All other events pass byte for byte.
Rule 4: a failure continues the sequence numbers that were forwarded, and reports the response that the client knows as failed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.billed_usage import show_in_body, show_in_response_frame
from app.wire.envelope import upstream_error
from app.wire.exchange import AnswerError
from app.wire.figures import FIGURE_MAX
from app.wire.relay import DONE, PlainRelay, StreamRelay, decoded, malformed, text_bytes
from app.wire.responses.response import usage_object
from app.wire.rewrite import ENCRYPTED, seal_item
from app.wire.splice import Members, members, with_members
from app.wire.sse import Frame
from app.wire.usage import COUNTED_ITEMS, Item, item_usage, responses_usage
from domain.usage import Usage

_NOTHING = msgspec.Raw(b"")
_CLOSING = {"response.completed", "response.incomplete"}
_FAILING = {"error", "response.failed", "response.cancelled"}


class _Event(msgspec.Struct):
    type: Any = None
    sequence_number: Any = None
    delta: Any = None
    item_id: Any = None
    response: msgspec.Raw = _NOTHING
    item: msgspec.Raw = _NOTHING
    error: Any = None


class _OutputItem(Item, frozen=True):
    """An item with the members that are counted."""

    content: Any = None
    summary: Any = None
    arguments: Any = None
    input: Any = None

    def bytes(self) -> int:
        parts = [part for parts in (self.content, self.summary) if isinstance(parts, list) for part in parts]
        texts = [part.get(name) for part in parts if isinstance(part, dict) for name in ("text", "refusal")]
        return sum(map(text_bytes, (*texts, self.arguments, self.input)))


class _Response(msgspec.Struct):
    """The members of a response that the relay reads."""

    id: Any = None
    status: Any = None
    error: Any = None
    incomplete_details: Any = None
    output: list[_OutputItem] | None = None
    tools: Any = None
    usage: Any = None
    tool_usage: Any = None
    service_tier: Any = None


class _Failure(msgspec.Struct):
    """An error event, or the event of a failed response."""

    error: Any = None
    message: Any = None
    code: Any = None
    param: Any = None
    response: Any = None


_events = msgspec.json.Decoder(_Event)
_items = msgspec.json.Decoder(_OutputItem)
_failures = msgspec.json.Decoder(_Failure)
_responses = msgspec.json.Decoder(_Response)
_raws = msgspec.json.Decoder(list[msgspec.Raw])


class ResponsesStreamRelay(StreamRelay):
    """Relays one streamed response. Clients see the model as `model`."""

    def __init__(self, *, model: str, upstream: str) -> None:
        super().__init__()
        self._changes = _changes(model)
        self._upstream = upstream
        self._done_items: list[Item] = []
        self._shown_images: dict[str, Item] = {}
        self._done_bytes = 0
        self._public_response: Members = {}

    @property
    def items(self) -> Usage:
        """Counted from finished items and previewed images, until the last event lists all items."""
        return self._items if self.closing else item_usage([*self._done_items, *self._shown_images.values()])

    def _take(self, frame: Frame, data: bytes) -> bytes:
        if data.startswith(b"[DONE]"):
            malformed("The answer ended before its response did.")
        event = decoded(_events, data)
        kind = event.type if isinstance(event.type, str) else frame.event
        if kind in _FAILING or (event.error and not kind):
            raise _failure_error(data)
        if kind in _CLOSING:
            return frame.with_data(self._close(event.response, kind, data))
        self._count(event, kind)
        if bytes(memoryview(event.response)[:1]) != b"{":
            if ENCRYPTED in data and event.item is not _NOTHING:
                return frame.with_data(_with_sealed_item(data, self._upstream))
            return frame.raw
        return frame.with_data(self._with_public_response(event.response, data))

    def _show(self, held: list[bytes], usage: Usage) -> list[bytes]:
        """The last frame is the closing event."""
        return [*held[:-1], show_in_response_frame(held[-1], usage_object(usage))]

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        """A flat error event, after which clients keep reading, then response.failed if a response had begun, then [DONE]."""
        first = self._sequence + 1
        word = code or "server_error"
        error = {"type": "error", "code": word, "message": message, "param": None, "sequence_number": first}
        frames = [_frame("error", error)]
        if self._public_response:
            failed = self._public_response | {
                "status": msgspec.Raw(b'"failed"'),
                "error": msgspec.Raw(msgspec.json.encode({"code": word, "message": message})),
            }
            event = {"type": "response.failed", "sequence_number": first + 1, "response": failed}
            frames.append(_frame("response.failed", event))
        return b"".join([*frames, DONE])

    def _count(self, event: _Event, kind: str) -> None:
        number = event.sequence_number
        self._sequence = number if type(number) is int and 0 <= number <= FIGURE_MAX else self._sequence + 1
        if event.delta is not None:
            self.delivered.output_bytes += text_bytes(event.delta)
        elif kind == "response.output_item.done" and event.item is not _NOTHING:
            item = decoded(_items, event.item)
            self._done_bytes += item.bytes()
            self.delivered.output_bytes = max(self.delivered.output_bytes, self._done_bytes)
            if item.type in COUNTED_ITEMS:
                self._done_items.append(item)
                self._shown_images.pop(_text(item.id) or "", None)
        elif kind == "response.image_generation_call.partial_image" and (shown := _text(event.item_id)):
            self._shown_images.setdefault(shown, Item(id=shown, type="image_generation_call"))

    def _with_public_response(self, raw: msgspec.Raw, data: bytes) -> bytes:
        """The event, with its response changed for the client. The response is kept, because a failure would report it again."""
        self._public_response = decoded(members, raw) | self._changes
        self._response_id = _text(decoded(_responses, raw).id) or self._response_id
        return _with_response(data, self._public_response)

    def _close(self, raw: msgspec.Raw, kind: str, data: bytes) -> bytes:
        """Handle the last event. It is neither kept nor counted, because it is held and a failure may replace it."""
        response = decoded(_responses, raw)
        if response.error:
            raise upstream_error(response.error)
        self._response_id = _text(response.id) or self._response_id
        self._finish, self._items, self._usage = _summary(response, kind.removeprefix("response."), self._done_items)
        self.delivered.output_bytes = max(self.delivered.output_bytes, _output_bytes(response))
        self.closing = self.finished = True
        return _with_response(data, _sealed_output(decoded(members, raw), self._upstream) | self._changes)


class ResponsesPlainRelay(PlainRelay):
    """Relays one whole response. Clients see the model as `model`."""

    def __init__(self, *, model: str, upstream: str) -> None:
        super().__init__()
        self._changes = _changes(model)
        self._upstream = upstream

    def _whole(self, body: bytes) -> bytes:
        response = decoded(_responses, body)
        if response.error or response.status in ("failed", "cancelled"):
            raise upstream_error(response.error)
        if response.status not in ("completed", "incomplete"):
            malformed("The answer is not a finished response.")
        self._response_id = _text(response.id)
        self._finish, self._items, self._usage = _summary(response, response.status, [])
        self.delivered.output_bytes = _output_bytes(response)
        return with_members(_sealed_output(members.decode(body), self._upstream), self._changes)

    def _show(self, answer: bytes, usage: Usage) -> bytes:
        return show_in_body(answer, usage_object(usage))


def _summary(response: _Response, status: str, done: list[Item]) -> tuple[str, Usage, Usage | None]:
    """Finish reason, calls and images, usage. If an upstream leaves `output` empty, the items seen in the stream count."""
    items = item_usage(response.output or done, response.tools, response.tool_usage)
    details = response.incomplete_details
    reason = _text(details.get("reason")) if isinstance(details, dict) and status == "incomplete" else None
    finish = f"{status}:{reason}" if reason else status
    return finish, items, responses_usage(response.usage, response.service_tier, items)


def _output_bytes(response: _Response) -> int:
    """The text of the whole answer, which an upstream may send without deltas."""
    return sum(item.bytes() for item in response.output or ())


def _changes(model: str) -> dict[str, msgspec.Raw]:
    return {"model": msgspec.Raw(msgspec.json.encode(model)), "store": msgspec.Raw(b"false")}


def _with_response(data: bytes, response: Members) -> bytes:
    return with_members(members.decode(data), {"response": msgspec.Raw(msgspec.json.encode(response))})


def _sealed_output(response: Members, upstream: str) -> Members:
    """The response with the encrypted content of its items sealed with the upstream's tag."""
    output = response.get("output")
    if output is None or ENCRYPTED not in memoryview(output).tobytes():
        return response
    items = _raws.decode(output)
    for index, raw in enumerate(items):
        item = msgspec.json.decode(raw)
        if seal_item(item, upstream):
            items[index] = _raw(item)
    return response | {"output": _raw(items)}


def _with_sealed_item(data: bytes, upstream: str) -> bytes:
    fields = members.decode(data)
    item = msgspec.json.decode(fields["item"])
    return with_members(fields, {"item": _raw(item)}) if seal_item(item, upstream) else data


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _failure_error(data: bytes) -> AnswerError:
    """The error of an event, in any of three forms: members of the event, an `error` member, or an error of its response."""
    failure = decoded(_failures, data)
    if isinstance(failure.response, dict):
        return upstream_error(failure.response.get("error"))
    return upstream_error(failure.error, {"message": failure.message, "code": failure.code, "param": failure.param})


def _frame(kind: str, event: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(event))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
