"""The PDF files of a request: judged by their content, and counted by their pages.

Rule: what is unreadable is not guessed at: without a page count the request is held for at the model's whole context window.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

import msgspec

from app.documents.pdf import is_pdf, page_count
from app.wire.exchange import InlineFile, ParsedRequest, RequestError
from app.wire.file_ref import StoredFile


def pages_of(request: ParsedRequest, stored: Mapping[str, StoredFile]) -> int | None:
    """Pages of all files of a request together, None where that of one is not known. Raises RequestError for what is no PDF."""
    counts = [_inline_pages(file) for file in request.inline_files]
    counts += [stored[ref.file_id].pages for ref in request.refs]
    if len(counts) < request.files:
        return None  # one comes from an address: nobody has seen it yet
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _inline_pages(file: InlineFile) -> int | None:
    text: str = msgspec.json.decode(file.raw)
    payload = text.partition(",")[2] if text[:5].lower() == "data:" else text
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        message = f"Invalid '{file.param}': not valid base64."
        raise RequestError(message, param=file.param, code="invalid_base64") from None
    if not is_pdf(data):
        message = f"Invalid '{file.param}': the file is no PDF. PDF is the one kind of file that is taken."
        raise RequestError(message, param=file.param, code="unsupported_file")
    return page_count(data)
