"""Writes the tools of a request: function declarations, Google Search, image generation.

Rule 1: the tool choice is applied before anything is checked: a search that may not be used is not sent.
Rule 2: a request may have functions, a search or images, not several of them. Gemini's newest models combine them if the client
        keeps Google's records of each search, but OpenAI's protocols have no place for these: rejected by name.
Rule 3: functions must follow their schemas (mode VALIDATED) if one of them is strict or the model may use only some; mode ANY does
        that anyway. `strict` false or unset has no effect.
Rule 4: Gemini cannot be limited to one call at a time: if the client wants that, candidate.py leaves out the calls after the first.
Rule 5: an image is requested by aspect ratio and resolution, and has the pixel size that Google documents for them.
        `partial_images` is only an upper limit: no partial images are produced.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from app.wire.canonical import (
    CanonicalRequest,
    CustomTool,
    FunctionTool,
    ImageTool,
    Tool,
    ToolName,
    WebSearchTool,
    unsupported_field,
)
from app.wire.gemini.schemas import object_schema
from app.wire.references import BadReference

Json = dict[str, Any]
NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
"""Google's pattern of a function's name."""

_MODES: Final = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_ACCEPTED: Final[dict[str, tuple[Any, ...]]] = {
    "quality": ("auto",),
    "background": ("auto", "opaque"),
    "moderation": ("auto",),
    "input_fidelity": ("low",),
    "output_compression": (100,),
    "partial_images": (0, 1, 2, 3),
    "action": ("auto",),
    "size": (),
}
"""Option values that are accepted because they request the default. `size` is converted."""
_RATIOS: Final[dict[str, str]] = {
    "1024x1024": "1:1",
    "1024x1536": "2:3",
    "1536x1024": "3:2",
    "848x1264": "2:3",
    "1264x848": "3:2",
    "896x1200": "3:4",
    "1200x896": "4:3",
    "928x1152": "4:5",
    "1152x928": "5:4",
    "768x1376": "9:16",
    "1376x768": "16:9",
    "1584x672": "21:9",
}
"""OpenAI's sizes, and those that Google documents for the resolution 1K."""


class SelectedTools(msgspec.Struct, frozen=True, gc=False):
    """The tools that may be called. `names`: the functions that the choice allows, empty for all. `mode`: None if unset."""

    functions: tuple[FunctionTool, ...] = ()
    search: WebSearchTool | None = None
    image: ImageTool | None = None
    mode: str | None = None
    names: tuple[str, ...] = ()


def select_tools(request: CanonicalRequest) -> SelectedTools:
    """The request's tools, narrowed down by its tool choice. Raises RequestError for unsupported combinations."""
    selected = _narrowed(request)
    _check_combination(request, selected)
    if selected.search is not None:
        _check_search(request, selected.search)
    if request.max_tool_calls is not None and (selected.search or selected.image):
        raise unsupported_field(
            request, "max_tool_calls", "This model's searches and images cannot be limited: leave it out."
        )
    return selected


def write_tools(request: CanonicalRequest, selected: SelectedTools) -> Json:
    """The members `tools` and `toolConfig`, if needed."""
    tools: list[Json] = []
    if selected.functions:
        tools.append({"functionDeclarations": [_declaration(request, tool) for tool in selected.functions]})
    if selected.search is not None:
        tools.append({"googleSearch": {}})
    members: Json = {"tools": tools} if tools else {}
    return members | _tool_config(selected)


def image_config(request: CanonicalRequest, selected: SelectedTools, *, newest: bool) -> Json:
    """The members of generationConfig that request images. Only the newest models support more than one resolution."""
    tool = selected.image
    if tool is None:
        return {}
    for name, value in tool.options.items():
        if value is not None and name != "size" and value not in _ACCEPTED.get(name, ()):
            raise unsupported_field(
                request, _within(tool, name), "This model does not support this image option: leave it out."
            )
    modalities = ["IMAGE"] if selected.mode == "required" else ["TEXT", "IMAGE"]
    shape = _shape(request, tool, (1, 2, 4) if newest else (1,))
    return {"responseModalities": modalities} | ({"imageConfig": shape} if shape else {})


