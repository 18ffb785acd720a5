"""Writes parts of messages and of tool outputs as Anthropic's content blocks.

Rule 1: an image is base64 of JPEG, PNG, GIF or WebP; a document is a PDF or plain text. URLs are sent only if the upstream may
        fetch them.
Rule 2: the model reads every image at full size, so detail "low" is rejected. A file's name becomes the document's title.
"""

from __future__ import annotations

import base64
from typing import Any, Final

from app.wire.anthropic.caching import cache_member
from app.wire.canonical import (
    CanonicalRequest,
    File,
    FunctionCallOutput,
    Image,
    Message,
    Part,
    Refusal,
    Target,
    Text,
    unsupported_field,
)
from app.wire.exchange import RequestError

Block = dict[str, Any]
_IMAGES: Final = {
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/png": "image/png",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
}
_TITLE_CHARS_MAX: Final = 200
_DETAIL: Final = {"responses": "detail", "chat": "image_url.detail"}


def blocks_of(request: CanonicalRequest, target: Target, item: Message | FunctionCallOutput) -> list[Block]:
    """The content of a user's message or of a tool's output, without blank texts."""
    named = _name(item.name) if isinstance(item, Message) else []
    return named + [block for part in item.parts for block in _blocks(request, target, part)]


def text_blocks(request: CanonicalRequest, message: Message) -> list[Block]:
    """The content of an assistant's or a system message: texts and refusals."""
    return _name(message.name) + [block for part in _spoken(request, message) for block in _text(part)]


def image_block(request: CanonicalRequest, target: Target, image: Image) -> Block:
    if image.detail == "low":
        raise unsupported_field(
            request,
            f"{image.at}.{_DETAIL[request.endpoint]}",
            "This model reads every image at full size: use another detail.",
        )
    if image.url is not None:
        source = _url(request, target, image.url, image.at)
        return {"type": "image", "source": source, **cache_member(image.cache)}
    media_type = _IMAGES.get((image.media_type or "").lower())
    if media_type is None:
        raise unsupported_field(request, image.at, "This model supports JPEG, PNG, GIF and WebP images.")
    source = {"type": "base64", "media_type": media_type, "data": image.data or ""}
    return {"type": "image", "source": source, **cache_member(image.cache)}


def _blocks(request: CanonicalRequest, target: Target, part: Part) -> list[Block]:
    match part:
        case Image():
            return [image_block(request, target, part)]
        case File():
            return [_document(request, target, part)]
        case _:
            return _text(part)


def _document(request: CanonicalRequest, target: Target, file: File) -> Block:
    block: Block = {"type": "document", "source": _file_source(request, target, file)}
    if file.filename and file.filename.strip():
        block["title"] = file.filename.strip()[:_TITLE_CHARS_MAX]
    return block | cache_member(file.cache)


def _file_source(request: CanonicalRequest, target: Target, file: File) -> Block:
    if file.url is not None:
        return _url(request, target, file.url, file.at)
    if file.media_type == "application/pdf":
        return {"type": "base64", "media_type": "application/pdf", "data": file.data or ""}
    if file.media_type == "text/plain":
        return {"type": "text", "media_type": "text/plain", "data": _plain(file)}
    raise unsupported_field(request, file.at, "This model supports PDF and plain text files.")


def _plain(file: File) -> str:
    try:
        return base64.b64decode(file.data or "", validate=True).decode()
    except ValueError as error:
        message = f"Invalid value for '{file.at}': the file is not UTF-8 text."
        raise RequestError(message, param=file.at, code="invalid_value") from error


def _url(request: CanonicalRequest, target: Target, url: str, at: str) -> Block:
    if not target.fetches_urls:
        raise unsupported_field(request, at, "This model does not fetch URLs: send the data inline.")
    return {"type": "url", "url": url}


def _spoken(request: CanonicalRequest, message: Message) -> list[Text | Refusal]:
    parts = []
    for part in message.parts:
        if isinstance(part, Image | File):
            raise unsupported_field(
                request, part.at, "This model accepts images and files only in user messages and tool outputs."
            )
        parts.append(part)
    return parts


def _text(part: Text | Refusal) -> list[Block]:
    if not part.text.strip():
        return []
    cache = part.cache if isinstance(part, Text) else None
    return [{"type": "text", "text": part.text, **cache_member(cache)}]


def _name(name: str | None) -> list[Block]:
    return _text(Text(f"{name}:")) if name else []
