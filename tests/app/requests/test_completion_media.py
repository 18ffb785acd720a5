"""PDFs and images on their way to upstreams of every protocol: uploaded, inline or by address, from both endpoints.

Rule: a scripted vendor opens the PDF that it is sent and counts its pages: what it says of it proves that the bytes came through.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from domain.events import RequestDebited
from tests.fakes.upstream_script import Request
from tests.fakes.vendor_story import TEXT, image
from tests.support.files.uploads import FORM, a_pdf, upload_form
from tests.support.gateway.gateway import CREDIT_NANOS, Gateway, envelope, open_account
from tests.support.upstream.vendors import SOLD, VENDORS, selling

PATHS = ("responses", "chat/completions")
PDF = "data:application/pdf;base64," + base64.b64encode(a_pdf(3)).decode()
PICTURE = "data:image/png;base64," + image()
ADDRESS = "https://pictures.example/cat.png"
Json = dict[str, Any]


def ask_about(path: str, *, file: Json | None = None, picture: str | None = None) -> Json:
    """A question about a file (file_id, or file_data and filename), or about a picture at an address."""
    if path == "responses":
        parts: list[Json] = [{"type": "input_text", "text": "What is this?"}]
        parts += [{"type": "input_file", **file}] if file else []
        parts += [{"type": "input_image", "image_url": picture}] if picture else []
        return {"model": SOLD, "input": [{"role": "user", "content": parts}]}
    parts = [{"type": "text", "text": "What is this?"}]
    parts += [{"type": "file", "file": file}] if file else []
    parts += [{"type": "image_url", "image_url": {"url": picture}}] if picture else []
    return {"model": SOLD, "messages": [{"role": "user", "content": parts}]}


async def said(gateway: Gateway, path: str, body: Json) -> str:
    answer = await gateway.post(path, body)
    assert answer.status_code == 200, answer.text
    received: Json = answer.json()
    if path == "responses":
        return "".join(p["text"] for item in received["output"] for p in item.get("content", ()))
    return str(received["choices"][0]["message"]["content"])


async def uploaded(gateway: Gateway, pages: int, *, key: str | None = None) -> str:
    """The id of a PDF."""
    answer = await gateway.post("files", upload_form(a_pdf(pages)), key=key, headers={"content-type": FORM})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_pdf_arrives_whole_whether_uploaded_or_inline(tmp_path: Path, vendor: str, path: str) -> None:
    async with selling(tmp_path, vendor) as (gateway, served):
        file_id = await uploaded(gateway, 2)
        assert await said(gateway, path, ask_about(path, file={"file_id": file_id})) == "A PDF of 2 pages."
        inline = ask_about(path, file={"filename": "a.pdf", "file_data": PDF})
        assert await said(gateway, path, inline) == "A PDF of 3 pages."
        assert not any(file_id.encode() in request.body for request in served[vendor].requests)
        assert [type(event) for event in await gateway.settled()] == [RequestDebited] * 2


@pytest.mark.parametrize("vendor", VENDORS)
async def test_another_accounts_file_is_reported_as_missing(tmp_path: Path, vendor: str) -> None:
    async with selling(tmp_path, vendor) as (gateway, served):
        open_account(gateway.services.ledger, gateway.services.codec, "acct_other", CREDIT_NANOS)
        _, other = gateway.new_key(account_id="acct_other")
        theirs, never = await uploaded(gateway, 2, key=other), "file-0123456789abcdefABCDEF01"
        for path in PATHS:
            answers = [await gateway.post(path, ask_about(path, file={"file_id": each})) for each in (theirs, never)]
            messages = [envelope(answer, 404, "file_not_found")["message"] for answer in answers]
            assert messages[0].replace(theirs, never) == messages[1]
        assert served[vendor].requests == []
        assert await gateway.settled() == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_picture_arrives_as_it_was_sent(tmp_path: Path, vendor: str, path: str) -> None:
    async with selling(tmp_path, vendor) as (gateway, served):
        assert await said(gateway, path, ask_about(path, picture=PICTURE)) == TEXT
        [request] = served[vendor].requests
        assert _pictures(vendor, request) == [image()]


def _pictures(vendor: str, request: Request) -> list[str]:
    """The base64 of all pictures in a vendor's request."""
    body = request.json()
    if vendor == "anthropic":
        return [b["source"]["data"] for b in body["messages"][0]["content"] if b["type"] == "image"]
    if vendor == "gemini":
        return [part["inlineData"]["data"] for part in body["contents"][0]["parts"] if "inlineData" in part]
    if "input" in body:
        urls = [part["image_url"] for part in body["input"][0]["content"] if part["type"] == "input_image"]
    else:
        urls = [p["image_url"]["url"] for p in body["messages"][0]["content"] if p["type"] == "image_url"]
    return [url.partition(",")[2] for url in urls]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_address_goes_only_to_vendors_that_fetch_urls(tmp_path: Path, vendor: str, path: str) -> None:
    """An operator's own server (openai-chat) fetches nothing for clients: it would do so from inside the operator's network."""
    async with selling(tmp_path, vendor) as (gateway, served):
        answer = await gateway.post(path, ask_about(path, picture=ADDRESS))
        if vendor == "openai-chat":
            envelope(answer, 400, "unsupported_parameter")
            assert served[vendor].requests == []
        else:
            assert answer.status_code == 200, answer.text
            assert ADDRESS.encode() in served[vendor].requests[0].body


@pytest.mark.parametrize("address", ["http://127.0.0.1/x.png", "http://169.254.169.254/latest", "file:///etc/passwd"])
@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini"])
async def test_an_address_within_a_network_goes_to_no_vendor(tmp_path: Path, vendor: str, address: str) -> None:
    async with selling(tmp_path, vendor) as (gateway, served):
        for path in PATHS:
            answer = await gateway.post(path, ask_about(path, picture=address))
            assert answer.status_code == 400
        assert served[vendor].requests == []
        assert await gateway.settled() == []
