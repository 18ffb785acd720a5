"""The hold covers every answer that the written request permits.

Rule 1: what is permitted is read from the bytes that an upstream would be sent, by the vendors' own rules for them, not from the
        plan. An answer is then drawn within it, and priced.
Rule 2: what no request can limit is drawn up to what is held for: the documented exceptions of ops/protocols.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.accounts.auth import Key
from app.requests.attempts import Attempt, Offer
from app.requests.plan import Offering, Plan, make_plan
from app.settings import parse as parse_settings
from app.wire.dialects import parse
from app.wire.exchange import Endpoint, RequestError
from domain.catalog import Catalog
from domain.demand import TOOL_CALLS_DEFAULT
from domain.events import KeyLimits
from domain.pricing import hold_ceiling, price_usage
from domain.usage import CallCount, ImageCount, Usage
from tests.support.gateway.gateway import configuration

Json = dict[str, Any]
EXAMPLES: Final = 300
EXAMPLES_LONG: Final = 20_000

PRICED: Final = """
[[model]]
id = "priced"
upstreams = ["up"]
tools = ["function", "custom", "web_search", "image_generation"]
input = ["text", "image", "file"]
context_window = 50000
max_output_tokens = 20000
[model.price]
input = "1"
cached_input = "0.1"
cache_write = "1.25"
cache_write_1h = "2"
output = "10"
image_output = "40"
web_search_call = "0.01"
image = { "*" = "0.04", "high/1024x1536" = "0.25", "low/auto" = "0.01" }
calls = { custom = "0.02" }
above = [{ input_tokens = 30000, input = "3", output = "20" }]
tier = [{ name = "flex", input = "0.5", output = "5" }, { name = "priority", input = "2", output = "30" }]
"""
CHEAP: Final = parse_settings(configuration(Path("/nowhere"), upstreams={"up": ""}, models=PRICED)).catalog()
SOLD: Final = CHEAP.model("priced")


@dataclass(frozen=True)
class Upstream:
    protocol: str
    model: str
    endpoints: tuple[str, ...] = ("responses", "chat")


UPSTREAMS: Final = (
    Upstream("openai", "gpt-5.4"),
    Upstream("openai", "gpt-5.4", ("responses",)),
    Upstream("openai", "gpt-5.4", ("chat",)),
    Upstream("openai-chat", "qwen"),
    Upstream("anthropic", "claude-sonnet-4-6"),
    Upstream("anthropic", "claude-sonnet-4-5"),
    Upstream("gemini", "gemini-3-pro-image-preview"),
    Upstream("gemini", "gemini-2.5-flash"),
)


def planned(endpoint: Endpoint, body: Json, upstream: Upstream) -> Plan:
    model = replace(SOLD, upstream_model=upstream.model, endpoints=upstream.endpoints)
    return make_plan(
        parse(endpoint, json.dumps(body).encode()),
        key=Key("acct", "key", "digest", KeyLimits()),
        offering=Offering(
            Catalog([model], ["up"]), {"priced": 1}, {"up": Offer(upstream.protocol, 2**20, fetches_urls=True)}, 4096
        ),
        stored={},
        request_id="req_1",
        now_micros=0,
    )


# -- What a client may send


COUNTS: Final = st.sampled_from([None, 1, 100, 1025, 4096, 19_999, 20_000, 20_001, 200_000, 2**31, 10**18])
BUDGETS: Final = st.sampled_from([-1, 0, 50, 4096, 4097, 20_000, 10**6])
SEARCH: Final[Json] = {"type": "web_search"}


def optional(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=dict(members))


def images() -> st.SearchStrategy[Json]:
    return optional(
        n=st.sampled_from([None, 1, 2, 50]),
        size=st.sampled_from(["auto", "1024x1024", "1024x1536"]),
        quality=st.sampled_from(["auto", "low", "high", "max"]),
        partial_images=st.integers(0, 5),
        output_format=st.sampled_from(["png", "gif"]),
    ).map(lambda options: {"type": "image_generation", **options})


ANYWHERE: Final = optional(
    service_tier=st.sampled_from([None, "auto", "default", "flex", "priority"]),
    stream=st.booleans(),
    thinking_budget=BUDGETS,
    min_tokens=BUDGETS,
    ignore_eos=st.booleans(),
    reasoning=optional(max_tokens=BUDGETS, effort=st.sampled_from(["low", "high"]), mode=st.just("pro")),
    sampling_params=optional(max_new_tokens=COUNTS, top_k=COUNTS),
    max_new_tokens=COUNTS,
    best_of=COUNTS,
    speed=st.just("fast"),
)
LIMITS: Final = optional(max_tokens=COUNTS, max_completion_tokens=COUNTS, max_output_tokens=COUNTS)
RESPONSES: Final = optional(
    max_output_tokens=COUNTS,
    max_tool_calls=st.sampled_from([None, 1, 3, 8, 100, 101, 10**6]),
    tools=st.lists(
        st.one_of(
            st.just(SEARCH),
            st.just({**SEARCH, "max_uses": 50}),
            images(),
            st.just({"type": "function", "name": "f", "parameters": {}}),
            st.just({"type": "custom", "name": "c"}),
        ),
        max_size=2,
    ),
    context_management=st.just([{"type": "compaction"}]),
    n=st.integers(1, 5),
)
CHAT: Final = optional(
    max_tokens=COUNTS,
    max_completion_tokens=COUNTS,
    n=st.sampled_from([None, 1, 2, 8, 128, 129]),
    web_search_options=st.just({}),
    reasoning_effort=st.sampled_from(["low", "high"]),
    modalities=st.sampled_from([["text"], ["text", "image"]]),
)
TEXTS: Final = st.sampled_from(["hi", "x" * 5_000, "x" * 31_000, "x" * 60_000])


@st.composite
def requests(draw: st.DrawFn) -> tuple[Endpoint, Json]:
    """Mostly members that are offered; rarely one of another endpoint, or of another server."""
    endpoint: Endpoint = draw(st.sampled_from(["responses", "chat"]))
    own, text = draw(RESPONSES if endpoint == "responses" else CHAT), draw(TEXTS)
    content: Json = {"input": text} if endpoint == "responses" else {"messages": [{"role": "user", "content": text}]}
    strange = draw(st.integers(0, 3)) == 0
    more = draw(ANYWHERE) | (draw(LIMITS) if draw(st.integers(0, 9)) == 0 else {}) if strange else {}
    if not strange and draw(st.booleans()):
        more = {"service_tier": draw(st.sampled_from(["auto", "default", "flex", "priority"]))}
    return endpoint, {"model": "priced", **content, **more, **own}


# -- What the written request permits


@dataclass(frozen=True)
class Permitted:
    """`output` is the tokens of all choices together. `tools`: the priced tools that may be called, `calls` times altogether.

    `custom`: calls of custom tools, which no request limits.
    """

    output: int
    calls: int
    tools: frozenset[str]
    service_tier: str | None
    custom: int = 0


def numbers(value: Any) -> Iterator[int]:
    """Every number under the name of a limit or a budget, at any depth, outside the conversation."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        folded = name.lower().replace("_", "")
        limits = folded.startswith("max") and folded.endswith(("tokens", "length"))
        if type(inner) is int and (limits or "budget" in folded or folded == "mintokens"):
            yield inner
        elif name not in ("messages", "input", "contents"):
            yield from numbers(inner)


