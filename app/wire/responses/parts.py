"""Parts of messages and of tools' outputs, written for an upstream that speaks OpenAI's Responses."""

from __future__ import annotations

from typing import Any, Final

from app.wire.canonical import CanonicalRequest, File, Image, Part, Refusal, Target, Text, refusal
from app.wire.data_uri import PDF, data_uri

Json = dict[str, Any]

FILENAMES: Final = {PDF: "document.pdf"}
FILENAME: Final = "document"
"""A name is wanted beside a file's data, and judged by its ending: these stand in where the client gave none."""
_FETCHED = "This model's upstream fetches no addresses: send the content inline."
_TEXT_ONLY = "An assistant's message takes text only."
_NO_REFUSAL = "Only an assistant's message takes a refusal."


def said(**members: Any) -> Json:
    """The members that say something."""
    return {name: value for name, value in members.items() if value is not None}


def assistant_part(ask: CanonicalRequest, part: Part) -> Json:
    match part:
        case Text():
            return {"type": "output_text", "text": part.text}
        case Refusal():
            return {"type": "refusal", "refusal": part.text}
        case _:
            raise refusal(ask, part.at, _TEXT_ONLY)


def user_part(ask: CanonicalRequest, target: Target, part: Part) -> Json:
    """A part of any other role, or of a tool's output."""
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Image():
            return {"type": "input_image", "image_url": _image(ask, target, part), **said(detail=part.detail)}
        case File():
            return {"type": "input_file", **_file(ask, target, part)}
        case _:
            raise refusal(ask, part.at, _NO_REFUSAL)


def outputs(ask: CanonicalRequest, target: Target, parts: tuple[Part, ...]) -> Any:
    """What a tool gave: one text is written as it is, which every upstream takes."""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [user_part(ask, target, part) for part in parts]


def _image(ask: CanonicalRequest, target: Target, image: Image) -> str:
    if image.data is not None:
        return data_uri(image.media_type or "image/png", image.data)
    return _address(ask, target, image)


def _file(ask: CanonicalRequest, target: Target, file: File) -> Json:
    if file.data is None:
        return {"file_url": _address(ask, target, file), **said(filename=file.filename)}
    media_type = file.media_type or PDF
    filename = file.filename or FILENAMES.get(media_type, FILENAME)
    return {"filename": filename, "file_data": data_uri(media_type, file.data)}


def _address(ask: CanonicalRequest, target: Target, part: Image | File) -> str:
    if not target.fetches_urls:
        raise refusal(ask, part.at, _FETCHED)
    return part.url or ""
