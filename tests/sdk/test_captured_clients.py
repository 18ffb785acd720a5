"""The requests that Codex, aider and Continue really send, on a gateway in front of every kind of upstream.

Rule: the files of tests/protocols/clients are what the clients sent (see tests/support/clients/recording.py). A test changes the
model, and continues the conversation as the client would.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.events import RequestDebited
from tests.fakes.vendor_story import arguments_for
from tests.support.gateway.gateway import Gateway, frames, running
from tests.support.paths import ROOT
from tests.support.upstream.calling import calling
from tests.support.upstream.vendors import SOLD, VENDORS, answering, selling, serving
from tests.support.wire.responses_grammar import check

Json = dict[str, Any]
Captured = dict[str, Any]

CAPTURED: dict[str, Captured] = {
    file.stem: json.loads(file.read_text())
    for file in sorted((ROOT / "tests" / "protocols" / "clients").glob("*.json"))
}
SENT_ON = (
    "session-id",
    "thread-id",
    "originator",
    "x-codex-beta-features",
    "x-client-request-id",
    "user-agent",
    "accept",
)
CITY, OUTPUT = "Toronto", "it is 21 degrees"


def offered(body: Json) -> dict[tuple[str | None, str], Json]:
    """The functions that a request offers, by namespace (None: in none) and name; their parameters."""
    functions: dict[tuple[str | None, str], Json] = {}
    for tool in body.get("tools") or []:
        if tool["type"] == "namespace":
            functions |= {(tool["name"], nested["name"]): nested["parameters"] for nested in tool["tools"]}
        elif tool["type"] == "function":
            function = tool.get("function", tool)
            functions[(None, function["name"])] = function["parameters"]
    return functions


def one_of_each() -> list[tuple[str, str | None, str]]:
    """For each captured request that offers functions: the last one in each namespace, and the last one in none."""
    return [
        (name, namespace, function)
        for name, captured in CAPTURED.items()
        for namespace, function in dict(offered(captured["body"]).keys()).items()
    ]


async def answered(gateway: Gateway, captured: Captured, body: Json) -> bytes:
    """Send a body with the headers of a captured request; returns the stream that answers it."""
    headers = {name: value for name, value in captured["headers"].items() if name in SENT_ON}
    answer = await gateway.post(captured["path"].removeprefix("/v1/"), body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.content


def continued(body: Json, call: Json) -> Json:
    """The next request of the same conversation: the call exactly as it was received, and its output."""
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": OUTPUT}
    return body | {"input": [*body["input"], call, output]}


def calls(response: Json) -> list[Json]:
    return [item for item in response["output"] if item["type"] == "function_call"]


def text(response: Json) -> str:
    messages = [item for item in response["output"] if item["type"] == "message"]
    return "".join(part["text"] for item in messages for part in item["content"])


@pytest.mark.parametrize("upstream", ["simulator", *VENDORS])
@pytest.mark.parametrize("name", CAPTURED)
async def test_a_captured_request_is_answered_and_debited_by_every_kind_of_upstream(
    tmp_path: Path, name: str, upstream: str
) -> None:
    captured = CAPTURED[name]
    async with answering(tmp_path, upstream) as (gateway, model):
        received = await answered(gateway, captured, captured["body"] | {"model": model})
        [event] = await gateway.settled()
        held = gateway.held
    assert isinstance(event, RequestDebited)
    assert held == 0
    if captured["path"].endswith("/responses"):
        response = check(received)
        assert {(call.get("namespace"), call["name"]) for call in calls(response)} <= offered(captured["body"]).keys()
    else:
        assert any(choice["finish_reason"] for chunk in frames(received) for choice in chunk["choices"])


@pytest.mark.parametrize("upstream", VENDORS)
@pytest.mark.parametrize(("name", "namespace", "function"), one_of_each())
async def test_a_call_comes_back_under_the_clients_names_and_the_next_turn_is_accepted(
    tmp_path: Path, name: str, namespace: str | None, function: str, upstream: str
) -> None:
    captured = CAPTURED[name]
    body = captured["body"] | {"model": SOLD}
    arguments = arguments_for(offered(body)[(namespace, function)], CITY)
    script = calling(VENDORS[upstream], function, arguments)
    async with selling(tmp_path, upstream, script=script) as (gateway, served):
        received = await answered(gateway, captured, body)
        [call] = calls(check(received))
        assert (call.get("namespace"), call["name"]) == (namespace, function)
        assert json.loads(call["arguments"]) == arguments
        streamed = [event["item"] for event in frames(received) if event["type"] == "response.output_item.done"]
        assert call in streamed
        response = check(await answered(gateway, captured, continued(body, call)))
        assert OUTPUT in text(response)
        events = await gateway.settled()
        assert len(served[upstream].requests) == 2
        assert gateway.held == 0
    assert [type(event) for event in events] == [RequestDebited, RequestDebited]


FUNCTIONS_ONLY = """
[[model]]
id = "only/functions"
upstreams = ["vendor"]
upstream_model = "{model}"
tools = ["function"]
context_window = 200000
max_output_tokens = 32000
price = {{ input = "3", output = "15" }}
"""


@pytest.mark.parametrize("upstream", VENDORS)
@pytest.mark.parametrize("name", [name for name in CAPTURED if name.startswith("codex")])
async def test_codex_with_its_defaults_needs_a_model_with_functions_only(
    tmp_path: Path, name: str, upstream: str
) -> None:
    captured, vendor = CAPTURED[name], VENDORS[upstream]
    async with serving(vendor) as (_, address):
        models = FUNCTIONS_ONLY.format(model=vendor.model)
        async with running(tmp_path, upstreams={"vendor": address}, models=models) as gateway:
            check(await answered(gateway, captured, captured["body"] | {"model": "only/functions"}))
            await gateway.settled()


async def test_the_simulator_calls_the_function_that_the_prompt_names_and_reads_its_output(tmp_path: Path) -> None:
    captured = CAPTURED["codex-exec-1"]
    asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "exec command"}]}
    async with running(tmp_path) as gateway:
        body = captured["body"] | {"input": [*captured["body"]["input"], asked]}
        [call] = calls(check(await answered(gateway, captured, body)))
        assert call["name"] == "exec_command"
        assert type(json.loads(call["arguments"])["yield_time_ms"]) is int
        response = check(await answered(gateway, captured, continued(body, call)))
        assert OUTPUT in text(response)
        await gateway.settled()


def test_codex_offers_functions_a_namespace_and_a_search_of_a_cache_by_default() -> None:
    tools = CAPTURED["codex-exec-1"]["body"]["tools"]
    assert {tool["type"] for tool in tools} == {"function", "namespace", "web_search"}
    assert [tool["external_web_access"] for tool in tools if tool["type"] == "web_search"] == [False]


def test_the_page_names_the_versions_that_are_installed() -> None:
    folder = ROOT / "tests" / "clients"
    pins = json.loads((folder / "package.json").read_text())["dependencies"]
    pins["aider-chat"] = (folder / "requirements.in").read_text().strip().rpartition("==")[2]
    page = (ROOT / "ops" / "clients.md").read_text()
    assert [name for name, version in pins.items() if f"`{name}` {version}." not in page] == []


def test_captured_files_hold_no_credentials() -> None:
    assert {name.rsplit("-", 1)[0] for name in CAPTURED} >= {
        "codex-exec",
        "codex-tool",
        "aider",
        "continue",
        "continue-tool",
    }
    for captured in CAPTURED.values():
        assert "authorization" not in captured["headers"]