def of_responses(body: Json) -> Permitted:
    tools = body.get("tools", [])
    assert body.get("n") is None
    assert all(tool.get("n") in (None, 1) for tool in tools)
    kinds = {tool["type"] for tool in tools} & {"web_search", "image_generation"}
    assert not kinds or body["max_tool_calls"] <= 100
    limit = body["max_output_tokens"]
    assert max(numbers(body)) == limit
    return Permitted(
        limit, body["max_tool_calls"] if kinds else 0, frozenset(kinds), body.get("service_tier"), custom(body)
    )


def custom(body: Json) -> int:
    return TOOL_CALLS_DEFAULT if any(tool["type"] == "custom" for tool in body.get("tools", [])) else 0


def of_chat(body: Json) -> Permitted:
    """A chat searches once for each choice. Without any limit, a server writes as much as it likes."""
    limits = [body[name] for name in ("max_tokens", "max_completion_tokens") if body.get(name) is not None]
    assert limits
    assert max(numbers(body)) == max(limits)
    choices = body.get("n") or 1
    tools = frozenset(["web_search"] if "web_search_options" in body else [])
    return Permitted(choices * max(limits), choices, tools, body.get("service_tier"), custom(body))


def of_anthropic(body: Json) -> Permitted:
    assert max(numbers(body)) == body["max_tokens"]
    uses = [tool["max_uses"] for tool in body.get("tools", []) if tool["name"] == "web_search"]
    assert len(uses) <= 1
    tier = "default" if body.get("service_tier") == "standard_only" else None
    return Permitted(body["max_tokens"], sum(uses), frozenset(["web_search"] if uses else []), tier)


