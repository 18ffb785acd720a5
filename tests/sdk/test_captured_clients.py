"""The requests that Codex, aider and Continue really send, on a gateway before every kind of upstream.

Rule: the files of tests/protocols/clients are what the clients sent (see tests/support/clients/recording.py); a test changes only the model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.events import RequestDebited
from tests.support.gateway.gateway import Gateway
from tests.support.paths import ROOT
from tests.support.upstream.vendors import VENDORS, answering

CAPTURED = sorted((ROOT / "tests" / "protocols" / "clients").glob("*.json"))
SENT_ON = (
    "session-id",
    "thread-id",
    "originator",
    "x-codex-beta-features",
    "x-client-request-id",
    "user-agent",
    "accept",
)
Json = dict[str, Any]


def frames(text: str) -> list[Json]:
    """The data of a stream's frames, without [DONE]."""
    lines = [line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def offered(body: Json) -> set[tuple[str | None, str]]:
    """The functions that a request offers, each with its namespace, if it has one."""
    names: set[tuple[str | None, str]] = set()
    for tool in body.get("tools") or []:
        if tool["type"] == "namespace":
            names |= {(tool["name"], nested["name"]) for nested in tool["tools"]}
        elif tool["type"] == "function":
            names.add((None, tool.get("function", tool)["name"]))
    return names


async def answer(gateway: Gateway, captured: Json, model: str) -> list[Json]:
    """Send a captured request; returns the frames of its answer."""
    headers = {name: value for name, value in captured["headers"].items() if name in SENT_ON}
    path = captured["path"].removeprefix("/v1/")
    got = await gateway.post(path, captured["body"] | {"model": model}, headers=headers)
    assert got.status_code == 200, got.text
    return frames(got.text)


@pytest.mark.parametrize("upstream", ["simulator", *VENDORS])
@pytest.mark.parametrize("file", CAPTURED, ids=lambda file: file.stem)
async def test_a_captured_request_is_answered_and_debited_by_every_kind_of_upstream(
    tmp_path: Path, file: Path, upstream: str
) -> None:
    captured = json.loads(file.read_text())
    async with answering(tmp_path, upstream) as (gateway, model):
        received = await answer(gateway, captured, model)
        [event] = await gateway.settled()
        held = gateway.held
    assert isinstance(event, RequestDebited)
    assert held == 0
    if captured["path"].endswith("/responses"):
        final = received[-1]
        assert final["type"] == "response.completed"
        calls = [item for item in final["response"]["output"] if item["type"] == "function_call"]
        assert {(call.get("namespace"), call["name"]) for call in calls} <= offered(captured["body"])
    else:
        assert any(choice["finish_reason"] for chunk in received for choice in chunk["choices"])


def test_captured_files_hold_no_credentials() -> None:
    assert {file.stem.rsplit("-", 1)[0] for file in CAPTURED} >= {
        "codex-exec",
        "codex-tool",
        "aider",
        "continue",
        "continue-tool",
    }
    for file in CAPTURED:
        assert "authorization" not in json.loads(file.read_text())["headers"]
