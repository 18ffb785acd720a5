"""The PDF files of a request: judged by their content, and measured in pages.

Rule: the pages of an unreadable file are not guessed. Without a page count, the hold covers the model's whole context window.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

import msgspec

from app.documents.pdf import is_pdf, page_count
from app.wire.data_uri import split_data_uri, standard_base64
from app.wire.exchange import InlineFile, ParsedRequest, RequestError
from app.wire.file_ref import StoredFile


def pages_of(request: ParsedRequest, stored: Mapping[str, StoredFile]) -> int | None:
    """Pages of all files of a request together, or None if any is unknown. Raises RequestError unless all are PDFs."""
    counts = [_inline_pages(file) for file in request.inline_files]
    counts += [stored[ref.file_id].pages for ref in request.refs]
    if len(counts) < request.demand.files:
        return None  # one file is at a URL that only the upstream fetches
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _inline_pages(file: InlineFile) -> int | None:
    text: str = msgspec.json.decode(file.raw)
    inline = split_data_uri(text, file.param)
    payload = inline[1] if inline else standard_base64(text)
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        message = f"Invalid '{file.param}': not valid base64."
        raise RequestError(message, param=file.param, code="invalid_base64") from None
    if not is_pdf(data):
        message = f"Invalid '{file.param}': the file is not a PDF. Only PDF files are supported."
        raise RequestError(message, param=file.param, code="unsupported_file")
    return page_count(data)
