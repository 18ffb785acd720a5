"""Prices by the call, by service tier and by the page: what is held, what is charged, and what is refused at the door."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.events import RequestAdmitted, RequestDebited
from domain.request import TOKENS_PER_PAGE_MAX
from domain.usage import CallCount
from tests.fakes.openai_shapes import chat_body, responses_body
from tests.fakes.scripted_upstream import Request, Script, json_answer, serve
from tests.support.files.uploads import a_pdf
from tests.support.gateway.gateway import Gateway, envelope, running

MODEL = """
[[model]]
id = "tiered"
upstreams = ["vendor"]
tools = ["function", "custom", "namespace", "mcp"]
input = ["text", "file"]
context_window = 100000
max_output_tokens = 1000
[model.price]
input = "1"
output = "4"
[model.price.calls]
custom = "0.001"
namespace = "0"
mcp = "0.02"
[[model.price.tier]]
name = "flex"
input = "0.5"
output = "2"
[[model.price.tier]]
name = "priority"
input = "2"
output = "8"
"""
NANOS_PER_TOKEN = {"input": 1_000, "output": 4_000}
MCP = {"type": "mcp", "server_label": "s", "server_url": "https://mcp.example"}
CUSTOM = {"type": "custom", "name": "patch"}
NAMESPACE = {"type": "namespace", "name": "n", "description": "d", "tools": [CUSTOM]}
CALLS = [
    {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s", "tools": []},
    {"type": "mcp_call", "id": "mcp_1", "status": "completed", "name": "f", "arguments": "{}", "server_label": "s"},
    {"type": "mcp_call", "id": "mcp_2", "status": "failed", "name": "f", "arguments": "{}", "server_label": "s"},
    {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c_1", "name": "patch", "input": "x"},
    {"type": "function_call", "id": "fc_1", "call_id": "c_2", "name": "f", "arguments": "{}", "namespace": "n"},
]


def answering(body: dict[str, Any]) -> Callable[[Request], Script]:
    return lambda request: json_answer(body)


async def settled(gateway: Gateway, path: str = "responses", **more: Any) -> tuple[RequestAdmitted, RequestDebited]:
    """The admission and the debit of one request for the model."""
    said = {"input": "Hi"} if path == "responses" else {"messages": [{"role": "user", "content": "Hi"}]}
    answer = await gateway.post(path, {"model": "tiered", "max_output_tokens": 100} | said | more)
    assert answer.status_code == 200, answer.text
    debit = await gateway.only_debit()
    [admitted, _] = gateway.requests_of(debit.request_id)
    assert isinstance(admitted, RequestAdmitted)
    return admitted, debit


def lines(debit: RequestDebited) -> list[tuple[str, int, int]]:
    return [(line.kind, line.quantity, line.amount_picos // 1_000) for line in debit.lines]


async def test_calls_are_held_for_and_charged_by_the_tool(tmp_path: Path) -> None:
    body = responses_body(input_tokens=10, output_tokens=5)
    body["output"] += CALLS
    async with (
        serve(answering(body)) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, models=MODEL) as gateway,
    ):
        admitted, debit = await settled(gateway, tools=[MCP, NAMESPACE], max_tool_calls=3, service_tier="default")
        window = 100_000 * NANOS_PER_TOKEN["input"] + 100 * NANOS_PER_TOKEN["output"]
        assert admitted.hold_nanos == window + 3 * 20_000_000 + 8 * 1_000_000  # nothing limits calls of custom tools
        assert debit.usage.calls == (CallCount("custom", 1), CallCount("mcp", 1))
        assert lines(debit) == [
            ("input", 10, 10_000),
            ("output", 5, 20_000),
            ("call:custom", 1, 1_000_000),
            ("call:mcp", 1, 20_000_000),
        ]
        assert debit.cost_nanos == 21_030_000


async def test_custom_calls_are_charged_on_chat_as_well(tmp_path: Path) -> None:
    body = chat_body(input_tokens=10, output_tokens=5)
    call = {"id": "c_1", "type": "custom", "custom": {"name": "patch", "input": "x"}}
    body["choices"][0] |= {"message": {"role": "assistant", "content": None, "tool_calls": [call, call]}}
    async with (
        serve(answering(body)) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, models=MODEL) as gateway,
    ):
        custom = {"type": "custom", "custom": {"name": "patch"}}
        more = {"max_output_tokens": None, "max_completion_tokens": 100}
        _, debit = await settled(gateway, "chat/completions", tools=[custom], **more)
        assert lines(debit)[2:] == [("call:custom", 2, 2_000_000)]


@pytest.mark.parametrize(
    ("requested", "held_at", "reported", "charged"),
    [
        ("flex", 1, "flex", 15_000),
        ("flex", 1, "default", 30_000),
        ("default", 1, "default", 30_000),
        ("priority", 2, "priority", 60_000),
        ("priority", 2, "default", 30_000),
        ("auto", 2, "priority", 60_000),
        (None, 2, "flex", 15_000),
        (None, 2, "scale", 30_000),
        (None, 2, None, 30_000),
    ],
)
async def test_the_tier_that_the_answer_names_is_charged(
    tmp_path: Path, requested: str | None, held_at: int, reported: str | None, charged: int
) -> None:
    body = responses_body(input_tokens=10, output_tokens=5) | {"service_tier": reported}
    async with (
        serve(answering(body)) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, models=MODEL) as gateway,
    ):
        admitted, debit = await settled(gateway, service_tier=requested)
        read = (admitted.reserved_tokens - 100) * NANOS_PER_TOKEN["input"]
        assert admitted.hold_nanos == held_at * (read + 100 * NANOS_PER_TOKEN["output"])
        assert (debit.cost_nanos, debit.overrun_nanos, debit.usage.service_tier) == (charged, 0, reported)


async def test_a_tier_without_prices_is_refused_before_anything_is_held(tmp_path: Path) -> None:
    async with (
        serve(answering({})) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, models=MODEL) as gateway,
    ):
        body = {"model": "tiered", "input": "Hi", "service_tier": "scale"}
        error = envelope(await gateway.post("responses", body), 400, "unsupported_parameter")
        assert error["param"] == "service_tier"
        assert "auto, default, flex, priority" in error["message"]
        assert not gateway.by_request()
        assert upstream.requests == []


async def test_a_pdf_is_held_for_page_by_page(tmp_path: Path) -> None:
    data = "data:application/pdf;base64," + base64.b64encode(a_pdf(3)).decode()
    file = {"type": "input_file", "filename": "a.pdf", "file_data": data}
    async with (
        serve(answering(responses_body(input_tokens=10, output_tokens=5))) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, models=MODEL) as gateway,
    ):
        messages = [{"role": "user", "content": [file]}]
        admitted, _ = await settled(gateway, input=messages, service_tier="default")
        tokens = admitted.reserved_tokens - 100
        assert 3 * TOKENS_PER_PAGE_MAX < tokens < 3 * TOKENS_PER_PAGE_MAX + 1_000
        assert admitted.hold_nanos == tokens * NANOS_PER_TOKEN["input"] + 100 * NANOS_PER_TOKEN["output"]
