"""Reads Gemini's usageMetadata into disjoint kinds.

Shape: promptTokenCount includes cachedContentTokenCount. toolUsePromptTokenCount (text read by searches) and thoughtsTokenCount are
not included in the prompt and candidate counts. The details count by modality ({"modality": "IMAGE", "tokenCount"}).

Rule 1: figures.py says what is a count; any other value is not read, and the usage is marked `estimated`. Usage needs a prompt, an
        output or a total count. Google omits zeros, so a total that equals the input means that the output is empty. A total that
        exceeds all other counts shows thinking that is not counted elsewhere; without a prompt count, it shows the prompt.
        What is concluded from the total is marked as inferred (JudgedUsage).
Rule 2: image tokens come from the details, and never exceed their whole.
"""

from __future__ import annotations

from typing import Any, Final

from app.wire.figures import Figures
from app.wire.usage import judged, tier
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
    figures = Figures(reported)
    prompt, written, total = (figures.at(f"{name}TokenCount") for name in ("prompt", "candidates", "total"))
    if prompt is None and written is None and total is None:
        return None
    tools, thoughts = figures.at("toolUsePromptTokenCount") or 0, figures.at("thoughtsTokenCount") or 0
    rest = max(0, (total or 0) - (prompt or 0) - tools - (written or 0) - thoughts)
    inferred_input = 0
    if not prompt and written is not None:
        prompt = inferred_input = rest
    elif not written and not thoughts:
        written = rest
    else:
        thoughts += rest
    prompt, written = prompt or 0, written or 0
    cached = min(figures.at("cachedContentTokenCount") or 0, prompt)
    seen = _images(figures, "promptTokensDetails") - _images(figures, "cacheTokensDetails")
    image_input = max(0, min(seen, prompt - cached))
    image_output = min(_images(figures, "candidatesTokensDetails"), written)
    usage = Usage(
        input=prompt - cached - image_input + tools,
        cached_input=cached,
        output=written - image_output + thoughts,
        reasoning=thoughts,
        image_input=image_input,
        image_output=image_output,
        web_search_calls=searches,
        images=images,
        estimated=figures.faulty,
        service_tier=service_tier(reported),
    )
    return judged(usage, inferred_input=inferred_input, inferred_output=rest - inferred_input)


def service_tier(reported: Any) -> str | None:
    """The tier that served the answer, by OpenAI's name if it has one."""
    if not isinstance(reported, dict):
        return None
    name = tier(reported.get("serviceTier")) or tier(reported.get("trafficType"))
    if name is None or name.lower() in _UNSPECIFIED:
        return None
    return _TIERS.get(name.lower(), name.lower())


def _images(figures: Figures, name: str) -> int:
    counted = [Figures(each) for each in figures.objects(name) if each.get("modality") == "IMAGE"]
    found = sum(each.at("tokenCount") or 0 for each in counted)
    figures.faulty = figures.faulty or any(each.faulty for each in counted)
    return found
