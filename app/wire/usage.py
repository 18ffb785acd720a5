"""Validates the usage that upstreams report, and splits it into disjoint kinds.

Rule 1: a count is an integer from 0 to FIGURE_MAX. A negative number, fraction, boolean, string or larger number makes the answer
        malformed, so that no account is billed by it.
Rule 2: null and absent are the same. Usage without an input or an output count is treated as not reported.
Rule 3: a part larger than its whole is reduced to the whole (cached input, then cache writes, then reasoning), so that the result
        never exceeds the upstream's own total.
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
"""Item types that count as one call of a tool, no matter who runs it. A function_call does not: it costs nothing."""
COUNTED_ITEMS = ("web_search_call", "image_generation_call", *CALL_ITEMS)
_NAME_LENGTH_MAX = 32


class Item(msgspec.Struct, frozen=True):
    """The members of an output item that matter for usage. Members of the wrong type are ignored."""

    id: Any = None
    type: Any = None
    status: Any = None
    action: Any = None
    quality: Any = None
    size: Any = None


def chat_usage(reported: Any, service_tier: Any) -> Usage | None:
    """Usage of a chat completion. completion_tokens include reasoning, unless total_tokens shows otherwise (xAI)."""
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
    """Usage of a response, with the calls and images counted from its items."""
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
    """The tokens of one usage combined with the calls and images of another."""
    return msgspec.structs.replace(
        tokens, web_search_calls=items.web_search_calls, images=items.images, calls=items.calls
    )


def item_usage(items: Iterable[Item], tools: Any = None, tool_usage: Any = None) -> Usage:
    """Calls and images of output items, without tokens. Failed items do not count; `tool_usage` overrides the counted searches.

    A web search item counts as one search if its action is a search or missing. Opening a page is part of the preceding search.
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
    """The number of calls of each tool, sorted by name."""
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
        raise AnswerError(f"The answer's usage is invalid: {name} is not a count.", malformed=True)
    return value


def object_of(value: Any) -> dict[str, Any]:
    """Details may be absent. If they are present but not an object, the usage cannot be trusted."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AnswerError("The answer's usage is invalid: expected an object.", malformed=True)
    return value


def _is_search(action: Any) -> bool:
    return not isinstance(action, dict) or action.get("type", "search") == "search"


def _image_name(name: str, own: Any, tools: Any) -> str:
    """The item's own value, else the tool's, else "auto"."""
    if (chosen := tier(own)) and chosen != "auto":
        return chosen
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict) and tool.get("type") == "image_generation" and (chosen := tier(tool.get(name))):
            return chosen
    return "auto"
