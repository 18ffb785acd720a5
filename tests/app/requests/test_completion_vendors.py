"""Requests on both endpoints to upstreams of every protocol: what each is sent, what the client reads, and what it is charged.

Rule: every bill here is calculated by hand from the figures of the scripted vendors (tests/fakes) and the prices of
tests/support/upstream/vendors.py. None of it comes from the code under test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.events import RequestDebited
from domain.usage import ImageCount, Usage
from tests.fakes import anthropic_shapes, gemini_shapes
from tests.fakes.upstream_script import Request, Script
from tests.fakes.vendor_story import IMAGE_SIDE, PAUSE, SEARCH_TEXT, SEARCH_URL, TEXT
from tests.support.clients.answers import PATHS, ask, asked, debits
from tests.support.gateway.gateway import VENDOR_KEY, frames
from tests.support.upstream.vendors import SOLD, VENDORS, selling
from tests.support.wire.responses_grammar import check

Json = dict[str, Any]


# -- Bills ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bill:
    """What one answer of a vendor uses, and what that costs, line by line in nanos."""

    usage: Usage
    lines: dict[str, int]

    @property
    def nanos(self) -> int:
        return sum(self.lines.values())


ANTHROPIC: Json = {"input": 100, "cached_input": 40, "cache_write": 20, "cache_write_1h": 10, "output": 25}
GEMINI: Json = {"input": 110, "cached_input": 40, "output": 28, "reasoning": 8}
OPENAI: Json = {
    "input": 80,
    "cached_input": 40,
    "cache_write": 30,
    "output": 28,
    "reasoning": 8,
    "service_tier": "default",
}
ANTHROPIC_LINES = {
    "input": 300_000,
    "cached_input": 12_000,
    "cache_write": 75_000,
    "cache_write_1h": 60_000,
    "output": 375_000,
}
GEMINI_LINES = {"input": 330_000, "cached_input": 12_000, "output": 420_000}
OPENAI_LINES = {"input": 240_000, "cached_input": 12_000, "cache_write": 112_500, "output": 420_000}

TEXTS = {
    "anthropic": Bill(Usage(**ANTHROPIC, service_tier="default"), ANTHROPIC_LINES),
    "gemini": Bill(Usage(**GEMINI), GEMINI_LINES),
    "openai": Bill(Usage(**OPENAI), OPENAI_LINES),
    "openai-responses": Bill(Usage(**OPENAI), OPENAI_LINES),
    "openai-chat": Bill(Usage(**OPENAI), OPENAI_LINES),
}
SEARCHES = {
    "anthropic": Bill(
        Usage(**ANTHROPIC, service_tier="default", web_search_calls=1),
        {**ANTHROPIC_LINES, "web_search_call": 10_000_000},
    ),
    "gemini": Bill(
        Usage(**{**GEMINI, "input": 120}, web_search_calls=1),
        {**GEMINI_LINES, "input": 360_000, "web_search_call": 10_000_000},
    ),
    "openai-responses": Bill(Usage(**OPENAI, web_search_calls=1), {**OPENAI_LINES, "web_search_call": 10_000_000}),
}
IMAGES = {
    "gemini": Bill(
        Usage(**GEMINI, image_output=1290, images=(ImageCount("auto", "auto", 1),)),
        {**GEMINI_LINES, "image:auto/auto": 39_000_000},
    ),
    "openai": Bill(
        Usage(**OPENAI, images=(ImageCount("low", "1024x1024", 1),)),
        {**OPENAI_LINES, "image:low/1024x1024": 39_000_000},
    ),
}


def check_bill(event: RequestDebited, bill: Bill, vendor: str) -> None:
    assert event.usage == bill.usage
    assert {line.kind: line.amount_picos for line in event.lines} == {k: v * 1000 for k, v in bill.lines.items()}
    assert event.cost_nanos == bill.nanos
    assert (event.upstream, event.outcome) == (vendor, "completed")


def check_usage(reported: Json, bill: Bill) -> None:
    """The client reads the usage that it pays for, in the terms of either endpoint."""
    usage = bill.usage
    details = reported.get("input_tokens_details") or reported["prompt_tokens_details"]
    read, written = (
        ("input_tokens", "output_tokens") if "input_tokens" in reported else ("prompt_tokens", "completion_tokens")
    )
    assert (reported[read], reported[written]) == (usage.input_tokens, usage.output_tokens)
    assert reported["total_tokens"] == usage.total_tokens
    assert details["cached_tokens"] == usage.cached_input
    assert details["cache_write_tokens"] == usage.cache_write + usage.cache_write_1h
    assert reported[f"{written}_details"]["reasoning_tokens"] == usage.reasoning


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_text_arrives_whole_and_billed_by_the_vendors_figures(
    tmp_path: Path, vendor: str, path: str, stream: bool
) -> None:
    async with selling(tmp_path, vendor) as (gateway, served):
        answer = await asked(
            gateway, path, ask(path, max_tokens=400) if path != "responses" else ask(path), stream=stream
        )
        assert answer.text == TEXT
        check_usage(answer.usage, TEXTS[vendor])
        debit = await gateway.only_debit()
        check_bill(debit, TEXTS[vendor], vendor)
        assert debit.upstream_request_id == (anthropic_shapes.REQUEST_ID if vendor == "anthropic" else None)
        assert len(served[vendor].requests) == 1


@pytest.mark.parametrize("vendor", VENDORS)
async def test_usage_that_a_chat_client_did_not_request_is_billed_and_not_sent(tmp_path: Path, vendor: str) -> None:
    async with selling(tmp_path, vendor) as (gateway, _):
        answer = await gateway.post("chat/completions", ask("chat/completions", stream=True))
        chunks = frames(answer.content)
        assert all(chunk["choices"] for chunk in chunks)
        assert not any(chunk.get("usage") for chunk in chunks)
        check_bill(await gateway.only_debit(), TEXTS[vendor], vendor)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_nothing_of_the_vendors_account_is_in_an_answer(tmp_path: Path, vendor: str, path: str) -> None:
    async with selling(tmp_path, vendor) as (gateway, _):
        for stream in (False, True):
            answer = await gateway.post(path, ask(path, stream=stream))
            assert answer.json()["model"] == SOLD if not stream else SOLD in answer.text
            shown = answer.text + str(answer.headers)
            for secret in ("ACME", "anthropic", "claude", "gemini", "fake-model", VENDOR_KEY):
                assert secret not in shown


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("vendor", SEARCHES)
async def test_a_search_is_cited_and_billed_by_the_call(tmp_path: Path, vendor: str, path: str, stream: bool) -> None:
    offer: Json = {"tools": [{"type": "web_search"}]} if path == "responses" else {"web_search_options": {}}
    async with selling(tmp_path, vendor) as (gateway, _):
        answer = await asked(gateway, path, ask(path, **offer), stream=stream)
        assert answer.text == SEARCH_TEXT
        check_usage(answer.usage, SEARCHES[vendor])
        check_bill(await gateway.only_debit(), SEARCHES[vendor], vendor)
        if answer.whole:
            [place] = [(cited["url"], cited["start_index"], cited["end_index"]) for cited in _citations(answer.whole)]
            assert place == (SEARCH_URL, SEARCH_TEXT.index("ledgers"), len(SEARCH_TEXT))


def _citations(whole: Json) -> list[Json]:
    if "choices" in whole:
        return [each["url_citation"] for each in whole["choices"][0]["message"]["annotations"]]
    return [each for item in whole["output"] if item["type"] == "message" for each in item["content"][0]["annotations"]]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("vendor", IMAGES)
async def test_an_image_is_billed_by_the_piece(tmp_path: Path, vendor: str, stream: bool) -> None:
    async with selling(tmp_path, vendor, model=VENDORS[vendor].images) as (gateway, _):
        body = ask("responses", tools=[{"type": "image_generation"}])
        answer = await asked(gateway, "responses", body, stream=stream)
        [image] = [item for item in answer.whole["output"] if item["type"] == "image_generation_call"]
        assert image["size"] == f"{IMAGE_SIDE}x{IMAGE_SIDE}"
        check_bill(await gateway.only_debit(), IMAGES[vendor], vendor)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
async def test_a_turn_that_pauses_is_continued_and_billed_once(tmp_path: Path, path: str, stream: bool) -> None:
    offer: Json = {"tools": [{"type": "web_search"}]} if path == "responses" else {"web_search_options": {}}
    async with selling(tmp_path, "anthropic") as (gateway, served):
        answer = await asked(gateway, path, ask(path, f"Now {PAUSE} of the news.", **offer), stream=stream)
        assert answer.text == SEARCH_TEXT
        first, second = (request.json() for request in served["anthropic"].requests)
        assert second["messages"][:-1] == first["messages"]
        assert second["messages"][-1] == {"role": "assistant", "content": anthropic_shapes.search_blocks()[:1]}
        assert second["max_tokens"] == first["max_tokens"] - 25
        lines = {kind: 2 * nanos for kind, nanos in ANTHROPIC_LINES.items()} | {"web_search_call": 10_000_000}
        twice: Json = {kind: 2 * count for kind, count in ANTHROPIC.items()}
        bill = Bill(Usage(**twice, service_tier="default", web_search_calls=1), lines)
        check_usage(answer.usage, bill)
        check_bill(await gateway.only_debit(), bill, "anthropic")


# -- Ends that are no stop --------------------------------------------------------------------------------------------


def ended(vendor: str, reason: str) -> Callable[[Request], Script]:
    """The vendor's text, which ends for another reason than being complete."""

    def script(request: Request) -> Script:
        if vendor == "anthropic":
            body = anthropic_shapes.checked(request)
            whole = anthropic_shapes.message([anthropic_shapes.text_block(TEXT)], body, reason)
            return anthropic_shapes.answer_script(whole, stream=body["stream"])
        model, stream, _ = gemini_shapes.checked(request)
        parts = [gemini_shapes.text_part(TEXT)]
        return gemini_shapes.answer_script(parts, model, stream=stream, grounding={}, finish=reason)

    return script


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("vendor", "reason", "finish", "detail"),
    [
        ("anthropic", "max_tokens", "length", "max_output_tokens"),
        ("anthropic", "refusal", "content_filter", "content_filter"),
        ("gemini", "MAX_TOKENS", "length", "max_output_tokens"),
        ("gemini", "SAFETY", "content_filter", "content_filter"),
    ],
)
async def test_an_answer_that_was_cut_says_so_and_is_billed(
    tmp_path: Path, vendor: str, reason: str, finish: str, detail: str, stream: bool
) -> None:
    async with selling(tmp_path, vendor, script=ended(vendor, reason)) as (gateway, _):
        answer = await gateway.post("responses", ask("responses", stream=stream))
        whole = check(answer.content) if stream else answer.json()
        assert whole["status"] == "incomplete"
        assert whole["incomplete_details"] == {"reason": detail}
        answer = await gateway.post("chat/completions", ask("chat/completions", stream=stream))
        chunks = frames(answer.content) if stream else [answer.json()]
        reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
        assert [reason for reason in reasons if reason] == [finish]
        for event in await debits(gateway):
            check_bill(event, TEXTS[vendor], vendor)
