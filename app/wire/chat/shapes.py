"""The shapes of a chat request, member by member. Anything that does not fit is rejected (strict.py).

Rule: an assistant's message is part of an earlier answer, from any server: members that are not read here are left out. They are
`reasoning_details`, `token_ids`, `stop_reason`, `prefix`, `parsed`, `parsed_arguments` and many others.

OpenAI's own hints about its prompt cache are left out too.
"""

from __future__ import annotations

from typing import Any, Literal

from app.wire.cache_control import CacheShape
from app.wire.strict import Level, ReturnedShape, Shape

# -- Parts ----------------------------------------------------------------------------------------------------------------


class TextPart(Shape, frozen=True, gc=False, tag="text", tag_field="type"):
    text: str
    cache_control: CacheShape | None = None
    prompt_cache_breakpoint: Any = None


class RefusalPart(Shape, frozen=True, gc=False, tag="refusal", tag_field="type"):
    refusal: str


class ImageUrl(Shape, frozen=True, gc=False):
    url: str
    detail: Literal["low", "high", "auto", "original"] | None = None


class ImagePart(Shape, frozen=True, gc=False, tag="image_url", tag_field="type"):
    image_url: ImageUrl
    cache_control: CacheShape | None = None
    prompt_cache_breakpoint: Any = None


class FileBody(Shape, frozen=True, gc=False):
    file_id: str | None = None
    file_data: str | None = None
    filename: str | None = None


class FilePart(Shape, frozen=True, gc=False, tag="file", tag_field="type"):
    file: FileBody
    cache_control: CacheShape | None = None
    prompt_cache_breakpoint: Any = None


class AudioPart(Shape, frozen=True, gc=False, tag="input_audio", tag_field="type"):
    """Known only so that it can be rejected with a clear error."""

    input_audio: Any = None


Part = TextPart | RefusalPart | ImagePart | FilePart | AudioPart
Content = str | list[Part]


# -- Messages -------------------------------------------------------------------------------------------------------------


class GatewayExtra(ReturnedShape, frozen=True, gc=False):
    """Written by answer_writer.py: sealed reasoning, and how many of its tags came before the message's text."""

    reasoning: str | list[str] | None = None
    before_text: int = 0


class GoogleExtra(ReturnedShape, frozen=True, gc=False):
    thought_signature: str | None = None


class ExtraContent(ReturnedShape, frozen=True, gc=False):
    realrouter: GatewayExtra | None = None
    google: GoogleExtra | None = None


class FunctionBody(ReturnedShape, frozen=True, gc=False):
    """`arguments` are JSON text. Some servers send an object instead, or null."""

    name: str
    arguments: str | dict[str, Any] | None = None
    extra_content: ExtraContent | None = None


class CustomBody(ReturnedShape, frozen=True, gc=False):
    name: str
    input: str


class CallShape(ReturnedShape, frozen=True, gc=False):
    """A call of a function or of a custom tool, as its body says. Some servers omit the type."""

    id: str
    function: FunctionBody | None = None
    custom: CustomBody | None = None
    extra_content: ExtraContent | None = None


class ReturnedUrl(ReturnedShape, frozen=True, gc=False):
    url: str


class ReturnedImage(ReturnedShape, frozen=True, gc=False):
    image_url: ReturnedUrl


class ReturnedPart(ReturnedShape, frozen=True, gc=False):
    """A part of an answer's content: text, refusal, or a part that other vendors do not have."""

    type: str
    text: Any = None
    refusal: Any = None
    cache_control: CacheShape | None = None


class ClientMessage(Shape, frozen=True, gc=False, kw_only=True):
    """Members of other roles, which clients with one type for all messages send as null."""

    tool_calls: None = None
    function_call: None = None
    refusal: None = None
    audio: None = None
    annotations: None = None
    reasoning: None = None
    reasoning_content: None = None


class SystemMessage(ClientMessage, frozen=True, gc=False, tag="system", tag_field="role"):
    content: Content
    name: str | None = None
    tool_call_id: None = None
    cache_control: CacheShape | None = None


class DeveloperMessage(ClientMessage, frozen=True, gc=False, tag="developer", tag_field="role"):
    content: Content
    name: str | None = None
    tool_call_id: None = None
    cache_control: CacheShape | None = None


