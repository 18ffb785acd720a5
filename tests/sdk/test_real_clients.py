"""Codex, aider and Continue, unmodified, with the configuration of ops/clients.md, on a gateway before each kind of upstream.

Rule: the clients are large, so only the long tests run them. REALROUTER_CLIENTS names the folder of their programs; Without it, the tests are skipped.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import trio

from domain.events import RequestDebited
from tests.support.gateway.gateway import Gateway
from tests.support.paths import ROOT
from tests.support.upstream.vendors import answering

PAGE = (ROOT / "ops" / "clients.md").read_text()
ADDRESS, MODEL = "http://127.0.0.1:8000/v1", "gpt-5.4-mini"
KINDS = ("simulator", "openai", "anthropic", "gemini", "openai-chat")
CLIENT_SECONDS = 300
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif("REALROUTER_CLIENTS" not in os.environ, reason="REALROUTER_CLIENTS names no folder of clients"),
]


def block(title: str) -> str:
    """The block of the page whose first line is `# title`."""
    found = re.search(rf"```\w+\n# {re.escape(title)}\n(.*?)```", PAGE, re.DOTALL)
    assert found, title
    return found[1]


def filled(text: str, gateway: Gateway, model: str) -> str:
    return text.replace(ADDRESS, gateway.base_url).replace(MODEL, model)


async def run(gateway: Gateway, folder: Path, command: list[str]) -> str:
    """Run a client in an empty home directory; returns what it printed."""
    programs = os.environ["REALROUTER_CLIENTS"]
    home = {"HOME": str(folder), "CODEX_HOME": str(folder), "REALROUTER_KEY": gateway.key}
    quiet = {"CONTINUE_TELEMETRY_ENABLED": "0", "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}

    def start() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **home, **quiet},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CLIENT_SECONDS,
        )

    ran = await trio.to_thread.run_sync(start)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


async def all_debited(gateway: Gateway) -> int:
    """The number of requests: each was debited, and nothing is held."""
    events = await gateway.settled()
    assert all(isinstance(event, RequestDebited) for event in events), events
    assert gateway.held == 0
    return len(events)


@pytest.mark.parametrize("upstream", KINDS)
async def test_codex_answers_with_its_defaults(tmp_path: Path, upstream: str) -> None:
    async with answering(tmp_path, upstream) as (gateway, model):
        home = tmp_path / "home"
        home.mkdir()
        (home / "config.toml").write_text(filled(block("codex: config.toml"), gateway, model))
        printed = await run(gateway, home, ["codex", "exec", "--skip-git-repo-check", "--json", "say hello"])
        assert '"turn.completed"' in printed
        assert await all_debited(gateway) >= 1


@pytest.mark.parametrize("upstream", KINDS)
async def test_aider_answers(tmp_path: Path, upstream: str) -> None:
    async with answering(tmp_path, upstream) as (gateway, model):
        home = tmp_path / "home"
        home.mkdir()
        command = filled(block("aider: command"), gateway, model).strip()
        await run(gateway, home, ["sh", "-c", f"{command} --no-git --yes-always --no-check-update --analytics-disable"])
        assert await all_debited(gateway) >= 1


@pytest.mark.parametrize("upstream", KINDS)
async def test_continue_answers(tmp_path: Path, upstream: str) -> None:
    async with answering(tmp_path, upstream) as (gateway, model):
        home = tmp_path / "home"
        home.mkdir()
        (home / "continue.yaml").write_text(filled(block("continue: continue.yaml"), gateway, model))
        assert await run(gateway, home, ["cn", "-p", "say hello", "--config", "continue.yaml"])
        assert await all_debited(gateway) >= 1
