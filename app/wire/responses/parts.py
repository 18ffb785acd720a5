"""Writes parts of messages and of tool outputs for an upstream that speaks OpenAI's Responses."""

from __future__ import annotations

from typing import Any, Final

from app.wire.canonical import CanonicalRequest, File, Image, Part, Refusal, Target, Text, unsupported_field
from app.wire.data_uri import PDF, data_uri

Json = dict[str, Any]

FILENAMES: Final = {PDF: "document.pdf"}
FILENAME: Final = "document"
"""OpenAI requires a filename with a file's data and judges the file by its ending. These replace missing names."""
_NO_URLS = "This model does not fetch URLs: send the content inline."
_TEXT_ONLY = "Assistant messages support only text."
_NO_REFUSAL = "Only assistant messages support refusals."


def without_none(**members: Any) -> Json:
    """The members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def assistant_part(request: CanonicalRequest, part: Part) -> Json:
    match part:
        case Text():
            return {"type": "output_text", "text": part.text}
        case Refusal():
            return {"type": "refusal", "refusal": part.text}
        case _:
            raise unsupported_field(request, part.at, _TEXT_ONLY)


def user_part(request: CanonicalRequest, target: Target, part: Part) -> Json:
    """A part of a message with any other role, or of a tool's output."""
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Image():
            return {
                "type": "input_image",
                "image_url": _image(request, target, part),
                **without_none(detail=part.detail),
            }
        case File():
            return {"type": "input_file", **_file(request, target, part)}
        case _:
            raise unsupported_field(request, part.at, _NO_REFUSAL)


def outputs(request: CanonicalRequest, target: Target, parts: tuple[Part, ...]) -> Any:
    """A tool's output. A single text is written as a plain string, which every upstream accepts."""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [user_part(request, target, part) for part in parts]


def _image(request: CanonicalRequest, target: Target, image: Image) -> str:
    if image.data is not None:
        return data_uri(image.media_type or "image/png", image.data)
    return _address(request, target, image)


def _file(request: CanonicalRequest, target: Target, file: File) -> Json:
    if file.data is None:
        return {"file_url": _address(request, target, file), **without_none(filename=file.filename)}
    media_type = file.media_type or PDF
    filename = file.filename or FILENAMES.get(media_type, FILENAME)
    return {"filename": filename, "file_data": data_uri(media_type, file.data)}


def _address(request: CanonicalRequest, target: Target, part: Image | File) -> str:
    if not target.fetches_urls:
        raise unsupported_field(request, part.at, _NO_URLS)
    return part.url or ""
