"""Reads chat's messages into items of a conversation.

Rule 1: an assistant message becomes its reasoning, its text and refusal, its images and its calls, in this order. Sealed reasoning
        carried by a call is placed directly before that call, or before the text if the first call says so.
Rule 2: legacy calls (`function_call`) have no id and get one from their position. A message with role `function` answers the
        earliest unanswered call of that name.
Rule 3: the output of a tool must come after its call.
Rule 4: an assistant message without any content is left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Final

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
    CallShape,
    ChatMessage,
    Content,
    DeveloperMessage,
    ExtraContent,
    FilePart,
    FunctionBody,
    FunctionMessage,
    ImagePart,
    ImageUrl,
    ReturnedImage,
    ReturnedPart,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserMessage,
)
from app.wire.chat.shapes import Part as PartShape
from app.wire.exchange import RequestError
from app.wire.file_ref import StoredFile
from app.wire.request import missing, unsupported
from app.wire.strict import invalid, strict

_messages = msgspec.json.Decoder(list[ChatMessage])

_PART_TYPES: Mapping[str, tuple[type[PartShape], ...]] = {
    "system": (TextPart,),
    "developer": (TextPart,),
    "user": (TextPart, ImagePart, FilePart),
    "tool": (TextPart, ImagePart, FilePart),
}


_LEFT_OUT_PARTS: Final = ("thinking", "redacted_thinking", "reasoning", "reference")
"""Parts of other vendors' answers that nobody else can read: Mistral's, Anthropic's."""


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
        before = len(self.items)
        self._read(message, at, index)
        if len(self.items) > before:
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
        for name in ("reasoning_content", "reasoning"):
            text = getattr(message, name)
            if isinstance(text, str) and text and len(self.items) == before:
                self.items.append(Reasoning(content=(text,), at=f"{at}.{name}"))
        parts = _content_parts(message, at)
        early, calls = self._split_calls(message, at, index)
        images = [_earlier_image(shape, at, index, place) for place, shape in enumerate(message.images or ())]
        others = len(self.items) > before or images or calls
        self.items += early
        if parts and not (others and _is_empty(parts)):
            self.items.append(Message("assistant", parts, message.name or None, at))
        self.items += [*images, *calls]

    def _split_calls(self, message: AssistantMessage, at: str, index: int) -> tuple[list[Item], list[Item]]:
        """The reasoning that came before the text, and the calls with the rest of their reasoning."""
        legacy = None if _is_repeated(message) else message.function_call
        calls = [*self._calls(message, at), *self._legacy_call(legacy, at, index)]
        first = message.tool_calls[0] if message.tool_calls else message.function_call
        extra = first.extra_content if first is not None else None
        own = extra.realrouter if extra is not None else None
        count = max(own.before_text, 0) if own is not None else 0
        early = list(itertools.takewhile(lambda item: isinstance(item, Reasoning), calls[:count]))
        return early, calls[len(early) :]

    def _calls(self, message: AssistantMessage, at: str) -> Iterator[Item]:
        for place, call in enumerate(message.tool_calls or ()):
            where = f"{at}.tool_calls[{place}]"
            self._custom[call.id] = call.custom is not None
            if message.function_call is not None and call.function is not None:
                self._unanswered.append((call.function.name, call.id))
            yield from _sealed(call.extra_content, where)
            yield _call(call, where)

    def _legacy_call(self, call: FunctionBody | None, at: str, index: int) -> Iterator[Item]:
        if call is None:
            return
        call_id = f"call_function_{index}"
        self._unanswered.append((call.name, call_id))
        yield from _sealed(call.extra_content, f"{at}.function_call")
        yield FunctionCall(call_id, call.name, _arguments(call), f"{at}.function_call")

    def _tool(self, message: ToolMessage, at: str) -> None:
        custom = self._custom.get(message.tool_call_id)
        if custom is None:
            raise invalid(f"{at}.tool_call_id", "No earlier message contains a call with this id.")
        parts = self._parts(message.content or "", "tool", at)
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
            case ImagePart():
                cache = cache_of(part.cache_control)
                return msgspec.structs.replace(image(part.image_url, at), cache=cache)
            case _:
                assert isinstance(part, FilePart), "no role supports refusals here"
                cache = cache_of(part.cache_control)
                return msgspec.structs.replace(file(part.file, at, self._files), cache=cache)


def _is_repeated(message: AssistantMessage) -> bool:
    """Whether the message's legacy call is also one of its calls, as some servers write it."""
    legacy = message.function_call
    functions = [call.function for call in message.tool_calls or () if call.function is not None]
    return legacy is not None and any(
        (call.name, call.arguments) == (legacy.name, legacy.arguments) for call in functions
    )


def _content_parts(message: AssistantMessage, at: str) -> tuple[Part, ...]:
    refusal = (Refusal(message.refusal, f"{at}.refusal"),) if message.refusal else ()
    if isinstance(message.content, str):
        return refusal if refusal and not message.content else (Text(message.content, f"{at}.content"), *refusal)
    parts = enumerate(message.content or ())
    read = (_returned_part(part, f"{at}.content[{index}]") for index, part in parts)
    return (*(part for part in read if part is not None), *refusal)


def _returned_part(part: ReturnedPart, at: str) -> Part | None:
    """None for a part that is left out."""
    if part.type in _LEFT_OUT_PARTS:
        return None
    if part.type == "input_audio":
        raise unsupported(at, "Audio is not offered.")
    if part.type not in ("text", "refusal"):
        raise invalid(f"{at}.type", "A message with role 'assistant' does not support parts of this type.")
    value = getattr(part, part.type)
    if not isinstance(value, str):
        where = f"{at}.{part.type}"
        raise RequestError(f"Invalid type for '{where}': expected a string.", param=where, code="invalid_type")
    return Text(value, at, cache_of(part.cache_control)) if part.type == "text" else Refusal(value, at)


def _call(call: CallShape, at: str) -> Item:
    if call.custom is not None:
        return CustomCall(call.id, call.custom.name, call.custom.input, at)
    if call.function is None:
        raise missing(f"{at}.function")
    return FunctionCall(call.id, call.function.name, _arguments(call.function), at)


def _arguments(function: FunctionBody) -> str:
    """The arguments as JSON text, unchanged if they are text."""
    arguments = function.arguments
    return msgspec.json.encode(arguments).decode() if isinstance(arguments, dict) else arguments or ""


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


def _earlier_image(shape: ReturnedImage, message_at: str, index: int, place: int) -> ImageGenerationCall:
    """An image of an earlier answer is sent back as it was received: inline."""
    at = f"{message_at}.images[{place}]"
    picture = image(ImageUrl(shape.image_url.url), at)
    if picture.data is None or picture.media_type is None:
        raise invalid(f"{at}.image_url.url", "Expected an image of an earlier answer as a data URI.")
    return ImageGenerationCall(f"ig_{index}_{place}", picture.data, picture.media_type, at)
