"""One request and its answer as protocol values: the interface between the codecs of this package and the gateway.

Rule 1: bytes in, values out. Nothing here blocks, reads a clock, or handles money.
Rule 2: a request is parsed once. Any fault in it is a RequestError that names the parameter.
Rule 3: a Relay forwards only whole frames. From the first closing frame on, it holds everything back until the caller takes it with
        tail().
Rule 4: a pass-through changes only the bytes that it must. Unknown fields survive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from app.wire.file_ref import FileRef
from domain.demand import Demand
from domain.errors import Fault
from domain.usage import Usage

Endpoint = Literal["responses", "chat"]


class RequestError(Fault):
    """The request is at fault. The client gets `status`, and nothing is charged."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


class AnswerError(Fault):
    """The upstream's answer is at fault. `malformed`: it is invalid or incomplete; otherwise the upstream sent an error."""

    def __init__(
        self,
        message: str,
        *,
        malformed: bool,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.malformed = malformed
        self.type = type
        self.code = code
        self.param = param


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One of the request's tools: its type as sent, its name in catalogs, and the parameter that contains it.

    `is_cached_search`: a web search that may only use the vendor's cache (`external_web_access` is false).
    """

    type: str
    name: str
    param: str
    is_cached_search: bool = False

    @property
    def is_nested(self) -> bool:
        """Whether it is inside another tool."""
        return self.param.count("[") > 1


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A well-formed request.

    - `demand`: the size of its input, its limits and its tools. The hold is computed from it.
    - `fields`: the top-level members of the body, as sent.
    - `content_bytes`: the decoded size of the inline content.
    - `refs`: references to uploaded files.
    - `inline_files`: files that the body contains.
    - `addresses`: the parameters that hold URLs to fetch.
    - `omits_cached_search`: cached searches are left out, because the model does not offer web search.
    """

    endpoint: Endpoint
    model: str
    stream: bool
    demand: Demand
    tools: tuple[ToolUse, ...]
    include_usage: bool
    fields: dict[str, msgspec.Raw]
    content_bytes: int = 0
    refs: tuple[FileRef, ...] = ()
    inline_files: tuple[InlineFile, ...] = ()
    addresses: tuple[str, ...] = ()
    omits_cached_search: bool = False

    @property
    def content_param(self) -> str:
        """The parameter that holds the conversation."""
        return "messages" if self.endpoint == "chat" else "input"


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A file sent in the request: a JSON string of base64, or of a data URI, and the parameter that holds it."""

    raw: msgspec.Raw
    param: str


@dataclass(slots=True)
class Delivered:
    """The amount of output forwarded so far. It is used if an answer is cut off or reports no usage.

    `output_bytes` counts text, reasoning and arguments in UTF-8. Once the answer is closing, it includes the output that is held
    back, so that an estimate covers the whole answer.
    """

    output_bytes: int = 0
    frames: int = 0


class Relay(Protocol):
    """One answer on its way from an upstream to a client.

    feed() returns the bytes that may be forwarded now. Once `closing` is set it returns b"" and keeps the rest for tail().
    feed() and end() raise AnswerError when the answer is at fault. After that nothing more may be fed.
    """

    closing: bool
    """The first closing frame has arrived. Nothing is forwarded until the debit is durable."""
    finished: bool
    """The answer is complete: by the protocol, nothing significant follows."""
    delivered: Delivered

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> None:
        """The upstream closed its stream in good order. Sets `finished`, unless the answer is paused. Raises AnswerError if it is
        neither finished nor paused."""
        ...

    def cut(self) -> None:
        """The answer is closing, and its rest will not arrive. Called once, before its usage and tail(), if not `finished`."""
        ...

    def continuation(self) -> bytes | None:
        """After end(): the body that continues a paused answer, or None if the answer is whole. Called once for each end()."""
        ...

    @property
    def usage(self) -> Usage | None:
        """The upstream's own figures, or None if it sent none."""
        ...

    @property
    def items(self) -> Usage:
        """Calls and images counted from the answer's own items, without tokens. An estimate starts from it."""
        ...

    @property
    def finish(self) -> str:
        """Why the answer ended, in the terms of its protocol: "stop", "length", "completed", "incomplete:max_output_tokens" ..."""
        ...

    @property
    def response_id(self) -> str | None: ...

    def tail(self, usage: Usage | None = None) -> bytes:
        """The frames that were held back, ready to send, including [DONE] if the protocol has one. Called once.

        `usage` is the usage that the answer is billed by, which the frames then show. None: as the upstream reported it."""
        ...

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        """The frames that end a started stream with an error, in this protocol."""
        ...
