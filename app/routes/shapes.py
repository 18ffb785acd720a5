"""The common core of what /v1 accepts and returns. The shapes are OpenAI's, which have more members than are listed here."""

from __future__ import annotations

from typing import Any

import msgspec

Unset = msgspec.UnsetType
Price = str | Unset


class ResponsesRequest(msgspec.Struct, frozen=True):
    """A request for a response. Every OpenAI parameter that the model's upstream supports is accepted."""

    model: str
    input: str | list[Any]
    stream: bool | None = None
    max_output_tokens: int | None = None
    tools: list[dict[str, Any]] | None = None


class ChatRequest(msgspec.Struct, frozen=True):
    """A request for a chat completion. Every OpenAI parameter that the model's upstream supports is accepted."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool | None = None
    max_completion_tokens: int | None = None
    tools: list[dict[str, Any]] | None = None


class ResponseObject(msgspec.Struct, frozen=True):
    """A response, or with `stream` its events as text/event-stream."""

    id: str
    object: str
    output: list[dict[str, Any]]


class ChatCompletion(msgspec.Struct, frozen=True):
    """A chat completion, or with `stream` its chunks as text/event-stream."""

    id: str
    object: str
    choices: list[dict[str, Any]]


class Modalities(msgspec.Struct, frozen=True):
    """What a model reads and writes: text, image, file."""

    input_modalities: list[str]
    output_modalities: list[str]


class Capabilities(msgspec.Struct, frozen=True):
    """What a model supports. Sizes are in tokens."""

    input_modalities: list[str]
    output_modalities: list[str]
    tools: list[str]
    context_window: int
    max_output_tokens: int
    endpoints: list[str]
    streaming: bool
    service_tiers: list[str]


class TokenRates(msgspec.Struct, frozen=True):
    """USD for one token of each kind, as decimal strings; a kind that is not charged is left out."""

    prompt: Price = msgspec.UNSET
    completion: Price = msgspec.UNSET
    internal_reasoning: Price = msgspec.UNSET
    input_cache_read: Price = msgspec.UNSET
    input_cache_write: Price = msgspec.UNSET
    input_cache_write_1h: Price = msgspec.UNSET
    image_input: Price = msgspec.UNSET
    image_output: Price = msgspec.UNSET


class LongContextRates(TokenRates, frozen=True, kw_only=True):
    """Token prices for requests with more than `input_tokens` of input."""

    input_tokens: int


class TierRates(TokenRates, frozen=True):
    """Token prices on a service tier, with those for long contexts."""

    above: list[LongContextRates] | Unset = msgspec.UNSET


class Pricing(TierRates, frozen=True):
    """What a model costs, in USD. `image` is the price of one image, or prices by quality/size; `calls` has prices by tool."""

    web_search: Price = msgspec.UNSET
    image: str | dict[str, str] | Unset = msgspec.UNSET
    calls: dict[str, str] | Unset = msgspec.UNSET
    service_tiers: dict[str, TierRates] | Unset = msgspec.UNSET


class ModelObject(msgspec.Struct, frozen=True):
    """A model on offer: OpenAI's members, plus its capabilities, limits and prices."""

    id: str
    object: str
    created: int
    owned_by: str
    name: str
    context_length: int
    max_output_tokens: int
    architecture: Modalities
    capabilities: Capabilities
    pricing: Pricing


class ModelList(msgspec.Struct, frozen=True):
    """The models on offer."""

    object: str
    data: list[ModelObject]


class UploadForm(msgspec.Struct, frozen=True):
    """A PDF with its purpose, `user_data`."""

    file: str
    purpose: str


class FileObject(msgspec.Struct, frozen=True):
    """An uploaded file."""

    id: str
    object: str
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    status: str


class FileList(msgspec.Struct, frozen=True):
    """A page of files."""

    object: str
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileQuery(msgspec.Struct, frozen=True):
    """`order` is `desc` or `asc`, by age."""

    after: str | None = None
    limit: int | None = None
    order: str | None = None
    purpose: str | None = None


class FileDeletedObject(msgspec.Struct, frozen=True):
    """The file has been deleted."""

    id: str
    object: str
    deleted: bool
