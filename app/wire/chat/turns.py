"""Writes the items of a conversation as chat messages, following the rules of request_writer.py."""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from app.wire.canonical import (
    CanonicalRequest,
    CustomCall,
    CustomCallOutput,
    File,
    FunctionCall,
    FunctionCallOutput,
    Image,
    ImageGenerationCall,
    Item,
    Message,
    Part,
    Reasoning,
    Refusal,
    Target,
    Text,
    WebSearchCall,
    unsupported_field,
)
from app.wire.chat.choice_reader import REASONING
from app.wire.data_uri import PDF, data_uri
from app.wire.tags import unseal


def write_messages(request: CanonicalRequest, target: Target) -> list[dict[str, Any]]:
    turns = _Turns(request, target)
    if request.instructions is not None:
        turns.messages.append({"role": "system", "content": request.instructions})
    for item in request.items:
        turns.take(item)
    turns.end_turn()
    if not turns.messages:
        raise unsupported_field(request, "items", "This model needs at least one message.")
    return turns.messages


class _Turns:
    """The messages so far, and the assistant message that is still open."""

    def __init__(self, request: CanonicalRequest, target: Target) -> None:
        self.messages: list[dict[str, Any]] = []
        self._request = request
        self._target = target
        self._parts: list[Part] = []
        self._name: str | None = None
        self._calls: list[dict[str, Any]] = []
        self._reasoning: dict[str, str] = {}
        self._extra: dict[str, Any] | None = None
        self._pending_reasoning: list[dict[str, Any]] = []
        self._outputs_at = 0
        self._open: set[str] = set()

    def take(self, item: Item) -> None:
        match item:
            case Message(role="assistant"):
                self._add_message(item)
            case Message():
                self.end_turn()
                self.messages.append(self._message(item))
            case FunctionCall():
                self._call(item.call_id, "function", {"name": item.name, "arguments": item.arguments})
            case CustomCall():
                self._call(item.call_id, "custom", {"name": item.name, "input": item.input})
            case FunctionCallOutput() | CustomCallOutput():
                self.end_turn()
                self._put_output(item)
            case Reasoning():
                self._add_reasoning(item)
            case WebSearchCall():
                pass
            case ImageGenerationCall():
                raise unsupported_field(
                    self._request,
                    item.at or "items",
                    "This model does not generate images: send this one as an input image.",
                )
            case _:
                assert_never(item)

    def end_turn(self) -> None:
        """Close the assistant message, if it has any content. Reasoning alone is not enough for a chat message."""
        if self._parts or self._calls:
            message: dict[str, Any] = {"role": "assistant", **self._content_members()}
            if self._name is not None:
                message["name"] = self._name
            message |= self._reasoning
            self.messages.append(message)
            if self._calls:
                message["tool_calls"] = self._calls
                self._outputs_at = len(self.messages)
                self._open = {call["id"] for call in self._calls}
        self._parts, self._name, self._calls = [], None, []
        self._reasoning, self._extra, self._pending_reasoning = {}, None, []

    def _add_message(self, message: Message) -> None:
        if self._parts and not self._calls:
            pending = self._pending_reasoning
            self.end_turn()
            self._pending_reasoning = pending
        self._flush_reasoning()
        self._parts += message.parts
        self._name = message.name

    def _content_members(self) -> dict[str, Any]:
        match self._parts:
            case []:
                return {"content": None}
            case [Text(text=text)]:
                return {"content": text}
            case [Refusal(text=text)]:
                return {"content": None, "refusal": text}
            case _:
                return {"content": [self._part(part) for part in self._parts]}

    def _call(self, call_id: str, kind: str, inner: dict[str, Any]) -> None:
        self._flush_reasoning()
        call: dict[str, Any] = {"id": call_id, "type": kind, kind: inner}
        if self._extra is not None:
            call["extra_content"], self._extra = self._extra, None
        self._calls.append(call)

    def _add_reasoning(self, item: Reasoning) -> None:
        """Message members that choice_reader.py sealed for this upstream. They go with the text or call that follows."""
        payload = unseal(item.sealed, self._target.upstream) if item.sealed is not None else None
        if payload is not None:
            self._pending_reasoning.append(_members(payload))

    def _flush_reasoning(self) -> None:
        for members in self._pending_reasoning:
            for name in REASONING:
                if isinstance(text := members.get(name), str):
                    self._reasoning[name] = self._reasoning.get(name, "") + text
            extra = members.get("extra_content")
            if isinstance(extra, dict):
                self._extra = extra
        self._pending_reasoning = []

    def _message(self, message: Message) -> dict[str, Any]:
        role = "user" if message.role == "user" else "system"
        written: dict[str, Any] = {"role": role, "content": self._content(message.parts, role)}
        if message.name is not None:
            written["name"] = message.name
        return written

    def _put_output(self, item: FunctionCallOutput | CustomCallOutput) -> None:
        """The outputs of the latest calls come right after them: chat accepts no other message before them."""
        if item.call_id not in self._open:
            self.messages.append(self._output(item))
            return
        self.messages.insert(self._outputs_at, self._output(item))
        self._outputs_at += 1

    def _output(self, item: FunctionCallOutput | CustomCallOutput) -> dict[str, Any]:
        return {"role": "tool", "tool_call_id": item.call_id, "content": self._content(item.parts, "tool")}

    def _content(self, parts: tuple[Part, ...], role: str) -> Any:
        match parts:
            case ():
                return ""
            case (Text(text=text),):
                return text
            case _:
                return self._listed(parts, role)

    def _listed(self, parts: tuple[Part, ...], role: str) -> list[dict[str, Any]]:
        if role != "user":
            for part in parts:
                if not isinstance(part, Text):
                    place = part.at or "items"
                    raise unsupported_field(
                        self._request, place, "This model accepts images and files only in user messages."
                    )
        return [self._part(part) for part in parts]

    def _part(self, part: Part) -> dict[str, Any]:
        match part:
            case Text():
                return {"type": "text", "text": part.text}
            case Refusal():
                return {"type": "refusal", "refusal": part.text}
            case Image():
                detail = {} if part.detail is None else {"detail": part.detail}
                return {"type": "image_url", "image_url": {"url": self._image_url(part), **detail}}
            case _:
                return {"type": "file", "file": self._file(part)}

    def _image_url(self, part: Image) -> str:
        if part.data is not None:
            return data_uri(part.media_type or "image/png", part.data)
        if not self._target.fetches_urls:
            raise unsupported_field(
                self._request, part.at or "items", "This model does not fetch URLs: send the image inline."
            )
        return part.url or ""

    def _file(self, part: File) -> dict[str, Any]:
        if part.data is None:
            raise unsupported_field(
                self._request, part.at or "items", "This model does not fetch files: send the file inline."
            )
        name = {} if part.filename is None else {"filename": part.filename}
        return {"file_data": data_uri(part.media_type or PDF, part.data), **name}


def _members(payload: str) -> dict[str, Any]:
    """The members of a reasoning payload that the client sent back; empty if it is not valid JSON, since the client may have
    changed it."""
    try:
        decoded = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}
