"""The operations on files that routes and requests use: upload, find, list, read, delete.

Rule 1: the content is durable in the storage before the ledger records the file, and the ledger records the deletion before the
content is removed. A crash in between leaves content in the storage only, which the sweep removes.
Rule 2: a look-up reads the file's own stream, so every process knows a file as soon as its upload was answered.
Rule 3: a whole content is in memory only for a request that refers to it, and is then counted in its reservation.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
import trio

from app.accounts.commands import known
from app.edge.body import Reservation
from app.faults import NoSuchFile, ReadModelsUnavailable, StorageUnavailable
from app.files.content import CHUNK_BYTES, FileChunks, encoded, encoded_bytes, inspect
from app.files.names import Described, Names, Page, described, listed
from app.files.storage import FILE_ID, Details, Spool, Storage
from app.files.upload import UploadForm
from app.ledger.codec import Codec
from app.ledger.group_commit import GroupCommit
from app.ledger.store import Append, Committed, GuardRefused, Ledger, StoreBusy, StoreUnavailable
from app.read_models import ReadModels, answers
from app.read_models.fresh import freshen
from app.wire.content import check_size
from app.wire.exchange import RequestError
from app.wire.file_ref import FileRef, StoredFile
from domain import buckets
from domain import file as files
from domain.errors import InvalidValue
from domain.events import FileUploaded, file_stream
from domain.file import File, Room

UPLOAD_BYTES = 1024 * 1024
"""The maximum memory that an upload uses."""
THREADS_MAX = 16
REFERENCED_MAX = 100
"""The maximum number of files that one request may refer to."""
T = TypeVar("T")
_log = structlog.get_logger("files")


@dataclass(frozen=True, slots=True)
class Records:
    """Where files are recorded: the ledger and its read models. `reading` bounds the threads, `poke` wakes the projections."""

    ledger: Ledger
    codec: Codec
    writer: GroupCommit
    read_models: ReadModels
    reading: trio.CapacityLimiter
    poke: Callable[[], None] = lambda: None


class Files:
    """The files of all accounts. Contents are in `storage`, records in `records`; `room` is each account's quota."""

    def __init__(self, storage: Storage, records: Records, room: Room) -> None:
        self.storage = storage
        self._ledger = records.ledger
        self._codec = records.codec
        self._writer = records.writer
        self._read_models = records.read_models
        self._reading = records.reading
        self._poke = records.poke
        self._room = room
        self.now_micros = records.ledger.estimated_now_micros
        self._threads = trio.CapacityLimiter(THREADS_MAX)
        self._inspecting = trio.CapacityLimiter(1)
        self._names = Names(storage, self._threads)

    # -- Uploading -------------------------------------------------------------------------------------------------------

    async def check_room(self, account_id: str, key_id: str) -> None:
        """Check before an upload that the account may store another file. The ledger's guards check again at the end.

        Raises AccountIsFrozen, KeyIsRevoked, FilesFull, StoreUnavailable."""
        guards = files.upload_guards(account_id, key_id, self._room)
        values = await self._read(self._ledger.bucket_values, [guard.bucket for guard in guards])
        least = {buckets.files(account_id): 1, buckets.file_bytes(account_id): 1}
        for guard in guards:
            if values[guard.bucket] + least.get(guard.bucket, 0) > (guard.ceiling or 0):
                raise files.upload_refusal(self._room, 1, guard.bucket, values[guard.bucket])

    async def upload(self, account_id: str, key_id: str, form: UploadForm, parts: AsyncIterable[bytes]) -> Described:
        """Store a file while it arrives. Raises RequestError (not a PDF), FilesFull, AccountIsFrozen, KeyIsRevoked,
        StorageUnavailable, StoreUnavailable. Errors from `form` and `parts` propagate."""
        spool = await self._run(self.storage.spool)
        try:
            digest = await self._collect(spool, form, parts)
            fields = form.finish()
            pages = await trio.to_thread.run_sync(inspect, spool.file, limiter=self._inspecting)
            uploaded = FileUploaded(
                file_id=f"file-{secrets.token_hex(16)}",
                account_id=account_id,
                key_id=key_id,
                sha256=digest,
                bytes=form.file_bytes,
                pages=pages,
                media_type=files.PDF,
                purpose=fields.purpose,
                expires_after_seconds=fields.expires_after_seconds,
            )
            kept: Described | None = None
            with trio.CancelScope(shield=True):
                kept = await self._keep(spool, uploaded, Details(fields.filename, files.PDF))
            assert kept is not None, "a shielded scope exits only normally or with an error"
            return kept
        finally:
            with trio.CancelScope(shield=True):
                await self._run(spool.discard)

    async def _collect(self, spool: Spool, form: UploadForm, parts: AsyncIterable[bytes]) -> str:
        """Write the file into the spool, a chunk at a time. Returns its SHA-256."""
        digest, waiting = hashlib.sha256(), bytearray()

        def write() -> None:
            digest.update(waiting)
            spool.write(waiting)

        async for data in parts:
            waiting += form.feed(data)
            if len(waiting) >= CHUNK_BYTES:
                await self._run(write)
                waiting.clear()
        await self._run(write)
        return digest.hexdigest()

    async def _keep(self, spool: Spool, uploaded: FileUploaded, details: Details) -> Described:
        file_id = uploaded.file_id
        guards = files.upload_guards(uploaded.account_id, uploaded.key_id, self._room)
        append = Append(f"upload_{file_id}", file_stream(file_id), 0, (uploaded,), guards)
        await self._run(self.storage.keep, spool, file_id, details)
        try:
            verdict = await self._writer.append(append)
        except StoreBusy:
            await self.remove(file_id)
            raise
        match verdict:
            case Committed():
                _log.info("file uploaded", file_id=file_id, account_id=uploaded.account_id, bytes=uploaded.bytes)
                self._names.learn(file_id, details.filename)
                return described(files.fold(file_id, [(uploaded, verdict.recorded_at_micros)]), details.filename)
            case GuardRefused():
                await self.remove(file_id)
                raise files.upload_refusal(self._room, uploaded.bytes, verdict.bucket, verdict.value)
            case _:
                raise StoreUnavailable(f"the random file id {file_id} already exists")

    # -- Finding ---------------------------------------------------------------------------------------------------------

    async def find(self, account_id: str, file_id: str, *, param: str = "id") -> File:
        """The file, if it exists for this account now. Raises NoSuchFile, StoreUnavailable."""
        file = await self.load(file_id) if FILE_ID.fullmatch(file_id) else File(file_id)
        if not file.belongs_to(account_id, self.now_micros()):
            raise NoSuchFile(file_id, param)
        return file

    async def load(self, file_id: str) -> File:
        """The file folded from its stream, in any state. Raises StoreUnavailable."""
        recorded = await self._read(self._ledger.stream, file_stream(file_id))
        instants = [one.recorded_at_micros for one in recorded]
        return files.fold(file_id, zip(known(self._codec, recorded), instants, strict=True))

    async def describe(self, file: File) -> Described:
        """Raises StorageUnavailable."""
        names = await self._names.of([file.file_id])
        return described(file, names[file.file_id])

    async def page(
        self, account_id: str, *, after: str | None, limit: int, newest_first: bool, purpose: str | None
    ) -> Page:
        """A page of an account's files, ordered by age. Raises InvalidValue, StoreUnavailable, StorageUnavailable."""
        if purpose not in (None, files.PURPOSE):
            return Page((), has_more=False)
        await self._freshen(account_id)
        position = None if after is None else await self._position(account_id, after)

        def look() -> answers.ReadModelAnswer[list[answers.File]]:
            return self._read_models.files(
                account_id,
                now_micros=self.now_micros(),
                after_position=position,
                newest_first=newest_first,
                limit=limit + 1,
            )

        found = (await self._read(look)).value
        names = await self._names.of([each.file_id for each in found[:limit]])
        return Page([listed(each, names[each.file_id]) for each in found[:limit]], has_more=len(found) > limit)

    async def _position(self, account_id: str, file_id: str) -> int:
        """Where a page begins. A file that was deleted meanwhile still marks its place."""
        found = (await self._read(self._read_models.file, account_id, file_id)).value
        if found is None:
            raise InvalidValue("after", "after must be the ID of one of your files, as returned by a list.")
        return found.position

    async def _freshen(self, account_id: str) -> None:
        """Wait, for a limited time, until the read model has caught up with the ledger."""
        head = (await self._read(self._ledger.head)).position
        await freshen(head, lambda: self._seen(account_id), self._poke)

    async def _seen(self, account_id: str) -> int:
        """The ledger position that the read model has reached; -1 while its tables are being built."""
        try:
            return (await self._read(self._read_models.file, account_id, "")).position
        except ReadModelsUnavailable:
            return -1

    # -- Reading ---------------------------------------------------------------------------------------------------------

    async def read(self, account_id: str, file_id: str, *, param: str = "id") -> tuple[File, FileChunks]:
        """A file and its content in chunks, which the caller closes. Raises NoSuchFile, StorageUnavailable, StoreUnavailable."""
        file = await self.find(account_id, file_id, param=param)
        assert file.uploaded is not None, "it was found"
        content = await self._run(self.storage.open, file_id)
        if content is not None and content.size == file.uploaded.bytes:
            return file, FileChunks(content, self._threads)
        if content is not None:
            await self._run(content.close)
        await self.find(account_id, file_id, param=param)  # raises if it has just been deleted
        raise _changed(file_id)

    async def contents(
        self, account_id: str, refs: Sequence[FileRef], reservation: Reservation
    ) -> dict[str, StoredFile]:
        """The files that a request refers to, by id, each read once. Their memory is added to the reservation.

        Raises NoSuchFile and RequestError (naming the reference), Overloaded, StorageUnavailable, StoreUnavailable."""
        sizes: dict[str, int] = {}
        total = 0
        for ref in refs:
            if ref.file_id not in sizes:
                _check_count(len(sizes), ref.param)
                file = await self.find(account_id, ref.file_id, param=ref.param)
                assert file.uploaded is not None, "it was found"
                sizes[ref.file_id] = file.uploaded.bytes
            total += sizes[ref.file_id]
            check_size(total, ref.param)
        stored: dict[str, StoredFile] = {}
        for ref in refs:
            if ref.file_id not in stored:
                size = encoded_bytes(sizes[ref.file_id])
                reservation.grow(2 * size)  # while it is read, its pieces are in memory too
                stored[ref.file_id] = await self._stored(account_id, ref)
                reservation.shrink(size)
        return stored

    async def _stored(self, account_id: str, ref: FileRef) -> StoredFile:
        file, chunks = await self.read(account_id, ref.file_id, param=ref.param)
        assert file.uploaded is not None, "it was found"
        try:
            data = await self._run(encoded, chunks.content, file.uploaded.sha256)
        finally:
            with trio.CancelScope(shield=True):
                await chunks.aclose()
        names = await self._names.of([ref.file_id])
        if data is None:
            raise _changed(ref.file_id)
        return StoredFile(file.uploaded.media_type, names[ref.file_id], data, file.uploaded.bytes, file.uploaded.pages)

    # -- Deleting --------------------------------------------------------------------------------------------------------

    async def delete(self, account_id: str, file_id: str) -> None:
        """Raises NoSuchFile, StoreUnavailable."""
        file = await self.find(account_id, file_id)
        with trio.CancelScope(shield=True):
            if not await self.end(file, reason="deleted"):
                raise NoSuchFile(file_id)

    async def end(self, file: File, *, reason: str) -> bool:
        """Record the file's deletion, then remove its content. False: it was deleted before. Raises StoreUnavailable."""
        events = files.delete(file, reason=reason)
        if not events:
            return False
        command_id = f"{reason}_{file.file_id}_{secrets.token_hex(4)}"
        append = Append(command_id, file_stream(file.file_id), file.version, tuple(events))
        ended = isinstance(await self._writer.append(append), Committed)
        if ended:
            _log.info("file removed", file_id=file.file_id, reason=reason)
            await self.remove(file.file_id)
        return ended

    async def remove(self, file_id: str) -> None:
        """Remove a content that the ledger does not know, or no longer knows. On failure, the sweep removes it later."""
        self._names.forget(file_id)
        try:
            await self._run(self.storage.delete, file_id)
        except StorageUnavailable as error:
            _log.warning("a file's content could not be removed yet", file_id=file_id, error=str(error))

    async def _read(self, ask: Callable[..., T], *arguments: object) -> T:
        """Query the store in a thread."""
        return await trio.to_thread.run_sync(ask, *arguments, abandon_on_cancel=True, limiter=self._reading)

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        """Use the storage in a thread."""
        try:
            return await trio.to_thread.run_sync(work, *arguments, limiter=self._threads)
        except StorageUnavailable as error:
            _log.warning("the file storage is unreachable", error=str(error))
            raise


def _check_count(found: int, param: str) -> None:
    if found >= REFERENCED_MAX:
        raise RequestError(
            f"A request can refer to at most {REFERENCED_MAX} files.", param=param, code="array_above_max_length"
        )


def _changed(file_id: str) -> StorageUnavailable:
    _log.error("a file's content is missing or altered", file_id=file_id)
    return StorageUnavailable(f"the content of {file_id} is missing or altered")
