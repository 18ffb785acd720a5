"""/v1/files: upload, list, show, read and delete, in OpenAI's shapes.

Rule 1: the key, the length and the room are judged before a byte of an upload is taken.
Rule 2: a file of another account is answered as one that never was.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from quart import Request, Response

from app.accounts.auth import Key, authenticate
from app.edge.application import StreamBody
from app.edge.body import BodyParts, on_exit, reserve_for
from app.faults import FileTooLarge
from app.files.content import CHUNK_BYTES
from app.files.names import Described
from app.files.service import UPLOAD_BYTES
from app.files.upload import OVERHEAD_BYTES_MAX, UploadForm
from app.read_models.queries import FILES_MAX
from app.services import Services
from domain.errors import InvalidValue
from domain.file import FILE_BYTES_MAX

UPLOAD_SECONDS = 900.0
"""For a whole upload, which may come over a slow line."""


async def upload_file(services: Services, request: Request) -> dict[str, Any]:
    """POST /v1/files."""
    services.lifetime.check()
    key = await _key(services, request)
    form = UploadForm(request.headers.get("content-type"))
    parts = BodyParts(request, services.settings.server.max_body_bytes, seconds=UPLOAD_SECONDS)
    if (request.content_length or 0) > FILE_BYTES_MAX + OVERHEAD_BYTES_MAX:
        raise FileTooLarge
    _take_place(services, request, key, UPLOAD_BYTES)
    await services.files.check_room(key.account_id, key.key_id)
    return _file(await services.files.upload(key.account_id, key.key_id, form, parts))


async def list_files(services: Services, request: Request) -> dict[str, Any]:
    """GET /v1/files."""
    key = await _key(services, request)
    asked = request.args
    page = await services.files.page(
        key.account_id,
        after=asked.get("after"),
        limit=_limit(asked.get("limit")),
        newest_first=_newest_first(asked.get("order")),
        purpose=asked.get("purpose"),
    )
    data = [_file(each) for each in page.files]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": page.has_more,
    }


async def show_file(services: Services, request: Request, file_id: str) -> dict[str, Any]:
    """GET /v1/files/{id}."""
    key = await _key(services, request)
    return _file(await services.files.describe(await services.files.find(key.account_id, file_id)))


async def file_content(services: Services, request: Request, file_id: str) -> Response:
    """GET /v1/files/{id}/content."""
    key = await _key(services, request)
    _take_place(services, request, key, 2 * CHUNK_BYTES)
    file, chunks = await services.files.read(key.account_id, file_id)
    on_exit(request, chunks.aclose)
    shown = await services.files.describe(file)
    assert file.uploaded is not None, "it was found"
    headers = {
        "content-type": file.uploaded.media_type,
        "content-length": str(shown.bytes),
        "content-disposition": disposition(shown.filename),
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
    }
    return Response(StreamBody(chunks), headers=headers)


async def delete_file(services: Services, request: Request, file_id: str) -> dict[str, Any]:
    """DELETE /v1/files/{id}."""
    key = await _key(services, request)
    await services.files.delete(key.account_id, file_id)
    return {"id": file_id, "object": "file", "deleted": True}


def disposition(filename: str) -> str:
    """A Content-Disposition that no name can break out of: ASCII for old clients, RFC 8187 for the others."""
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "_" for letter in filename)
    plain = plain.translate({ord('"'): "_", ord("\\"): "_", ord("%"): "_"})
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


async def _key(services: Services, request: Request) -> Key:
    return await authenticate(services.keys, request.headers.get("authorization"), now_micros=time.time_ns() // 1000)


def _take_place(services: Services, request: Request, key: Key, size: int) -> None:
    """One of the places of the process and of the key, and room for what is held in memory, until the request exits."""
    slot = services.slots.take(key.key_id)

    async def give_back() -> None:
        slot.give_back()

    on_exit(request, give_back)
    reserve_for(request, services.body_budget).grow(size)


def _file(file: Described) -> dict[str, Any]:
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": file.created_at,
        "expires_at": file.expires_at,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
    }


def _limit(asked: str | None) -> int:
    if asked is None:
        return FILES_MAX
    limit = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
    if not 1 <= limit <= FILES_MAX:
        raise InvalidValue("limit", f"limit must be a whole number from 1 to {FILES_MAX}.")
    return limit


def _newest_first(asked: str | None) -> bool:
    if asked not in (None, "asc", "desc"):
        raise InvalidValue("order", "order must be `asc` or `desc`.")
    return asked != "asc"
