"""Codex, aider and Continue, unmodified, with the configuration of ops/clients.md, on a gateway in front of each kind of upstream.

Rule: a client is large and pinned in tests/clients, so only the long tests run it; the captured requests are sent in every run.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from app.replay.replay import replay
from domain.events import RequestDebited
from tests.fakes.scripted_upstream import ScriptedUpstream
from tests.support.cli.commands import run as run_command
from tests.support.clients.programs import Target
from tests.support.clients.recording import main
from tests.support.gateway.demo_process import demo, free_port
from tests.support.gateway.gateway import MODEL, Gateway, running
from tests.support.paths import ROOT
from tests.support.upstream.calling import calling
from tests.support.upstream.vendors import SOLD, VENDORS, Chooser, selling

SCRIPTED = ("openai", "anthropic", "gemini", "openai-chat")
KINDS = ("simulator", *SCRIPTED)
RECORDED = ROOT / "tests" / "protocols" / "clients"
CODEX, WITHOUT_SEARCH, FULL_ACCESS = "codex: config.toml", "codex: without a live search", "codex: with full access"
WARNING = "Model metadata for `{}` not found"
Json = dict[str, Any]

pytestmark = pytest.mark.long


@dataclass
class House:
    """A gateway before one kind of upstream, and a client's home directory."""

    gateway: Gateway
    target: Target
    home: Path
    upstream: ScriptedUpstream | None

    async def run(self, command: str, *more: str) -> subprocess.CompletedProcess[str]:
        return await trio.to_thread.run_sync(self.target.run, self.home, command, *more)

    async def codex(self, prompt: str = "say hello", *more: str, command: str = "codex: command") -> list[Json]:
        """Run the page's command with another prompt; returns the events of its session. It must succeed."""
        line = self.target.block(command).replace("say hello", prompt)
        ran = await self.run(line, "--json", *more)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return events(ran.stdout)

    def configure(self, before: str = "", after: str = "") -> None:
        """Write Codex's configuration, with lines before the page's and lines after them."""
        (self.home / ".codex").mkdir(exist_ok=True)
        (self.home / ".codex" / "config.toml").write_text("\n".join([before, self.target.block(CODEX), after]))

    async def debits(self) -> int:
        """The number of answered requests: each reached the upstream once and was debited once, and the books are in order."""
        settled = await self.gateway.settled()
        assert all(isinstance(event, RequestDebited) for event in settled), settled
        assert [log.outcome for log in self.gateway.request_logs if log.status == 200] == ["debited"] * len(settled)
        assert self.upstream is None or len(self.upstream.requests) == len(settled)
        assert self.gateway.held == 0
        report = await trio.to_thread.run_sync(replay, self.gateway.services.ledger, None)
        assert report.differences == ()
        return len(settled)


@asynccontextmanager
async def house(folder: Path, kind: str, script: Chooser | None = None) -> AsyncIterator[House]:
    home = folder / "home"
    home.mkdir()
    if kind == "simulator":
        async with running(folder) as gateway:
            yield House(gateway, Target(gateway.base_url, gateway.key, MODEL), home, None)
    else:
        async with selling(folder, kind, script=script) as (gateway, served):
            yield House(gateway, Target(gateway.base_url, gateway.key, SOLD), home, served[kind])


def events(printed: str) -> list[Json]:
    return [json.loads(line) for line in printed.splitlines()]


def items(session: list[Json], kind: str) -> list[Json]:
    """The finished items of this type, in a session of Codex that ended well."""
    assert session[-1]["type"] == "turn.completed", session
    return [event["item"] for event in session if event["type"] == "item.completed" and event["item"]["type"] == kind]


def said(session: list[Json]) -> str:
    return "\n".join(item["text"] for item in items(session, "agent_message"))


@pytest.mark.parametrize("kind", KINDS)
async def test_codex_answers_with_its_defaults(tmp_path: Path, kind: str) -> None:
    async with house(tmp_path, kind) as at:
        at.configure()
        ran = await at.run(at.target.block("codex: command"), "--json")
        session = events(ran.stdout)
        assert said(session)
        assert "WebSocket" not in ran.stderr
        assert [WARNING.format(at.target.model) in item["message"] for item in items(session, "error")] == [True]
        assert await at.debits() >= 1


@pytest.mark.parametrize("kind", SCRIPTED)
async def test_codex_runs_a_command_and_sends_its_output(tmp_path: Path, kind: str) -> None:
    script = calling(VENDORS[kind], "exec_command", {"cmd": "echo $((6 * 7)) ledgers"})
    async with house(tmp_path, kind, script) as at:
        at.configure()
        session = await at.codex("how many?")
        [command] = items(session, "command_execution")
        assert (command["exit_code"], command["aggregated_output"]) == (0, "42 ledgers\n")
        assert "42 ledgers" in said(session)
        assert await at.debits() == 2


