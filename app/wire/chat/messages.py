"""Reads chat's messages into items of a conversation.

Rule 1: an assistant message becomes its reasoning, its text and refusal, its images and its calls, in this order. Sealed reasoning
        carried by a call is placed directly before that call, or before the text if the first call says so.
Rule 2: legacy calls (`function_call`) have no id and get one from their position. A message with role `function` answers the
        earliest unanswered call of that name.
Rule 3: an assistant message without content and calls becomes a message without parts, which other vendors do not get.
Rule 4: the output of a tool must come after its call.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import msgspec

from app.wire.cache_control import cache_of, marked
from app.wire.canonical import (
    CustomCall,
    CustomCallOutput,
    FunctionCall,
    FunctionCallOutput,
    ImageGenerationCall,
    Item,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
)
from app.wire.chat.media import file, image
from app.wire.chat.shapes import (
    AssistantMessage,
    AudioPart,
    ChatMessage,
    Content,
    CustomCallShape,
    DeveloperMessage,
    ExtraContent,
    FilePart,
    FunctionBody,
    FunctionCallShape,
    FunctionMessage,
    ImagePart,
    RefusalPart,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserMessage,
)
from app.wire.chat.shapes import Part as PartShape
from app.wire.exchange import RequestError
from app.wire.file_ref import StoredFile
from app.wire.request import unsupported
from app.wire.strict import invalid, strict

_messages = msgspec.json.Decoder(list[ChatMessage])

_PART_TYPES: Mapping[str, tuple[type[PartShape], ...]] = {
    "system": (TextPart,),
    "developer": (TextPart,),
    "user": (TextPart, ImagePart, FilePart),
    "assistant": (TextPart, RefusalPart),
    "tool": (TextPart, ImagePart, FilePart),
}


def read_messages(raw: msgspec.Raw, files: Mapping[str, StoredFile]) -> tuple[Item, ...]:
    conversation = _Conversation(files)
    messages = strict(raw, _messages, "messages")
    for index, message in enumerate(messages):
        conversation.take(message, f"messages[{index}]", index)
    return tuple(conversation.items)


class _Conversation:
    """The items so far, and the calls that may be answered."""

    def __init__(self, files: Mapping[str, StoredFile]) -> None:
        self.items: list[Item] = []
        self._files = files
        self._custom: dict[str, bool] = {}
        self._unanswered: list[tuple[str, str]] = []

    def take(self, message: ChatMessage, at: str, index: int) -> None:
        """Every message becomes at least one item."""
        self._read(message, at, index)
        self.items[-1] = marked(self.items[-1], message.cache_control)

    def _read(self, message: ChatMessage, at: str, index: int) -> None:
        match message:
            case SystemMessage():
                self.items.append(Message("system", self._parts(message.content, "system", at), message.name, at))
            case DeveloperMessage():
                self.items.append(Message("developer", self._parts(message.content, "developer", at), message.name, at))
            case UserMessage():
                self.items.append(Message("user", self._parts(message.content, "user", at), message.name, at))
            case AssistantMessage():
                self._assistant(message, at, index)
            case ToolMessage():
                self._tool(message, at)
            case _:
                self._function(message, at)

    def _assistant(self, message: AssistantMessage, at: str, index: int) -> None:
        if message.audio is not None:
            raise unsupported(f"{at}.audio", "Audio is not offered.")
        before = len(self.items)
        if message.reasoning_content:
            self.items.append(Reasoning(content=(message.reasoning_content,), at=f"{at}.reasoning_content"))
        parts = self._content_parts(message, at)
        early, calls = self._split_calls(message, at, index)
        images = [_earlier_image(shape, at, index, place) for place, shape in enumerate(message.images or ())]
        others = len(self.items) > before or images or calls
        self.items += early
        if parts is not None and not (others and _is_empty(parts)):
            self.items.append(Message("assistant", parts, message.name, at))
        elif not others:
            self.items.append(Message("assistant", (), message.name, at))
        self.items += [*images, *calls]

    def _content_parts(self, message: AssistantMessage, at: str) -> tuple[Part, ...] | None:
        refusal = () if message.refusal is None else (Refusal(message.refusal, f"{at}.refusal"),)
        if message.content in (None, []) or (refusal and message.content == ""):
            return refusal or None
        return (*self._parts(message.content or "", "assistant", at), *refusal)

    def _split_calls(self, message: AssistantMessage, at: str, index: int) -> tuple[list[Item], list[Item]]:
        """The reasoning that came before the text, and the calls with the rest of their reasoning."""
        calls = [*self._calls(message, at), *self._legacy_call(message.function_call, at, index)]
        first = message.tool_calls[0] if message.tool_calls else message.function_call
        extra = first.extra_content if first is not None else None
        own = extra.realrouter if extra is not None else None
        count = max(own.before_text, 0) if own is not None else 0
        early = list(itertools.takewhile(lambda item: isinstance(item, Reasoning), calls[:count]))
        return early, calls[len(early) :]

    def _calls(self, message: AssistantMessage, at: str) -> Iterator[Item]:
        for place, call in enumerate(message.tool_calls or ()):
            where = f"{at}.tool_calls[{place}]"
            self._custom[call.id] = isinstance(call, CustomCallShape)
            yield from _sealed(call.extra_content, where)
            yield _call(call, where)

    def _legacy_call(self, call: FunctionBody | None, at: str, index: int) -> Iterator[Item]:
        if call is None:
            return
        call_id = f"call_function_{index}"
        self._unanswered.append((call.name, call_id))
        yield from _sealed(call.extra_content, f"{at}.function_call")
        yield FunctionCall(call_id, call.name, call.arguments, f"{at}.function_call")

    def _tool(self, message: ToolMessage, at: str) -> None:
        custom = self._custom.get(message.tool_call_id)
        if custom is None:
            raise invalid(f"{at}.tool_call_id", "No earlier message contains a call with this id.")
        parts = self._parts(message.content, "tool", at)
        output = CustomCallOutput if custom else FunctionCallOutput
        self.items.append(output(message.tool_call_id, parts, at))

    def _function(self, message: FunctionMessage, at: str) -> None:
        call = next((call for call in self._unanswered if call[0] == message.name), None)
        if call is None:
            raise invalid(f"{at}.name", "No earlier message contains an unanswered call of this function.")
        self._unanswered.remove(call)
        self.items.append(FunctionCallOutput(call[1], (Text(message.content or "", f"{at}.content"),), at))

    def _parts(self, content: Content, role: str, at: str) -> tuple[Part, ...]:
        where = f"{at}.content"
        if isinstance(content, str):
            return (Text(content, where),)
        if not content:
            raise RequestError(f"Invalid '{where}': empty array.", param=where, code="empty_array")
        return tuple(self._part(part, role, f"{where}[{index}]") for index, part in enumerate(content))

    def _part(self, part: PartShape, role: str, at: str) -> Part:
        if isinstance(part, AudioPart):
            raise unsupported(at, "Audio is not offered.")
        if not isinstance(part, _PART_TYPES[role]):
            raise invalid(f"{at}.type", f"A message with role '{role}' does not support parts of this type.")
        match part:
            case TextPart():
                return Text(part.text, at, cache_of(part.cache_control))
            case RefusalPart():
                return Refusal(part.refusal, at)
            case ImagePart():
                cache = cache_of(part.cache_control)
                return msgspec.structs.replace(image(part.image_url, at), cache=cache)
            case _:
                cache = cache_of(part.cache_control)
                return msgspec.structs.replace(file(part.file, at, self._files), cache=cache)


def _call(call: FunctionCallShape | CustomCallShape, at: str) -> Item:
    if isinstance(call, CustomCallShape):
        return CustomCall(call.id, call.custom.name, call.custom.input, at)
    return FunctionCall(call.id, call.function.name, call.function.arguments, at)


def _sealed(extra: ExtraContent | None, at: str) -> Iterator[Reasoning]:
    """The gateway's own tags, or a signature as Google's clients keep it, which has no tag."""
    if extra is None:
        return
    own = extra.realrouter.reasoning if extra.realrouter is not None else None
    tags = [own] if isinstance(own, str) else own or []
    if not tags and extra.google is not None and extra.google.thought_signature:
        tags = [extra.google.thought_signature]
    for tag in tags:
        yield Reasoning(sealed=tag, at=f"{at}.extra_content")


def _is_empty(parts: tuple[Part, ...]) -> bool:
    """Clients send an empty text along with calls. It carries nothing, and some vendors reject it."""
    return all(isinstance(part, Text) and not part.text for part in parts)


def _earlier_image(shape: ImagePart, message_at: str, index: int, place: int) -> ImageGenerationCall:
    """An image of an earlier answer is sent back as it was received: inline."""
    at = f"{message_at}.images[{place}]"
    picture = image(shape.image_url, at)
    if picture.data is None or picture.media_type is None:
        raise invalid(f"{at}.image_url.url", "Expected an image of an earlier answer as a data URI.")
    return ImageGenerationCall(f"ig_{index}_{place}", picture.data, picture.media_type, at)
