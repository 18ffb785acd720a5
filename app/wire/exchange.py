"""One request and its answer as protocol values: what every codec in this package gives to the gateway.

Rule 1: bytes in, values out. Nothing here blocks, knows a clock, or knows money.
Rule 2: a request is parsed once; what is wrong with it is a RequestError that names the parameter.
Rule 3: a Relay forwards whole frames only, and holds back everything from the first closing frame on, until its owner asks.
Rule 4: a pass-through keeps the bytes that it need not change, unknown fields included.
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
    """The request is at fault: answered with `status`, and nothing was charged."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


class AnswerError(Fault):
    """The upstream's answer is at fault. `malformed`: it made no sense, or broke off; else it is an error that it sent."""

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
    """One entry of the request's tools: its type as sent, the name that catalogs use, where it stands."""

    type: str
    name: str
    param: str


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request that is well formed. Limits are as the client set them, None where it set none.

    `text_bytes` bounds the tokens of all that is not an inline image or file; `images` and `files` count those, `content_bytes`
    is what the inline ones decode to. `refs` name uploaded files, `inline_files` came along, at `addresses` stand URLs to fetch.
    `fields` are the top-level members as they came.
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
    """A file that came with the request: a JSON string of base64, or of a data URI, and where it stands."""

    raw: msgspec.Raw
    param: str


@dataclass(slots=True)
class Delivered:
    """What has been forwarded so far, for an answer that is cut or tells no usage: UTF-8 bytes of text, reasoning and arguments.

    Once the answer is closing, `output_bytes` counts what is held as well, so that an estimate covers the whole answer.
    """

    output_bytes: int = 0
    frames: int = 0


class Relay(Protocol):
    """One answer on its way from an upstream to a client.

    feed() returns what may be forwarded now. Once `closing` is set it returns b"" and keeps the rest for tail().
    feed() and end() raise AnswerError when the answer is at fault; nothing more may be fed then.
    """

    closing: bool
    """The first closing frame is here; nothing is forwarded until the debit is durable."""
    finished: bool
    """The protocol says that nothing more comes that matters."""
    delivered: Delivered

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> None:
        """The upstream closed its stream in good order: sets `finished`, unless the answer is paused. Raises AnswerError where it
        is neither."""
        ...

    def cut(self) -> None:
        """The answer is closing, and the rest of it does not come: asked for once, before its usage and tail(). Not `finished`."""
        ...

    def continuation(self) -> bytes | None:
        """After end(): the body that goes on with an answer that was paused, None where it is whole. Asked for once per end()."""
        ...

    @property
    def usage(self) -> Usage | None:
        """The upstream's own figures, None where it sent none."""
        ...

    @property
    def items(self) -> Usage:
        """Calls and images counted from the answer's own items, without tokens: what an estimate starts from."""
        ...

    @property
    def finish(self) -> str:
        """Why the answer ended, as the protocol spells it: "stop", "length", "completed", "incomplete:max_output_tokens" ..."""
        ...

    @property
    def response_id(self) -> str | None: ...

    def tail(self) -> bytes:
        """What was held back, ready to send, [DONE] included where the protocol has one."""
        ...

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        """The frames that end a started stream in an error, in this protocol."""
        ...
