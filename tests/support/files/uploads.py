"""PDFs, the forms that carry them, and a gateway's files as tests ask for them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
from pypdf import PdfWriter

from domain.events import FileDeleted, FileUploaded
from tests.support.gateway.gateway import Gateway, open_account

OTHER = "acct_other"
"""Another account than the gateway's own."""

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


async def upload(gateway: Gateway, body: bytes, *, key: str | None = None, kind: str = FORM) -> httpx.Response:
    return await gateway.post("files", body, key=key, headers={"content-type": kind})


async def uploaded(gateway: Gateway, content: bytes | None = None, **more: str) -> dict[str, Any]:
    answer = await upload(gateway, upload_form(a_pdf() if content is None else content, **more))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def get(gateway: Gateway, path: str, *, key: str | None = None, method: str = "GET") -> httpx.Response:
    headers = {"authorization": f"Bearer {gateway.key if key is None else key}"}
    return await gateway.http.request(method, f"{gateway.base_url}/{path}", headers=headers)


def stored(folder: Path) -> list[str]:
    """All that lies in the storage."""
    return sorted(each.name for each in (folder / "files").glob("*")) if (folder / "files").exists() else []


def file_events(gateway: Gateway) -> list[FileUploaded | FileDeleted]:
    return [event for event in gateway.events() if isinstance(event, FileUploaded | FileDeleted)]


def other_key(gateway: Gateway) -> str:
    open_account(gateway.services.ledger, gateway.services.codec, OTHER, 0)
    return gateway.new_key(account_id=OTHER)[1]