def of_gemini(body: Json) -> Permitted:
    """Searches and images cannot be limited: drawn up to what is held for."""
    config = body["generationConfig"]
    tools = {"web_search"} if any("googleSearch" in tool for tool in body.get("tools", [])) else set()
    tools |= {"image_generation"} if "IMAGE" in config.get("responseModalities", ()) else set()
    choices = config.get("candidateCount", 1)
    return Permitted(choices * config["maxOutputTokens"], TOOL_CALLS_DEFAULT, frozenset(tools), "default")


PERMITTED: Final[dict[str, Callable[[Json], Permitted]]] = {
    "responses": of_responses,
    "chat": of_chat,
    "anthropic": of_anthropic,
    "gemini": of_gemini,
}


# -- An answer within it


def shares(draw: st.DrawFn, total: int, names: tuple[str, ...]) -> dict[str, int]:
    """The total, mostly all of it, divided among the names at random."""
    left = draw(st.one_of(st.just(total), st.integers(0, total)))
    found: dict[str, int] = {}
    for name in draw(st.permutations(names)):
        found[name] = draw(st.one_of(st.just(left), st.integers(0, left)))
        left -= found[name]
    return found


@st.composite
def answers(draw: st.DrawFn, permitted: Permitted, input_tokens: int) -> Usage:
    kinds = ("input", "cached_input", "cache_write", "cache_write_1h", "image_input")
    calls = shares(draw, permitted.calls, tuple(sorted(permitted.tools))) if permitted.tools else {}
    tiers = [None, "default", "priority", "flex", "never-heard-of"]
    if permitted.service_tier not in (None, "auto"):
        tiers = [None, "default", permitted.service_tier]
    pictures = calls.get("image_generation", 0)
    quality, size = draw(st.sampled_from([("high", "1024x1536"), ("auto", "auto"), ("low", "auto"), ("max", "8x8")]))
    tokens: dict[str, Any] = {
        **shares(draw, input_tokens, kinds),
        **shares(draw, permitted.output, ("output", "image_output")),
    }
    return Usage(
        **tokens,
        web_search_calls=calls.get("web_search", 0),
        images=(ImageCount(quality, size, pictures),) if pictures else (),
        calls=(CallCount("custom", permitted.custom),) if permitted.custom else (),
        service_tier=draw(st.sampled_from(tiers)),
    )


def written(attempt: Attempt) -> Permitted:
    return PERMITTED[attempt.dialect](json.loads(attempt.body))


def check_hold(endpoint: Endpoint, body: Json, upstream: Upstream, data: st.DataObject) -> None:
    try:
        plan = planned(endpoint, body, upstream)
    except RequestError:
        assume(False)
    bounds, model = plan.quote.bounds, plan.quote.model
    permitted = written(plan.take_attempts().first)
    usage = data.draw(answers(permitted, bounds.input_tokens))
    assert price_usage(model.prices, usage).amount_nanos <= hold_ceiling(model.prices, bounds)
    assert permitted.output <= bounds.choices * model.max_output_tokens


def examples(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(max_examples=count, deadline=None)


@examples(EXAMPLES)
@given(request=requests(), upstream=st.sampled_from(UPSTREAMS), data=st.data())
def test_no_answer_that_the_written_request_permits_costs_more_than_the_hold(
    request: tuple[Endpoint, Json], upstream: Upstream, data: st.DataObject
) -> None:
    check_hold(*request, upstream, data)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@examples(EXAMPLES_LONG)
@given(request=requests(), upstream=st.sampled_from(UPSTREAMS), data=st.data())
def test_no_answer_that_is_permitted_costs_more_than_the_hold_in_many_examples(
    request: tuple[Endpoint, Json], upstream: Upstream, data: st.DataObject
) -> None:
    check_hold(*request, upstream, data)


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("endpoint", ["responses", "chat"])
def test_a_plain_request_permits_the_default_limit(endpoint: Endpoint, upstream: Upstream) -> None:
    content = {"input": "hi"} if endpoint == "responses" else {"messages": [{"role": "user", "content": "hi"}]}
    plan = planned(endpoint, {"model": "priced", **content}, upstream)
    assert written(plan.take_attempts().first).output == plan.quote.bounds.output_tokens == 4096
