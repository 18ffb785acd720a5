"""/v1/files through a whole gateway: OpenAI's own client, raw forms, two accounts, limits, crashes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import trio

from domain import account as accounts
from domain import buckets
from domain.events import FileDeleted, FileUploaded
from domain.file import FILE_BYTES_MAX
from tests.support.gateway import ACCOUNT, Gateway, envelope, open_account, running
from tests.support.uploads import FORM, a_pdf, form, part, pdf_of, upload_form

OTHER = "acct_other"


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


async def test_the_official_client_on_trio(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        client = openai.AsyncOpenAI(api_key=gateway.key, base_url=gateway.base_url, http_client=gateway.http)
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


async def test_the_official_client_in_a_thread(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        path = tmp_path / "paper.pdf"
        path.write_bytes(a_pdf(2))

        def use() -> None:
            with httpx.Client(trust_env=False, timeout=30) as http:
                client = openai.OpenAI(api_key=gateway.key, base_url=gateway.base_url, http_client=http)
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

        await trio.to_thread.run_sync(use)


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
