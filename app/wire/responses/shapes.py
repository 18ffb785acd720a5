"""The shapes of a Responses request, member by member.

Rule 1: a member that is not in the shape is rejected by its path, as is a value of the wrong type.
Rule 2: null is the same as absent wherever a member may be absent. A member of type None is known and must be null.
        OpenAI's own hints about its prompt cache are of type Any: they are left out.
Rule 3: an item of an answer may be sent back as received, from any server: members that are not read here are left out.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from app.wire.cache_control import CacheShape
from app.wire.strict import Effort, Level, ReturnedShape, Shape

Status = Literal["in_progress", "searching", "generating", "completed", "incomplete", "failed"]
Json = dict[str, Any]

# -- Parts ----------------------------------------------------------------------------------------------------------------


class InputText(Shape, frozen=True, gc=False, tag="input_text", tag_field="type"):
    text: str
    prompt_cache_breakpoint: Any = None
    cache_control: CacheShape | None = None


class InputImage(Shape, frozen=True, gc=False, tag="input_image", tag_field="type"):
    image_url: str | None = None
    file_id: str | None = None
    detail: Literal["low", "high", "auto", "original"] | None = None
    prompt_cache_breakpoint: Any = None
    cache_control: CacheShape | None = None


class InputFile(Shape, frozen=True, gc=False, tag="input_file", tag_field="type"):
    """`detail` is limited to the one value that every vendor supports."""

    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    detail: Literal["auto"] | None = None
    prompt_cache_breakpoint: Any = None
    cache_control: CacheShape | None = None


class OutputPart(ReturnedShape, frozen=True, gc=False):
    """A part of an answer: output_text, refusal, or a part that other vendors do not have."""

    type: str
    text: Any = None
    refusal: Any = None
    cache_control: CacheShape | None = None


InputPart = InputText | InputImage | InputFile


# -- Items ----------------------------------------------------------------------------------------------------------------


class ItemShape(Shape, frozen=True, gc=False, kw_only=True):
    """Members that every item of a client may have. The caller has checked the type and chosen the shape by it.

    The last two are labels of OpenAI's own clients and servers.
    """

    type: str | None = None
    id: str | None = None
    status: Status | None = None
    cache_control: CacheShape | None = None
    created_by: Any = None
    internal_chat_message_metadata_passthrough: Any = None


class InputMessage(ItemShape, frozen=True, gc=False, kw_only=True):
    role: Literal["system", "developer", "user"]
    content: str | list[InputPart]
    phase: None = None


class OutputMessage(ReturnedShape, frozen=True, gc=False, kw_only=True):
    role: Literal["assistant"]
    content: str | list[OutputPart] | None = None
    cache_control: CacheShape | None = None


class DirectCaller(Shape, frozen=True, gc=False):
    type: Literal["direct"]


class CallShape(ReturnedShape, frozen=True, gc=False, kw_only=True):
    """A call. `caller`: a program of the vendor's cannot be continued elsewhere."""

    call_id: str
    name: str
    namespace: str | None = None
    caller: DirectCaller | None = None
    cache_control: CacheShape | None = None


class FunctionCallShape(CallShape, frozen=True, gc=False, kw_only=True):
    arguments: str


class CustomCallShape(CallShape, frozen=True, gc=False, kw_only=True):
    input: str


class CallOutputShape(ItemShape, frozen=True, gc=False, kw_only=True):
    """Output of a function or a custom tool. The call's id determines which; the name is optional."""

    call_id: str
    output: str | list[InputPart]
    name: str | None = None
    namespace: str | None = None
    caller: DirectCaller | None = None
    in_background: bool | None = msgspec.field(default=None, name="async")


class ReasoningPart(ReturnedShape, frozen=True, gc=False):
    """summary_text, reasoning_text, or a part without text."""

    text: Any = None


class ReasoningShape(ReturnedShape, frozen=True, gc=False, kw_only=True):
    summary: list[ReasoningPart] | None = None
    content: list[ReasoningPart] | None = None
    encrypted_content: str | None = None


class SearchAction(ReturnedShape, frozen=True, gc=False):
    type: Any = None
    query: Any = None
    queries: Any = None


class SearchCallShape(ReturnedShape, frozen=True, gc=False, kw_only=True):
    """Clients that keep no ids send none."""

    id: str | None = None
    action: SearchAction | None = None


