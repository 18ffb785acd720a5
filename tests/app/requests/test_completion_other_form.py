"""Vendors that answer in the other form than requested: always with a stream, or always with one body."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from domain.events import RequestReleased
from tests.fakes.scripted_upstream import Close, Head, Request, Script, Send
from tests.fakes.vendor_story import TEXT
from tests.support.clients.answers import PATHS, ask, asked
from tests.support.upstream.vendors import VENDORS, selling

GEMINI = (":generateContent", ":streamGenerateContent?alt=sse")
BILLED = {"anthropic": 822_000, "gemini": 762_000}
"""In nanos; 784,500 for the others."""


def other_form(vendor: str) -> Callable[[Request], Script]:
    """The vendor's script, which sees `stream` the other way round."""

    def script(request: Request) -> Script:
        if vendor == "gemini":
            plain, stream = GEMINI
            path = request.path
            path = path.replace(stream, plain) if stream in path else path.replace(plain, stream)
            return VENDORS[vendor].script(replace(request, path=path))
        body = request.json()
        body["stream"] = not body.get("stream")
        if "chat" in request.path:
            body["stream_options"] = {"include_usage": True}
        return VENDORS[vendor].script(replace(request, body=json.dumps(body).encode()))

    return script


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_the_client_gets_the_form_that_it_requested_and_is_billed(
    tmp_path: Path, vendor: str, path: str, stream: bool
) -> None:
    async with selling(tmp_path, vendor, script=other_form(vendor)) as (gateway, served):
        answer = await asked(gateway, path, ask(path), stream=stream)
        assert answer.text == TEXT
        assert (await gateway.only_debit()).cost_nanos == BILLED.get(vendor, 784_500)
        assert len(served[vendor].requests) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("vendor", ["openai", "openai-chat"])
async def test_an_answer_in_the_other_form_that_breaks_off_costs_nothing(
    tmp_path: Path, vendor: str, path: str, stream: bool
) -> None:
    def broken(request: Request) -> Script:
        streams = not request.json().get("stream")
        sent = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n' if streams else b'{"id":"x",'
        return [Head(200, (("connection", "close"),)), Send(sent), Close()]

    async with selling(tmp_path, vendor, script=broken, limits={"attempts": 1}) as (gateway, _):
        answer = await gateway.post(path, ask(path, stream=stream))
        assert answer.status_code == 502
        assert "application/json" in answer.headers["content-type"]
        [event] = await gateway.settled()
        assert isinstance(event, RequestReleased)
