"""The website over a real socket, next to the API: which of the two answers, and how."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.settings import ServerSettings
from app.website.opening import open_site
from tests.support.gateway.gateway import Gateway, envelope, running
from tests.support.website.website import ASSET, BROTLI, FILES, write

PAGE = "text/html; charset=utf-8"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    site = open_site(ServerSettings(), [write(tmp_path / "out")])
    async with running(tmp_path, site=site) as gateway:
        yield gateway


async def raw(gateway: Gateway, request: str) -> tuple[int, dict[str, str], bytes]:
    """The answer to exactly these bytes, on a connection that ends with it."""
    client = await gateway.connect()
    await client.send(f"{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode("latin-1"))
    status, headers = await client.head()
    return status, dict(headers), await client.read_to_end()


async def test_pages_and_files_are_served_with_their_headers(gateway: Gateway) -> None:
    for path, name in (
        ("/", "index.html"),
        ("/docs", "docs.html"),
        ("/docs/", "docs.html"),
        ("/docs?_rsc=1", "docs.html"),
    ):
        answer = await gateway.http.get(gateway.origin + path)
        assert (answer.status_code, answer.content) == (200, FILES[name])
        assert answer.headers["content-type"] == PAGE
        assert "'sha256-" in answer.headers["content-security-policy"]
        assert "unsafe-inline" not in answer.headers["content-security-policy"].partition("style-src")[0]
        assert answer.headers["x-request-id"].startswith("req_")
    asset = await gateway.http.get(f"{gateway.origin}/{ASSET}", headers={"accept-encoding": "gzip"})
    assert (asset.content, asset.headers["content-encoding"]) == (FILES[ASSET], "gzip")
    assert "immutable" in asset.headers["cache-control"]


async def test_brotli_comes_as_it_was_built(gateway: Gateway) -> None:
    client = await gateway.connect()
    await client.send(b"GET /hello.txt HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip, br\r\nconnection: close\r\n\r\n")
    status, headers = await client.head()
    assert (status, headers["content-encoding"], await client.read_to_end()) == (200, "br", BROTLI)


async def test_an_unknown_page_is_the_websites_404(gateway: Gateway) -> None:
    for path in (
        "/nothing",
        "/docs.html",
        "/dashboard/nothing",
        "/V1/models",
        "/apis",
        "/logs",
        "/_next/static/gone.js",
    ):
        answer = await gateway.http.get(gateway.origin + path)
        assert (answer.status_code, answer.content) == (404, FILES["404.html"]), path
        assert answer.headers["content-type"] == PAGE


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/api",
        "/api/nothing",
        "/log",
        "/log/x",
        "/simulator/pay/x",
        "/healthz/x",
        "//v1/models",
    ],
)
async def test_what_is_kept_for_the_api_answers_envelopes(gateway: Gateway, path: str) -> None:
    status, headers, body = await raw(gateway, f"GET {path}")
    assert (status, headers["content-type"]) == (404, "application/json")
    assert b'"not_found"' in body


async def test_the_api_is_where_it_was(gateway: Gateway) -> None:
    assert (await gateway.http.get(f"{gateway.origin}/healthz")).text == "ok"
    assert (await gateway.http.get(f"{gateway.origin}/readyz")).text == "ok"
    assert (await gateway.http.get(f"{gateway.origin}/v1/models")).json()["object"] == "list"
    assert (await gateway.http.get(f"{gateway.origin}/openapi.json")).json()["openapi"].startswith("3.1")
    assert (await gateway.http.get(f"{gateway.origin}/metrics")).status_code == 200
    envelope(await gateway.http.get(f"{gateway.origin}/v1/responses"), 405, "method_not_allowed")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
async def test_a_page_is_only_read(gateway: Gateway, method: str) -> None:
    answer = await gateway.http.request(method, f"{gateway.origin}/docs", content=b"x" * 10)
    envelope(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


async def test_a_client_whose_base_url_lacks_v1_gets_a_message_that_says_so(gateway: Gateway) -> None:
    answer = await gateway.http.post(f"{gateway.origin}/chat/completions", json={})
    assert "/v1" in envelope(answer, 404, "not_found")["message"]


async def test_head_has_the_headers_alone(gateway: Gateway) -> None:
    for path in ("/docs", "/nothing", f"/{ASSET}"):
        whole = await gateway.http.get(gateway.origin + path, headers={"accept-encoding": "identity"})
        status, headers, body = await raw(gateway, f"HEAD {path}")
        assert (status, body) == (whole.status_code, b"")
        assert headers["content-length"] == str(len(whole.content))
        assert headers.get("etag") == whole.headers.get("etag")


async def test_who_has_a_page_is_not_sent_it_again_on_the_same_connection(gateway: Gateway) -> None:
    client = await gateway.connect()
    request = "GET /docs HTTP/1.1\r\nhost: x\r\n{}\r\n"
    await client.send(request.format("").encode())
    status, headers = await client.head()
    await client.read_until(FILES["docs.html"])
    assert status == 200
    await client.send(request.format(f"if-none-match: {headers['etag']}\r\n").encode())
    again, told = await client.head()
    assert (again, told["etag"]) == (304, headers["etag"])
    assert not {"content-length", "transfer-encoding", "content-type"} & set(told)
    await client.send(request.format('if-none-match: "other"\r\n').encode())
    assert (await client.head())[0] == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/%64ocs", 200),
        ("http://somewhere.example/docs", 200),
        ("/docs%2f", 200),
        ("/docs//", 404),
        ("//", 404),
        ("//docs", 404),
        ("//evil.example/docs", 404),
        ("/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/../../etc/passwd", 404),
        ("/.built", 404),
        ("/docs%00", 400),
        ("/%ff", 400),
        ("/" + "a/" * 10_000, 404),
    ],
)
async def test_strange_paths_lead_nowhere_else(gateway: Gateway, target: str, status: int) -> None:
    answered, headers, body = await raw(gateway, f"GET {target}")
    assert answered == status, body
    assert "location" not in headers
    if status != 400:
        assert body == FILES["docs.html" if status == 200 else "404.html"]


async def test_a_body_sent_along_is_not_taken_for_the_next_request(gateway: Gateway) -> None:
    client = await gateway.connect()
    smuggled = b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n"
    head = f"GET /docs HTTP/1.1\r\nhost: x\r\ncontent-length: {len(smuggled)}\r\n\r\n".encode()
    await client.send(head + smuggled + b"GET /icon.svg HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    answers = await client.read_to_end()
    assert answers.count(b"HTTP/1.1 200 ") == 2
    assert answers.endswith(FILES["icon.svg"])
    assert b"Nothing here" not in answers


async def test_a_gateway_without_a_website_says_where_its_api_is(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        for path in ("/", "/docs"):
            answer = await gateway.http.get(gateway.origin + path)
            assert (answer.status_code, answer.headers["content-type"]) == (404, PAGE)
            assert "/openapi.json" in answer.text
            assert answer.headers["x-frame-options"] == "DENY"
        envelope(await gateway.http.get(f"{gateway.base_url}/nothing"), 404, "not_found")
        envelope(await gateway.http.post(f"{gateway.origin}/docs", json={}), 404, "not_found")
