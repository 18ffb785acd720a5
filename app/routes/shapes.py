"""What /v1 takes and answers, as far as it is the same for everybody: the shapes are OpenAI's, and wider than what stands here."""

from __future__ import annotations

from typing import Any

import msgspec


class ResponsesRequest(msgspec.Struct, frozen=True):
    """A request for a response. Every parameter of OpenAI's that a model's upstream can carry is taken."""

    model: str
    input: str | list[Any]
    stream: bool | None = None
    max_output_tokens: int | None = None
    tools: list[dict[str, Any]] | None = None


class ChatRequest(msgspec.Struct, frozen=True):
    """A request for a chat completion. Every parameter of OpenAI's that a model's upstream can carry is taken."""

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


class ModelObject(msgspec.Struct, frozen=True):
    """A model on offer, with its capabilities, limits and prices beside OpenAI's members."""

    id: str
    object: str
    created: int
    owned_by: str


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
    """The file is there no more."""

    id: str
    object: str
    deleted: bool
