"""Relays answers of /v1/responses from an upstream to a client, under the judgement of judge.py.

Rule 1: a stream is closing, and finished, at its closing event; anything after that is dropped. It is sent as response.completed or
        response.incomplete, whichever it means.
Rule 2: in an event's response only `model` and `store` change, and usage that shows other figures than those billed
        (billed_usage.py); encrypted content is sealed with the upstream's tag. All other events pass byte for byte.
Rule 3: only events that clients could not read are repaired: a missing `type`; a call without `call_id`, or whose arguments
        are an object, or empty at its end; a closing response without `output`, which gets the finished items, or without a
        known `status`.
Rule 4: a failure continues the sequence numbers that were forwarded, and reports the response that the client knows as failed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.billed_usage import show_in_body, show_in_response_frame
from app.wire.figures import FIGURE_MAX
from app.wire.relay import BODY_BYTES_MAX, DONE, PlainRelay, StreamRelay, malformed
from app.wire.responses.delta import read_delta
from app.wire.responses.judge import ResponsesJudge, event_in
from app.wire.responses.response import usage_object
from app.wire.responses.values import Json, json_text
from app.wire.responses.verdict import kind_of
from app.wire.rewrite import seal_item
from app.wire.splice import Members, members, with_members
from app.wire.sse import Frame
from domain.usage import Usage

_ARGUMENTS = ("delta", "arguments", "input")
_raws = msgspec.json.Decoder(list[msgspec.Raw])


class _Public:
    """Makes of an upstream's response what the client may see."""

    def __init__(self, judge: ResponsesJudge, *, model: str, upstream: str) -> None:
        self.changes: Members = {"model": _raw(model), "store": msgspec.Raw(b"false")}
        self._judge = judge
        self._upstream = upstream

    def item(self, event: Json, item: Json) -> bool:
        """Change `item` in place. Returns whether it changed."""
        changed = seal_item(item, self._upstream)
        if not item.get("call_id") and (call_id := self._judge.call_id(event, item)):
            item["call_id"] = call_id
            changed = True
        for name in ("arguments", "input"):
            if isinstance(item.get(name), dict | list):
                item[name] = json_text(item[name])
                changed = True
        if item.get("type") == "function_call" and item.get("status") == "completed" and item.get("arguments") == "":
            item["arguments"] = "{}"
            changed = True
        return changed

    def closed(self, raw: Members, response: Json, finished: list[msgspec.Raw]) -> Members:
        """A closed response. `finished` are the items of the stream, which count if it lists none."""
        changes = dict(self.changes)
        status = self._judge.finish.partition(":")[0]
        if response.get("status") != status:
            changes["status"] = _raw(status)
        output = response.get("output") or []
        changed = {index: item for index, item in enumerate(output) if self._changed_in(index, item)}
        if changed:
            raws = _raws.decode(raw["output"])
            changes["output"] = _raw([changed.get(index, each) for index, each in enumerate(raws)])
        elif finished and not output:
            changes["output"] = _raw(finished)
        return raw | changes

    def _changed_in(self, index: int, item: Any) -> bool:
        return isinstance(item, dict) and self.item({"output_index": index}, item)


class ResponsesStreamRelay(StreamRelay):
    """Relays one streamed response. Clients see the model as `model`."""

    def __init__(self, *, model: str, upstream: str) -> None:
        super().__init__()
        self._judge = ResponsesJudge(upstream)
        self._public = _Public(self._judge, model=model, upstream=upstream)
        self._finished_items: list[msgspec.Raw] = []
        self._finished_bytes = 0
        self._public_response: Members = {}

    @property
    def items(self) -> Usage:
        return self._judge.items

    def _take(self, frame: Frame, data: bytes) -> bytes:
        judge = self._judge
        delta = read_delta(frame.event, data)
        if delta is not None and (size := judge.count(delta)) is not None:
            self.delivered.output_bytes += size
            number = delta.sequence_number
            self._sequence = self._sequence + 1 if number is None else number
            return frame.raw
        if data.startswith(b"[DONE]"):
            malformed("The answer ended before its response did.")
        event = event_in(data)
        kind = kind_of(event, frame.event)
        judge.judged(event, kind, delta)
        self._response_id, self.delivered.output_bytes = judge.response_id, judge.output_bytes
        if judge.ended:
            return self._closed(frame, event, data)
        number = event.get("sequence_number")
        self._sequence = number if type(number) is int and 0 <= number <= FIGURE_MAX else self._sequence + 1
        changes = self._changes(event, kind, data)
        return frame.with_data(with_members(members.decode(data), changes)) if changes else frame.raw

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

    def _changes(self, event: Json, kind: str, data: bytes) -> Members:
        """The members of an event that the client gets changed."""
        changes: Members = {}
        if kind and not event.get("type"):
            changes["type"] = _raw(kind)
        if isinstance(event.get("response"), dict):
            # It is kept, because a failure would report it again.
            self._public_response = members.decode(members.decode(data)["response"]) | self._public.changes
            changes["response"] = _raw(self._public_response)
        item = event.get("item")
        if isinstance(item, dict):
            if self._public.item(event, item):
                changes["item"] = _raw(item)
            if kind == "response.output_item.done":
                self._keep(changes.get("item") or members.decode(data)["item"].copy())
        if kind.startswith(("response.function_call_arguments.", "response.custom_tool_call_input.")):
            described = {name: event[name] for name in _ARGUMENTS if isinstance(event.get(name), dict | list)}
            changes |= {name: _raw(json_text(value)) for name, value in described.items()}
        return changes

    def _keep(self, item: msgspec.Raw) -> None:
        self._finished_items.append(item)
        self._finished_bytes += len(memoryview(item))
        if self._finished_bytes > BODY_BYTES_MAX:
            malformed("The answer is too long.")

    def _closed(self, frame: Frame, event: Json, data: bytes) -> bytes:
        """Handle the last event. Its response is not kept, because the event is held and a failure may replace it."""
        judge = self._judge
        self._finish, self._usage = judge.finish, judge.usage
        self.closing = self.finished = True
        fields, known = members.decode(data), event.get("response") or {}
        raw = members.decode(fields["response"]) if known else self._public_response
        response = self._public.closed(raw, known, self._finished_items)
        kind = f"response.{judge.finish.partition(':')[0]}"
        changed = with_members(fields, {"type": _raw(kind), "response": _raw(response)})
        if frame.event == kind or event.get("type") == kind:
            return frame.with_data(changed)
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), changed)


class ResponsesPlainRelay(PlainRelay):
    """Relays one whole response. Clients see the model as `model`."""

    def __init__(self, *, model: str, upstream: str) -> None:
        super().__init__()
        self._judge = ResponsesJudge(upstream)
        self._public = _Public(self._judge, model=model, upstream=upstream)
        self._reported: Any = None

    @property
    def items(self) -> Usage:
        return self._judge.items

    def _whole(self, body: bytes) -> bytes:
        judge, response = self._judge, event_in(body)
        judge.judged_whole(response)
        self._reported = response.get("usage")
        self._response_id, self.delivered.output_bytes = judge.response_id, judge.output_bytes
        self._finish, self._usage = judge.finish, judge.usage
        return with_members(self._public.closed(members.decode(body), response, []), {})

    def _show(self, answer: bytes, usage: Usage) -> bytes:
        return show_in_body(answer, usage_object(usage), reported=self._reported)


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _frame(kind: str, event: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(event))
