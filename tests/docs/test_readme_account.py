"""README.md's curl lines, as printed, against a demo: the account API (the test pays on the payment page) and the first request."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.docs.documents import Document
from tests.support.gateway.demo_process import Demo, demo, free_port

README = Document("README.md")
LINES = [line for block in README.fences("sh") for line in block.splitlines() if line.startswith("curl ")]
BASE = "http://127.0.0.1:8000"
TIMEOUT_SECONDS = 120


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("account"), free_port()) as running:
        yield running


def test_the_account_example_works_as_printed(served: Demo) -> None:
    answers: dict[str, Any] = {}
    with httpx.Client(timeout=TIMEOUT_SECONDS) as browser:
        for line in LINES:
            method, url, headers, body = asked(line, served)
            answer = browser.request(method, url, headers=headers, content=body)
            assert answer.is_success, (line, answer.text)
            path = url.removeprefix(served.base_url.removesuffix("v1")).removeprefix("api/")
            answers[path] = answer.json()
            if path == "checkout":
                pay(browser, url, answers[path])
    assert answers["session"]["email"] == served.first["email"]
    assert (answers["balance"]["available"], answers["balance"]["frozen"]) == ("20.00", False)
    assert answers["keys"]["key"]["monthly_budget"] == "5.00"
    assert answers["v1/responses"]["status"] == "completed"
    models = httpx.get(f"{served.base_url}/models", headers={"authorization": f"Bearer {answers['keys']['api_key']}"})
    assert models.status_code == 200


def asked(line: str, served: Demo) -> tuple[str, str, dict[str, str], bytes | None]:
    """The request that curl would send: method, URL, headers and body. The client has its own cookie jar."""
    words = shlex.split(line, comments=True)[1:]
    headers: dict[str, str] = {}
    body: bytes | None = None
    urls: list[str] = []
    while words:
        match words.pop(0):
            case "-b" | "-c":
                assert words.pop(0) == "jar"
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value.replace("sk-rr-...", served.key)
            case "-d":
                body = words.pop(0).replace('"..."', f'"{served.first["password"]}"').encode()
            case url:
                urls.append(url.replace(BASE, served.base_url.removesuffix("/v1")))
    [url] = urls
    return "GET" if body is None else "POST", url, headers, body


def pay(browser: httpx.Client, url: str, opened: dict[str, str]) -> None:
    """Pay on the checkout's page, as its form does, and wait: the webhook is acknowledged before it is processed."""
    assert "Pay" in browser.get(opened["url"]).text
    assert browser.post(opened["url"], data={"act": "pay"}).status_code == 200
    state, until = "processing", time.monotonic() + TIMEOUT_SECONDS
    while state == "processing" and time.monotonic() < until:
        state = browser.get(f"{url}/{opened['checkout_id']}").json()["state"]
    assert state == "paid"
