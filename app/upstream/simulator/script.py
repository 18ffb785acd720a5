"""Decides what the simulator answers. Pure: the same request always gets the same answer.

Order of preference: what the client forces, then a function or tool that fits the prompt, then text. The output limit, the
stop sequences and the directives are applied to the result, and the usage is counted from the result.
"""

from __future__ import annotations

import base64
import re

import msgspec

from app.upstream.simulator import answer, png, prose, schema, tokens
from app.upstream.simulator.answer import (
    Call,
    Choice,
    Citation,
    Finish,
    Item,
    Picture,
    Search,
    SimulatedAnswer,
    SimulatedRefusal,
    Text,
)
from app.upstream.simulator.request import Function, ImageTool, SimulatedRequest

CALLS_MAX = 4
QUERY_CHARS_MAX = 120

_EFFORT_TOKENS = {"minimal": 8, "low": 16, "medium": 32, "high": 64, "xhigh": 128, "max": 256}
_IMAGE_TOKENS = {"low": 272, "medium": 1056, "high": 4160}
_DRAW = re.compile(r"\b(image|picture|icon|logo|draw|paint|photo|illustration|sketch)", re.IGNORECASE)
_WORD = re.compile(r"[a-z0-9]{3,}")
_SITES = (("example.com", "Example: {}"), ("example.org", "{}, explained"))


def write(request: SimulatedRequest) -> SimulatedAnswer:
    choices = tuple(_finished(request, _items(request, number)) for number in range(request.choices))
    return SimulatedAnswer(choices, None if request.directives.no_usage else _usage(request, choices))


def _items(request: SimulatedRequest, number: int) -> tuple[Item, ...]:
    thought = _thought(request)
    return (*thought, *_body(request, number, sum(map(answer.size, thought))))


def _body(request: SimulatedRequest, number: int, thought_tokens: int) -> tuple[Item, ...]:
    wanted = request.directives.tokens
    if request.directives.refuse:
        return (SimulatedRefusal(prose.refusal(request)),)
    if wanted is not None:
        return (Text(prose.exactly(prose.reply(request, number), max(1, wanted - thought_tokens))),)
    return _tool(request) or (Text(_text(request, number)),)


def _text(request: SimulatedRequest, number: int) -> str:
    if request.format.kind == "json_schema":
        return _json(schema.build(request.format.schema, request.content.prompt))
    if request.format.kind == "json_object":
        return _json({"answer": prose.reply(request, number)})
    return prose.reply(request, number)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


# Tools


def _tool(request: SimulatedRequest) -> tuple[Item, ...]:
    """The items of the tool that is called, empty if the answer is text."""
    tools, choice = request.tools, request.tools.choice
    if choice.mode == "none" or request.content.results:
        return ()
    forced = choice.name or choice.tool
    functions = [each for each in tools.functions if _allowed(request, each.name)]
    called = _called(request, functions, sure=choice.name is not None)
    if called and (choice.name or not forced):
        return _calls(request, called)
    if tools.image and _allowed(request, "image_generation") and _drawn(request, forced):
        return _picture(request, tools.image)
    if tools.web_search and not (choice.tool or "web_search").startswith("image"):
        return _search(request)
    return _calls(request, functions[:1]) if not choice.tool else ()


def _allowed(request: SimulatedRequest, name: str) -> bool:
    choice = request.tools.choice
    return choice.name == name if choice.name else not choice.only or name in choice.only


def _drawn(request: SimulatedRequest, forced: str | None) -> bool:
    if forced or not request.tools.web_search:
        return not forced or forced == "image_generation"
    return _DRAW.search(request.content.prompt) is not None


def _called(request: SimulatedRequest, functions: list[Function], sure: bool) -> list[Function]:
    """The functions that share words with the prompt, best first; only the best if calls are not parallel."""
    words = set(_WORD.findall(request.content.prompt.lower()))
    scores = {each.name: _score(each, words) for each in functions}
    fitting = [each for each in functions if scores[each.name] > 0]
    best = sorted(fitting, key=lambda each: -scores[each.name])[:1]
    by_name = [each for each in fitting if scores[each.name] >= 2]
    if sure:
        return functions[:1]
    return by_name[:CALLS_MAX] if request.tools.parallel and len(by_name) > 1 else best


def _score(function: Function, words: set[str]) -> int:
    """Two for each word of the name that occurs in the prompt; one if only words of the description do."""
    named = len(words & set(_WORD.findall(function.name.lower())) - {"get", "the", "and"})
    return 2 * named or int(bool(words & set(_WORD.findall(function.description.lower())) - {"the", "and", "for"}))


def _calls(request: SimulatedRequest, functions: list[Function]) -> tuple[Item, ...]:
    if len(functions) == 1 and request.tools.parallel:
        return _per_subject(request, functions[0])
    return tuple(_call(request, each, None) for each in functions)


