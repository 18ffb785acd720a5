"""/v1/files through a whole gateway: OpenAI's own client, raw forms, two accounts, limits, crashes."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import openai
import pytest
import trio

from app.routes.files import disposition
from domain import account as accounts
from domain import buckets
from domain.events import FileDeleted, FileUploaded
from domain.file import FILE_BYTES_MAX
from tests.support.clients.sdk import HALF_READ, LOOPS, sync
from tests.support.files.uploads import (
    FORM,
    a_pdf,
    file_events,
    form,
    get,
    other_key,
    part,
    pdf_of,
    stored,
    upload,
    upload_form,
    uploaded,
)
from tests.support.gateway.gateway import ACCOUNT, check_envelope, envelope, running


async def test_a_file_is_uploaded_shown_listed_read_and_deleted(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made = await uploaded(gateway, a_pdf(3), filename="Überblick.pdf")
        assert set(made) == {
            *("id", "object", "bytes", "created_at", "expires_at", "filename", "purpose", "status"),
        }
        assert made["object"] == "file"
        assert made["bytes"] == len(a_pdf(3))
        assert made["filename"] == "Überblick.pdf"
        assert (made["purpose"], made["status"], made["expires_at"]) == ("user_data", "processed", None)
        [event] = file_events(gateway)
        assert isinstance(event, FileUploaded)
        assert (event.file_id, event.account_id, event.key_id) == (made["id"], ACCOUNT, gateway.key_id)
        assert event.sha256 == hashlib.sha256(a_pdf(3)).hexdigest()
        assert (event.bytes, event.pages, event.media_type) == (len(a_pdf(3)), 3, "application/pdf")

        assert (await get(gateway, f"files/{made['id']}")).json() == made
        assert (await get(gateway, f"files/{made['id']}/")).json() == made
        page = (await get(gateway, "files")).json()
        assert page == {
            "object": "list",
            "data": [made],
            "first_id": made["id"],
            "last_id": made["id"],
            "has_more": False,
        }
        content = await get(gateway, f"files/{made['id']}/content")
        assert content.content == a_pdf(3)
        assert content.headers["content-type"] == "application/pdf"
        assert content.headers["content-length"] == str(len(a_pdf(3)))
        assert (
            content.headers["content-disposition"]
            == "attachment; filename=\"_berblick.pdf\"; filename*=UTF-8''%C3%9Cberblick.pdf"
        )
        head = await get(gateway, f"files/{made['id']}/content", method="HEAD")
        assert (head.status_code, head.content) == (200, b"")

        gone = await get(gateway, f"files/{made['id']}", method="DELETE")
        assert gone.json() == {"id": made["id"], "object": "file", "deleted": True}
        for path, method in (("", "GET"), ("/content", "GET"), ("", "DELETE")):
            envelope(await get(gateway, f"files/{made['id']}{path}", method=method), 404, "file_not_found")
        assert (await get(gateway, "files")).json()["data"] == []
        assert stored(tmp_path) == []
        assert file_events(gateway)[1:] == [FileDeleted(made["id"], ACCOUNT, len(a_pdf(3)), "deleted")]
        assert gateway.bucket(buckets.files(ACCOUNT)) == gateway.bucket(buckets.file_bytes(ACCOUNT)) == 0


async def test_the_folder_and_what_is_in_it_are_for_one_user(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made = await uploaded(gateway)
        assert stored(tmp_path) == [made["id"], f"{made['id']}.json"]
        assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700
        assert {(tmp_path / "files" / name).stat().st_mode & 0o777 for name in stored(tmp_path)} == {0o600}


async def test_the_file_name_is_in_no_event(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        await uploaded(gateway, filename="diagnosis-of-jane-doe.pdf")
        assert all(b"jane" not in row.state for row in gateway.services.ledger.read(0, 1_000))


@pytest.mark.filterwarnings(HALF_READ)
@pytest.mark.parametrize("loop", LOOPS)
async def test_the_official_client(tmp_path: Path, loop: str) -> None:
    async def use(client: openai.AsyncOpenAI) -> None:
        made = await client.files.create(
            file=("notes.pdf", a_pdf()),
            purpose="user_data",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        assert made.expires_at == made.created_at + 3600
        assert await client.files.retrieve(made.id) == made
        assert [each async for each in client.files.list()] == [made]
        assert (await client.files.content(made.id)).content == a_pdf()
        assert (await client.files.delete(made.id)).deleted
        with pytest.raises(openai.NotFoundError) as caught:
            await client.files.retrieve(made.id)
        assert (caught.value.code, caught.value.param) == ("file_not_found", "id")

    async with running(tmp_path) as gateway:
        await LOOPS[loop](gateway, use)


async def test_the_official_client_in_a_thread(tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(a_pdf(2))

    def use(client: openai.OpenAI) -> None:
        made = [client.files.create(file=path, purpose="user_data") for _ in range(5)]
        assert made[0].filename == "paper.pdf"
        assert [each.id for each in client.files.list(limit=2)] == [each.id for each in reversed(made)]
        assert [each.id for each in client.files.list(limit=2, order="asc")] == [each.id for each in made]
        page = client.files.list(limit=2, after=made[3].id)
        assert [each.id for each in page.data] == [made[2].id, made[1].id]
        assert page.has_more
        assert client.files.content(made[0].id).read() == a_pdf(2)
        assert client.files.delete(made[0].id).id == made[0].id
        assert not client.files.list(purpose="batch").data

    async with running(tmp_path) as gateway:
        await sync(gateway, use)


async def test_another_account_cannot_tell_that_a_file_exists(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made, key = await uploaded(gateway), other_key(gateway)
        never = "file-" + "0" * 32
        for path, method in (("", "GET"), ("/content", "GET"), ("", "DELETE")):
            foreign = await get(gateway, f"files/{made['id']}{path}", key=key, method=method)
            absent = await get(gateway, f"files/{never}{path}", key=key, method=method)
            assert foreign.text.replace(made["id"], never) == absent.text
            assert (foreign.status_code, set(foreign.headers)) == (404, set(absent.headers))
        assert (await get(gateway, "files", key=key)).json()["data"] == []
        envelope(await get(gateway, f"files?after={made['id']}", key=key), 400, "invalid_value")
        assert (await get(gateway, f"files/{made['id']}")).status_code == 200


async def test_a_key_is_needed(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        body = upload_form(a_pdf())
        envelope(await upload(gateway, body, key="sk-rr-nothing"), 401, "invalid_api_key")
        for path, method in (("files", "GET"), ("files/file-1", "GET"), ("files/file-1/content", "GET")):
            envelope(await get(gateway, path, key="sk-rr-nothing", method=method), 401, "invalid_api_key")
        assert stored(tmp_path) == []


async def test_a_frozen_account_uploads_nothing_and_may_still_read_and_delete(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made = await uploaded(gateway)
        gateway.decide(lambda state: accounts.freeze(state, reason="late"))
        envelope(await upload(gateway, upload_form(a_pdf())), 402, "account_frozen")
        assert (await get(gateway, f"files/{made['id']}")).status_code == 200
        assert (await get(gateway, f"files/{made['id']}", method="DELETE")).status_code == 200
        assert stored(tmp_path) == []


@pytest.mark.parametrize(
    "order", [("purpose", "file", "rest"), ("file", "rest", "purpose"), ("rest", "purpose", "file")]
)
async def test_fields_come_in_any_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    fields = {
        "purpose": [part("purpose", b"user_data")],
        "file": [part("file", a_pdf(), filename="a.pdf")],
        "rest": [part("expires_after[seconds]", b"7200"), part("expires_after[anchor]", b"created_at")],
    }
    async with running(tmp_path) as gateway:
        made = (await upload(gateway, form([each for name in order for each in fields[name]]))).json()
        assert made["expires_at"] == made["created_at"] + 7200
        assert made["filename"] == "a.pdf"


async def test_a_file_is_as_large_as_it_may_be_and_no_larger(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made = await uploaded(gateway, pdf_of(FILE_BYTES_MAX))
        assert made["bytes"] == FILE_BYTES_MAX
        assert (await get(gateway, f"files/{made['id']}/content")).content == pdf_of(FILE_BYTES_MAX)
        before = stored(tmp_path)
        refused = await upload(gateway, upload_form(pdf_of(FILE_BYTES_MAX + 1)))
        error = envelope(refused, 413, "file_too_large")
        assert "25 MB" in error["message"]
        assert error["param"] == "file"
        assert stored(tmp_path) == before


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid_file"),
        (b"just text that is called document.pdf", "unsupported_file"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 100, "unsupported_file"),
        (b"x" * 1024 + a_pdf(), "unsupported_file"),
        (b"%PDF-1.7\nand nothing else", "invalid_file"),
    ],
)
async def test_what_is_no_pdf_is_refused_whatever_it_is_called(tmp_path: Path, content: bytes, code: str) -> None:
    async with running(tmp_path) as gateway:
        error = envelope(await upload(gateway, upload_form(content, filename="document.pdf")), 400, code)
        assert error["param"] == "file"
        assert stored(tmp_path) == []
        assert file_events(gateway) == []


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{}", "application/json", 415, "unsupported_media_type"),
        (b"x", "multipart/form-data", 400, "invalid_multipart"),
        (b"", FORM, 400, "invalid_multipart"),
        (upload_form(a_pdf())[:-20], FORM, 400, "invalid_multipart"),
        (upload_form(a_pdf(), purpose="assistants"), FORM, 400, "invalid_value"),
        (form([part("purpose", b"user_data")]), FORM, 400, "missing_required_parameter"),
        (form([part("file", a_pdf(), filename="a.pdf")]), FORM, 400, "missing_required_parameter"),
        (form([part("file", a_pdf(), filename="a.pdf")] * 2), FORM, 400, "invalid_value"),
        (form([part("x", b"")] * 10_000), FORM, 400, "unknown_parameter"),
        (form([b"X-Long: " + b"x" * 4_000_000 + b"\r\n" + part("file", b"")]), FORM, 400, "invalid_multipart"),
    ],
    ids=["json", "boundary", "empty", "cut", "purpose", "no file", "no purpose", "two files", "parts", "header"],
)
async def test_an_upload_that_is_wrong_leaves_nothing(
    tmp_path: Path, body: bytes, kind: str, status: int, code: str
) -> None:
    async with running(tmp_path) as gateway:
        envelope(await upload(gateway, body, kind=kind), status, code)
        assert stored(tmp_path) == []
        assert file_events(gateway) == []
        assert gateway.services.instance.body_budget.held_bytes == 0
        assert gateway.services.instance.slots.running == 0


async def test_an_upload_in_chunks_of_unknown_length_is_bounded_as_it_comes(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        client = await gateway.connect()
        start = (
            f"POST /v1/files HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {gateway.key}\r\n"
            f"content-type: {FORM}\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        begin = upload_form(b"!").partition(b"!")[0] + a_pdf()
        sent = 0

        async def send_on() -> None:
            nonlocal sent
            await client.send(start.encode() + b"%x\r\n%b\r\n" % (len(begin), begin))
            with suppress(trio.BrokenResourceError):
                while sent < 4 * FILE_BYTES_MAX:
                    await client.send(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                    sent += 65_536

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_on)
            status, headers, body = await client.answer()
            check_envelope(body, "file_too_large", headers)
            nursery.cancel_scope.cancel()
        assert status == 413
        assert FILE_BYTES_MAX - 2**20 < sent < 2 * FILE_BYTES_MAX
        assert stored(tmp_path) == []


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=10001", "limit"), ("limit=x", "limit"), ("order=up", "order"), ("after=x", "after")],
)
async def test_a_list_accepts_only_documented_parameters(tmp_path: Path, query: str, param: str) -> None:
    async with running(tmp_path) as gateway:
        error = envelope(await get(gateway, f"files?{query}"), 400, "invalid_value")
        assert error["param"] == param


async def test_a_page_may_begin_after_a_file_that_is_deleted(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        made = [(await uploaded(gateway))["id"] for _ in range(3)]
        await get(gateway, f"files/{made[1]}", method="DELETE")
        page = (await get(gateway, f"files?after={made[1]}&order=asc")).json()
        assert [each["id"] for each in page["data"]] == [made[2]]
        assert page["has_more"] is False
        empty = (await get(gateway, f"files?after={made[2]}&order=asc")).json()
        assert (empty["first_id"], empty["last_id"], empty["data"]) == (None, None, [])


@pytest.mark.parametrize(
    "name", ['a".pdf', "a\\.pdf", "a;b=c.pdf", "a%0d%0ab.pdf", "Ü'*.pdf", "x" * 255, "<script>.pdf", "a%22.pdf"]
)
def test_no_name_breaks_out_of_its_header(name: str) -> None:
    header = disposition(name)
    assert header.isascii()
    assert header.isprintable()
    plain, _, coded = header.removeprefix('attachment; filename="').partition("\"; filename*=UTF-8''")
    assert not set('"\\%') & set(plain)
    assert unquote(coded) == name
    assert not set(coded) & set("\"';, ")


async def test_a_wrong_length_or_a_full_quota_is_reported_before_the_body_is_sent(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"key_concurrency": 1}) as gateway:
        head = (
            f"POST /v1/files HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {gateway.key}\r\ncontent-type: {FORM}\r\n"
            "expect: 100-continue\r\ncontent-length: "
        )
        for length, told in ((FILE_BYTES_MAX + 70_000, b"file_too_large"), (2**40, b"request_too_large")):
            client = await gateway.connect()
            await client.stream.send_all(f"{head}{length}\r\n\r\n".encode())
            answer = await client.stream.receive_some(65_536)
            assert answer.startswith(b"HTTP/1.1 413"), answer
            while told not in answer:
                more = await client.stream.receive_some(65_536)
                assert more, answer
                answer += more
