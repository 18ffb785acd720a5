"""Reads Gemini's usageMetadata into disjoint kinds.

Shape: promptTokenCount includes cachedContentTokenCount. toolUsePromptTokenCount (text read by searches) and thoughtsTokenCount are
not included in the prompt and candidate counts. The details count by modality ({"modality": "IMAGE", "tokenCount"}).

Rule 1: wire/usage.py validates the counts. Usage needs the prompt count, and either the output or the total. Google omits
        zeros, so a total that equals the input means that the output is empty.
Rule 2: image tokens come from the details, and never exceed their whole.
"""

from __future__ import annotations

from typing import Any, Final

from app.wire.relay import malformed
from app.wire.usage import figure, object_of, tier
from domain.usage import ImageCount, Usage

_TIERS: Final = {
    "standard": "default",
    "on_demand": "default",
    "on_demand_offpeak": "default",
    "provisioned_throughput": "default",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
}
_UNSPECIFIED: Final = ("unspecified", "service_tier_unspecified", "traffic_type_unspecified")


def gemini_usage(reported: Any, *, searches: int, images: tuple[ImageCount, ...]) -> Usage | None:
    """The usage, with the searches and images counted in the answer itself."""
    figures = object_of(reported)
    prompt, tools = figure(figures, "promptTokenCount"), figure(figures, "toolUsePromptTokenCount") or 0
    written, thoughts = figure(figures, "candidatesTokenCount"), figure(figures, "thoughtsTokenCount") or 0
    if prompt is None:
        return None
    if written is None and not thoughts and figure(figures, "totalTokenCount") != prompt + tools:
        return None
    written = written or 0
    cached = min(figure(figures, "cachedContentTokenCount") or 0, prompt)
    seen = _images(figures.get("promptTokensDetails")) - _images(figures.get("cacheTokensDetails"))
    image_input = max(0, min(seen, prompt - cached))
    image_output = min(_images(figures.get("candidatesTokensDetails")), written)
    return Usage(
        input=prompt - cached - image_input + tools,
        cached_input=cached,
        output=written - image_output + thoughts,
        reasoning=thoughts,
        image_input=image_input,
        image_output=image_output,
        web_search_calls=searches,
        images=images,
        service_tier=service_tier(reported),
    )


def service_tier(reported: Any) -> str | None:
    """The tier that served the answer, by OpenAI's name if it has one."""
    figures = object_of(reported)
    name = tier(figures.get("serviceTier")) or tier(figures.get("trafficType"))
    if name is None or name.lower() in _UNSPECIFIED:
        return None
    return _TIERS.get(name.lower(), name.lower())


def _images(details: Any) -> int:
    if details is None:
        return 0
    if not isinstance(details, list):
        malformed("The answer's usage is invalid: expected a list.")
    counted = [figures for figures in map(object_of, details) if figures.get("modality") == "IMAGE"]
    return sum(figure(figures, "tokenCount") or 0 for figures in counted)