def _per_subject(request: SimulatedRequest, function: Function) -> tuple[Item, ...]:
    """One call for each name that the prompt lists, if the function takes a single parameter."""
    subjects = schema.names(request.content.prompt)[:CALLS_MAX]
    properties = function.parameters.get("properties")
    listed = re.search(r"\b(and|or)\b|,", request.content.prompt) is not None
    if not listed or len(subjects) < 2 or not isinstance(properties, dict) or len(properties) != 1:
        return (_call(request, function, None),)
    return tuple(_call(request, function, [each]) for each in subjects)


def _call(request: SimulatedRequest, function: Function, subjects: list[str] | None) -> Call:
    arguments = schema.build({"type": "object", **function.parameters}, request.content.prompt, subjects=subjects)
    return Call(function.name, _json(arguments))


def _search(request: SimulatedRequest) -> tuple[Item, ...]:
    query = prose.quote(request.content.prompt)[:QUERY_CHARS_MAX] or "news"
    slug = "-".join(_WORD.findall(query.lower())[:6]) or "news"
    urls = tuple(f"https://{site}/{slug}" for site, _ in _SITES)
    search = Search(query, urls)
    if request.format.kind != "text":
        return search, Text(_text(request, 0))
    return search, _cited(request, query, urls)


def _cited(request: SimulatedRequest, query: str, urls: tuple[str, ...]) -> Text:
    text = f"{request.model} searched for “{query}” and found {len(urls)} simulated sources."
    citations = []
    for number, (url, (site, title)) in enumerate(zip(urls, _SITES, strict=True), start=1):
        text += f" Source {number} covers it "
        link = f"([{site}]({url}))"
        citations.append(Citation(len(text), len(text) + len(link), url, title.format(query)))
        text += f"{link}."
    return Text(text, tuple(citations))


def _picture(request: SimulatedRequest, tool: ImageTool) -> tuple[Item, ...]:
    prompt = request.content.prompt
    drawn = _base64(png.draw(prompt, tool.width, tool.height))
    partials = tuple(_base64(png.draw(prompt, *_coarse(tool, number))) for number in range(tool.partial_images))
    pixels = tool.width * tool.height
    picture = Picture(
        prompt=prose.quote(prompt),
        png=drawn,
        partials=partials,
        size=f"{tool.width}x{tool.height}",
        quality=tool.quality,
        background=tool.background,
        tokens=max(1, _IMAGE_TOKENS[tool.quality] * pixels // (1024 * 1024)),
    )
    return picture, Text(prose.picture(prompt))


def _coarse(tool: ImageTool, number: int) -> tuple[int, int]:
    """The size of a partial image: smaller than the picture, and larger with each number."""
    scale = 2 ** (3 - number)
    return max(png.SIDE_MIN, tool.width // scale), max(png.SIDE_MIN, tool.height // scale)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


# Finish reason and usage


def _thought(request: SimulatedRequest) -> tuple[Item, ...]:
    size = _EFFORT_TOKENS.get(request.reasoning.effort or "none", 0)
    if request.directives.tokens is not None:
        size = min(size, request.directives.tokens - 1)
    if not size:
        return ()
    summary = prose.thought(request) if request.reasoning.summary else None
    encrypted = _base64(request.seed * 4) if request.reasoning.encrypted else None
    return (answer.Thought(size, summary, encrypted),)


def _finished(request: SimulatedRequest, items: tuple[Item, ...]) -> Choice:
    finish: Finish = "tool_calls" if any(isinstance(each, Call) for each in items) else "stop"
    items = tuple(_stopped(each, request.stops) for each in items)
    if request.directives.filter:
        items, finish = _filtered(items), "content_filter"
    if request.limit is not None:
        items, whole = answer.cut(items, request.limit)
        finish = finish if whole else "length"
    return Choice(items, finish)


def _stopped(item: Item, stops: tuple[str, ...]) -> Item:
    if not isinstance(item, Text):
        return item
    found = [at for stop in stops if (at := item.text.find(stop)) >= 0]
    return answer.part_of(item, item.text[: min(found)], whole=True) if found else item


def _filtered(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items with the last one cut in half."""
    part = answer.shorten(items[-1], answer.size(items[-1]) // 2)
    return (*items[:-1], *([part] if part else []))


def _usage(request: SimulatedRequest, choices: tuple[Choice, ...]) -> answer.Usage:
    items = [item for choice in choices for item in choice.items]
    pictures = [each for each in items if isinstance(each, Picture)]
    directives = request.directives
    input_tokens = request.content.tokens if directives.usage_input is None else directives.usage_input
    output_tokens = sum(map(answer.size, items)) if directives.usage_output is None else directives.usage_output
    reasoning = sum(each.tokens for each in items if isinstance(each, answer.Thought))
    return answer.Usage(
        input=input_tokens,
        cached=min(directives.usage_cached or 0, input_tokens),
        output=output_tokens,
        reasoning=min(reasoning, output_tokens),
        searches=sum(isinstance(each, Search) for each in items),
        image_input=sum(tokens.count(each.prompt) for each in pictures),
        image_output=sum(each.tokens for each in pictures),
    )
