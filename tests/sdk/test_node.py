"""openai-node against the gateway: each *.test.mjs here runs under `node --test`, and then the books are looked at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import trio

from domain.events import RequestDebited
from tests.support.gateway.gateway import open_account, running

HERE = Path(__file__).parent
# File -> how many requests it debits, and how many it releases.
EXPECTED = {"responses": (8, 1), "chat": (7, 0), "errors": (1, 3)}


@pytest.mark.parametrize("name", EXPECTED)
async def test_the_node_sdk(tmp_path: Path, name: str) -> None:
    assert (HERE / "node_modules" / "openai").is_dir(), "`make setup` installs the Node SDK"
    async with running(tmp_path, limits={"attempts": 1}) as gateway:
        open_account(gateway.services.ledger, gateway.services.codec, "acct_empty", 0)
        _, empty = gateway.new_key(account_id="acct_empty")
        done = await trio.run_process(
            ["node", "--test", "--test-reporter=spec", f"{name}.test.mjs"],
            cwd=HERE,
            env={
                **os.environ,
                "REALROUTER_URL": gateway.base_url,
                "REALROUTER_KEY": gateway.key,
                "REALROUTER_EMPTY_KEY": empty,
            },
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode()
        debits, releases = EXPECTED[name]
        settled = await gateway.settled()
        charged = [event for event in settled if isinstance(event, RequestDebited)]
        assert (len(charged), len(settled) - len(charged)) == (debits, releases), settled
