"""Figures that upstreams report in other spellings, or that contradict the answer: what is charged, shown and counted.

The model costs $1 for a million input tokens, $0.10 cached, $1.25 and $2 for cache writes, and $10 for output: 100 in and 20 out is
300,000 nano-USD.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.requests.settlement import usage_of
from app.wire.chat.passthrough import ChatPlainRelay
from domain.events import RequestDebited
from domain.usage import Usage
from tests.fakes.scripted_upstream import Chunk, Head, Request, Script, json_answer, serve
from tests.support.gateway.gateway import frames, running
from tests.support.requests.scripted import planned
from tests.support.wire.streams import chunk, sse

MODEL = """
[[model]]
id = "m"
upstreams = ["vendor"]
context_window = 100000
max_output_tokens = 1000
[model.price]
input = "1"
cached_input = "0.1"
cache_write = "1.25"
cache_write_1h = "2"
output = "10"
"""
TEXT = "t" * 400
SSE = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))
WHOLE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
Json = dict[str, Any]


def answering(usage: Any, **members: Any) -> Any:
    """An openai-chat server that reports `usage` in its last chunk, or in its body."""

    def script(request: Request) -> Script:
        if b'"stream":true' in request.body.replace(b" ", b""):
            last = chunk(finish="stop", **members) | ({} if usage is None else {"usage": usage})
            return [Head(200, SSE), *(Chunk(sse(each)) for each in (chunk(TEXT), last, "[DONE]")), Chunk(b"")]
        choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
        return json_answer(
            {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            | ({} if usage is None else {"usage": usage})
            | members
        )

    return script


async def charged(
    tmp_path: Path, path: str, stream: bool, usage: Any, **members: Any
) -> tuple[RequestDebited, Json, str]:
    """The debit, the usage that the client was shown, and the metrics."""
    if path == "responses":
        body: Json = {"model": "m", "input": "hi", "stream": stream}
    else:
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
        body |= {"stream_options": {"include_usage": True}} if stream else {}
    async with (
        serve(answering(usage, **members)) as upstream,
        running(tmp_path, models=MODEL, upstreams={"vendor": ("openai-chat", upstream.base_url)}) as gateway,
    ):
        answer = await gateway.post(path, body)
        assert answer.status_code == 200, answer.text
        event = await gateway.only_debit()
        last = frames(answer.content)[-1] if stream else answer.json()
        metrics = gateway.services.metrics.render()[0].decode()
        return event, last.get("response", last)["usage"], metrics


def figures(shown: Json) -> tuple[int, int, int]:
    details = shown.get("prompt_tokens_details") or shown.get("input_tokens_details") or {}
    if "prompt_tokens" in shown:
        return shown["prompt_tokens"], details.get("cached_tokens", 0), shown["completion_tokens"]
    return shown["input_tokens"], details.get("cached_tokens", 0), shown["output_tokens"]


CACHED = 228_000
CASES: list[tuple[Any, Json, int]] = [
    (WHOLE, {}, 300_000),
    (WHOLE | {"cached_tokens": 80}, {}, CACHED),
    (WHOLE | {"prompt_cache_hit_tokens": 80, "prompt_cache_miss_tokens": 20}, {}, CACHED),
    (WHOLE | {"cache_read_input_tokens": 80}, {}, CACHED),
    (WHOLE | {"prompt_tokens_details": {"cached_tokens": 80}, "cached_tokens": 10}, {}, CACHED),
    (WHOLE | {"cache_creation_input_tokens": 80}, {}, 20_000 + 100_000 + 200_000),
    (WHOLE | {"claude_cache_creation_1_h_tokens": 80}, {}, 20_000 + 160_000 + 200_000),
    (WHOLE | {"total_tokens": 150}, {}, 100_000 + 500_000),
    ({"prompt_tokens": 100.0, "completion_tokens": 20.0, "prompt_tokens_details": []}, {}, 300_000),
    (None, {"x_groq": {"id": "r", "usage": {"prompt_tokens": 21, "completion_tokens": 988}}}, 21_000 + 9_880_000),
]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["responses", "chat/completions"])
@pytest.mark.parametrize(("usage", "members", "nanos"), CASES)
async def test_every_spelling_is_billed_and_shown(
    tmp_path: Path, path: str, stream: bool, usage: Any, members: Json, nanos: int
) -> None:
    event, shown, metrics = await charged(tmp_path, path, stream, usage, **members)
    assert (event.cost_nanos, event.usage.estimated) == (nanos, False)
    assert figures(shown) == (event.usage.input_tokens, event.usage.cached_input, event.usage.output_tokens)
    assert "realrouter_usage_contradictions_total{" not in metrics


ESTIMATED_OUTPUT = 100
"""TEXT at four bytes a token."""


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["responses", "chat/completions"])
@pytest.mark.parametrize(
    ("usage", "read", "output", "kinds"),
    [
        (None, None, ESTIMATED_OUTPUT, ["missing"]),
        ([], None, ESTIMATED_OUTPUT, ["missing"]),
        (
            {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
            None,
            ESTIMATED_OUTPUT,
            ["no_input", "no_output"],
        ),
        ({"prompt_tokens": 0, "completion_tokens": 20, "total_tokens": 20}, None, 20, ["no_input"]),
        ({"prompt_tokens": 100, "completion_tokens": 0, "total_tokens": 100}, 100, ESTIMATED_OUTPUT, ["no_output"]),
        ({"prompt_tokens": "100", "completion_tokens": 20}, None, 20, ["faulty", "no_input"]),
        ({"prompt_tokens": 100, "completion_tokens": -20}, 100, ESTIMATED_OUTPUT, ["faulty", "no_output"]),
        (WHOLE | {"cached_tokens": 0.5}, 100, 20, ["faulty"]),
    ],
)
async def test_contradictory_figures_are_estimated_marked_shown_and_counted(
    tmp_path: Path, path: str, stream: bool, usage: Any, read: int | None, output: int, kinds: list[str]
) -> None:
    event, shown, metrics = await charged(tmp_path, path, stream, usage)
    assert event.usage.estimated
    assert (event.usage.input_tokens, event.usage.output_tokens) == (read or event.usage.input, output)
    assert event.usage.input > 0
    assert event.cost_nanos == event.usage.input * 1_000 + output * 10_000 <= event.hold_nanos
    assert figures(shown) == (event.usage.input, 0, output)
    for kind in kinds:
        assert f'realrouter_usage_contradictions_total{{kind="{kind}",upstream="vendor"}} 1.0' in metrics
    assert metrics.count("realrouter_usage_contradictions_total{") == len(kinds)


async def test_figures_above_the_bounds_are_charged_as_reported_and_counted(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 90_000, "completion_tokens": 2_000}
    event, _, metrics = await charged(tmp_path, "chat/completions", False, usage)
    assert event.cost_nanos == 90_000_000 + 20_000_000
    assert event.overrun_nanos == event.cost_nanos - event.hold_nanos > 0
    assert not event.usage.estimated
    for kind in ("input_above_bound", "output_above_bound"):
        assert f'realrouter_usage_contradictions_total{{kind="{kind}",upstream="vendor"}} 1.0' in metrics


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["responses", "chat/completions"])
@pytest.mark.parametrize(
    ("usage", "members", "output"),
    [
        (WHOLE | {"total_tokens": 10**9}, {}, 1_000),
        ({"prompt_tokens": 100, "total_tokens": 5_000_000}, {}, 1_000),
        (WHOLE | {"total_tokens": None, "reasoning_tokens": 70_000}, {}, 1_000),
        (None, {"timings": {"prompt_n": 100, "predicted_n": 10**9}}, 1_000),
    ],
)
async def test_inferred_figures_never_raise_a_charge_above_the_hold(
    tmp_path: Path, path: str, stream: bool, usage: Any, members: Json, output: int
) -> None:
    event, shown, metrics = await charged(tmp_path, path, stream, usage, **members)
    assert (event.cost_nanos, event.overrun_nanos) == (100_000 + output * 10_000, 0)
    assert event.usage.estimated
    assert figures(shown) == (100, 0, output)
    assert 'realrouter_usage_contradictions_total{kind="inferred_above_bound",upstream="vendor"} 1.0' in metrics


@pytest.mark.parametrize("stream", [True, False])
async def test_each_choices_own_usage_is_billed(tmp_path: Path, stream: bool) -> None:
    """Moonshot's form with two choices: the input is read once, each output counts."""

    def script(request: Request) -> Script:
        ends: list[Json] = [
            chunk(finish="stop", index=index) | {"usage": None} if stream else {"index": index, "finish_reason": "stop"}
            for index in (0, 1)
        ]
        usages = [{"prompt_tokens": 100, "completion_tokens": count} for count in (20, 30)]
        if not stream:
            choices = [
                end | {"message": {"role": "assistant", "content": TEXT}, "usage": usage}
                for end, usage in zip(ends, usages, strict=True)
            ]
            return json_answer({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices})
        for end, usage in zip(ends, usages, strict=True):
            end["choices"][0]["usage"] = usage
        texts = [chunk(TEXT, index=index) for index in (0, 1)]
        return [Head(200, SSE), *(Chunk(sse(each)) for each in (*texts, *ends, "[DONE]")), Chunk(b"")]

    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": 2, "stream": stream}
    body |= {"stream_options": {"include_usage": True}} if stream else {}
    async with (
        serve(script) as upstream,
        running(tmp_path, models=MODEL, upstreams={"vendor": ("openai-chat", upstream.base_url)}) as gateway,
    ):
        answer = await gateway.post("chat/completions", body)
        assert answer.status_code == 200, answer.text
        event = await gateway.only_debit()
        shown = (frames(answer.content)[-1] if stream else answer.json())["usage"]
    assert (event.cost_nanos, event.usage.estimated) == (600_000, False)
    assert figures(shown) == (100, 0, 50)


