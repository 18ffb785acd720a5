"""What a request offers to be called: function declarations, Google Search, images.

Rule 1: a choice narrows what is offered before anything is judged: a search that may not be used is not sent.
Rule 2: Gemini offers functions or a search or images in one request. Its newest models combine them where the client keeps Google's
        own records of each search, for which OpenAI's protocols have no place: refused by name.
Rule 3: functions are held to their schemas (mode VALIDATED) where one is strict or the model may use only some; mode ANY does so
        anyway. `strict` false or unsaid asks for nothing.
Rule 4: an image is asked for by its proportions and resolution; the pixels that come are the ones that Google documents for them.
        `partial_images` is a bound, and no partial image comes.
"""

from __future__ import annotations

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

Json = dict[str, Any]

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
"""Values of options that ask for nothing but what comes anyway. `size` is mapped."""
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
    """What may be called. `names`: the functions that a choice leaves, empty for all. `mode` is the choice's, None where unsaid."""

    functions: tuple[FunctionTool, ...] = ()
    search: WebSearchTool | None = None
    image: ImageTool | None = None
    mode: str | None = None
    names: tuple[str, ...] = ()

    @property
    def calls(self) -> bool:
        """Whether the model may call functions."""
        return bool(self.functions) and self.mode != "none"


def select_tools(request: CanonicalRequest) -> SelectedTools:
    """The tools of `ask`, narrowed by its choice and judged."""
    selected = _narrowed(request)
    _check_combination(request, selected)
    if selected.search is not None:
        _check_search(request, selected.search)
    if selected.calls and request.parallel_tool_calls is False:
        raise unsupported_field(
            request, "parallel_tool_calls", "This model may always call several functions at once: leave it out."
        )
    if request.max_tool_calls is not None and (selected.search or selected.image):
        raise unsupported_field(
            request, "max_tool_calls", "This model's searches and images cannot be bounded: leave it out."
        )
    return selected


def write_tools(selected: SelectedTools) -> Json:
    """The members `tools` and `toolConfig`, each where there is something to say."""
    tools: list[Json] = []
    if selected.functions:
        tools.append({"functionDeclarations": [_declaration(tool) for tool in selected.functions]})
    if selected.search is not None:
        tools.append({"googleSearch": {}})
    members: Json = {"tools": tools} if tools else {}
    return members | _tool_config(selected)


def image_config(request: CanonicalRequest, selected: SelectedTools, *, newest: bool) -> Json:
    """The members of generationConfig that ask for images. Only the newest models make them in more than one resolution."""
    tool = selected.image
    if tool is None:
        return {}
    for name, value in tool.options.items():
        if value is not None and name != "size" and value not in _ACCEPTED.get(name, ()):
            raise unsupported_field(
                request, _within(tool, name), "This model's images cannot be chosen so: leave it out."
            )
    modalities = ["IMAGE"] if selected.mode == "required" else ["TEXT", "IMAGE"]
    shape = _shape(request, tool, (1, 2, 4) if newest else (1,))
    return {"responseModalities": modalities} | ({"imageConfig": shape} if shape else {})


def _narrowed(request: CanonicalRequest) -> SelectedTools:
    for tool in request.tools:
        if isinstance(tool, CustomTool):
            raise unsupported_field(request, tool.at or "tools", "This model takes no custom tools: use functions.")
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
        raise unsupported_field(request, search[1].at or "tools", "This model searches in one way for a request.")
    if len(images) > 1:
        raise unsupported_field(request, images[1].at or "tools", "This model makes images in one way for a request.")
    kinds = {name.type for name in only} or {"web_search", "image_generation"}
    return msgspec.structs.replace(
        selected,
        search=search[0] if search and "web_search" in kinds else None,
        image=images[0] if images and "image_generation" in kinds else None,
    )


def _check_names(request: CanonicalRequest, only: tuple[ToolName, ...]) -> None:
    known = {_name_of(tool) for tool in request.tools}
    if any(name not in known for name in only):
        raise unsupported_field(request, "tool_choice", "It names a tool that is not among the tools.")


def _name_of(tool: Tool) -> ToolName:
    if isinstance(tool, FunctionTool):
        return ToolName("function", tool.name)
    return ToolName("web_search" if isinstance(tool, WebSearchTool) else "image_generation")


def _check_combination(request: CanonicalRequest, selected: SelectedTools) -> None:
    if selected.functions and (other := selected.search or selected.image):
        raise unsupported_field(request, other.at or "tools", "This model takes it only without functions.")
    if selected.mode != "required":
        return
    if selected.search is not None:
        raise unsupported_field(request, "tool_choice", "This model cannot be made to search: use auto.")
    if not selected.functions and selected.image is None:
        raise unsupported_field(request, "tool_choice", "There is no tool that could be called.")


def _check_search(request: CanonicalRequest, tool: WebSearchTool) -> None:
    if tool.allowed_domains:
        raise unsupported_field(request, _within(tool, "filters"), "This model searches the whole web.")
    if tool.context_size not in (None, "medium"):
        raise unsupported_field(
            request, _within(tool, "search_context_size"), "This model decides itself how much it reads."
        )
    if tool.place is not None:
        raise unsupported_field(
            request, _within(tool, "user_location"), "This model cannot be told a place: name it in the text."
        )
    if tool.external_access is False:
        raise unsupported_field(request, _within(tool, "external_web_access"), "This model's searches are always live.")


def _declaration(tool: FunctionTool) -> Json:
    declaration: Json = {"name": tool.name}
    if tool.description is not None:
        declaration["description"] = tool.description
    if tool.parameters is not None:
        declaration["parametersJsonSchema"] = tool.parameters
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
    times = ", or two or four times that" if len(scales) > 1 else ""
    raise unsupported_field(request, _within(tool, "size"), f"This model makes images of {', '.join(_RATIOS)}{times}.")


def _ratio(size: str, scale: int) -> str | None:
    """The proportions of the documented size that `size` is `scale` times."""
    width, _, height = size.partition("x")
    if not (width.isdecimal() and height.isdecimal() and len(size) <= 11):
        return None
    if int(width) % scale or int(height) % scale:
        return None
    return _RATIOS.get(f"{int(width) // scale}x{int(height) // scale}")


def _within(tool: WebSearchTool | ImageTool, name: str) -> str:
    return f"{tool.at}.{name}" if tool.at else name
