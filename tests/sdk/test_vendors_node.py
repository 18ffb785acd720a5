"""openai-node where scripted vendors of every protocol answer: vendors.test.mjs for each of them, and then the books."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import trio

from domain.events import RequestDebited
from tests.fakes.vendor_story import TEXT
from tests.support.upstream.vendors import VENDORS, selling

HERE = Path(__file__).parent
REQUESTS = 19
SEARCHES = 2
"""How many requests the tests make, and how many more where the vendor searches."""
THINKERS = ("anthropic", "gemini")


@pytest.mark.parametrize("vendor", VENDORS)
async def test_the_node_sdk_cannot_tell_vendors_apart(tmp_path: Path, vendor: str) -> None:
    searches = "web_search" in VENDORS[vendor].tools
    async with selling(tmp_path, vendor, limits={"attempts": 1}) as (gateway, _):
        done = await trio.run_process(
            ["node", "--test", "--test-reporter=spec", "vendors.test.mjs"],
            cwd=HERE,
            env={
                **os.environ,
                "REALROUTER_URL": gateway.base_url,
                "REALROUTER_KEY": gateway.key,
                "VENDOR_TEXT": TEXT,
                "VENDOR_SEARCHES": "1" if searches else "",
                "VENDOR_THINKS": "1" if vendor in THINKERS else "",
            },
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode()
        settled = await gateway.settled()
        assert [type(event) for event in settled] == [RequestDebited] * (REQUESTS + SEARCHES * searches)
        assert {event.upstream for event in settled} == {vendor}