def test_an_answer_without_text_may_report_no_output() -> None:
    relay = ChatPlainRelay(model="m")
    relay.feed(b'{"choices": [{"message": {}}], "usage": {"prompt_tokens": 5, "completion_tokens": 0}}')
    relay.end()
    billed = usage_of(planned(), relay)
    assert (billed.usage, billed.contradictions) == (Usage(input=5), ())


SEARCHING = MODEL.replace('id = "m"\n', 'id = "m"\nupstream_model = "gpt-4o-search-preview"\ntools = ["web_search"]\n')
ANNOTATION = {"type": "url_citation", "url_citation": {"url": "https://a.example/", "start_index": 0, "end_index": 2}}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["responses", "chat/completions"])
async def test_a_model_that_always_searches_is_held_for_and_charged_for_it(
    tmp_path: Path, path: str, stream: bool
) -> None:
    part = {"role": "assistant", "content": TEXT, "annotations": [ANNOTATION]}

    def script(request: Request) -> Script:
        choice = {"index": 0, "delta" if stream else "message": part, "finish_reason": "stop"}
        whole = {"id": "c", "created": 1, "model": "m", "choices": [choice], "usage": WHOLE}
        return [Head(200, SSE), Chunk(sse(whole, "[DONE]")), Chunk(b"")] if stream else json_answer(whole)

    asked: Json = {"input": "hi"} if path == "responses" else {"messages": [{"role": "user", "content": "hi"}]}
    async with (
        serve(script) as upstream,
        running(
            tmp_path,
            models=SEARCHING.replace("[model.price]", 'endpoints = ["chat"]\n[model.price]\nweb_search_call = "0.01"'),
            upstreams={"vendor": ("openai", upstream.base_url)},
        ) as gateway,
    ):
        answer = await gateway.post(path, asked | {"model": "m", "stream": stream})
        assert answer.status_code == 200, answer.text
        event = await gateway.only_debit()
    assert event.usage.web_search_calls == 1
    assert event.cost_nanos == 300_000 + 10_000_000
    assert event.hold_nanos > 8 * 10_000_000
