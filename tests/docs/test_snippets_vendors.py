"""The same snippets, with models from scripted vendors: the output does not reveal which vendor answered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio

from domain.events import RequestDebited
from tests.fakes.vendor_story import SEARCH_TEXT, SEARCH_URL, TEXT
from tests.support.docs import snippets
from tests.support.gateway.gateway import Gateway
from tests.support.upstream.vendors import VENDORS, selling

PROTOCOLS = ("openai", "anthropic", "gemini")


async def charged(gateway: Gateway, count: int) -> None:
    settled = await gateway.settled()
    assert [type(event) for event in settled] == [RequestDebited] * count


@pytest.mark.parametrize("vendor", PROTOCOLS)
async def test_quickstarts_web_search_function_calling_and_a_pdf(tmp_path: Path, vendor: str) -> None:
    async with selling(tmp_path, vendor) as (gateway, _):
        run = trio.to_thread.run_sync
        assert await run(snippets.quickstart_python, gateway) == f"{TEXT}\n"
        assert await run(snippets.quickstart_javascript, gateway) == f"{TEXT}\n"

        output = await run(snippets.web_search, gateway)
        assert [item["status"] for item in output if item["type"] == "web_search_call"] == ["completed"]
        [[part]] = [item["content"] for item in output if item["type"] == "message"]
        assert part["text"] == SEARCH_TEXT
        [citation] = part["annotations"]
        assert (citation["type"], citation["url"]) == ("url_citation", SEARCH_URL)
        assert part["text"][citation["start_index"] : citation["end_index"]] == "ledgers are back."

        call, text = await run(snippets.function_calling, gateway)
        assert json.loads(call["arguments"]) == {"city": "Toronto"}
        assert text == 'The weather: {"city":"Toronto","celsius":21}'

        assert await run(snippets.pdf_summary, gateway, tmp_path) == "A PDF of 2 pages."
        await charged(gateway, 6)


@pytest.mark.parametrize("vendor", [name for name in PROTOCOLS if VENDORS[name].images])
async def test_image_generation(tmp_path: Path, vendor: str) -> None:
    async with selling(tmp_path, vendor, model=VENDORS[vendor].images) as (gateway, _):
        image = await trio.to_thread.run_sync(snippets.image_generation, gateway)
        assert image.startswith(b"\x89PNG\r\n\x1a\n")
        await charged(gateway, 1)


async def test_image_generation_is_rejected_by_name_if_the_vendor_has_none(tmp_path: Path) -> None:
    async with selling(tmp_path, "anthropic") as (gateway, served):
        with pytest.raises(snippets.Failed) as failed:
            await trio.to_thread.run_sync(snippets.image_generation, gateway)
        for part in ("status: 400", "code: 'unsupported_tool'", "param: 'tools[0].type'", "function, web_search"):
            assert part in str(failed.value)
        assert served["anthropic"].requests == []
        assert await gateway.settled() == []
