"""The directives by which a request makes the simulator misbehave: the string `metadata.simulator`.

    directives = directive *( " " directive )
    directive  = flag | name "=" value

Rule 1: every name is listed in RULES with its kind and bounds; any other is an error that lists them all.
Rule 2: `..._at=N` replaces frame N of a stream, counted from 0; the N frames before it are sent.
Rule 3: `on=NAME` limits the directives to the upstream of that name; other simulators ignore them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

TEXT_CHARS_MAX = 512
TOKENS_MAX = 100_000
FRAME_MAX = 1_000_000
USAGE_MAX = 100_000_000
SECONDS_MAX = 3600

Kind = Literal["flag", "integer", "seconds", "word"]


class DirectiveError(ValueError):
    """The text does not follow the grammar. The message says where, and lists what is valid."""


@dataclass(frozen=True, slots=True)
class Directives:
    """The parsed directives. None or False means that a directive was not set."""

    on: str | None = None
    status: int | None = None
    retry_after: float | None = None
    unreachable: bool = False
    error_200: bool = False
    first_byte: float | None = None
    pace: float | None = None
    duration: float | None = None
    chunk_tokens: int = 1
    fail_at: int | None = None
    drop_at: int | None = None
    stall_at: int | None = None
    end_at: int | None = None
    malformed_at: int | None = None
    half_frame_at: int | None = None
    no_usage: bool = False
    tokens: int | None = None
    usage_input: int | None = None
    usage_cached: int | None = None
    usage_output: int | None = None
    filter: bool = False
    refuse: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    kind: Kind
    low: int
    high: int
    meaning: str

    def __str__(self) -> str:
        if self.kind == "flag":
            return self.name
        if self.kind == "word":
            return f"{self.name}=NAME"
        return f"{self.name}={self.low}..{self.high}"


RULES = {
    rule.name: rule
    for rule in (
        Rule("on", "word", 0, 64, "apply the others only on the upstream of this name"),
        Rule("status", "integer", 400, 599, "refuse with this HTTP status and an error envelope"),
        Rule("retry_after", "seconds", 0, 86_400, "with status: the Retry-After header"),
        Rule("unreachable", "flag", 0, 0, "no connection"),
        Rule("error_200", "flag", 0, 0, "status 200, and an error where the answer should be"),
        Rule("first_byte", "seconds", 0, SECONDS_MAX, "seconds before the status"),
        Rule("pace", "seconds", 0, 60, "seconds between frames"),
        Rule("duration", "seconds", 0, SECONDS_MAX, "seconds from the first frame to the last"),
        Rule("chunk_tokens", "integer", 1, 10_000, "tokens in each delta"),
        Rule("fail_at", "integer", 0, FRAME_MAX, "an error inside the stream"),
        Rule("drop_at", "integer", 0, FRAME_MAX, "the connection is lost"),
        Rule("stall_at", "integer", 0, FRAME_MAX, "silence until the reader closes"),
        Rule("end_at", "integer", 0, FRAME_MAX, "a clean end of the body, too early"),
        Rule("malformed_at", "integer", 0, FRAME_MAX, "a frame that is not JSON; the stream continues"),
        Rule("half_frame_at", "integer", 0, FRAME_MAX, "half a frame, then a clean end"),
        Rule("no_usage", "flag", 0, 0, "no usage in the answer"),
        Rule("tokens", "integer", 1, TOKENS_MAX, "a text of so many output tokens; tools are not called"),
        Rule("usage_input", "integer", 0, USAGE_MAX, "the input tokens that the usage names"),
        Rule("usage_cached", "integer", 0, USAGE_MAX, "how many of the input tokens were cached, at most all"),
        Rule("usage_output", "integer", 0, USAGE_MAX, "the output tokens that the usage names"),
        Rule("filter", "flag", 0, 0, "the answer is cut by a content filter"),
        Rule("refuse", "flag", 0, 0, "the model refuses"),
    )
}

_INTEGER = re.compile(r"[0-9]{1,9}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def parse(text: str) -> Directives:
    """The directives of `text`. Raises DirectiveError."""
    if len(text) > TEXT_CHARS_MAX:
        raise DirectiveError(f"metadata.simulator is longer than {TEXT_CHARS_MAX} characters")
    values: dict[str, object] = {}
    for part in text.split():
        name, equals, value = part.partition("=")
        if name not in RULES:
            raise DirectiveError(f"unknown simulator directive '{name[:64]}'; valid are: {grammar()}")
        if name in values:
            raise DirectiveError(f"simulator directive '{name}' is given twice")
        values[name] = _value(RULES[name], equals, value)
    if "pace" in values and "duration" in values:
        raise DirectiveError("simulator directives 'pace' and 'duration' exclude each other")
    return Directives(**values)  # type: ignore[arg-type]  # the kinds in RULES are the types of the fields


def grammar() -> str:
    """Every directive with its bounds, in one line."""
    return ", ".join(str(rule) for rule in RULES.values())


def for_upstream(directives: Directives, name: str) -> Directives:
    """The directives that apply to the upstream called `name`."""
    return directives if directives.on in (None, name) else Directives()


def _value(rule: Rule, equals: str, value: str) -> object:
    if rule.kind == "flag":
        if equals:
            raise DirectiveError(f"simulator directive '{rule.name}' takes no value")
        return True
    pattern = {"integer": _INTEGER, "seconds": _SECONDS, "word": _WORD}[rule.kind]
    if not pattern.fullmatch(value):
        raise DirectiveError(f"simulator directive '{rule.name}' needs a value of the form {rule}")
    if rule.kind == "word":
        return value
    number: int | float = int(value) if rule.kind == "integer" else float(value)
    if not rule.low <= number <= rule.high:
        raise DirectiveError(f"simulator directive '{rule.name}' is out of bounds: {rule}")
    return number
