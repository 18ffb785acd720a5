"""An upstream's usage figures, judged and made disjoint.

Rule 1: a figure is a whole number from 0 to FIGURE_MAX. A negative, a fraction, a truth value, a string or anything larger
        makes the answer malformed: nobody is billed by it.
Rule 2: null and absent are the same. Without its input or its output figure a usage tells nothing and is none.
Rule 3: a part that exceeds its whole is cut to the whole (cached input, then cache writes, then reasoning), so no figure made here
        is more than the upstream's own total.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from app.wire.exchange import AnswerError
from domain.usage import CallCount, ImageCount, Usage

FIGURE_MAX = 10**9
CALL_ITEMS: Final[Mapping[str, str]] = {
    "code_interpreter_call": "code_interpreter",
    "computer_call": "computer_use",
    "custom_tool_call": "custom",
    "mcp_call": "mcp",
}
"""Item types that are one call of a tool, whoever runs it. A function_call is none, in a namespace or not: it costs nothing."""
COUNTED_ITEMS = ("web_search_call", "image_generation_call", *CALL_ITEMS)
_NAME_LENGTH_MAX = 32


class Item(msgspec.Struct, frozen=True):
    """What is read of an output item. Fields of the wrong type say nothing."""

    id: Any = None
    type: Any = None
    status: Any = None
    action: Any = None
    quality: Any = None
    size: Any = None


def chat_usage(reported: Any, service_tier: Any) -> Usage | None:
    """Usage of a chat completion. Reasoning is inside completion_tokens, unless total_tokens says that it stands beside (xAI)."""
    if reported is None:
        return None
    figures = object_of(reported)
    prompt, output = figure(figures, "prompt_tokens"), figure(figures, "completion_tokens")
    if prompt is None or output is None:
        return None
    reasoning = figure(object_of(figures.get("completion_tokens_details")), "reasoning_tokens") or 0
    if reasoning and figure(figures, "total_tokens") == prompt + output + reasoning:
        output += reasoning
    return _disjoint(prompt, object_of(figures.get("prompt_tokens_details")), output, reasoning, service_tier)


def responses_usage(reported: Any, service_tier: Any, items: Usage) -> Usage | None:
    """Usage of a response, with the calls and images that were counted of its items."""
    if reported is None:
        return None
    figures = object_of(reported)
    read, output = figure(figures, "input_tokens"), figure(figures, "output_tokens")
    if read is None or output is None:
        return None
    reasoning = figure(object_of(figures.get("output_tokens_details")), "reasoning_tokens") or 0
    tokens = _disjoint(read, object_of(figures.get("input_tokens_details")), output, reasoning, service_tier)
    return with_items(tokens, items)


def with_items(tokens: Usage, items: Usage) -> Usage:
    """The tokens of one usage with the calls and images of another."""
    return msgspec.structs.replace(
        tokens, web_search_calls=items.web_search_calls, images=items.images, calls=items.calls
    )


def item_usage(items: Iterable[Item], tools: Any = None, tool_usage: Any = None) -> Usage:
    """Calls and images of output items, no tokens. Items that failed do not count; `tool_usage` outranks counted searches.

    A web search item counts as a call where its action is a search or is not told: opening a page is part of the search before.
    """
    images: dict[tuple[str, str], int] = {}
    calls: list[str] = []
    searches = 0
    for item in items:
        if item.status == "failed":
            continue
        if item.type == "web_search_call":
            searches += _is_search(item.action)
        elif item.type == "image_generation_call":
            key = _image_name("quality", item.quality, tools), _image_name("size", item.size, tools)
            images[key] = images.get(key, 0) + 1
        elif isinstance(item.type, str) and item.type in CALL_ITEMS:
            calls.append(CALL_ITEMS[item.type])
    reported = figure(object_of(object_of(tool_usage).get("web_search")), "num_requests")
    counts = tuple(ImageCount(quality, size, count) for (quality, size), count in images.items())
    return Usage(web_search_calls=searches if reported is None else reported, images=counts, calls=call_counts(calls))


def call_counts(tools: Iterable[str]) -> tuple[CallCount, ...]:
    """How often each tool was called, by name."""
    return tuple(CallCount(tool, count) for tool, count in sorted(Counter(tools).items()))


def tier(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _NAME_LENGTH_MAX else None


def _disjoint(read: int, details: dict[str, Any], output: int, reasoning: int, service_tier: Any) -> Usage:
    cached = min(figure(details, "cached_tokens") or 0, read)
    written = min(figure(details, "cache_write_tokens") or 0, read - cached)
    return Usage(
        input=read - cached - written,
        cached_input=cached,
        cache_write=written,
        output=output,
        reasoning=min(reasoning, output),
        service_tier=tier(service_tier),
    )


def figure(figures: dict[str, Any], name: str) -> int | None:
    value = figures.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= FIGURE_MAX:
        raise AnswerError(f"The answer's usage is no usage: {name} is not a count.", malformed=True)
    return value


def object_of(value: Any) -> dict[str, Any]:
    """Details may be absent; where they are something other than an object, the figures cannot be trusted."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AnswerError("The answer's usage is no usage: an object was expected.", malformed=True)
    return value


def _is_search(action: Any) -> bool:
    return not isinstance(action, dict) or action.get("type", "search") == "search"


def _image_name(name: str, own: Any, tools: Any) -> str:
    """What the item says, else what the tool was told, else "auto"."""
    if (chosen := tier(own)) and chosen != "auto":
        return chosen
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict) and tool.get("type") == "image_generation" and (chosen := tier(tool.get(name))):
            return chosen
    return "auto"
