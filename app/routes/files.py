"""/v1/files: upload, list, show, read and delete, in OpenAI's shapes.

Rule 1: the key, the length and the available room are judged before a byte of an upload is read.
Rule 2: another account's file is answered exactly like a file that never existed.
"""

from __future__ import annotations

from urllib.parse import quote

from quart import Request, Response
from quart_schema import DataSource

from app.accounts.auth import Key
from app.edge.application import StreamBody
from app.edge.body import BodyParts, on_exit, reserve_for
from app.faults import FileTooLarge
from app.files.content import CHUNK_BYTES
from app.files.names import Described
from app.files.service import UPLOAD_BYTES
from app.files.upload import OVERHEAD_BYTES_MAX, UploadForm
from app.read_models.queries import FILES_MAX
from app.routes import shapes
from app.routes.bodies import public_answer
from app.routes.caller import bearer
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from domain.errors import InvalidValue
from domain.file import FILE_BYTES_MAX

UPLOAD_SECONDS = 900.0
"""For a whole upload, possibly over a slow connection."""


async def upload(services: Services, request: Request) -> Response:
    services.instance.lease.check()
    key = await bearer(services, request)
    form = UploadForm(request.headers.get("content-type"))
    parts = BodyParts(request, services.settings.server.max_body_bytes, seconds=UPLOAD_SECONDS)
    if (request.content_length or 0) > FILE_BYTES_MAX + OVERHEAD_BYTES_MAX:
        raise FileTooLarge
    _take_slot(services, request, key, UPLOAD_BYTES)
    await services.files.check_room(key.account_id, key.key_id)
    return public_answer(_shown(await services.files.upload(key.account_id, key.key_id, form, parts)))


async def files(services: Services, request: Request) -> Response:
    key = await bearer(services, request)
    query = request.args
    page = await services.files.page(
        key.account_id,
        after=query.get("after"),
        limit=_limit(query.get("limit")),
        newest_first=_newest_first(query.get("order")),
        purpose=query.get("purpose"),
    )
    data = [_shown(each) for each in page.files]
    first_id, last_id = (data[0].id, data[-1].id) if data else (None, None)
    return public_answer(shapes.FileList("list", data, first_id, last_id, page.has_more))


async def file(services: Services, request: Request, file_id: str) -> Response:
    key = await bearer(services, request)
    found = await services.files.find(key.account_id, file_id)
    return public_answer(_shown(await services.files.describe(found)))


async def content(services: Services, request: Request, file_id: str) -> Response:
    key = await bearer(services, request)
    _take_slot(services, request, key, 2 * CHUNK_BYTES)
    found, chunks = await services.files.read(key.account_id, file_id)
    on_exit(request, chunks.aclose)
    shown = await services.files.describe(found)
    assert found.uploaded is not None, "find() returns only uploaded files"
    headers = {
        "content-type": found.uploaded.media_type,
        "content-length": str(shown.bytes),
        "content-disposition": disposition(shown.filename),
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
    }
    return Response(StreamBody(chunks), headers=headers)


async def delete(services: Services, request: Request, file_id: str) -> Response:
    key = await bearer(services, request)
    await services.files.delete(key.account_id, file_id)
    return public_answer(shapes.FileDeletedObject(file_id, "file", deleted=True))


ROUTES = (
    Route(
        "POST",
        "/v1/files",
        upload,
        Operation(
            "Upload a file",
            tag="models",
            body=shapes.UploadForm,
            source=DataSource.FORM_MULTIPART,
            answers={200: shapes.FileObject},
            errors=(401, 402, 403, 429),
            caller="key",
        ),
    ),
    Route(
        "GET",
        "/v1/files",
        files,
        Operation(
            "List files",
            tag="models",
            query=shapes.FileQuery,
            answers={200: shapes.FileList},
            errors=(401, 404),
            caller="key",
        ),
    ),
    Route(
        "GET",
        "/v1/files/<file_id>",
        file,
        Operation("Show a file", tag="models", answers={200: shapes.FileObject}, errors=(401, 404), caller="key"),
    ),
    Route(
        "GET",
        "/v1/files/<file_id>/content",
        content,
        Operation(
            "Read a file",
            tag="models",
            answers={200: bytes},
            errors=(401, 404, 429),
            caller="key",
            media_type="application/pdf",
        ),
    ),
    Route(
        "DELETE",
        "/v1/files/<file_id>",
        delete,
        Operation(
            "Delete a file",
            tag="models",
            answers={200: shapes.FileDeletedObject},
            errors=(401, 404),
            caller="key",
        ),
    ),
)


def disposition(filename: str) -> str:
    """A Content-Disposition that no file name can break out of: ASCII for old clients, RFC 8187 for the others."""
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "_" for letter in filename)
    plain = plain.translate({ord('"'): "_", ord("\\"): "_", ord("%"): "_"})
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _take_slot(services: Services, request: Request, key: Key, size: int) -> None:
    """Hold one of the process's and the key's slots, and room for `size` bytes in memory, until the request exits."""
    slot = services.instance.slots.take(key.key_id)

    async def give_back() -> None:
        slot.give_back()

    on_exit(request, give_back)
    reserve_for(request, services.instance.body_budget).grow(size)


def _shown(found: Described) -> shapes.FileObject:
    return shapes.FileObject(
        id=found.id,
        object="file",
        bytes=found.bytes,
        created_at=found.created_at,
        expires_at=found.expires_at,
        filename=found.filename,
        purpose=found.purpose,
        status="processed",
    )


def _limit(text: str | None) -> int:
    if text is None:
        return FILES_MAX
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= limit <= FILES_MAX:
        raise InvalidValue("limit", f"limit must be a whole number from 1 to {FILES_MAX}.")
    return limit


def _newest_first(text: str | None) -> bool:
    if text not in (None, "asc", "desc"):
        raise InvalidValue("order", "order must be `asc` or `desc`.")
    return text != "asc"
