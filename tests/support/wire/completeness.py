"""Checks that a vendor's body contains everything in the request, without using the code that wrote it.

Rule: texts are marked and found by their marks, wherever the vendor's protocol has them; other values are looked up in their place.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from app.wire import canonical
from app.wire.canonical import CanonicalRequest, Item, Part, Target
from tests.protocols.translated.expected import Dialect

Json = dict[str, Any]


def marked(request: CanonicalRequest) -> CanonicalRequest:
    """`request` with a unique number in each non-blank text, so that one that is lost or repeated is detected."""
    numbers = iter(range(100, 10_000))

    def part(old: Part) -> Part:
        if isinstance(old, canonical.Text | canonical.Refusal) and old.text.strip():
            return msgspec.structs.replace(old, text=f"{old.text}<{next(numbers)}>")
        return old

    def item(old: Item) -> Item:
        parts = getattr(old, "parts", None)
        return old if parts is None else msgspec.structs.replace(old, parts=tuple(part(each) for each in parts))

    return msgspec.structs.replace(request, items=tuple(item(each) for each in request.items))


def check(dialect: Dialect, request: CanonicalRequest, target: Target, body: Json) -> None:
    """Raises AssertionError where something of `ask` is not in `body`."""
    words = list(leaves(body))
    for item in request.items:
        _item(dialect, item, body, words)
    if request.instructions and request.instructions.strip():
        assert any(request.instructions in word for word in words), "instructions"
    callable_ = _callable(dialect, request)
    for tool in callable_:
        _tool(dialect, tool, body)
    searches = sum(isinstance(tool, canonical.WebSearchTool) for tool in callable_)
    assert searches < 2 or dialect == "responses", "one of two searches is not there"
    _options(dialect, request, target, body)


def leaves(value: Any) -> Iterator[str]:
    """All strings at any depth."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from leaves(inner)


def objects(value: Any) -> Iterator[Json]:
    """All objects at any depth."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


# -- Items


def _item(dialect: Dialect, item: Item, body: Json, words: list[str]) -> None:
    match item:
        case canonical.FunctionCall() | canonical.CustomCall():
            _call(dialect, item, body)
        case canonical.ImageGenerationCall():
            assert item.data in words, "an image that was made"
        case canonical.Message() | canonical.FunctionCallOutput() | canonical.CustomCallOutput():
            for part in item.parts:
                _part(part, words)
            if isinstance(item, canonical.Message):
                named = bool(item.name) and not (item.role == "assistant" and dialect in ("responses", "gemini"))
                named = named and not _is_empty(item)
                assert not named or any(str(item.name) in word for word in words), "a participant's name"
            else:
                assert dialect == "anthropic" or item.call_id in words, "the id of an output"
        case _:  # reasoning of others and earlier searches may be left out: canonical.Rule 4
            pass


def _is_empty(message: canonical.Message) -> bool:
    """Whether it is an assistant's message without content, which may be left out."""
    return message.role == "assistant" and not any(getattr(part, "text", part) for part in message.parts)


def _part(part: Part, words: list[str]) -> None:
    if isinstance(part, canonical.Text | canonical.Refusal):
        result = sum(word.count(part.text) for word in words)
        assert result == 1 or not part.text.strip(), f"{part.text!r} occurs {result} times"
    elif part.url is not None:
        assert part.url in words, "an address"
    else:
        data = part.data or ""
        plain = base64.b64decode(data) if isinstance(part, canonical.File) and part.media_type == "text/plain" else None
        kept = any(word == data or word.endswith(f"base64,{data}") for word in words)
        assert kept or (plain is not None and any(word.encode() == plain for word in words)), "inline data"


def _call(dialect: Dialect, call: canonical.FunctionCall | canonical.CustomCall, body: Json) -> None:
    """Vendors that take an object get what the arguments say; Anthropic has its own idea of an id."""
    text = call.arguments if isinstance(call, canonical.FunctionCall) else call.input
    for found in objects(body):
        result = found.get("arguments", found.get("input", found.get("args")))
        same = result == text or (isinstance(result, dict) and result == (json.loads(text) if text.strip() else {}))
        if found.get("name") == call.name and result is not None and same:
            return
    raise AssertionError(f"the call {call.name} with {text!r}")


# -- Tools


def _callable(dialect: Dialect, request: CanonicalRequest) -> list[canonical.Tool]:
    """The tools that must be there: a choice that allows some, or none, may be kept by leaving the others out."""
    choice = request.tool_choice
    if choice is None or dialect == "responses" or (choice.mode != "none" and not choice.only):
        return list(request.tools)
    if choice.mode == "none":
        return [tool for tool in request.tools if isinstance(tool, canonical.FunctionTool) and not choice.only]
    names = {name.name for name in choice.only if name.name}
    return [tool for tool in request.tools if getattr(tool, "name", None) in names]


