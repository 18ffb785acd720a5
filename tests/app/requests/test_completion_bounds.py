"""Limits above what a model offers, over whole gateways: refused before money moves. What an upstream writes beyond its limit is
charged in full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.openai_shapes import chat_body, json_answer, responses_body
from tests.fakes.scripted_upstream import Request, Script, serve
from tests.support.clients.answers import PATHS, Json, ask
from tests.support.gateway.gateway import CREDIT_NANOS, Gateway, running
from tests.support.upstream.vendors import VENDORS, selling

LIMIT = 32_000
NAMES = {"responses": ("max_output_tokens",), "chat/completions": ("max_tokens", "max_completion_tokens")}
MODEL = """
[[model]]
id = "small"
upstreams = ["vendor"]
tools = []
input = ["text"]
context_window = 100000
max_output_tokens = 20000
price = { input = "1", output = "10" }
"""


async def untouched(gateway: Gateway) -> bool:
    """Whether the ledger has no request, and the balance is whole."""
    return await gateway.settled() == [] and gateway.available == CREDIT_NANOS


@pytest.mark.parametrize("name", VENDORS)
async def test_a_limit_above_the_models_is_refused_on_every_protocol_and_holds_nothing(
    tmp_path: Path, name: str
) -> None:
    async with selling(tmp_path, name) as (gateway, served):
        for path in PATHS:
            for limit in NAMES[path]:
                above: tuple[Json, ...] = ({limit: 200_000}, {limit: LIMIT + 1, "stream": True})
                for more in above:
                    answer = await gateway.post(path, ask(path, **more))
                    error = answer.json()["error"]
                    assert (answer.status_code, error["code"]) == (400, "integer_above_max_value"), error
                    assert (error["param"], error["type"]) == (limit, "invalid_request_error")
                    assert f"Expected a value <= {LIMIT}, but got {more[limit]} instead." in error["message"]
        assert await untouched(gateway)
        assert not served[name].requests


@pytest.mark.parametrize("name", VENDORS)
async def test_a_limit_equal_to_the_models_is_written_to_every_upstream(tmp_path: Path, name: str) -> None:
    async with selling(tmp_path, name) as (gateway, served):
        for path in PATHS:
            for limit in NAMES[path]:
                assert (await gateway.post(path, ask(path) | {limit: LIMIT})).status_code == 200
        written = [
            value
            for request in served[name].requests
            for body in (request.json(), request.json().get("generationConfig", {}))
            for value in (body.get(each) for each in (*NAMES[PATHS[0]], *NAMES[PATHS[1]], "maxOutputTokens"))
            if value is not None
        ]
        assert written == [LIMIT] * 3
        await gateway.settled()


@pytest.mark.parametrize(
    ("path", "more", "param"),
    [
        ("chat/completions", {"n": 129}, "n"),
        ("responses", {"max_tool_calls": 101}, "max_tool_calls"),
        ("chat/completions", {"thinking_budget": 20_001, "max_tokens": 20_000}, "thinking_budget"),
    ],
)
async def test_other_limits_are_refused_in_the_same_form(
    tmp_path: Path, path: str, more: dict[str, Any], param: str
) -> None:
    async with running(tmp_path) as gateway:
        answer = await gateway.post(path, ask(path, **more) | {"model": "gpt-5.5"})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, "integer_above_max_value", param)
        assert await untouched(gateway)


@pytest.mark.parametrize("path", PATHS)
async def test_an_upstream_that_ignores_its_limit_is_charged_in_full_as_an_overrun(tmp_path: Path, path: str) -> None:
    """100 at $1 and 200,000 at $10 a million. The hold is for 20,000, as the request was written."""
    body = responses_body if path == "responses" else chat_body

    def ignoring(request: Request) -> Script:
        return json_answer(body(input_tokens=100, output_tokens=200_000))

    limit = "max_output_tokens" if path == "responses" else "max_tokens"
    async with (
        serve(ignoring) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, models=MODEL) as gateway,
    ):
        answer = await gateway.post(path, ask(path, "hi") | {"model": "small", limit: 20_000})
        assert answer.status_code == 200
        debit = await gateway.only_debit()
        assert upstream.requests[0].json()[limit] == 20_000
        assert debit.cost_nanos == 100 * 1_000 + 200_000 * 10_000
        assert debit.overrun_nanos == debit.cost_nanos - debit.hold_nanos > 0
        assert 20_000 * 10_000 < debit.hold_nanos < 20_000 * 10_000 + 1_000_000


async def test_an_unknown_member_passes_to_an_openai_upstream_and_is_counted(tmp_path: Path) -> None:
    async with selling(tmp_path, "openai") as (gateway, served):
        for path in PATHS:
            for more in ({}, {"brand_new": {"a": 1}}, {"top_k": 4}):
                assert (await gateway.post(path, ask(path, **more))).status_code == 200
        assert [request.json().get("brand_new") for request in served["openai"].requests].count({"a": 1}) == 2
        text = (await gateway.http.get(f"{gateway.base_url.removesuffix('/v1')}/metrics")).text
        for endpoint in ("responses", "chat"):
            assert f'realrouter_unknown_members_total{{endpoint="{endpoint}"}} 1.0' in text
        await gateway.settled()


@pytest.mark.parametrize("name", ["anthropic", "gemini"])
@pytest.mark.parametrize("path", PATHS)
async def test_an_unknown_member_passes_to_no_other_upstream(tmp_path: Path, name: str, path: str) -> None:
    async with selling(tmp_path, name) as (gateway, _):
        answer = await gateway.post(path, ask(path, brand_new=1))
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_parameter")
        assert await untouched(gateway)
