"""The canonical form of a request. Every client protocol is read into it, and every upstream protocol is written from it.

Rule 1: it is a validated form of OpenAI's Responses API: items, parts, tools and choices are values with one spelling each.
Rule 2: None means that the client did not set the field. The gateway sets no defaults.
Rule 3: `at` is a value's path in the client's body ("messages[2].content[0]"), used in error messages. It is not part of the
        value: requests that differ only in `at` are equal.
Rule 4: a writer either carries a value over to the upstream or rejects it with `unsupported_field`. Nothing is silently dropped,
        with exceptions documented for clients: another upstream's reasoning (tags.py), hints (the fields of `Hints` and every
        `cache`), and searches of a cache (without_cached_search) if the upstream has no such search.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from app.wire.exchange import Endpoint, RequestError

Role = Literal["system", "developer", "user", "assistant"]


class Value(msgspec.Struct, frozen=True, gc=False):
    """The base class of all canonical values. To compare two values without `at`, see `bare`."""


class CacheControl(Value, frozen=True, gc=False):
    """A breakpoint of the prompt cache: all up to the value that carries it is cached. `ttl` is None if the client set none."""

    ttl: Literal["5m", "1h"] | None = None


# -- Parts of a message, and of a tool's output ---------------------------------------------------------------------------


class Text(Value, frozen=True, gc=False, tag=True):
    """Text of any role. The annotations of an assistant's text are not kept when it is sent back: no vendor reads them."""

    text: str
    at: str = ""
    cache: CacheControl | None = None


class Refusal(Value, frozen=True, gc=False, tag=True):
    """An assistant's refusal."""

    text: str
    at: str = ""


class Image(Value, frozen=True, gc=False, tag=True):
    """An image: either `data`, base64 of `media_type` (image/png, ...), or a `url` for the vendor to fetch; exactly one is set.

    `detail` is low, high, auto or original, or None if the client did not set it.
    """

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: str | None = None
    at: str = ""
    cache: CacheControl | None = None


class File(Value, frozen=True, gc=False, tag=True):
    """A file: either `data`, base64 of `media_type` (application/pdf), or a `url` for the vendor to fetch; exactly one is set.

    A file uploaded to the gateway has already been turned into `data`.
    """

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    filename: str | None = None
    at: str = ""
    cache: CacheControl | None = None


Part = Text | Refusal | Image | File


# -- Items of a conversation ----------------------------------------------------------------------------------------------


class Message(Value, frozen=True, gc=False, tag=True):
    """One message. An assistant's parts are Text and Refusal only; `name` is chat's participant name."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    at: str = ""


class FunctionCall(Value, frozen=True, gc=False, tag=True):
    """A function call by the model. `arguments` is the JSON text as the model wrote it; it may be invalid JSON."""

    call_id: str
    name: str
    arguments: str
    at: str = ""
    cache: CacheControl | None = None


class FunctionCallOutput(Value, frozen=True, gc=False, tag=True):
    """The output of a client's function. `parts` are Text, Image or File; a plain string becomes one Text."""

    call_id: str
    parts: tuple[Part, ...]
    at: str = ""
    cache: CacheControl | None = None


class CustomCall(Value, frozen=True, gc=False, tag=True):
    """A call by the model of a tool that takes free text."""

    call_id: str
    name: str
    input: str
    at: str = ""


class CustomCallOutput(Value, frozen=True, gc=False, tag=True):
    call_id: str
    parts: tuple[Part, ...]
    at: str = ""


class Reasoning(Value, frozen=True, gc=False, tag=True):
    """The model's reasoning, sent back by the client. `sealed` was made by tags.py: only the upstream it names can read it.

    On chat it precedes the call whose `extra_content` carried it. If the item belongs to another upstream or to no upstream, and
    the protocol has no place for plain summaries, the whole item is left out. This is documented, and not an error.
    """

    summary: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    sealed: str | None = None
    at: str = ""


class WebSearchCall(Value, frozen=True, gc=False, tag=True):
    """A search of an earlier turn, sent back. `queries` may be empty. Vendors that do not accept it rely on the text after it."""

    id: str
    queries: tuple[str, ...] = ()
    at: str = ""


class ImageGenerationCall(Value, frozen=True, gc=False, tag=True):
    """An image generated in an earlier turn, sent back as base64 of `media_type`."""

    id: str
    data: str
    media_type: str = "image/png"
    at: str = ""


Item = (
    Message
    | FunctionCall
    | FunctionCallOutput
    | CustomCall
    | CustomCallOutput
    | Reasoning
    | WebSearchCall
    | ImageGenerationCall
)


# -- Tools ----------------------------------------------------------------------------------------------------------------


class FunctionTool(Value, frozen=True, gc=False, tag=True):
    """`parameters` is the client's JSON Schema, or None if it sent none. `strict` is None if the client did not set it."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    at: str = ""
    cache: CacheControl | None = None


class CustomTool(Value, frozen=True, gc=False, tag=True):
    """A tool that takes free text; `format` is the grammar as the client sent it."""

    name: str
    description: str | None = None
    format: dict[str, Any] | None = None
    at: str = ""


class Place(Value, frozen=True, gc=False):
    """The user's approximate location: ISO country code, IANA time zone."""

    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class WebSearchTool(Value, frozen=True, gc=False, tag=True):
    """`context_size` is low, medium or high. `external_access` False allows cached results only."""

    context_size: str | None = None
    place: Place | None = None
    allowed_domains: tuple[str, ...] = ()
    external_access: bool | None = None
    at: str = ""
    cache: CacheControl | None = None


