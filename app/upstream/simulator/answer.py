"""The simulator's answer, independent of the protocol: items, finish reasons and usage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from app.upstream.simulator import tokens

Finish = Literal["stop", "tool_calls", "length", "content_filter"]


@dataclass(frozen=True, slots=True)
class Citation:
    """Characters `start` to `end` of the text cite `url`."""

    start: int
    end: int
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    citations: tuple[Citation, ...] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class SimulatedRefusal:
    text: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Search:
    query: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """`png` and `partials` are base64; `tokens` are the image tokens of drawing it, separate from text tokens."""

    prompt: str
    png: str
    partials: tuple[str, ...]
    size: str
    quality: str
    background: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Thought:
    """Hidden reasoning: `tokens` are billed as output; the summary is present if it was requested."""

    tokens: int
    summary: str | None
    encrypted: str | None


Item = Text | SimulatedRefusal | Call | Search | Picture | Thought


@dataclass(frozen=True, slots=True)
class Choice:
    items: tuple[Item, ...]
    finish: Finish


@dataclass(frozen=True, slots=True)
class Usage:
    """`output` includes `reasoning`, `input` includes `cached`. Searches and image tokens are separate."""

    input: int
    cached: int
    output: int
    reasoning: int
    searches: int
    image_input: int
    image_output: int

    @property
    def total(self) -> int:
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """`usage` is None if the request has the directive `no_usage`."""

    choices: tuple[Choice, ...]
    usage: Usage | None


def size(item: Item) -> int:
    """The output tokens of an item."""
    match item:
        case Text(text=text) | SimulatedRefusal(text=text):
            return tokens.count(text)
        case Call(name=name, arguments=arguments):
            return tokens.count(name) + tokens.count(arguments)
        case Thought(tokens=thought):
            return thought
        case Search() | Picture():
            return 0


def cut(items: tuple[Item, ...], tokens_max: int) -> tuple[tuple[Item, ...], bool]:
    """The items that fit into `tokens_max`, the last one possibly cut short; and whether all of them fit."""
    kept: list[Item] = []
    left = tokens_max
    for item in items:
        wanted = size(item)
        if wanted > left:
            part = shorten(item, left)
            return (*kept, *([part] if part else [])), False
        kept.append(item)
        left -= wanted
    return tuple(kept), True


def shorten(item: Item, tokens_max: int) -> Item | None:
    """The first `tokens_max` tokens of an item, or None if nothing remains."""
    match item:
        case Text(text=text):
            return part_of(item, tokens.cut(text, tokens_max)) if tokens_max else None
        case SimulatedRefusal(text=text):
            return SimulatedRefusal(tokens.cut(text, tokens_max), whole=False) if tokens_max else None
        case Call(name=name, arguments=arguments):
            left = tokens_max - tokens.count(name)
            return Call(name, tokens.cut(arguments, left), whole=False) if left >= 0 else None
        case Thought():
            return replace(item, tokens=tokens_max, summary=None)
        case Search() | Picture():
            return item


def part_of(item: Text, text: str, *, whole: bool = False) -> Text:
    """`item` cut to `text`, a prefix of its text, with the citations inside that prefix."""
    return Text(text, tuple(each for each in item.citations if each.end <= len(text)), whole)
