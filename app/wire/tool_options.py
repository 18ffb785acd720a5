"""Options of tools that can raise a request's cost. A pass-through carries a tool's members unchanged, so they are checked here.

Rule: what a price per call does not cover is refused by its path: several images in a call, animated and vector images, larger
containers, another limit of calls than the one that is held for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.wire.request import bounded, unsupported

PARTIAL_IMAGES_MAX: Final = 3
IMAGE_FORMATS: Final = (None, "png", "webp", "jpeg")
UNPRICED_IMAGE_OPTIONS: Final = ("frame_count", "svg", "complexity", "reasoning")
_MEMORY: Final = (None, "1g")


def check_tool_options(tools: Any, where: str) -> None:
    """Raises RequestError for an option, in the decoded list `tools` or in a namespace, whose cost is not held for."""
    for path, tool in _tools_in(tools, where):
        if tool.get("max_uses") is not None:
            raise unsupported(f"{path}.max_uses", "To limit calls, use 'max_tool_calls' in the Responses API.")
        container = tool.get("container")
        if isinstance(container, dict) and container.get("memory_limit") not in _MEMORY:
            raise unsupported(f"{path}.container.memory_limit", "Only containers of '1g' are offered.")
        if tool.get("type") == "image_generation":
            _check_image(tool, path)


def _check_image(tool: dict[str, Any], path: str) -> None:
    for name, least, most in (("n", 1, 1), ("partial_images", 0, PARTIAL_IMAGES_MAX)):
        if tool.get(name) is not None:
            bounded(tool[name], f"{path}.{name}", least=least, most=most)
    for name in UNPRICED_IMAGE_OPTIONS:
        if tool.get(name) is not None:
            raise unsupported(f"{path}.{name}", "It has no price.")
    if tool.get("output_format") not in IMAGE_FORMATS:
        raise unsupported(f"{path}.output_format", "Only 'png', 'webp' and 'jpeg' are offered.")


def _tools_in(tools: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each tool, followed by the tools inside it, with its path. Names are in lower case: some servers ignore case."""
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, dict):
            path, members = f"{where}[{index}]", {name.casefold(): value for name, value in tool.items()}
            yield path, members
            yield from _tools_in(members.get("tools"), f"{path}.tools")
