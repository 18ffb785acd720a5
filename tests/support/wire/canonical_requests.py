"""Hypothesis strategies for any CanonicalRequest that a client's protocol can be read into, and for its targets.

`any_requests` is wild: outputs without calls, arguments that are not JSON, options that few vendors have. `plain_requests` keeps to
what every vendor accepts: a conversation of texts, calls with their outputs, functions and limits.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import strategies as st

from app.wire import tags
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
    ImageGenerationCall,
    ImageTool,
    Item,
    Message,
    Part,
    Place,
    Reasoning,
    Refusal,
    Target,
    Text,
    TextFormat,
    Tool,
    ToolChoice,
    ToolName,
    WebSearchCall,
    WebSearchTool,
)

UPSTREAM = "vendor"

texts = st.text(max_size=12) | st.sampled_from(["", " ", "\n", "hello", "h\u00e9llo \U0001f600"])
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
call_ids = st.sampled_from(["call_1", "call_2", "call_3", "odd id:\u00e9"])
places = st.builds("{}[{}]".format, st.sampled_from(["input", "messages"]), st.integers(0, 9))
encoded = st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode())
urls = st.sampled_from(["https://example.com/a.png", "http://example.com/b.pdf"])

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-1, 1) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
objects = st.dictionaries(names, values, max_size=3)
arguments = objects.map(json.dumps) | st.sampled_from(["", " ", "{", "[]", "null", '"x"', "{}"])


def _objects_of(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    properties = st.dictionaries(names, inner, max_size=3)
    extra = st.sampled_from([None, False, True, {"type": "string"}])
    return st.builds(_object_schema, properties, extra) | st.builds(
        lambda items: {"type": "array", "items": items}, inner
    )


def _object_schema(properties: dict[str, Any], extra: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": sorted(properties)}
    return schema if extra is None else {**schema, "additionalProperties": extra}


leaves: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "format": "date", "maxLength": 3},
        {"type": ["string", "null"]},
        {"type": "integer", "minimum": 1},
        {"enum": ["a", None]},
        {"anyOf": [{"type": "number"}, {"type": "null"}]},
        {},
    ]
)
schemas = st.recursive(leaves, _objects_of, max_leaves=5)
object_schemas = st.builds(_object_schema, st.dictionaries(names, schemas, max_size=3), st.sampled_from([None, False]))
any_schemas = schemas | object_schemas | objects

text_parts = st.builds(Text, texts, places)
images = st.builds(
    Image,
    data=encoded,
    media_type=st.sampled_from(["image/png", "image/jpeg", "image/webp", "image/gif", "image/tiff"]),
    detail=st.sampled_from([None, "auto", "low", "high", "original"]),
    at=places,
) | st.builds(Image, url=urls, detail=st.none() | st.just("auto"), at=places)
files = st.builds(
    File,
    data=encoded,
    media_type=st.sampled_from(["application/pdf", "text/plain", "application/zip"]),
    filename=st.none() | texts,
    at=places,
) | st.builds(File, url=urls, filename=st.none() | texts, at=places)
said_parts = st.lists(text_parts | st.builds(Refusal, texts, places), max_size=2).map(tuple)
input_parts: st.SearchStrategy[tuple[Part, ...]] = st.lists(text_parts | images | files, max_size=3).map(tuple)

messages = st.builds(
    Message, st.sampled_from(["system", "developer", "user"]), input_parts, st.none() | names, places
) | st.builds(Message, st.just("assistant"), said_parts, st.none() | names, places)
sealed = st.none() | texts | st.builds(tags.seal, st.sampled_from([UPSTREAM, "another"]), texts | encoded)
items: st.SearchStrategy[Item] = st.one_of(
    messages,
    st.builds(FunctionCall, call_ids, names, arguments, places),
    st.builds(FunctionCallOutput, call_ids, input_parts, places),
    st.builds(CustomCall, call_ids, names, texts, places),
    st.builds(CustomCallOutput, call_ids, input_parts, places),
    st.builds(
        Reasoning, st.lists(texts, max_size=2).map(tuple), st.lists(texts, max_size=1).map(tuple), sealed, places
    ),
    st.builds(WebSearchCall, names, st.lists(texts, max_size=2).map(tuple), places),
    st.builds(ImageGenerationCall, names, encoded, st.sampled_from(["image/png", "image/webp", "image/x"]), places),
)

functions = st.builds(
    FunctionTool, names, st.none() | texts, st.none() | any_schemas, st.sampled_from([None, False, True]), places
)
searches = st.builds(
    WebSearchTool,
    st.sampled_from([None, "low", "medium", "high"]),
    st.none() | st.builds(Place, st.none() | texts, st.none() | st.just("CA"), st.none() | texts, st.none() | texts),
    st.lists(st.just("example.com"), max_size=2).map(tuple),
    st.sampled_from([None, True, False]),
    places,
)
tools: st.SearchStrategy[Tool] = st.one_of(
    functions,
    searches,
    st.builds(CustomTool, names, st.none() | texts, st.none() | objects, places),
    st.builds(ImageTool, objects, places),
)
formats = st.builds(
    TextFormat,
    st.sampled_from(["text", "json_object", "json_schema"]),
    st.none() | names,
    st.none() | texts,
    st.none() | any_schemas,
    st.sampled_from([None, False, True]),
)
hints = st.builds(
    Hints,
    st.none() | st.dictionaries(names, texts, max_size=2),
    st.none() | texts,
    st.none() | texts | st.just("u" * 300),
    st.none() | names,
    st.sampled_from([None, "24h"]),
)
modes = st.sampled_from(["auto", "none", "required"])


RARE: dict[str, st.SearchStrategy[Any]] = {
    "choices": st.integers(1, 3),
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0, 1),
    "presence_penalty": st.floats(-2, 2),
    "frequency_penalty": st.floats(-2, 2),
    "seed": st.integers(-(2**63), 2**63 - 1),
    "stop": st.lists(texts, max_size=4).map(tuple),
    "logprobs": st.integers(0, 20),
    "logit_bias": st.dictionaries(st.sampled_from(["1", "2"]), st.floats(-100, 100)),
    "format": formats,
    "verbosity": st.sampled_from(["low", "medium", "high"]),
    "service_tier": st.sampled_from(["auto", "default", "flex", "priority"]),
}
"""Options that few set: a request has two of them at most, else none would ever be carried over."""


def _chosen(offered: tuple[Tool, ...]) -> st.SearchStrategy[ToolChoice | None]:
    """A choice among the tools, now and then of one that is not there."""
    there = [ToolName("function", tool.name) for tool in offered if isinstance(tool, FunctionTool)]
    there += [ToolName("web_search") for tool in offered if isinstance(tool, WebSearchTool)]
    name = st.sampled_from([*there, ToolName("function", "absent"), ToolName("custom", "odd"), ToolName("web_search")])
    named = st.lists(st.sampled_from(there), min_size=1, unique=True).map(tuple) if there else st.just(())
    wild = st.builds(ToolChoice, modes, st.lists(name, max_size=2, unique=True).map(tuple))
    return st.none() | st.builds(ToolChoice, modes, named) | wild


@st.composite
def _exchange(draw: st.DrawFn) -> tuple[Item, ...]:
    """A question, perhaps calls with their outputs, an answer, and the next question."""
    ids = draw(st.lists(call_ids, max_size=2, unique=True))
    words = texts.filter(str.strip).map(lambda text: (Text(text),))
    inputs = objects.map(json.dumps)
    return (
        Message("user", draw(words), at="input[0]"),
        *(FunctionCall(name, draw(names), draw(inputs), at="input[1]") for name in ids),
        *(FunctionCallOutput(name, draw(words), at="input[2]") for name in ids),
        Message("assistant", draw(words), at="input[3]"),
        Message("user", draw(words), at="input[4]"),
    )


_exchanges = st.lists(_exchange(), min_size=1, max_size=2).map(
    lambda drawn: tuple(item for part in drawn for item in part)
)


wild_items = st.lists(items, max_size=5).map(tuple)


@st.composite
def any_requests(draw: st.DrawFn) -> CanonicalRequest:
    """Any request."""
    offered = tuple(draw(st.lists(functions, max_size=2) | st.lists(tools, max_size=3)))
    rare = draw(st.lists(st.sampled_from(sorted(RARE)), max_size=2, unique=True))
    return CanonicalRequest(
        endpoint=draw(st.sampled_from(["responses", "chat"])),
        model="model",
        items=draw(_exchanges | wild_items | st.tuples(messages, _exchanges).map(lambda drawn: (drawn[0], *drawn[1]))),
        stream=draw(st.booleans()),
        instructions=draw(st.none() | texts),
        tools=offered,
        tool_choice=draw(_chosen(offered)),
        parallel_tool_calls=draw(st.sampled_from([None, True, False])),
        max_output_tokens=draw(st.none() | st.integers(1, 10_000)),
        max_tool_calls=draw(st.none() | st.integers(0, 5)),
        effort=draw(st.sampled_from([None, "none", "minimal", "low", "medium", "high", "xhigh"])),
        summary=draw(st.sampled_from([None, "auto", "concise", "detailed"])),
        hints=draw(hints),
        **{name: draw(RARE[name]) for name in rare},
    )


@st.composite
def plain_requests(draw: st.DrawFn) -> CanonicalRequest:
    """A request that every vendor takes."""
    made = draw(
        st.lists(st.builds(FunctionTool, names, texts, object_schemas), max_size=2, unique_by=lambda tool: tool.name)
    )
    return CanonicalRequest(
        endpoint=draw(st.sampled_from(["responses", "chat"])),
        model="model",
        items=draw(_exchanges),
        stream=draw(st.booleans()),
        instructions=draw(st.none() | texts),
        tools=tuple(made),
        temperature=draw(st.none() | st.floats(0, 1)),
        hints=draw(hints),
    )


def targets(models: st.SearchStrategy[str]) -> st.SearchStrategy[Target]:
    return st.builds(
        Target,
        st.just(UPSTREAM),
        models,
        st.integers(1, 40_000),
        st.none() | st.integers(0, 5),
        st.booleans(),
    )
