"""A request as frozen values, independent of the protocol, built once by read_responses or read_chat.

After that, the request's JSON is only used to echo its parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.upstream.simulator.directives import Directives

Json = dict[str, Any]
Mode = Literal["auto", "none", "required"]
FormatKind = Literal["text", "json_object", "json_schema"]


class Rejected(Exception):
    """The request is invalid. `error` is the OpenAI error to return with `status`."""

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
        type: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: Json = {"message": message, "type": type, "param": param, "code": code}


@dataclass(frozen=True, slots=True)
class Function:
    """A function that may be called; `parameters` is its JSON Schema."""

    name: str
    description: str
    parameters: Json


@dataclass(frozen=True, slots=True)
class ImageTool:
    width: int
    height: int
    quality: str
    background: str
    partial_images: int


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`name` forces one function, `tool` a built-in tool; `only` lists the tools that are allowed, empty for all."""

    mode: Mode = "auto"
    name: str | None = None
    tool: str | None = None
    only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ToolResult:
    name: str
    output: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file of the input. `pages` is None if it is not a PDF or its pages cannot be counted."""

    filename: str
    pdf: bool
    pages: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Content:
    """The conversation: the last user text, the items after it, and the size of everything."""

    prompt: str = ""
    results: tuple[ToolResult, ...] = ()
    documents: tuple[Document, ...] = ()
    images: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Tools:
    """`legacy`: chat's `functions`, which are called one at a time and get a legacy answer."""

    functions: tuple[Function, ...] = ()
    web_search: bool = False
    image: ImageTool | None = None
    choice: ToolChoice = ToolChoice()
    parallel: bool = True
    tokens: int = 0
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class Format:
    kind: FormatKind = "text"
    schema: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reasoning:
    effort: str | None = None
    summary: bool = False
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """`limit` is the maximum of output tokens, `seed` determines the ids, `raw` is the original request, for echoes."""

    model: str
    content: Content
    tools: Tools
    format: Format
    reasoning: Reasoning
    directives: Directives
    stream: bool
    include_usage: bool
    sources: bool
    limit: int | None
    choices: int
    stops: tuple[str, ...]
    seed: bytes
    raw: Mapping[str, Any]
