"""Judges the usage that upstreams report, and splits it into disjoint kinds.

Rule 1: figures.py says which spellings are known, and what is a count. A figure that is not a count is treated as not reported, and
        the usage is marked `estimated`. No usage object makes an answer malformed.
Rule 2: usage without an input and an output count is treated as not reported. If only one is missing, it is taken from the total,
        else it is 0: the settlement replaces a zero that contradicts the answer by an estimate.
Rule 3: a total that exceeds input and output shows tokens that are in neither: named reasoning or cached tokens that are counted
        next to their whole, else thinking that no member names. All of it is added to its whole.
Rule 4: a part larger than its whole is reduced to the whole (cached input, then cache writes, then reasoning), so that the result
        never exceeds the upstream's own total. Without a total, reasoning that exceeds the output was not counted in it, and is
        added.
Rule 5: tokens that follow from other figures (rules 2 to 4, `timings`) are inferred, except reasoning that the total confirms.
        JudgedUsage counts them, because a wrong total must not raise a charge above the hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from app.wire.figures import Figures, count, grown
from domain.usage import CallCount, ImageCount, Usage

CALL_ITEMS: Final[Mapping[str, str]] = {
    "code_interpreter_call": "code_interpreter",
    "computer_call": "computer_use",
    "custom_tool_call": "custom",
    "mcp_call": "mcp",
}
"""Item types that count as one call of a tool, no matter who runs it. A function_call does not: it costs nothing."""
COUNTED_ITEMS = ("web_search_call", "image_generation_call", *CALL_ITEMS)
_NAME_LENGTH_MAX = 32


class JudgedUsage(Usage, frozen=True, gc=False, omit_defaults=True):
    """Usage that is partly inferred: `inferred_input` and `inferred_output` of its tokens follow from other figures.

    `partial`: only some of an answer's turns reported a figure, so the usage is a lower bound.
    """

    inferred_input: int = 0
    inferred_output: int = 0
    partial: bool = False

    def within(self, input_max: int, output_max: int) -> Usage:
        """The usage with its inferred tokens lowered to the maxima, and `estimated` if they were. Reported tokens remain."""
        above_input = min(self.inferred_input, max(0, self.input_tokens - input_max))
        above_output = min(self.inferred_output, max(0, self.output_tokens - output_max))
        left, kept = self.input_tokens - above_input, {}
        for kind in ("cached_input", "cache_write", "cache_write_1h", "image_input"):
            kept[kind] = min(getattr(self, kind), left)
            left -= kept[kind]
        output = self.output_tokens - above_output
        images = min(self.image_output, output)
        return Usage(
            input=left,
            **kept,
            output=output - images,
            image_output=images,
            reasoning=min(max(0, self.reasoning - above_output), output - images),
            web_search_calls=self.web_search_calls,
            images=self.images,
            calls=self.calls,
            estimated=self.estimated or self.partial or above_input + above_output > 0,
            service_tier=self.service_tier,
        )


def judged(usage: Usage, *, inferred_input: int = 0, inferred_output: int = 0, partial: bool = False) -> Usage:
    """`usage`, marked with what was inferred; without a mark if nothing was."""
    if not (inferred_input or inferred_output or partial or isinstance(usage, JudgedUsage)):
        return usage
    counts = {name: getattr(usage, name) for name in Usage.__struct_fields__}
    return JudgedUsage(**counts, inferred_input=inferred_input, inferred_output=inferred_output, partial=partial)


class Item(msgspec.Struct, frozen=True):
    """The members of an output item that matter for usage. Members of the wrong type are ignored."""

    id: Any = None
    type: Any = None
    status: Any = None
    action: Any = None
    quality: Any = None
    size: Any = None


class ChatFigures:
    """The usage of one chat answer, collected from all places that are known for it.

    The places in order: `usage`; `x_groq.usage` (Groq's streams); `usage` of the choices (Moonshot's streams: each counts the same
    input and its own output); `timings` (llama.cpp: prompt_n does not include cache_n). The first that reports anything but zeros
    counts.
    """

    def __init__(self) -> None:
        self._places: list[dict[str, Any]] = [{}, {}]
        self._in_choices: dict[int, dict[str, Any]] = {}
        self._timings: dict[str, Any] = {}

    def add(
        self, usage: Any, *, x_groq: Any = None, in_choices: Mapping[int, Any] | None = None, timings: Any = None
    ) -> None:
        """Add one chunk, or a whole answer. `in_choices` is the usage of each choice, by its index."""
        places = self._places
        places[0] = grown(places[0], usage)
        if isinstance(x_groq, dict):
            places[1] = grown(places[1], x_groq.get("usage"))
        for index, each in (in_choices or {}).items():
            self._in_choices[index] = grown(self._in_choices.get(index, {}), each)
        if isinstance(timings, dict):
            self._timings = grown(self._timings, _of_timings(timings))

    def usage(self, service_tier: Any) -> Usage | None:
        """None if no place has a figure."""
        places = filter(None, self._places)
        found = [usage for place in places if (usage := chat_usage(place, service_tier)) is not None]
        if self._in_choices and (of_choices := self._of_choices(service_tier)) is not None:
            found.append(of_choices)
        timed = chat_usage(self._timings, service_tier) if self._timings else None
        if timed is not None:
            found.append(judged(timed, inferred_input=timed.input_tokens, inferred_output=timed.output_tokens))
        return next((usage for usage in found if usage.total_tokens), found[0] if found else None)

    def _of_choices(self, service_tier: Any) -> Usage | None:
        """The greatest input of a choice, and the sum of their outputs."""
        found = [usage for each in self._in_choices.values() if (usage := chat_usage(each, service_tier)) is not None]
        if len(found) < 2:
            return found[0] if found else None
        whole = max(found, key=lambda usage: usage.input_tokens)
        inferred = [usage for usage in found if isinstance(usage, JudgedUsage)]
        summed = msgspec.structs.replace(
            whole,
            output=sum(usage.output for usage in found),
            reasoning=sum(usage.reasoning for usage in found),
            estimated=any(usage.estimated for usage in found),
        )
        return judged(
            summed,
            inferred_input=whole.inferred_input if isinstance(whole, JudgedUsage) else 0,
            inferred_output=sum(usage.inferred_output for usage in inferred),
        )


def _of_timings(timings: dict[str, Any]) -> dict[str, int]:
    read, cached, written = (count(timings.get(name)) for name in ("prompt_n", "cache_n", "predicted_n"))
    if read is None or written is None:
        return {}
    return {"prompt_tokens": read + (cached or 0), "cached_tokens": cached or 0, "completion_tokens": written}


def chat_usage(reported: Any, service_tier: Any) -> Usage | None:
    """Usage of a chat completion, or None if it reports neither input nor output."""
    return _tokens(Figures(reported), service_tier)


def responses_usage(reported: Any, service_tier: Any, items: Usage) -> Usage | None:
    """Usage of a response, with the calls and images counted from its items."""
    tokens = _tokens(Figures(reported), service_tier)
    return None if tokens is None else with_items(tokens, items)


def with_items(tokens: Usage, items: Usage) -> Usage:
    """The tokens of one usage combined with the calls and images of another."""
    return msgspec.structs.replace(
        tokens,
        web_search_calls=items.web_search_calls,
        images=items.images,
        calls=items.calls,
        estimated=tokens.estimated or items.estimated,
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
    figures = Figures(tool_usage)
    reported = figures.at("web_search", "num_requests")
    return Usage(
        web_search_calls=searches if reported is None else reported,
        images=tuple(ImageCount(quality, size, number) for (quality, size), number in images.items()),
        calls=call_counts(calls),
        estimated=figures.faulty,
    )


def call_counts(tools: Iterable[str]) -> tuple[CallCount, ...]:
    """The number of calls of each tool, sorted by name."""
    return tuple(CallCount(tool, number) for tool, number in sorted(Counter(tools).items()))


def tier(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _NAME_LENGTH_MAX else None


def _tokens(figures: Figures, service_tier: Any) -> Usage | None:
    read, output = figures.named("input"), figures.named("output")
    if read is None and output is None:
        return None
    total, reasoning = figures.named("total"), figures.named("reasoning") or 0
    cached, short, long = _cache(figures)
    rest = max(0, (total or 0) - (read or 0) - (output or 0))
    confirmed = reasoning if rest in (reasoning, cached + short + long + reasoning) and read and output else 0
    read, output = read or 0, (output or 0) + confirmed
    inferred_input = inferred_output = 0
    rest -= confirmed
    if total is None and reasoning > output > 0:
        inferred_output = reasoning
    elif not read or rest == cached + short + long:
        inferred_input = rest
    else:
        inferred_output = rest
        reasoning = max(reasoning, rest) if output else reasoning
    read, output = read + inferred_input, output + inferred_output
    usage = disjoint(read, (cached, short, long), output, reasoning, tier(service_tier), estimated=figures.faulty)
    return judged(usage, inferred_input=inferred_input, inferred_output=inferred_output)


def _cache(figures: Figures) -> tuple[int, int, int]:
    """Tokens read from a cache, written for five minutes (or a time that is not named), and written for an hour."""
    written, short, long = (figures.named(name) for name in ("cache_write", "cache_write_5m", "cache_write_1h"))
    total = (short or 0) + (long or 0) if written is None else written
    long = min(long or 0, total)
    return figures.named("cached_input") or 0, total - long, long


def disjoint(
    read: int, cache: tuple[int, int, int], output: int, reasoning: int, service_tier: str | None, *, estimated: bool
) -> Usage:
    """Usage from an input and an output that include their parts. `cache` is read, written, and written for an hour."""
    cached = min(cache[0], read)
    written = min(cache[1], read - cached)
    long = min(cache[2], read - cached - written)
    return Usage(
        input=read - cached - written - long,
        cached_input=cached,
        cache_write=written,
        cache_write_1h=long,
        output=output,
        reasoning=min(reasoning, output),
        estimated=estimated,
        service_tier=service_tier,
    )


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