def _tool(dialect: Dialect, tool: canonical.Tool, body: Json) -> None:
    found = list(objects({"tools": body.get("tools"), "web_search_options": body.get("web_search_options")}))
    match tool:
        case canonical.WebSearchTool():  # one that may be used no times need not be offered
            kinds = [str(each.get("type", "")) for each in found]
            own = any(kind.startswith("web_search") for kind in kinds) or any("googleSearch" in each for each in found)
            assert own or body.get("web_search_options") is not None or dialect == "anthropic", "a web search"
        case canonical.ImageTool():
            request = body.get("generationConfig", {}).get("responseModalities", [])
            assert "IMAGE" in request or any(each.get("type") == "image_generation" for each in found), "images"
        case _:
            assert any(each.get("name") == tool.name and _declares(each, tool) for each in found), (
                f"the tool {tool.name}"
            )


def _declares(found: Json, tool: canonical.FunctionTool | canonical.CustomTool) -> bool:
    if tool.description and found.get("description") != tool.description:
        return False
    if isinstance(tool, canonical.CustomTool) or not tool.parameters or found.get("strict") is True:
        return True  # a strict schema is written in the vendor's subset: see the tests of anthropic/schemas.py
    schema = found.get("parameters", found.get("input_schema", found.get("parametersJsonSchema")))
    return bool(schema in (tool.parameters, {"type": "object", **tool.parameters}))


# -- Options

_PLACES: dict[str, dict[Dialect, str]] = {
    "temperature": {"gemini": "generationConfig.temperature"},
    "top_p": {"gemini": "generationConfig.topP"},
    "presence_penalty": {"gemini": "generationConfig.presencePenalty"},
    "frequency_penalty": {"gemini": "generationConfig.frequencyPenalty"},
    "seed": {"gemini": "generationConfig.seed"},
    "stop": {"gemini": "generationConfig.stopSequences", "anthropic": "stop_sequences"},
    "choices": {"gemini": "generationConfig.candidateCount", "chat": "n"},
    "logit_bias": {},
    "logprobs": {"gemini": "generationConfig.responseLogprobs", "responses": "top_logprobs"},
    "effort": {
        "gemini": "generationConfig.thinkingConfig",
        "responses": "reasoning.effort",
        "chat": "reasoning_effort",
        "anthropic": "thinking",
    },
    "verbosity": {"responses": "text.verbosity"},
    "service_tier": {},
}
_LIMITS: dict[Dialect, tuple[str, ...]] = {
    "responses": ("max_output_tokens",),
    "chat": ("max_completion_tokens", "max_tokens"),
    "anthropic": ("max_tokens",),
    "gemini": ("generationConfig.maxOutputTokens",),
}
_NEEDLESS: dict[str, tuple[Any, ...]] = {
    "temperature": (1,),
    "top_p": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "choices": (1,),
    "logit_bias": ({},),
    "verbosity": ("medium",),
    "service_tier": ("auto", "default"),
    "effort": ("none",),
}
"""Values that ask for what comes anyway: only OpenAI's own protocols write them."""
_AS_IS = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop", "choices", "verbosity")


def _options(dialect: Dialect, request: CanonicalRequest, target: Target, body: Json) -> None:
    assert target.max_output_tokens in [_at(body, place) for place in _LIMITS[dialect]], "the output limit"
    for field, places in _PLACES.items():
        value = getattr(request, field)
        if value in (None, (), *_NEEDLESS.get(field, ())):
            continue
        result = _at(body, places.get(dialect, field))
        assert result is not None, f"{field} {value!r}"
        if field in _AS_IS:
            assert result == (list(value) if isinstance(value, tuple) else value), (
                f"{field} {value!r} became {result!r}"
            )
    if request.parallel_tool_calls is False and body.get("tools") and dialect != "gemini":
        result = [each for each in objects(body) if each.get("disable_parallel_tool_use")]
        forbidden = isinstance(request.tool_choice, canonical.ToolChoice) and request.tool_choice.mode == "none"
        assert result or body.get("parallel_tool_calls") is False or forbidden, "one call at a time"
    _format(request, body)


def _format(request: CanonicalRequest, body: Json) -> None:
    """A schema is there as it came, or in the vendor's subset: then its members' names are."""
    form = request.format
    if form is None or form.kind == "text":
        return
    if form.kind == "json_object" or not form.schema:
        said = any(word in ("json_object", "json_schema", "application/json") for word in leaves(body))
        assert said, "an answer in JSON"
        return
    inner = form.schema.get("properties")
    names = set(inner) if isinstance(inner, dict) else set()
    kept = any(
        each == form.schema or names <= set(each.get("properties") or ())
        for each in objects(body)
        if "properties" in each
    )
    assert kept or form.schema in list(objects(body)) or not names, "the schema of the answer"


def _at(body: Any, place: str) -> Any:
    for name in place.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body
