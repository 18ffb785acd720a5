"""PDFs, and forms that carry them, as tests need them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache

from pypdf import PdfWriter

BOUNDARY = "----form7MA4YWxkTrZu0gW"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


@lru_cache
def a_pdf(pages: int = 1) -> bytes:
    """A PDF that a real library wrote."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def pdf_of(size: int) -> bytes:
    """A PDF of exactly so many bytes: a comment stands between its header and its objects."""
    small = a_pdf()
    line = small.index(b"\n") + 1
    return small[:line] + b"%" + b"x" * (size - len(small) - 2) + b"\n" + small[line:]


def part(name: str, value: bytes, *, filename: str | None = None, kind: str = "") -> bytes:
    named = "" if filename is None else f'; filename="{filename}"'
    typed = f"Content-Type: {kind}\r\n" if kind else ""
    return f'Content-Disposition: form-data; name="{name}"{named}\r\n{typed}\r\n'.encode() + value + b"\r\n"


def form(parts: Sequence[bytes], *, boundary: str = BOUNDARY) -> bytes:
    return b"".join(f"--{boundary}\r\n".encode() + each for each in parts) + f"--{boundary}--\r\n".encode()


def upload_form(content: bytes, *, filename: str = "document.pdf", purpose: str = "user_data", **more: str) -> bytes:
    """The form that curl would send. `more`: anchor, seconds."""
    fields = [part("purpose", purpose.encode())]
    fields += [part(f"expires_after[{name}]", value.encode()) for name, value in more.items()]
    return form([*fields, part("file", content, filename=filename, kind="application/pdf")])
