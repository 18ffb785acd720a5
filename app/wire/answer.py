"""The canonical form of an answer. Every upstream protocol is read into it, and every client protocol is written from it.

An answer is AnswerBegun, any number of the events in between, ChoiceFinished once per choice, and AnswerEnded. A plain (not
streamed) answer is the same events all at once, so that the same code produces both.

Rule 1: a `key` is an ordinal assigned by the reader to a call, search, image or stretch of reasoning, and is never reused. Every
        Begun event is followed by one Done event with its key before its choice finishes; events of other keys may come between.
Rule 2: text, refusals and citations have no key: they belong to the choice's current message. A CallBegun or ReasoningBegun of
        the choice ends that message, as does ChoiceFinished; later text starts a new message. A search or an image does not end
        it, because some vendors report a search only after the text that is based on it.
Rule 3: deltas are never empty. Offsets are Unicode code points from the start of the current message's text.
Rule 4: only AnswerEnded carries usage. It is None if the upstream reported none.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec

from domain.usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
"""Chat's finish reasons. A refusal finishes as "stop" after its RefusalDelta events, or as "content_filter" if it had no text."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """The base class of all answer events."""


class AnswerBegun(Event, frozen=True, gc=False):
    """The first event. `upstream_id` is the vendor's id of the answer, `model` the vendor's model name, or None if not reported."""

    upstream_id: str | None = None
    model: str | None = None
    service_tier: str | None = None


class TextDelta(Event, frozen=True, gc=False):
    """Text of the answer. `logprobs` have chat's shape (token, logprob, bytes, top_logprobs), one for each token of `text`."""

    text: str
    choice: int = 0
    logprobs: tuple[dict[str, Any], ...] = ()


class RefusalDelta(Event, frozen=True, gc=False):
    """Text of a refusal."""

    text: str
    choice: int = 0


class CitationAdded(Event, frozen=True, gc=False):
    """A source of the current message's text between `start` (inclusive) and `end` (exclusive)."""

    url: str
    title: str
    start: int
    end: int
    choice: int = 0


class ReasoningBegun(Event, frozen=True, gc=False):
    key: int
    choice: int = 0


class ReasoningDelta(Event, frozen=True, gc=False):
    """Reasoning text. `part` is the index of the summary's paragraph; it never decreases."""

    key: int
    text: str
    part: int = 0


class ReasoningDone(Event, frozen=True, gc=False):
    """`sealed` is the vendor's signature or encrypted reasoning, wrapped by tags.seal, or None if there is none."""

    key: int
    sealed: str | None = None


class CallBegun(Event, frozen=True, gc=False):
    """The model calls a function or a custom tool. `call_id` is the vendor's, or the reader's if the vendor sends none."""

    key: int
    call_id: str
    name: str
    kind: Literal["function", "custom"] = "function"
    choice: int = 0


class CallDelta(Event, frozen=True, gc=False):
    """More of a function's arguments (JSON text) or of a custom tool's input."""

    key: int
    text: str


class CallDone(Event, frozen=True, gc=False):
    """The arguments are complete. If there was no delta, they are the empty object."""

    key: int


class SearchBegun(Event, frozen=True, gc=False):
    key: int
    choice: int = 0


class SearchDone(Event, frozen=True, gc=False):
    """`action` has OpenAI's shape: {"type": "search", "query", "queries", "sources": [{"type": "url", "url"}]}, or another type."""

    key: int
    action: dict[str, Any]
    failed: bool = False


class ImageBegun(Event, frozen=True, gc=False):
    key: int
    choice: int = 0


class ImagePartial(Event, frozen=True, gc=False):
    """A preview in base64. `index` counts from 0. `details` are as in ImageDone."""

    key: int
    data: str
    index: int
    details: dict[str, Any] = {}


class ImageDone(Event, frozen=True, gc=False):
    """`data` is base64. `details` are other members of OpenAI's item: size, quality, output_format, background, revised_prompt."""

    key: int
    data: str
    details: dict[str, Any] = {}


class ChoiceFinished(Event, frozen=True, gc=False):
    """A choice is complete."""

    reason: FinishReason
    choice: int = 0


class ChoiceResumed(Event, frozen=True, gc=False):
    """A choice goes on after its ChoiceFinished, which was premature and does not count, nor do the ends of the reasoning and calls
    `keys` that it ended. Nothing has been forwarded since then, unless another choice was still open.
    """

    choice: int = 0
    keys: tuple[int, ...] = ()


class AnswerEnded(Event, frozen=True, gc=False):
    """The answer is complete. `service_tier` is the tier that served it, or None if not reported.

    - `items`: without usage, the calls and images of the whole answer if the vendor lists them. If None, those of the events count.
    - `searches`: how many searches the answer shows, if more than its events: sources may follow a choice's end.
    - `eventless_bytes`: the output that no event contains, such as the text of items of unknown types, in UTF-8 bytes.
    """

    usage: Usage | None = None
    service_tier: str | None = None
    items: Usage | None = None
    searches: int = 0
    eventless_bytes: int = 0


AnswerEvent = (
    AnswerBegun
    | TextDelta
    | RefusalDelta
    | CitationAdded
    | ReasoningBegun
    | ReasoningDelta
    | ReasoningDone
    | CallBegun
    | CallDelta
    | CallDone
    | SearchBegun
    | SearchDone
    | ImageBegun
    | ImagePartial
    | ImageDone
    | ChoiceFinished
    | ChoiceResumed
    | AnswerEnded
)


class AnswerReader(Protocol):
    """Reads one upstream's answer into events. Every method raises AnswerError if the answer is invalid.

    A reader yields nothing after AnswerEnded, and does not depend on the client's protocol.
    """

    def frame(self, name: str, data: bytes) -> list[AnswerEvent]:
        """Read one server-sent event of a stream: its `event:` name ("" if it has none) and its data, which may be [DONE]."""
        ...

    def end(self) -> list[AnswerEvent]:
        """The stream ended cleanly: the remaining events, AnswerEnded included. Raises AnswerError if the answer is incomplete."""
        ...

    def whole(self, body: bytes) -> list[AnswerEvent]:
        """Read a plain answer: all of its events."""
        ...

    def continuation(self) -> bytes | None:
        """The request body that continues a paused turn, or None if the upstream did not pause.

        Call it once each time end() or whole() returns no AnswerEnded. The same reader then reads the next response as part of the
        same answer.
        """
        ...


class AnswerWriter(Protocol):
    """Writes one answer for a client: a stream's frames as events come in, or a plain answer's whole body at AnswerEnded."""

    @property
    def response_id(self) -> str:
        """The id that the client sees."""
        ...

    def write(self, event: AnswerEvent) -> bytes:
        """The bytes for this event, b"" if there are none yet. Does not write [DONE]."""
        ...

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        """The bytes that end the answer with an error, after those of write(). Includes [DONE] if the protocol needs it."""
        ...
