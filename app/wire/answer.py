"""The canonical form of an answer: what every upstream protocol is read into, and every client protocol is written from.

An answer is Began, then any number of the events between, then Finished once per choice, then Ended. A plain answer is the same
events at once, so that a stream's last word and a plain answer are made by one code.

Rule 1: a `key` is an ordinal that the reader hands out, one per call, search, image or stretch of reasoning, never used again.
        What has a Begun has one Done, before its choice is Finished; between the two, events of other keys may come.
Rule 2: text, refusals and citations have no key: they belong to the choice's current message. A message ends where its choice
        has a Begun of a call or of reasoning, and where it is Finished; text after that is a new message. A search or an image
        does not end it: some vendors tell of a search only after the text that came of it.
Rule 3: deltas are never empty. Offsets are in Unicode code points from the beginning of the current message's text.
Rule 4: usage stands in Ended alone. None: the upstream told none.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec

from domain.usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
"""As chat spells them. A refusal finishes as "stop" after its Refused deltas, or as content_filter where no words came."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """The base of all answer events."""


class AnswerBegun(Event, frozen=True, gc=False):
    """The first event. `upstream_id` is the vendor's id of the answer, `model` its own name of the model, where they are told."""

    upstream_id: str | None = None
    model: str | None = None
    service_tier: str | None = None


class TextDelta(Event, frozen=True, gc=False):
    """Text of the answer. `logprobs` are in chat's shape (token, logprob, bytes, top_logprobs), one per token of `text`."""

    text: str
    choice: int = 0
    logprobs: tuple[dict[str, Any], ...] = ()


class RefusalDelta(Event, frozen=True, gc=False):
    """Text of a refusal."""

    text: str
    choice: int = 0


class CitationAdded(Event, frozen=True, gc=False):
    """A source of the current message's text, from `start` up to before `end`."""

    url: str
    title: str
    start: int
    end: int
    choice: int = 0


class ReasoningBegun(Event, frozen=True, gc=False):
    key: int
    choice: int = 0


class ReasoningDelta(Event, frozen=True, gc=False):
    """Reasoning as text. `part` counts the summary's paragraphs from 0, never going back."""

    key: int
    text: str
    part: int = 0


class ReasoningDone(Event, frozen=True, gc=False):
    """`sealed` is the vendor's signature or encrypted reasoning, made by tags.seal, None where there is none."""

    key: int
    sealed: str | None = None


class CallBegun(Event, frozen=True, gc=False):
    """A function or custom tool is called. `call_id` is the vendor's, or made by the reader where the vendor has none."""

    key: int
    call_id: str
    name: str
    kind: Literal["function", "custom"] = "function"
    choice: int = 0


class CallDelta(Event, frozen=True, gc=False):
    """More of the arguments (a JSON text), or of a custom tool's input."""

    key: int
    text: str


class CallDone(Event, frozen=True, gc=False):
    """The arguments are whole. Where no delta came they are the empty object."""

    key: int


class SearchBegun(Event, frozen=True, gc=False):
    key: int
    choice: int = 0


class SearchDone(Event, frozen=True, gc=False):
    """`action` is OpenAI's: {"type": "search", "query", "queries", "sources": [{"type": "url", "url"}]}, or of another type."""

    key: int
    action: dict[str, Any]
    failed: bool = False


class ImageBegun(Event, frozen=True, gc=False):
    key: int
    choice: int = 0


class ImagePartial(Event, frozen=True, gc=False):
    """A preview, base64. `index` counts from 0. `details` as in ImageDone."""

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


class AnswerEnded(Event, frozen=True, gc=False):
    """The answer is complete. `service_tier` is the tier that it was served by, where that is told."""

    usage: Usage | None = None
    service_tier: str | None = None


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
    | AnswerEnded
)


class AnswerReader(Protocol):
    """Reads one upstream's answer into events. Every method raises AnswerError when the answer is at fault.

    A reader never yields after Ended, and never needs to be told what the client speaks.
    """

    def frame(self, name: str, data: bytes) -> list[AnswerEvent]:
        """One server-sent event of a stream: its `event:` name ("" without one) and its data. [DONE] comes here too."""
        ...

    def end(self) -> list[AnswerEvent]:
        """The stream ended in good order: what was still to be said, Ended included. Malformed where the answer is not whole."""
        ...

    def whole(self, body: bytes) -> list[AnswerEvent]:
        """A plain answer, all of its events."""
        ...

    def continuation(self) -> bytes | None:
        """The upstream paused its turn: the body that goes on with it, asked for once, after end() or whole() gave no Ended.

        None where nothing has to be gone on with. The same reader reads the answer to it, as if it were one.
        """
        ...


class AnswerWriter(Protocol):
    """Writes one answer for a client. A stream's frames come as they are made; a plain answer's body comes with Ended."""

    @property
    def response_id(self) -> str:
        """The id that the client sees."""
        ...

    def write(self, event: AnswerEvent) -> bytes:
        """What the client gets for this event, b"" for nothing yet. [DONE] is not written here."""
        ...

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        """What ends the answer in an error, after whatever of write() was sent. [DONE] included where the protocol wants it."""
        ...
