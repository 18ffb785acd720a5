"""The answer that a stream contains, in values independent of any protocol. The tables in this folder have this shape.

Rule 1: every expectation was read off the vendor's bytes and documentation by hand. None was copied from a codec.
Rule 2: None and () mean that the answer must not have any. `ANY` marks what the vendor leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from domain.usage import Usage

ANY: Final = "(any)"

Dialect = Literal["responses", "chat", "anthropic", "gemini"]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. `id` is ANY where the vendor gives none. `arguments` are compared as JSON, as text where they are none."""

    id: str
    name: str
    arguments: str
    kind: str = "function"


@dataclass(frozen=True, slots=True)
class Citation:
    """Offsets in code points of the message that the citation belongs to."""

    url: str
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice. `thought` are the paragraphs of its reasoning; `logprobs` the tokens with their log probabilities."""

    text: str = ""
    refusal: str = ""
    thought: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    citations: tuple[Citation, ...] = ()
    logprobs: tuple[tuple[str, float], ...] = ()
    finish: str = "stop"


@dataclass(frozen=True, slots=True)
class Fault:
    """How an answer that is at fault ends: an error that the vendor sent, in OpenAI's words, or nonsense."""

    malformed: bool
    type: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One stream, by the name of its file. `then` goes on with one that paused; `plain`: a whole body says the same.

    `sealed` are vendor payloads that must come through inside the seals, `queries` what was searched for, `searches` how many
    searches were told of (failed ones included, None where the vendor leaves that open), `images` and `previews` base64. The
    choice of a case that has a `fault` is what was said before it. `unseen_bytes` are output of unknown events, which counts
    although no client is shown it.
    """

    name: str
    choices: tuple[Choice, ...] = (Choice(),)
    usage: Usage | None = None
    sealed: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    searches: int | None = 0
    images: tuple[str, ...] = ()
    previews: tuple[str, ...] = ()
    fault: Fault | None = None
    then: str | None = None
    plain: bool = False
    clients: tuple[Literal["responses", "chat"], ...] = ("responses", "chat")
    logprobs: int | None = field(default=None)
    unseen_bytes: int = 0

    @property
    def said(self) -> Choice:
        return self.choices[0]


MALFORMED: Final = Fault(malformed=True)