class ImageCallShape(ReturnedShape, frozen=True, gc=False, kw_only=True):
    """Without a result, the image was not made."""

    id: str
    result: str | None = None
    output_format: Literal["png", "webp", "jpeg", "gif"] | None = None


# -- Tools and choices ----------------------------------------------------------------------------------------------------


class ToolShape(Shape, frozen=True, gc=False, kw_only=True):
    type: str


class OwnToolShape(ToolShape, frozen=True, gc=False, kw_only=True):
    """One of the client's own tools. The last three members also occur in an answer's echo."""

    name: str
    description: str | None = None
    allowed_callers: list[Literal["direct"]] | None = None
    defer_loading: bool | None = None
    in_background: bool | None = msgspec.field(default=None, name="async")
    cache_control: CacheShape | None = None


class FunctionToolShape(OwnToolShape, frozen=True, gc=False, kw_only=True):
    parameters: Json | None = None
    strict: bool | None = None
    output_schema: None = None


class FreeFormat(Shape, frozen=True, gc=False, tag="text", tag_field="type"):
    pass


class GrammarFormat(Shape, frozen=True, gc=False, tag="grammar", tag_field="type"):
    syntax: Literal["lark", "regex"]
    definition: str


class CustomToolShape(OwnToolShape, frozen=True, gc=False, kw_only=True):
    format: FreeFormat | GrammarFormat | None = None


class NamespaceShape(ToolShape, frozen=True, gc=False, kw_only=True):
    """A group of the client's own tools."""

    name: str
    tools: list[msgspec.Raw]
    description: str | None = None
    cache_control: CacheShape | None = None


class UserLocation(Shape, frozen=True, gc=False):
    type: Literal["approximate"] | None = None
    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class Filters(Shape, frozen=True, gc=False):
    allowed_domains: list[str] | None = None


class SearchToolShape(ToolShape, frozen=True, gc=False, kw_only=True):
    """All dated and preview versions share this shape."""

    search_context_size: Level | None = None
    user_location: UserLocation | None = None
    filters: Filters | None = None
    external_web_access: bool | None = None
    search_content_types: list[Literal["text"]] | None = None
    cache_control: CacheShape | None = None


class ImageToolShape(ToolShape, frozen=True, gc=False, kw_only=True):
    """`n` occurs in an answer's echo of the tool."""

    action: Literal["generate", "edit", "auto"] | None = None
    background: Literal["transparent", "opaque", "auto"] | None = None
    input_fidelity: Literal["high", "low"] | None = None
    input_image_mask: Json | None = None
    model: str | None = None
    moderation: Literal["auto", "low"] | None = None
    n: Literal[1] | None = None
    output_compression: int | None = None
    output_format: Literal["png", "webp", "jpeg"] | None = None
    partial_images: Literal[0, 1, 2, 3] | None = None
    quality: Literal["low", "medium", "high", "auto"] | None = None
    size: str | None = None


class ChoiceShape(Shape, frozen=True, gc=False):
    """A tool as named by a tool choice, or the tools that are allowed."""

    type: str
    name: str | None = None
    namespace: str | None = None
    mode: Literal["auto", "required"] | None = None
    tools: list[ChosenTool] | None = None


class ChosenTool(Shape, frozen=True, gc=False):
    type: str
    name: str | None = None
    namespace: str | None = None


# -- The rest -------------------------------------------------------------------------------------------------------------


class PlainFormat(Shape, frozen=True, gc=False, tag="text", tag_field="type"):
    pass


class JsonFormat(Shape, frozen=True, gc=False, tag="json_object", tag_field="type"):
    pass


class SchemaFormat(Shape, frozen=True, gc=False, tag="json_schema", tag_field="type"):
    name: str
    schema: Json
    description: str | None = None
    strict: bool | None = None


class TextShape(Shape, frozen=True, gc=False):
    format: PlainFormat | JsonFormat | SchemaFormat | None = None
    verbosity: Level | None = None


Summary = Literal["auto", "concise", "detailed"]


class ReasoningOptions(Shape, frozen=True, gc=False):
    effort: Effort | None = None
    summary: Summary | None = None
    generate_summary: Summary | None = None
    context: Literal["auto"] | None = None
    mode: Literal["standard"] | None = None


class StreamOptions(Shape, frozen=True, gc=False):
    """Frames are never padded, so either value of include_obfuscation is accepted."""

    include_obfuscation: bool | None = None