@pytest.mark.parametrize("kind", SCRIPTED)
async def test_codex_runs_a_function_in_a_namespace_and_sends_its_output(tmp_path: Path, kind: str) -> None:
    script = calling(VENDORS[kind], "close_agent", {"target": "agent-1"})
    async with house(tmp_path, kind, script) as at:
        at.configure()
        session = await at.codex("close the agent")
        assert "agent-1" in said(session)
        assert await at.debits() == 2


async def test_codex_runs_a_function_that_the_simulator_calls(tmp_path: Path) -> None:
    async with house(tmp_path, "simulator") as at:
        at.configure()
        session = await at.codex("elapsed?")
        assert "get_goal says: goal is null" in said(session)
        assert await at.debits() == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_codex_answers_over_http_if_it_is_configured_for_websockets(tmp_path: Path, kind: str) -> None:
    async with house(tmp_path, kind) as at:
        at.configure(after="supports_websockets = true")
        ran = await at.run(at.target.block("codex: command"), "--json")
        assert "failed to connect to Responses WebSocket" in ran.stderr
        assert said(events(ran.stdout))
        assert await at.debits() >= 1


@pytest.mark.parametrize("kind", ["gemini", "openai-chat"])
async def test_codex_with_full_access_is_refused_a_live_search_until_it_is_disabled(tmp_path: Path, kind: str) -> None:
    async with house(tmp_path, kind) as at:
        at.configure()
        refused = await at.run(at.target.block(FULL_ACCESS), "--json")
        assert refused.returncode != 0
        assert "web_search" in refused.stdout
        assert [log.status for log in at.gateway.request_logs] == [400]
        assert await at.debits() == 0
        at.configure(before=at.target.block(WITHOUT_SEARCH))
        assert said(await at.codex(command=FULL_ACCESS))
        assert await at.debits() >= 1


@pytest.mark.parametrize("kind", KINDS)
async def test_aider_answers(tmp_path: Path, kind: str) -> None:
    async with house(tmp_path, kind) as at:
        ran = await at.run(at.target.block("aider: command"))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert {log.endpoint for log in at.gateway.request_logs} == {"chat"}
        assert await at.debits() >= 1


@pytest.mark.parametrize("kind", KINDS)
async def test_continue_answers(tmp_path: Path, kind: str) -> None:
    async with house(tmp_path, kind) as at:
        (at.home / "continue.yaml").write_text(at.target.block("continue: continue.yaml"))
        ran = await at.run(at.target.block("continue: command"))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert ran.stdout.strip()
        endpoint = "responses" if at.target.model.startswith("gpt-5") else "chat"
        assert {log.endpoint for log in at.gateway.request_logs} == {endpoint}
        assert await at.debits() >= 1


@pytest.mark.parametrize("kind", SCRIPTED)
async def test_continue_reads_a_file_and_sends_its_text(tmp_path: Path, kind: str) -> None:
    note = tmp_path / "home" / "note.txt"
    async with house(tmp_path, kind, calling(VENDORS[kind], "Read", {"filepath": str(note)})) as at:
        note.write_text("42 ledgers\n")
        (at.home / "continue.yaml").write_text(at.target.block("continue: continue.yaml"))
        ran = await at.run(at.target.block("continue: command"))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "42 ledgers" in ran.stdout
        assert await at.debits() == 2


@pytest.mark.parametrize(
    ("name", "more"),
    [("codex-exec", []), ("codex-tool", ["--tool", "exec_command", "--arguments", '{"cmd": "echo hello"}'])],
)
def test_codex_still_sends_what_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, more: list[str]
) -> None:
    target = Target("http://127.0.0.1:8000/v1", "rr-test", MODEL)
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex" / "config.toml").write_text(target.block(CODEX))
    for variable, value in target.environment(tmp_path).items():
        monkeypatch.setenv(variable, value)
    command = shlex.split(target.block("codex: recording"))
    client = command[command.index("--") :]
    assert main(["--out", str(tmp_path), "--name", name, *more, *client]) == 0
    recorded = sorted(tmp_path.glob("*.json"))
    assert len(recorded) == (2 if more else 1)
    for file in recorded:
        new, old = (json.loads(each.read_text()) for each in (file, RECORDED / file.name))
        assert (new["path"], new["headers"].keys(), new["body"].keys()) == (
            old["path"],
            old["headers"].keys(),
            old["body"].keys(),
        )
        assert new["body"]["tools"] == old["body"]["tools"]
        assert [item["type"] for item in new["body"]["input"]] == [item["type"] for item in old["body"]["input"]]


def test_codex_answers_in_the_demo(tmp_path: Path) -> None:
    with demo(tmp_path / "data", free_port()) as served:
        target = Target(served.base_url, served.key, MODEL)
        (tmp_path / ".codex").mkdir()
        (tmp_path / ".codex" / "config.toml").write_text(target.block(CODEX))
        ran = target.run(tmp_path, target.block("codex: command"), "--json")
        assert said(events(ran.stdout))
        assert "-> charged $" in served.wait_for_lines(1)[0]
    replayed = run_command(tmp_path / "data" / "realrouter.toml", "audit", "replay")
    assert replayed.exit_code == 0, replayed.output
