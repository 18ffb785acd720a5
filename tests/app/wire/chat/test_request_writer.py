"""Canonical requests written as chat bodies: options, tools, and the round trip through the reader."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire.canonical import (
    CanonicalRequest,
    CustomCall,
    CustomCallOutput,
    CustomTool,
    File,
    FunctionCall,
    FunctionCallOutput,
    FunctionTool,
    Hints,
    Image,
    ImageTool,
    Item,
    Message,
    Place,
    Refusal,
    Target,
    Text,
    TextFormat,
    Tool,
    ToolChoice,
    ToolName,
    WebSearchTool,
    bare,
)
from app.wire.chat.request_reader import read_chat_request
from app.wire.chat.request_writer import write_chat_request
from app.wire.exchange import Endpoint
from app.wire.request import read_body
from tests.support.wire.chat.chat_bodies import TARGET, make_request, refused, written

F, G = FunctionTool("f"), FunctionTool("g")


SQL = CustomTool("sql")


SEARCH = WebSearchTool(at="tools[9]")


def rest(**members: Any) -> dict[str, Any]:
    """The written members, without those that every body has."""
    always = {"model", "messages", "max_completion_tokens", "store"}
    return {name: value for name, value in written(make_request(**members)).items() if name not in always}


def test_a_minimal_body() -> None:
    assert written(make_request()) == {
        "model": "vendor",
        "messages": [{"role": "user", "content": "hi"}],
        "max_completion_tokens": 100,
        "store": False,
    }


def test_the_limit_that_the_hold_covers_is_written() -> None:
    assert written(make_request(max_output_tokens=5))["max_completion_tokens"] == 100


def test_other_servers_get_the_limit_by_its_older_name() -> None:
    actual = json.loads(write_chat_request(make_request(), msgspec.structs.replace(TARGET, is_openai=False)))
    assert actual == {"model": "vendor", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}


def test_a_stream_requests_usage() -> None:
    assert rest(stream=True) == {"stream": True, "stream_options": {"include_usage": True}}


def test_options() -> None:
    actual = rest(
        choices=2,
        temperature=0.5,
        top_p=0.25,
        presence_penalty=-1.0,
        frequency_penalty=1.0,
        seed=7,
        stop=("a", "b"),
        logprobs=3,
        logit_bias={"5": -100.0, "6": 0.5},
        effort="minimal",
        summary="auto",
        format=TextFormat("json_object"),
        verbosity="low",
        service_tier="auto",
        hints=Hints({"a": "b"}, "u", "s", "k", "24h"),
    )
    assert actual == {
        "n": 2,
        "temperature": 0.5,
        "top_p": 0.25,
        "presence_penalty": -1.0,
        "frequency_penalty": 1.0,
        "seed": 7,
        "stop": ["a", "b"],
        "logprobs": True,
        "top_logprobs": 3,
        "logit_bias": {"5": -100, "6": 0.5},
        "reasoning_effort": "minimal",
        "response_format": {"type": "json_object"},
        "verbosity": "low",
        "service_tier": "auto",
        "user": "u",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
    }
    assert isinstance(actual["logit_bias"]["5"], int)


def test_logprobs_of_the_chosen_tokens_only() -> None:
    assert rest(logprobs=0) == {"logprobs": True}


SCHEMA = {"type": "object"}


def test_a_schema() -> None:
    form = TextFormat("json_schema", "n", None, SCHEMA, False)
    actual = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": False}}
    assert rest(format=form) == {"response_format": actual}


@pytest.mark.parametrize(("endpoint", "param"), [("responses", "reasoning.summary"), ("chat", "reasoning_effort")])
def test_a_particular_kind_of_summary_is_rejected(endpoint: Endpoint, param: str) -> None:
    assert refused(make_request(endpoint=endpoint, summary="detailed")) == param


def function(name: str, **members: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **members}}


@pytest.mark.parametrize(
    ("tool", "raw"),
    [
        (F, function("f")),
        (FunctionTool("f", "d", SCHEMA, False), function("f", description="d", parameters=SCHEMA, strict=False)),
        (SQL, {"type": "custom", "custom": {"name": "sql"}}),
        (
            CustomTool("sql", "d", {"type": "text"}),
            {"type": "custom", "custom": {"name": "sql", "description": "d", "format": {"type": "text"}}},
        ),
        (
            CustomTool("sql", None, {"type": "grammar", "syntax": "lark", "definition": "x"}),
            {
                "type": "custom",
                "custom": {
                    "name": "sql",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}},
                },
            },
        ),
    ],
)
def test_tools(tool: Tool, raw: Any) -> None:
    assert rest(tools=(tool,)) == {"tools": [raw]}


def test_a_search_is_an_option() -> None:
    assert rest(tools=(WebSearchTool(external_access=True),)) == {"web_search_options": {}}
    place = {"type": "approximate", "approximate": {"city": "Paris", "country": "FR"}}
    assert rest(tools=(F, WebSearchTool("low", Place("Paris", "FR"))), parallel_tool_calls=False) == {
        "tools": [function("f")],
        "web_search_options": {"search_context_size": "low", "user_location": place},
        "parallel_tool_calls": False,
    }


@pytest.mark.parametrize(
    ("choice", "tools", "raw", "searches"),
    [
        (None, ["f", "g"], None, True),
        (ToolChoice("auto"), ["f", "g"], "auto", True),
        (ToolChoice("required"), ["f", "g"], "required", True),
        (ToolChoice("none"), ["f", "g"], "none", False),
        (ToolChoice("required", (ToolName("function", "f"),)), ["f", "g"], function("f"), False),
        (ToolChoice("auto", (ToolName("function", "f"),)), ["f"], "auto", False),
        (ToolChoice("auto", (ToolName("function", "f"), ToolName("web_search"))), ["f"], "auto", True),
        (ToolChoice("auto", (ToolName("web_search"),)), None, None, True),
        (ToolChoice("required", (ToolName("function", "f"), ToolName("custom", "g"))), ["f"], "required", False),
    ],
)
def test_tool_choices_are_written_as_older_servers_know_them(
    choice: ToolChoice | None, tools: list[str] | None, raw: Any, searches: bool
) -> None:
    body = rest(tools=(F, G, SEARCH), tool_choice=choice)
    assert (body.get("tools"), body.get("tool_choice")) == (
        None if tools is None else [function(n) for n in tools],
        raw,
    )
    assert ("web_search_options" in body) == searches


def test_a_custom_tool_is_forced_by_its_name() -> None:
    forced = ToolChoice("required", (ToolName("custom", "sql"),))
    assert rest(tools=(F, SQL), tool_choice=forced)["tool_choice"] == {"type": "custom", "custom": {"name": "sql"}}


def test_without_tools_there_is_no_tool_choice() -> None:
    assert rest(parallel_tool_calls=True, tool_choice=ToolChoice("auto")) == {}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"tools": (ImageTool(at="tools[0]"),)}, "tools[0]"),
        ({"tools": (ImageTool(),)}, "tools"),
        ({"tools": (SEARCH, SEARCH)}, "tools[9]"),
        ({"tools": (WebSearchTool(allowed_domains=("a.example",)),)}, "tools.filters"),
        ({"tools": (WebSearchTool(external_access=False, at="tools[0]"),)}, "tools[0].external_web_access"),
        ({"tools": (SEARCH,), "max_tool_calls": 3}, "max_tool_calls"),
        ({"tools": (SEARCH,), "tool_choice": ToolChoice("required")}, "tool_choice"),
        ({"tools": (SEARCH, F), "tool_choice": ToolChoice("required", (ToolName("web_search"),))}, "tool_choice"),
        (
            {
                "tools": (SEARCH, F),
                "tool_choice": ToolChoice("required", (ToolName("web_search"), ToolName("function", "f"))),
            },
            "tool_choice",
        ),
    ],
)
def test_tools_that_chat_does_not_support_are_rejected(members: dict[str, Any], param: str) -> None:
    assert refused(make_request(**members)) == param


def test_tools_that_are_not_allowed_are_left_out() -> None:
    choice = ToolChoice("auto", (ToolName("function", "f"),))
    assert rest(tools=(F, ImageTool()), tool_choice=choice)["tools"] == [function("f")]


def test_a_limit_of_calls_is_accepted_without_priced_tools() -> None:
    assert rest(tools=(F,), max_tool_calls=3) == {"tools": [function("f")]}


word = st.text(st.characters(codec="utf-8"), min_size=1, max_size=4)


maybe = st.none() | word


texts = st.builds(Text, word)


images = st.builds(
    Image, url=st.just("https://a.example/x"), detail=st.sampled_from([None, "low", "original"])
) | st.builds(Image, data=st.just("QUJD"), media_type=st.sampled_from(["image/png", "image/webp"]))


files = st.builds(File, data=st.just("JVBERi0="), media_type=st.just("application/pdf"), filename=maybe)


def several(part: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(part, min_size=1, max_size=3).map(tuple)


@st.composite
def turns(draw: st.DrawFn) -> list[Item]:
    """What a user or a system says, then perhaps what the assistant says and calls, and what came of it."""
    items: list[Item] = [
        draw(
            st.builds(Message, st.just("user"), several(texts | images | files), maybe)
            | st.builds(Message, st.just("system"), several(texts), maybe)
        )
    ]
    names = draw(st.lists(st.tuples(st.booleans(), word), max_size=2))
    said = draw(st.booleans())
    if said:
        items.append(draw(st.builds(Message, st.just("assistant"), several(texts | st.builds(Refusal, word)), maybe)))
    ids = [f"call_{draw(st.integers(0, 10**9))}_{index}" for index in range(len(names))]
    for call_id, (custom, name) in zip(ids, names, strict=True):
        items.append((CustomCall if custom else FunctionCall)(call_id, name, draw(st.text(max_size=3, alphabet="{}x"))))
    for call_id, (custom, _) in zip(ids, names, strict=True):
        items.append((CustomCallOutput if custom else FunctionCallOutput)(call_id, draw(several(texts))))
    return items


definitions = st.builds(
    FunctionTool,
    st.just("f"),
    maybe,
    st.none() | st.dictionaries(word, st.integers() | word, max_size=2),
    st.none() | st.booleans(),
)


grammars = st.fixed_dictionaries({"type": st.just("grammar"), "syntax": st.just("regex"), "definition": word})


customs = st.builds(CustomTool, st.just("sql"), maybe, st.none() | st.just({"type": "text"}) | grammars)


searches = st.builds(WebSearchTool, st.sampled_from([None, "low", "high"]), st.none() | st.builds(Place, maybe, maybe))


@st.composite
def tool_members(draw: st.DrawFn) -> dict[str, Any]:
    tools: list[Tool] = [draw(definitions), draw(customs)]
    choices = [None, ToolChoice("auto"), ToolChoice("required")]
    if draw(st.booleans()):
        tools.append(draw(searches))
    else:
        forced = [ToolChoice("required", (name,)) for name in (ToolName("function", "f"), ToolName("custom", "sql"))]
        choices += [ToolChoice("none"), *forced]
    return {
        "tools": tuple(tools),
        "tool_choice": draw(st.sampled_from(choices)),
        "parallel_tool_calls": draw(st.none() | st.booleans()),
    }


def number(least: float, most: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(least, most)


any_requests = st.builds(
    lambda items, tools, **members: CanonicalRequest(
        endpoint="chat", model="m", items=tuple(item for turn in items for item in turn), **tools, **members
    ),
    items=st.lists(turns(), min_size=1, max_size=3),
    tools=st.just({}) | tool_members(),
    stream=st.booleans(),
    choices=st.integers(1, 128),
    max_output_tokens=st.just(100),
    temperature=number(0, 2),
    top_p=number(0, 1),
    presence_penalty=number(-2, 2),
    frequency_penalty=number(-2, 2),
    seed=st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    stop=st.lists(word, max_size=4).map(tuple),
    logprobs=st.none() | st.integers(0, 20),
    logit_bias=st.none() | st.dictionaries(word, st.floats(-100, 100), max_size=2),
    effort=st.sampled_from([None, "none", "xhigh"]),
    format=st.none()
    | st.sampled_from([TextFormat("text"), TextFormat("json_object")])
    | st.builds(
        TextFormat, st.just("json_schema"), word, maybe, st.none() | st.just(SCHEMA), st.none() | st.booleans()
    ),
    verbosity=st.sampled_from([None, "low", "high"]),
    service_tier=st.sampled_from([None, "auto", "default"]),
    hints=st.builds(Hints, st.none(), maybe, maybe, maybe, maybe),
)


@settings(max_examples=100, deadline=None)
@given(any_requests)
def test_a_written_request_reads_back_as_the_same(raw: CanonicalRequest) -> None:
    target = Target(upstream="up", model="m", max_output_tokens=100)
    assert bare(read_chat_request(read_body(write_chat_request(raw, target)), {})) == bare(raw)
