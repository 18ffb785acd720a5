"""The life of files: quotas under concurrency, the remains of crashes, the sweep, and files in requests."""

from __future__ import annotations

import base64
import time
import tracemalloc
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import trio

from app.faults import NoSuchFile, Overloaded, StorageUnavailable
from app.files.storage import Spool, Storage
from app.files.sweep import ORPHAN_SECONDS, FileSweep
from app.ledger.store import Append
from app.wire.exchange import RequestError
from app.wire.file_ref import FileRef
from domain import buckets
from domain.events import FileDeleted, file_stream
from domain.file import FILE_BYTES_MAX, delete
from tests.support.files.uploads import (
    FORM,
    OTHER,
    a_pdf,
    file_events,
    get,
    other_key,
    pdf_of,
    stored,
    upload,
    upload_form,
    uploaded,
)
from tests.support.gateway.gateway import ACCOUNT, envelope, running


class Watched:
    """A storage that reports when an upload begins to be collected, and when its spool is discarded."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.begun, self.gone = trio.Event(), trio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def spool(self) -> Spool:
        spool = self._storage.spool()
        discard = spool.discard

        def told() -> None:
            discard()
            trio.from_thread.run_sync(self.gone.set)

        spool.discard = told  # type: ignore[method-assign]
        trio.from_thread.run_sync(self.begun.set)
        return spool


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        watched = Watched(gateway.services.files.storage)
        gateway.services.files.storage = cast(Storage, watched)
        request = gateway.request_bytes("files", upload_form(pdf_of(2_000_000)))
        request = request.replace(b"application/json", FORM.encode(), 1)
        client = await gateway.connect()
        await client.send(request[: len(request) // 2])
        await watched.begun.wait()
        assert len(stored(tmp_path)) == 1
        await client.stream.aclose()
        await watched.gone.wait()
        assert stored(tmp_path) == []
        assert file_events(gateway) == []


async def test_a_large_upload_is_never_whole_in_memory(tmp_path: Path) -> None:
    """Of the server's side: a client in another process would be seen by nothing here, so this one sends pieces of one block."""
    async with running(tmp_path) as gateway:
        head, tail = upload_form(b"!").split(b"!")
        small, block = a_pdf(), b"%" + b"x" * 65_534 + b"\n"
        line = small.index(b"\n") + 1

        async def pieces() -> Any:
            yield head + small[:line]
            for _ in range(FILE_BYTES_MAX // len(block) - 1):
                yield block
            yield small[line:] + tail

        headers = {"authorization": f"Bearer {gateway.key}", "content-type": FORM}
        await uploaded(gateway)  # what is loaded once is loaded
        tracemalloc.start()
        try:
            answer = await gateway.http.post(f"{gateway.base_url}/files", content=pieces(), headers=headers)
            made = answer.json()
            assert made["bytes"] > 24 * 2**20
            url = f"{gateway.base_url}/files/{made['id']}/content"
            async with gateway.http.stream("GET", url, headers=headers) as content:
                size = sum([len(each) async for each in content.aiter_raw()])
            assert size == made["bytes"]
            assert tracemalloc.get_traced_memory()[1] < 6 * 2**20
        finally:
            tracemalloc.stop()


async def test_an_account_has_room_for_so_many_files_and_no_more_at_any_concurrency(tmp_path: Path) -> None:
    async with running(tmp_path, files={"account_files": 3}) as gateway:
        answers: list[httpx.Response] = []

        async def one() -> None:
            answers.append(await upload(gateway, upload_form(a_pdf())))

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(one)
        assert sorted(each.status_code for each in answers) == [200] * 3 + [403] * 5
        for each in answers:
            if each.status_code == 403:
                envelope(each, 403, "file_storage_full")
        assert len(stored(tmp_path)) == 2 * gateway.bucket(buckets.files(ACCOUNT)) == 6
        first = next(each.json()["id"] for each in answers if each.status_code == 200)
        await get(gateway, f"files/{first}", method="DELETE")
        await uploaded(gateway)


async def test_an_account_has_room_for_so_many_bytes(tmp_path: Path) -> None:
    async with running(tmp_path, files={"account_bytes": 10_000}) as gateway:
        await uploaded(gateway, pdf_of(6_000))
        error = envelope(await upload(gateway, upload_form(pdf_of(4_001))), 403, "file_storage_full")
        assert "4000 bytes are left" in error["message"]
        await uploaded(gateway, pdf_of(4_000))
        envelope(await upload(gateway, upload_form(a_pdf())), 403, "file_storage_full")
        assert len(stored(tmp_path)) == 4


async def test_an_expired_file_is_gone_at_once_and_swept_later(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made = await uploaded(gateway, anchor="created_at", seconds="3600")
        stays = await uploaded(gateway, anchor="created_at", seconds="7200")
        files, real = gateway.services.files, gateway.services.files.now_micros
        files.now_micros = lambda: made["expires_at"] * 1_000_000 - 1
        assert (await get(gateway, f"files/{made['id']}")).json() == made
        assert len((await get(gateway, "files")).json()["data"]) == 2
        files.now_micros = lambda: made["expires_at"] * 1_000_000 + 999_999
        for path, method in (("", "GET"), ("/content", "GET"), ("", "DELETE")):
            envelope(await get(gateway, f"files/{made['id']}{path}", method=method), 404, "file_not_found")
        assert [each["id"] for each in (await get(gateway, "files")).json()["data"]] == [stays["id"]]
        assert len(stored(tmp_path)) == 4

        sweep = FileSweep(files, gateway.services.read_models, trio.CapacityLimiter(1))
        again = FileSweep(files, gateway.services.read_models, trio.CapacityLimiter(1))
        ended: list[int] = []

        async def turn(one: FileSweep) -> None:
            ended.append(await one.expire())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(turn, sweep)
            nursery.start_soon(turn, again)
        assert sum(ended) == 1
        files.now_micros = real
        assert stored(tmp_path) == [stays["id"], f"{stays['id']}.json"]
        assert file_events(gateway)[2:] == [FileDeleted(made["id"], ACCOUNT, made["bytes"], "expired")]
        assert gateway.bucket(buckets.files(ACCOUNT)) == 1
        assert await sweep.expire() == 0


async def test_a_ledger_that_is_away_leaves_content_that_the_sweep_removes(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        kept = await uploaded(gateway)
        faulty = gateway.break_ledger()
        faulty.down_for(lambda append: append.stream.startswith("file:"))
        envelope(await upload(gateway, upload_form(a_pdf())), 503, "store_unavailable")
        envelope(await get(gateway, f"files/{kept['id']}", method="DELETE"), 503, "store_unavailable")
        faulty.up()
        assert len(stored(tmp_path)) == 4
        assert (await get(gateway, f"files/{kept['id']}/content")).content == a_pdf()

        await get(gateway, "files")  # the read model is there
        now = [time.time()]
        sweep = FileSweep(
            gateway.services.files, gateway.services.read_models, trio.CapacityLimiter(1), wall_clock=lambda: now[0]
        )
        assert await sweep.collect() == 0  # it may be on its way yet
        now[0] += ORPHAN_SECONDS + 60
        assert await sweep.collect() == 1
        assert stored(tmp_path) == [kept["id"], f"{kept['id']}.json"]
        assert await sweep.collect() == 0


async def test_an_upload_whose_answer_was_lost_is_there(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        gateway.break_ledger().lose_one_answer_to(lambda append: append.stream.startswith("file:"))
        envelope(await upload(gateway, upload_form(a_pdf())), 503, "store_unavailable")
        [there] = (await get(gateway, "files")).json()["data"]
        assert (await get(gateway, f"files/{there['id']}/content")).content == a_pdf()
        later = FileSweep(
            gateway.services.files,
            gateway.services.read_models,
            trio.CapacityLimiter(1),
            wall_clock=lambda: time.time() + 10 * ORPHAN_SECONDS,
        )
        assert await later.collect() == 0


async def test_a_deletion_that_a_crash_cut_short_is_finished_by_the_sweep(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made, services = await uploaded(gateway), gateway.services
        file = await services.files.load(made["id"])
        events = tuple(delete(file, reason="deleted"))
        await services.writer.append(Append("cmd_crash", file_stream(made["id"]), file.version, events))
        assert len(stored(tmp_path)) == 2
        envelope(await get(gateway, f"files/{made['id']}/content"), 404, "file_not_found")
        assert (await get(gateway, "files")).json()["data"] == []  # the read model has seen it
        later = FileSweep(
            services.files,
            services.read_models,
            trio.CapacityLimiter(1),
            wall_clock=lambda: time.time() + 2 * ORPHAN_SECONDS,
        )
        assert await later.collect() == 1
        assert stored(tmp_path) == []


async def test_a_content_that_is_not_what_was_put_there_is_not_handed_out(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made = await uploaded(gateway)
        path = tmp_path / "files" / made["id"]
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        reservation = gateway.services.instance.body_budget.reserve(0)
        with pytest.raises(StorageUnavailable):
            await gateway.services.files.contents(ACCOUNT, [FileRef(made["id"], "input")], reservation)
        reservation.release()
        path.write_bytes(b"short")
        envelope(await get(gateway, f"files/{made['id']}/content"), 503, "file_storage_unavailable")
        path.unlink()
        envelope(await get(gateway, f"files/{made['id']}/content"), 503, "file_storage_unavailable")
        assert (await get(gateway, f"files/{made['id']}")).json() == made


async def test_a_request_gets_the_contents_that_it_refers_to(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        sizes = (5_000, 5_001, 300_002)
        made = [await uploaded(gateway, pdf_of(size), filename=f"{size}.pdf") for size in sizes]
        budget = gateway.services.instance.body_budget
        reservation = budget.reserve(0)
        refs = [FileRef(each["id"], f"input[{number}]") for number, each in enumerate(made)]
        stored_files = await gateway.services.files.contents(ACCOUNT, [*refs, refs[0]], reservation)
        assert list(stored_files) == [each["id"] for each in made]
        for size, each in zip(sizes, made, strict=True):
            found = stored_files[each["id"]]
            assert base64.b64decode(found.data, validate=True) == pdf_of(size)
            assert (found.media_type, found.filename, found.bytes, found.pages) == (
                *("application/pdf", f"{size}.pdf", size, 1),
            )
        assert budget.held_bytes == sum(len(each.data) for each in stored_files.values())
        reservation.release()

        other_key(gateway)
        for account_id, file_id in ((OTHER, made[1]["id"]), (ACCOUNT, "file-" + "f" * 32), (ACCOUNT, "../x")):
            with pytest.raises(NoSuchFile) as caught:
                await gateway.services.files.contents(account_id, [FileRef(file_id, "input[1].file_id")], reservation)
            assert (caught.value.status, caught.value.param) == (404, "input[1].file_id")
        budget.limit_bytes = 1000
        with pytest.raises(Overloaded):
            await gateway.services.files.contents(ACCOUNT, refs, reservation)
        reservation.release()


async def test_a_running_gateway_sweeps_automatically(tmp_path: Path) -> None:
    """One turn is both of its halves, and the second half waits for its time."""
    async with running(tmp_path) as gateway:
        made = await uploaded(gateway)
        (tmp_path / "files" / ("file-" + "a" * 32)).write_bytes(b"left by a crash")
        await get(gateway, "files")  # the read model has seen the file
        sweep = FileSweep(
            gateway.services.files,
            gateway.services.read_models,
            trio.CapacityLimiter(1),
            wall_clock=lambda: time.time() + 2 * ORPHAN_SECONDS,
        )
        await sweep.turn()
        assert stored(tmp_path) == [made["id"], f"{made['id']}.json"]
        (tmp_path / "files" / ("file-" + "b" * 32)).write_bytes(b"left by another")
        await sweep.turn()
        assert len(stored(tmp_path)) == 3


async def test_an_unreachable_storage_is_reported_and_nothing_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made = await uploaded(gateway)
        (tmp_path / "files").rename(tmp_path / "away")
        (tmp_path / "files").write_text("a file where the folder was")
        gateway.services.files._names.forget(made["id"])
        for path in ("files", f"files/{made['id']}", f"files/{made['id']}/content"):
            envelope(await get(gateway, path), 503, "file_storage_unavailable")
        envelope(await upload(gateway, upload_form(a_pdf())), 503, "file_storage_unavailable")
        assert (await get(gateway, f"files/{made['id']}", method="DELETE")).status_code == 200
        (tmp_path / "files").unlink()
        (tmp_path / "away").rename(tmp_path / "files")
        assert len(stored(tmp_path)) == 2  # the sweep's
        envelope(await get(gateway, f"files/{made['id']}"), 404, "file_not_found")


async def test_a_file_that_is_deleted_while_it_is_read_is_not_found(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made, files = await uploaded(gateway), gateway.services.files
        real = files.storage

        class Deleting:
            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

            def open(self, file_id: str) -> None:
                trio.from_thread.run(files.delete, ACCOUNT, file_id)

        files.storage = cast(Storage, Deleting())
        envelope(await get(gateway, f"files/{made['id']}/content"), 404, "file_not_found")


async def test_a_name_that_the_storage_has_lost_is_made_up(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made = await uploaded(gateway)
        (tmp_path / "files" / f"{made['id']}.json").unlink()
        gateway.services.files._names.forget(made["id"])
        assert (await get(gateway, f"files/{made['id']}")).json() == {**made, "filename": f"{made['id']}.pdf"}


async def test_a_writer_that_is_full_keeps_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        gateway.services.writer._queue_max = 0
        envelope(await upload(gateway, upload_form(a_pdf())), 503, "store_unavailable")
        assert stored(tmp_path) == []


async def test_what_a_request_refers_to_is_bounded_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as gateway:
        made = await uploaded(gateway, pdf_of(FILE_BYTES_MAX))
        small = [(await uploaded(gateway))["id"] for _ in range(3)]
        files, budget = gateway.services.files, gateway.services.instance.body_budget
        twice = [FileRef(made["id"], f"input[{number}]") for number in range(2)]
        reservation = budget.reserve(0)
        await files.contents(ACCOUNT, twice, reservation)
        reservation.release()
        with pytest.raises(RequestError) as caught:
            await files.contents(ACCOUNT, [*twice, FileRef(small[0], "input[2]")], reservation)
        assert (caught.value.status, caught.value.code, caught.value.param) == (413, "request_too_large", "input[2]")
        monkeypatch.setattr("app.files.service.REFERENCED_MAX", 2)
        with pytest.raises(RequestError) as many:
            await files.contents(ACCOUNT, [FileRef(each, each) for each in small], reservation)
        assert (many.value.code, many.value.param) == ("array_above_max_length", small[2])
        assert budget.held_bytes == 0
