"""Reads the input of a Responses request into items of the canonical form.

Rule 1: an item without a type is a message if it has a role; otherwise it is a reference to stored state.
Rule 2: every item is read, left out or rejected by its path. Calls of tools that the vendor ran itself are left out, because the
        text after them contains their findings; they have no `call_id`, since they need no output. So are earlier tool searches,
        approvals of the vendor's remote tools, images that were not made, and messages without content.
Rule 3: content.py has already checked whether URLs may be fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from app.wire.cache_control import cache_of, marked
from app.wire.canonical import (
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
    Text,
    WebSearchCall,
)
from app.wire.content import ITEM_REFERENCE
from app.wire.data_uri import PDF, split_data_uri, standard_base64
from app.wire.exchange import RequestError
from app.wire.file_ref import StoredFile
from app.wire.request import NAME_LENGTH_MAX, missing, unsupported
from app.wire.responses.namespaces import Namespaces
from app.wire.responses.shapes import (
    CallOutputShape,
    CallShape,
    CustomCallShape,
    FunctionCallShape,
    ImageCallShape,
    InputFile,
    InputImage,
    InputMessage,
    InputPart,
    InputText,
    OutputMessage,
    OutputPart,
    ReasoningPart,
    ReasoningShape,
    SearchCallShape,
)
from app.wire.strict import invalid, strict

Files = Mapping[str, StoredFile]
_LEFT_OUT: Final = (
    *("mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "tool_search_call", "tool_search_output"),
)
_CLIENTS_CALLS: Final = ("computer_call", "local_shell_call", "shell_call", "apply_patch_call")
"""Calls that the client answers: other vendors have no such tools, and the outputs would be missing."""
_LEFT_OUT_PARTS: Final = ("reasoning_text", "summary_text")


class _Kind(msgspec.Struct):
    type: Any = None
    role: Any = None
    call_id: Any = None


class _Context(NamedTuple):
    """What items refer to: uploaded files, and tools in namespaces."""

    files: Files
    namespaces: Namespaces


_text = msgspec.json.Decoder(str)
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_kind = msgspec.json.Decoder(_Kind)


def read_input(
    raw: msgspec.Raw, files: Files, namespaces: Namespaces, *, may_be_empty: bool = False
) -> tuple[Item, ...]:
    """The items of the input. A plain text is a single user message."""
    if bytes(memoryview(raw)[:1]) == b'"':
        return (Message("user", (Text(strict(raw, _text, "input"), "input"),), at="input"),)
    items = strict(raw, _raws, "input")
    if not items and not may_be_empty:
        raise RequestError("Invalid 'input': empty array.", param="input", code="empty_array")
    context = _Context(files, namespaces)
    read = (_item(item, f"input[{index}]", context) for index, item in enumerate(items))
    return tuple(item for item in read if item is not None)


def _item(raw: msgspec.Raw, at: str, context: _Context) -> Item | None:
    """None for an item that is left out."""
    kind = strict(raw, _kind, at)
    if kind.type == "message" or (kind.type is None and kind.role is not None):
        return _message(raw, kind.role, at, context.files)
    if kind.type in (None, "item_reference"):
        raise unsupported(f"{at}.type", ITEM_REFERENCE)
    if not isinstance(kind.type, str):
        raise RequestError(f"Invalid type for '{at}.type': expected a string.", param=f"{at}.type", code="invalid_type")
    read = _READERS.get(kind.type)
    if read is None:
        if _is_left_out(kind.type, kind.call_id):
            return None
        kind_shown = kind.type[:NAME_LENGTH_MAX]
        raise unsupported(f"{at}.type", f"This model does not support items of type '{kind_shown}'.")
    return read(raw, at, context)


def _is_left_out(kind: str, call_id: Any) -> bool:
    return kind in _LEFT_OUT or (kind.endswith("_call") and call_id is None and kind not in _CLIENTS_CALLS)


# -- Messages and their parts


_input_message = msgspec.json.Decoder(InputMessage)
_output_message = msgspec.json.Decoder(OutputMessage)


def _message(raw: msgspec.Raw, role: Any, at: str, files: Files) -> Item | None:
    if role == "assistant":
        answer = strict(raw, _output_message, at)
        parts = _outputs(answer.content or [], f"{at}.content")
        if not parts and answer.content != "":
            return None
        return marked(Message("assistant", parts, at=at), answer.cache_control)
    message = strict(raw, _input_message, at)
    parts = _inputs(message.content, f"{at}.content", files)
    return marked(Message(message.role, parts, at=at), message.cache_control)


def _outputs(content: str | list[OutputPart], at: str) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content, at),)
    read = (_output(part, f"{at}[{index}]") for index, part in enumerate(content))
    return tuple(part for part in read if part is not None)


def _output(part: OutputPart, at: str) -> Part | None:
    """None for reasoning, which is left out."""
    if part.type == "output_text":
        return Text(_string(part.text, f"{at}.text"), at, cache_of(part.cache_control))
    if part.type == "refusal":
        return Refusal(_string(part.refusal, f"{at}.refusal"), at)
    if part.type in _LEFT_OUT_PARTS:
        return None
    raise invalid(f"{at}.type", f"'{part.type[:NAME_LENGTH_MAX]}' is not a supported value.")


def _string(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise RequestError(f"Invalid type for '{at}': expected a string.", param=at, code="invalid_type")
    return value


def _inputs(content: str | list[InputPart], at: str, files: Files) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content, at),)
    return tuple(_input(part, f"{at}[{index}]", files) for index, part in enumerate(content))


def _input(part: InputPart, at: str, files: Files) -> Part:
    cache = cache_of(part.cache_control)
    if isinstance(part, InputText):
        return Text(part.text, at, cache)
    content = _image(part, at, files) if isinstance(part, InputImage) else _file(part, at, files)
    return msgspec.structs.replace(content, cache=cache)


def _image(part: InputImage, at: str, files: Files) -> Image:
    _one_of(at, image_url=part.image_url, file_id=part.file_id)
    if part.file_id is not None:
        found = _stored_file(part.file_id, at, files)
        return _inline_image(found.media_type, found.data, part, f"{at}.file_id", at)
    url = part.image_url or ""
    inline = split_data_uri(url, f"{at}.image_url")
    if inline is None:
        return Image(url=url, detail=part.detail, at=at)
    return _inline_image(*inline, part, f"{at}.image_url", at)


def _inline_image(media_type: str, data: str, part: InputImage, param: str, at: str) -> Image:
    if not media_type.startswith("image/"):
        raise invalid(param, f"'{media_type[:NAME_LENGTH_MAX]}' is not an image type.")
    return Image(data=data, media_type=media_type, detail=part.detail, at=at)


def _file(part: InputFile, at: str, files: Files) -> File:
    """Base64 without a media type is taken to be a PDF."""
    _one_of(at, file_id=part.file_id, file_data=part.file_data, file_url=part.file_url)
    if part.file_id is not None:
        found = _stored_file(part.file_id, at, files)
        return File(data=found.data, media_type=found.media_type, filename=part.filename or found.filename, at=at)
    if part.file_url is not None:
        return File(url=part.file_url, filename=part.filename, at=at)
    text = part.file_data or ""
    media_type, data = split_data_uri(text, f"{at}.file_data") or (PDF, standard_base64(text))
    return File(data=data, media_type=media_type, filename=part.filename, at=at)


def _one_of(at: str, **members: str | None) -> None:
    """Raises RequestError unless exactly one of the members is set and it is not empty."""
    present = [name for name, value in members.items() if value is not None]
    names = " and ".join(f"'{name}'" for name in members)
    if not present:
        raise missing(f"{at}.{next(iter(members))}")
    if len(present) > 1:
        raise invalid(at, f"Expected exactly one of {names}.")
    if not members[present[0]]:
        raise invalid(f"{at}.{present[0]}", "It is empty.")


def _stored_file(file_id: str, at: str, files: Files) -> StoredFile:
    found = files.get(file_id)
    if found is None:
        raise invalid(f"{at}.file_id", "No uploaded file has this id.")
    return found


# -- Other items


_function_call = msgspec.json.Decoder(FunctionCallShape)
_custom_call = msgspec.json.Decoder(CustomCallShape)
_call_output = msgspec.json.Decoder(CallOutputShape)
_reasoning = msgspec.json.Decoder(ReasoningShape)
_search_call = msgspec.json.Decoder(SearchCallShape)
_image_call = msgspec.json.Decoder(ImageCallShape)


def _read_function_call(raw: msgspec.Raw, at: str, context: _Context) -> Item:
    call = strict(raw, _function_call, at)
    return FunctionCall(call.call_id, _called(call, context), call.arguments, at, cache_of(call.cache_control))


def _read_custom_call(raw: msgspec.Raw, at: str, context: _Context) -> Item:
    call = strict(raw, _custom_call, at)
    return CustomCall(call.call_id, _called(call, context), call.input, at)


def _called(call: CallShape, context: _Context) -> str:
    return context.namespaces.flat(call.namespace, call.name)


def _read_function_output(raw: msgspec.Raw, at: str, context: _Context) -> Item:
    output = strict(raw, _call_output, at)
    parts = _inputs(output.output, f"{at}.output", context.files)
    return FunctionCallOutput(output.call_id, parts, at, cache_of(output.cache_control))


def _read_custom_output(raw: msgspec.Raw, at: str, context: _Context) -> Item:
    output = strict(raw, _call_output, at)
    return CustomCallOutput(output.call_id, _inputs(output.output, f"{at}.output", context.files), at)


def _read_reasoning(raw: msgspec.Raw, at: str, _: _Context) -> Item:
    item = strict(raw, _reasoning, at)
    return Reasoning(_texts(item.summary), _texts(item.content), item.encrypted_content, at)


def _texts(parts: list[ReasoningPart] | None) -> tuple[str, ...]:
    return tuple(part.text for part in parts or () if isinstance(part.text, str))


def _read_search_call(raw: msgspec.Raw, at: str, _: _Context) -> Item:
    call = strict(raw, _search_call, at)
    queries: list[Any] = []
    if call.action is not None and call.action.type in (None, "search"):
        queries = call.action.queries if isinstance(call.action.queries, list) else [call.action.query]
    return WebSearchCall(call.id or "", tuple(query for query in queries if isinstance(query, str) and query), at)


def _read_image_call(raw: msgspec.Raw, at: str, _: _Context) -> Item | None:
    call = strict(raw, _image_call, at)
    if not call.result:
        return None
    return ImageGenerationCall(call.id, call.result, f"image/{call.output_format or 'png'}", at)


_READERS: Final[Mapping[str, Callable[[msgspec.Raw, str, _Context], Item | None]]] = {
    "function_call": _read_function_call,
    "function_call_output": _read_function_output,
    "custom_tool_call": _read_custom_call,
    "custom_tool_call_output": _read_custom_output,
    "reasoning": _read_reasoning,
    "web_search_call": _read_search_call,
    "image_generation_call": _read_image_call,
}
