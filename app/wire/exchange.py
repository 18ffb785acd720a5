"""One request and its answer as protocol values: the interface between this package and the rest of the gateway.

Rule 1: bytes in, values out. Nothing here blocks, reads a clock or handles money.
Rule 2: a request is parsed once. If it is invalid, RequestError names the parameter.
Rule 3: a Relay forwards whole frames only, and holds everything from the first closing frame on until tail() is called.
Rule 4: a pass-through keeps all bytes that it does not have to change, unknown fields included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from app.wire.file_ref import FileRef
from domain.errors import Fault
from domain.usage import Usage

Endpoint = Literal["responses", "chat"]


class RequestError(Fault):
    """The request is invalid. The client gets `status` and is not charged."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


class AnswerError(Fault):
    """The upstream's answer is at fault. `malformed`: it was invalid or incomplete; otherwise the upstream sent an error."""

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
    """One entry of the request's tools: its type as sent, its name in model catalogs, and its path in the request."""

    type: str
    name: str
    param: str


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A well-formed request. Limits are the client's, None if it set none.

    `text_bytes` bounds the tokens of everything except inline images and files; `images` and `files` count those, `content_bytes`
    is the decoded size of the inline ones. `refs` name uploaded files, `inline_files` are those sent inline, `addresses` are the
    paths of URLs to fetch. `fields` are the top-level members as sent.
    """

    endpoint: Endpoint
    model: str
    stream: bool
    choices: int
    max_output_tokens: int | None
    max_tool_calls: int | None
    tools: tuple[ToolUse, ...]
    images: int
    files: int
    text_bytes: int
    include_usage: bool
    service_tier: str | None
    fields: dict[str, msgspec.Raw]
    content_bytes: int = 0
    refs: tuple[FileRef, ...] = ()
    inline_files: tuple[InlineFile, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A file sent in the request: a JSON string of base64 or of a data URI, and its path."""

    raw: msgspec.Raw
    param: str


@dataclass(slots=True)
class Delivered:
    """UTF-8 bytes of text, reasoning and arguments forwarded so far, to estimate answers that are cut off or have no usage.

    Once the answer is closing, `output_bytes` also counts what is held, so that an estimate covers the whole answer.
    """

    output_bytes: int = 0
    frames: int = 0


class Relay(Protocol):
    """One answer on its way from an upstream to a client.

    feed() returns the bytes that may be forwarded now. Once `closing` is set, it returns b"" and keeps the rest for tail().
    feed() and end() raise AnswerError if the answer is at fault; the relay must not be fed after that.
    """

    closing: bool
    """The first closing frame has arrived. Nothing is forwarded until the debit is durable."""
    finished: bool
    """The protocol guarantees that nothing relevant follows."""
    delivered: Delivered

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> None:
        """The upstream closed its stream cleanly. Sets `finished` unless the answer is paused. Raises AnswerError if the answer is
        neither complete nor paused."""
        ...

    def cut(self) -> None:
        """The answer is closing, but the rest will not arrive. Called once, before usage and tail(). Does not set `finished`."""
        ...

    def continuation(self) -> bytes | None:
        """The request body that continues a paused answer, None if the answer is complete. Called once after each end()."""
        ...

    @property
    def usage(self) -> Usage | None:
        """The usage that the upstream reported, None if it reported none."""
        ...

    @property
    def items(self) -> Usage:
        """Calls and images counted from the answer's own items, without tokens. Estimates start from this."""
        ...

    @property
    def finish(self) -> str:
        """Why the answer ended, in the protocol's own words: "stop", "length", "completed", "incomplete:max_output_tokens" ..."""
        ...

    @property
    def response_id(self) -> str | None: ...

    def tail(self) -> bytes:
        """The bytes that were held back, ready to send, followed by [DONE] if the protocol has one."""
        ...

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        """The frames that end a started stream with an error, in this protocol."""
        ...
