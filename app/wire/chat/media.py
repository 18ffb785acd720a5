"""Converts images and files from chat's forms (data URIs, base64, ids of uploaded files) to the canonical form."""

from __future__ import annotations

from collections.abc import Mapping

from app.wire.canonical import File, Image
from app.wire.chat.shapes import FileBody, ImageUrl
from app.wire.data_uri import PDF, split_data_uri, standard_base64
from app.wire.file_ref import StoredFile
from app.wire.strict import invalid


def image(shape: ImageUrl, at: str) -> Image:
    """content.py has already checked whether an image's URL may be fetched."""
    inline = split_data_uri(shape.url, f"{at}.image_url.url")
    if inline is None:
        return Image(url=shape.url, detail=shape.detail, at=at)
    media_type, data = inline
    if not media_type.startswith("image/"):
        raise invalid(f"{at}.image_url.url", f"'{media_type}' is not an image type.")
    return Image(data=data, media_type=media_type, detail=shape.detail, at=at)


def file(shape: FileBody, at: str, files: Mapping[str, StoredFile]) -> File:
    """A file by the id of an upload or with its data; exactly one must be set. Base64 without a media type is taken to be a PDF."""
    if (shape.file_id is None) == (shape.file_data is None):
        raise invalid(f"{at}.file", "Expected exactly one of 'file_id' and 'file_data'.")
    if shape.file_id is not None:
        return _uploaded(shape.file_id, shape.filename, at, files)
    text = shape.file_data or ""
    if not text:
        raise invalid(f"{at}.file.file_data", "The file is empty.")
    media_type, data = split_data_uri(text, f"{at}.file.file_data") or (PDF, standard_base64(text))
    return File(data=data, media_type=media_type, filename=shape.filename, at=at)


def _uploaded(file_id: str, filename: str | None, at: str, files: Mapping[str, StoredFile]) -> File:
    stored = files.get(file_id)
    if stored is None:
        raise invalid(f"{at}.file.file_id", "No uploaded file has this id.")
    return File(data=stored.data, media_type=stored.media_type, filename=filename or stored.filename, at=at)