def _narrowed(request: CanonicalRequest) -> SelectedTools:
    for tool in request.tools:
        if isinstance(tool, CustomTool):
            raise unsupported_field(
                request, tool.at or "tools", "This model does not support custom tools: use functions."
            )
    choice = request.tool_choice
    mode, only = (choice.mode, choice.only) if choice else (None, ())
    _check_names(request, only)
    functions = tuple(tool for tool in request.tools if isinstance(tool, FunctionTool))
    names = tuple(name.name for name in only if name.name is not None)
    selected = SelectedTools(functions if names or not only else (), None, None, mode, names)
    if mode == "none":
        return selected
    search = [tool for tool in request.tools if isinstance(tool, WebSearchTool)]
    images = [tool for tool in request.tools if isinstance(tool, ImageTool)]
    if len(search) > 1:
        raise unsupported_field(
            request, search[1].at or "tools", "This model supports a single web search tool per request."
        )
    if len(images) > 1:
        raise unsupported_field(
            request, images[1].at or "tools", "This model supports a single image tool per request."
        )
    kinds = {name.type for name in only} or {"web_search", "image_generation"}
    return msgspec.structs.replace(
        selected,
        search=search[0] if search and "web_search" in kinds else None,
        image=images[0] if images and "image_generation" in kinds else None,
    )


def _check_names(request: CanonicalRequest, only: tuple[ToolName, ...]) -> None:
    known = {_name_of(tool) for tool in request.tools}
    if any(name not in known for name in only):
        raise unsupported_field(request, "tool_choice", "It names a tool that the request does not offer.")


def _name_of(tool: Tool) -> ToolName:
    if isinstance(tool, FunctionTool):
        return ToolName("function", tool.name)
    return ToolName("web_search" if isinstance(tool, WebSearchTool) else "image_generation")


def _check_combination(request: CanonicalRequest, selected: SelectedTools) -> None:
    if selected.functions and (other := selected.search or selected.image):
        kind = "web_search" if selected.search else "image_generation"
        raise unsupported_field(request, other.at or "tools", f"This model supports {kind} only without functions.")
    if selected.mode != "required":
        return
    if selected.search is not None:
        raise unsupported_field(request, "tool_choice", "This model cannot be forced to search: use 'auto'.")
    if not selected.functions and selected.image is None:
        raise unsupported_field(request, "tool_choice", "The request has no tool that could be called.")


def _check_search(request: CanonicalRequest, tool: WebSearchTool) -> None:
    if tool.allowed_domains:
        raise unsupported_field(request, _within(tool, "filters"), "This model always searches the whole web.")
    if tool.context_size not in (None, "medium"):
        raise unsupported_field(
            request, _within(tool, "search_context_size"), "This model decides itself how much it reads."
        )
    if tool.place is not None:
        raise unsupported_field(
            request, _within(tool, "user_location"), "This model does not support a location: name it in the prompt."
        )
    if tool.external_access is False:
        raise unsupported_field(
            request, _within(tool, "external_web_access"), "This model always searches the live web."
        )


def _declaration(request: CanonicalRequest, tool: FunctionTool) -> Json:
    declaration: Json = {"name": tool.name}
    if tool.description is not None:
        declaration["description"] = tool.description
    if tool.parameters is not None:
        try:
            declaration["parametersJsonSchema"] = object_schema(tool.parameters)
        except BadReference as error:
            place = f"{tool.at}.parameters" if tool.at else "tools"
            raise unsupported_field(request, place, f"This model does not support this schema: {error}.") from error
    return declaration


def _tool_config(selected: SelectedTools) -> Json:
    if not selected.functions:
        return {}
    mode = _MODES[selected.mode or "auto"]
    if mode == "AUTO" and (selected.names or any(tool.strict for tool in selected.functions)):
        mode = "VALIDATED"
    if selected.mode is None and mode == "AUTO":
        return {}
    config: Json = {"mode": mode}
    if selected.names and mode != "NONE":
        config["allowedFunctionNames"] = list(selected.names)
    return {"toolConfig": {"functionCallingConfig": config}}


def _shape(request: CanonicalRequest, tool: ImageTool, scales: tuple[int, ...]) -> Json:
    size = tool.options.get("size")
    if size in (None, "auto"):
        return {}
    for scale in scales:
        ratio = _ratio(size, scale) if isinstance(size, str) else None
        if ratio is not None:
            return {"aspectRatio": ratio} | ({"imageSize": f"{scale}K"} if scale > 1 else {})
    times = ", or two or four times these sizes" if len(scales) > 1 else ""
    raise unsupported_field(
        request, _within(tool, "size"), f"This model supports the image sizes {', '.join(_RATIOS)}{times}."
    )


def _ratio(size: str, scale: int) -> str | None:
    """The aspect ratio if `size` is `scale` times a documented size, otherwise None."""
    width, _, height = size.partition("x")
    if not (width.isdecimal() and height.isdecimal() and len(size) <= 11):
        return None
    if int(width) % scale or int(height) % scale:
        return None
    return _RATIOS.get(f"{int(width) // scale}x{int(height) // scale}")


def _within(tool: WebSearchTool | ImageTool, name: str) -> str:
    return f"{tool.at}.{name}" if tool.at else name
