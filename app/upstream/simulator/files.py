"""Decodes, recognizes and measures files and images of the input. Nothing is fetched."""

from __future__ import annotations

import base64
import binascii
import re

from app.documents import pdf
from app.upstream.simulator import tokens
from app.upstream.simulator.fields import Fields
from app.upstream.simulator.request import Document, Rejected

IMAGE_TOKENS = 85
PAGE_TOKENS = 250

_DATA_URI = re.compile(r"data:([\w.+/-]*)(?:;[\w.=+-]+)*;base64,", re.ASCII)


def document(part: Fields) -> tuple[Document, int]:
    """A file part and its token count, which never exceeds its bytes."""
    sources = [name for name in ("file_data", "file_url", "file_id") if part.data.get(name) is not None]
    if not sources:
        raise Rejected(
            f"Missing required parameter: '{part.at('file_data')}'.",
            param=part.at("file_data"),
            code="missing_required_parameter",
        )
    reference = part.text(sources[0], "")
    if sources[0] == "file_id":
        raise Rejected(f"No such File object: {reference[:64]}", param=part.at("file_id"), status=404)
    filename = part.text("filename", "document.pdf" if sources[0] == "file_data" else _basename(reference))[:128]
    if sources[0] == "file_url":
        return Document(filename, pdf=False, pages=None, bytes=None), tokens.count(reference)
    found = _measured(part, filename, reference)
    size = PAGE_TOKENS * (found.pages or 1)
    return found, min(size, len(reference))


def image(part: Fields, name: str, url: str) -> int:
    """The token count of the picture at `url`, a URL or a data URI. It never exceeds its bytes."""
    if url.startswith("data:"):
        _decoded(part.at(name), url)
    elif not url.startswith(("http://", "https://")):
        raise Rejected(
            f"Invalid '{part.at(name)}'. Expected a valid URL, but got a value with an invalid format.",
            param=part.at(name),
            code="invalid_value",
        )
    return min(IMAGE_TOKENS, len(url))


def _measured(part: Fields, filename: str, encoded: str) -> Document:
    data = _decoded(part.at("file_data"), encoded)
    if pdf.is_pdf(data):
        return Document(filename, pdf=True, pages=pdf.page_count(data), bytes=len(data))
    if filename.lower().endswith(".pdf"):
        raise Rejected(
            f"The file '{filename}' could not be read: it is not a PDF.",
            param=part.at("file_data"),
            code="invalid_file",
        )
    return Document(filename, pdf=False, pages=None, bytes=len(data))


def _decoded(where: str, encoded: str) -> bytes:
    head = _DATA_URI.match(encoded)
    try:
        return base64.b64decode(encoded[head.end() :] if head else encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Rejected(f"Invalid '{where}': not valid base64.", param=where, code="invalid_base64") from None


def _basename(url: str) -> str:
    return url.partition("?")[0].rstrip("/").rpartition("/")[2] or "file"