class ImageTool(Value, frozen=True, gc=False, tag=True):
    """`options` are the members other than the type, as sent: size, quality, background, output_format, partial_images ..."""

    options: dict[str, Any] = {}
    at: str = ""


Tool = FunctionTool | CustomTool | WebSearchTool | ImageTool


class ToolName(Value, frozen=True, gc=False):
    """A tool named by a tool choice. `type`: function, custom, web_search, image_generation; only the first two have a `name`."""

    type: str
    name: str | None = None


class ToolChoice(Value, frozen=True, gc=False):
    """`only` lists the tools that may be called; empty means all. A forced function is ("required", (that function,))."""

    mode: Literal["auto", "none", "required"]
    only: tuple[ToolName, ...] = ()


class TextFormat(Value, frozen=True, gc=False):
    """`schema` is the JSON Schema as sent, for kind json_schema only."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class Hints(Value, frozen=True, gc=False):
    """Fields that do not change the answer. They are sent to upstreams that support them and left out for others (documented).

    The gateway itself echoes `metadata`. `user` and `safety_identifier` distinguish end users; the cache fields control caching.
    """

    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None


class CanonicalRequest(Value, frozen=True, gc=False):
    """One request. `endpoint` is the client's protocol; it decides which parameter names appear in errors.

    `instructions` come before all items; chat's system messages are items. `logprobs` is the number of alternatives per token, 0
    for the chosen tokens only, or None for no log probabilities. `effort`: none, minimal, low, medium, high, xhigh. `summary`:
    auto, concise, detailed. `namespaces`: the namespace and the name of each tool whose `name` was made from both,
    and of each whose bare name no other tool has.
    """

    endpoint: Endpoint
    model: str
    items: tuple[Item, ...]
    stream: bool = False
    instructions: str | None = None
    choices: int = 1
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    effort: str | None = None
    summary: str | None = None
    format: TextFormat | None = None
    verbosity: str | None = None
    service_tier: str | None = None
    hints: Hints = Hints()
    namespaces: dict[str, tuple[str, str]] = {}
    cache: CacheControl | None = None


class Target(Value, frozen=True, gc=False):
    """The upstream that a request is written for: its name (for tags), its name for the model, and what it is allowed to spend.

    `max_output_tokens` is the limit per choice that the hold covers; it is always written. `choices` is the number of choices that
    the hold covers. `max_tool_calls` limits calls of priced tools, or
    is None if no such tool is offered. `fetches_urls`: whether the upstream may be sent URLs to fetch. `is_openai`: whether it is
    OpenAI's own chat API rather than a compatible server. `max_input_tokens` is the input that the hold covers, or None for
    unlimited: an answer continued over several calls reads its conversation again in each. `searches`: whether the hold covers
    searches, also ones that the model makes unrequested.
    """

    upstream: str
    model: str
    max_output_tokens: int
    max_tool_calls: int | None = None
    fetches_urls: bool = True
    is_openai: bool = True
    max_input_tokens: int | None = None
    choices: int = 1
    searches: bool = False


PARAMS: Final[dict[Endpoint, dict[str, str]]] = {
    "responses": {
        "items": "input",
        "choices": "n",
        "logprobs": "top_logprobs",
        "effort": "reasoning.effort",
        "summary": "reasoning.summary",
        "format": "text.format",
        "verbosity": "text.verbosity",
    },
    "chat": {
        "items": "messages",
        "choices": "n",
        "max_output_tokens": "max_completion_tokens",
        "effort": "reasoning_effort",
        "summary": "reasoning_effort",
        "format": "response_format",
    },
}
"""The client's parameter name for a field of CanonicalRequest, if it differs from the field's name."""


def ends_with_the_user(request: CanonicalRequest) -> bool:
    last = request.items[-1] if request.items else None
    return isinstance(last, Message) and last.role == "user"


def unsupported_field(request: CanonicalRequest, field: str, why: str) -> RequestError:
    """The error for a value that this model's upstream does not support: 400 `unsupported_parameter`.

    `field` is a field of CanonicalRequest ("seed"), or the `at` of an item, part or tool. `why` is one sentence that tells the
    client what is supported.
    """
    param = PARAMS[request.endpoint].get(field, field)
    return RequestError(f"Unsupported parameter: '{param}'. {why}", param=param, code="unsupported_parameter")


def without_cached_search(request: CanonicalRequest) -> CanonicalRequest:
    """The request without web searches that may only use a cache. They could find nothing at a vendor without such a cache.

    A choice that names such a search no longer does, unless it requires that search: then the writer rejects it.
    """
    tools = tuple(
        tool for tool in request.tools if not (isinstance(tool, WebSearchTool) and tool.external_access is False)
    )
    if len(tools) == len(request.tools):
        return request
    choice = request.tool_choice
    if choice is not None and choice.only and not any(isinstance(tool, WebSearchTool) for tool in tools):
        only = tuple(name for name in choice.only if name.type != "web_search")
        if only:
            choice = ToolChoice(choice.mode, only)
        elif choice.mode == "auto":
            choice = ToolChoice("none")
    return msgspec.structs.replace(request, tools=tools, tool_choice=choice)


def bare(request: CanonicalRequest) -> Any:
    """`request` as plain data without `at`, to compare requests by."""
    return _without_places(msgspec.to_builtins(request))


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_places(inner) for name, inner in value.items() if name != "at"}
    if isinstance(value, list | tuple):
        return [_without_places(inner) for inner in value]
    return value
