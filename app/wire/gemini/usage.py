"""Gemini's usageMetadata in disjoint kinds.

Shape: promptTokenCount includes cachedContentTokenCount; toolUsePromptTokenCount (what searches read) and thoughtsTokenCount stand
beside the prompt and the candidates; the details count by modality ({"modality": "IMAGE", "tokenCount"}).

Rule 1: the figures are judged by figures.py. Without its prompt, or where neither the output nor the total is told, it is none:
        Google leaves out what is zero, so a total that equals the input says that nothing was written.
Rule 2: image tokens are told by the details, and never more than their whole.
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
    """The usage, with the searches and images that were counted of the answer itself."""
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
    """The tier that served the answer, in OpenAI's words where it has one."""
    figures = object_of(reported)
    name = tier(figures.get("serviceTier")) or tier(figures.get("trafficType"))
    if name is None or name.lower() in _UNSPECIFIED:
        return None
    return _TIERS.get(name.lower(), name.lower())


def _images(details: Any) -> int:
    if details is None:
        return 0
    if not isinstance(details, list):
        malformed("The answer's usage is no usage: a list was expected.")
    counted = [figures for figures in map(object_of, details) if figures.get("modality") == "IMAGE"]
    return sum(figure(figures, "tokenCount") or 0 for figures in counted)
