"""The canonical form of a request: what every client protocol is read into, and every upstream protocol is written from.

Rule 1: it is OpenAI's Responses form, judged: items, parts, tools and choices as values, each in one spelling.
Rule 2: None means that the client did not say. Nothing here is a default of ours.
Rule 3: `at` is the place of a value in the client's own body ("messages[2].content[0]"), for refusals; it is not part of the
        value: two requests that differ in `at` alone are equal.
Rule 4: whoever writes it for an upstream carries a value over, or refuses it by `refusal`; nothing is dropped in silence.
        Exceptions, each documented for clients: reasoning of another upstream (tags.py), and what `Hints` lists.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from app.wire.exchange import Endpoint, RequestError

Role = Literal["system", "developer", "user", "assistant"]


class Value(msgspec.Struct, frozen=True, gc=False):
    """The base of all that is canonical. Equality leaves `at` out: see `bare`."""


# -- Parts of a message, and of a tool's output ---------------------------------------------------------------------------


class Text(Value, frozen=True, gc=False, tag=True):
    """Text of any role. What annotates an assistant's text that comes back is not part of it: no vendor reads it."""

    text: str
    at: str = ""


class Refusal(Value, frozen=True, gc=False, tag=True):
    """An assistant's refusal."""

    text: str
    at: str = ""


class Image(Value, frozen=True, gc=False, tag=True):
    """An image: `data` is base64 of `media_type` (image/png, ...), or `url` is where the vendor fetches it. Exactly one is set.

    `detail` is low, high, auto or original, None where the client did not say.
    """

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: str | None = None
    at: str = ""


class File(Value, frozen=True, gc=False, tag=True):
    """A file: `data` is base64 of `media_type` (application/pdf), or `url` is where the vendor fetches it. Exactly one is set.

    A file that was uploaded here has become `data` by now.
    """

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    filename: str | None = None
    at: str = ""


Part = Text | Refusal | Image | File


# -- Items of a conversation ----------------------------------------------------------------------------------------------


class Message(Value, frozen=True, gc=False, tag=True):
    """One message. An assistant's parts are Text and Refusal only; `name` is chat's participant name."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    at: str = ""


class FunctionCall(Value, frozen=True, gc=False, tag=True):
    """The model called a function. `arguments` is a JSON text as the model wrote it, which need not be valid."""

    call_id: str
    name: str
    arguments: str
    at: str = ""


class FunctionCallOutput(Value, frozen=True, gc=False, tag=True):
    """What the client's function gave. `parts` are Text, Image or File; a plain string is one Text."""

    call_id: str
    parts: tuple[Part, ...]
    at: str = ""


class CustomCall(Value, frozen=True, gc=False, tag=True):
    """The model called a tool that takes free text."""

    call_id: str
    name: str
    input: str
    at: str = ""


class CustomCallOutput(Value, frozen=True, gc=False, tag=True):
    call_id: str
    parts: tuple[Part, ...]
    at: str = ""


class Reasoning(Value, frozen=True, gc=False, tag=True):
    """The model's reasoning, given back. `sealed` is what tags.py made: only the upstream it stands for can read it.

    On chat it comes before the call whose `extra_content` carried it. Where it stands for another upstream, or none, and the
    protocol has no place for bare summaries, the whole item is left out: that is documented, and no refusal.
    """

    summary: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    sealed: str | None = None
    at: str = ""


class WebSearchCall(Value, frozen=True, gc=False, tag=True):
    """A search of an earlier turn, given back. `queries` may be empty. Vendors that cannot take it back go by the text after it."""

    id: str
    queries: tuple[str, ...] = ()
    at: str = ""


class ImageGenerationCall(Value, frozen=True, gc=False, tag=True):
    """An image that was made in an earlier turn, given back as base64 of `media_type`."""

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
    """`parameters` is a JSON Schema as it came, None where there is none. `strict` None: not said."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    at: str = ""


class CustomTool(Value, frozen=True, gc=False, tag=True):
    """A tool that takes free text; `format` is the grammar as it came."""

    name: str
    description: str | None = None
    format: dict[str, Any] | None = None
    at: str = ""


class Place(Value, frozen=True, gc=False):
    """Where the user is, roughly: ISO country, IANA time zone."""

    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class WebSearchTool(Value, frozen=True, gc=False, tag=True):
    """`context_size` is low, medium or high. `external_access` False asks for cached results only."""

    context_size: str | None = None
    place: Place | None = None
    allowed_domains: tuple[str, ...] = ()
    external_access: bool | None = None
    at: str = ""


class ImageTool(Value, frozen=True, gc=False, tag=True):
    """`options` are the members besides the type as they came: size, quality, background, output_format, partial_images ..."""

    options: dict[str, Any] = {}
    at: str = ""


Tool = FunctionTool | CustomTool | WebSearchTool | ImageTool


class ToolName(Value, frozen=True, gc=False):
    """A tool as a choice names it: `type` is function, custom, web_search or image_generation; `name` for the first two."""

    type: str
    name: str | None = None


class ToolChoice(Value, frozen=True, gc=False):
    """`only`: the tools that may be called, empty for all. A forced function is ("required", only that one)."""

    mode: Literal["auto", "none", "required"]
    only: tuple[ToolName, ...] = ()


class TextFormat(Value, frozen=True, gc=False):
    """`schema` is a JSON Schema as it came, of kind json_schema only."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class Hints(Value, frozen=True, gc=False):
    """What changes no answer: an upstream that has a place for it gets it, for others it is left out (documented).

    `metadata` is echoed by the gateway itself. `user` and `safety_identifier` tell end users apart; a cache key steers caches.
    """

    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None


class CanonicalRequest(Value, frozen=True, gc=False):
    """One request. `endpoint` is the protocol that the client speaks: it decides the names in refusals.

    `instructions` stands before all items; chat's system messages are items. `logprobs` is the number of alternatives, 0 for the
    chosen tokens only, None for none. `effort`: none, minimal, low, medium, high, xhigh. `summary`: auto, concise, detailed.
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


class Target(Value, frozen=True, gc=False):
    """For whom a CanonicalRequest is written: the upstream's name (for tags) and its own name of the model.

    `max_output_tokens` is what was held for: it is always written. `max_tool_calls` bounds the calls of priced tools, None where
    none is offered. `fetches_urls`: whether this upstream may be sent URLs to fetch. `is_openai`: whether its chat is OpenAI's own,
    not that of a server which speaks nearly the same. `max_input_tokens` is what was held for, None for no bound: an answer that
    goes on over several calls reads its conversation again with each.
    """

    upstream: str
    model: str
    max_output_tokens: int
    max_tool_calls: int | None = None
    fetches_urls: bool = True
    is_openai: bool = True
    max_input_tokens: int | None = None


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
"""Where the client's name of a field of CanonicalRequest is another one."""


def unsupported_field(request: CanonicalRequest, field: str, why: str) -> RequestError:
    """The refusal of a value that this model's upstream cannot take: 400 `unsupported_parameter`.

    `field` is a field of CanonicalRequest ("seed"), or the `at` of an item, a part or a tool. `why` is one sentence that says
    what would work.
    """
    param = PARAMS[request.endpoint].get(field, field)
    return RequestError(f"Unsupported parameter: '{param}'. {why}", param=param, code="unsupported_parameter")


def bare(request: CanonicalRequest) -> Any:
    """`ask` as plain data without places: what equality is judged by."""
    return _without_places(msgspec.to_builtins(request))


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_places(inner) for name, inner in value.items() if name != "at"}
    if isinstance(value, list | tuple):
        return [_without_places(inner) for inner in value]
    return value