class UserMessage(ClientMessage, frozen=True, gc=False, tag="user", tag_field="role"):
    content: Content
    name: str | None = None
    tool_call_id: None = None
    cache_control: CacheShape | None = None


class AssistantMessage(ReturnedShape, frozen=True, gc=False, tag="assistant", tag_field="role"):
    """A message of an answer. vLLM, OpenRouter and Groq call its reasoning `reasoning`, others `reasoning_content`."""

    content: str | list[ReturnedPart] | None = None
    name: str | None = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: list[CallShape] | None = None
    function_call: FunctionBody | None = None
    images: list[ReturnedImage] | None = None
    audio: Any = None
    cache_control: CacheShape | None = None


class ToolMessage(ClientMessage, frozen=True, gc=False, tag="tool", tag_field="role"):
    """Older clients add the function's `name`, which the call's id already determines. Null is an output without text."""

    tool_call_id: str
    content: Content | None = None
    name: str | None = None
    cache_control: CacheShape | None = None


class FunctionMessage(Shape, frozen=True, gc=False, tag="function", tag_field="role"):
    name: str
    content: str | None = None
    cache_control: CacheShape | None = None


ChatMessage = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage


# -- Tools ----------------------------------------------------------------------------------------------------------------


class FunctionDefinition(Shape, frozen=True, gc=False):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    cache_control: CacheShape | None = None


class FunctionToolShape(Shape, frozen=True, gc=False):
    """The type may be omitted: the member `function` says the same. Deferred functions are offered at once."""

    function: FunctionDefinition
    type: str | None = None
    defer_loading: bool | None = None
    cache_control: CacheShape | None = None


class Grammar(Shape, frozen=True, gc=False):
    syntax: Literal["lark", "regex"]
    definition: str


class GrammarFormat(Shape, frozen=True, gc=False, tag="grammar", tag_field="type"):
    grammar: Grammar


class FreeFormat(Shape, frozen=True, gc=False, tag="text", tag_field="type"):
    pass


class CustomDefinition(Shape, frozen=True, gc=False):
    name: str
    description: str | None = None
    format: GrammarFormat | FreeFormat | None = None


class CustomToolShape(Shape, frozen=True, gc=False, tag="custom", tag_field="type"):
    custom: CustomDefinition
    cache_control: CacheShape | None = None


class Approximate(Shape, frozen=True, gc=False):
    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class UserLocation(Shape, frozen=True, gc=False):
    """The place of the user. `web_search_options` nests city, country and so on in `approximate`; a `web_search` tool has them at
    the top level. Both are accepted.
    """

    type: Literal["approximate"]
    approximate: Approximate | None = None
    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class SearchOptions(Shape, frozen=True, gc=False):
    search_context_size: Level | None = None
    user_location: UserLocation | None = None


class SearchFilters(Shape, frozen=True, gc=False):
    allowed_domains: list[str] | None = None


class SearchToolShape(Shape, frozen=True, gc=False):
    type: str
    search_context_size: Level | None = None
    user_location: UserLocation | None = None
    filters: SearchFilters | None = None
    external_web_access: bool | None = None
    cache_control: CacheShape | None = None


class Named(Shape, frozen=True, gc=False):
    name: str


class ChosenTool(Shape, frozen=True, gc=False):
    """A tool as named by a tool choice."""

    type: str
    function: Named | None = None
    custom: Named | None = None


class AllowedTools(Shape, frozen=True, gc=False):
    mode: Literal["auto", "required"]
    tools: list[ChosenTool]


class ChoiceShape(Shape, frozen=True, gc=False):
    type: str
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: AllowedTools | None = None


# -- The rest -------------------------------------------------------------------------------------------------------------


class PlainFormat(Shape, frozen=True, gc=False, tag="text", tag_field="type"):
    pass


class JsonFormat(Shape, frozen=True, gc=False, tag="json_object", tag_field="type"):
    pass


class JsonSchema(Shape, frozen=True, gc=False):
    name: str
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class SchemaFormat(Shape, frozen=True, gc=False, tag="json_schema", tag_field="type"):
    json_schema: JsonSchema


class StreamOptions(Shape, frozen=True, gc=False):
    """Frames are never padded, so either value of include_obfuscation is accepted."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None
