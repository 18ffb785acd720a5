"""The features of a model, derived from its name. Anthropic's API differs between generations and rejects unsupported parameters.

Rule 1: claude-<family>-<major>-<minor> and claude-<major>-<minor>-<family> are recognized; a date is not a version.
Rule 2: a Claude without a version counts as a current one. Any other name is a compatible endpoint that speaks the original
        protocol: thinking by budget, free choice of sampling, no structured outputs.
Source: Anthropic's documentation of models, thinking, effort and structured outputs, API version 2023-06-01 (the later version has
        no sampling parameters).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_VERSION = re.compile(r"claude(?:-[a-z]+)*-(\d{1,2})(?:[-.](\d{1,2})(?!\d))?(?!\d)")
_CURRENT: Final = (99, 0)


class Model(msgspec.Struct, frozen=True, gc=False):
    """`adaptive`: thinking is controlled by an effort; otherwise by a token budget. `efforts`: OpenAI's effort -> Anthropic's.

    `thinks`: the model thinks by default. `off`: how to turn thinking off, or None if impossible. `sampling`: accepts temperature
    and top_p;
    `both`: accepts both at once. `structured`: has output formats and strict tools. `forced`: a tool call can be forced.
    `prefill`: continues an assistant's message at the end of the conversation.
    """

    adaptive: bool = False
    thinks: bool = False
    sampling: bool = True
    both: bool = True
    structured: bool = False
    forced: bool = True
    prefill: bool = True
    efforts: dict[str, str] = {}
    off: str | None = "disabled"


_since = msgspec.structs.replace
_EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}
_AT_FIRST: Final = Model()
_4_1: Final = _since(_AT_FIRST, both=False)
_4_5: Final = _since(_4_1, structured=True)
_4_6: Final = _since(_4_5, adaptive=True, prefill=False, efforts={**_EFFORTS, "xhigh": "max"})
_4_7: Final = _since(_4_6, sampling=False, efforts={**_EFFORTS, "xhigh": "xhigh"})
_5_0: Final = _since(_4_7, thinks=True)
_5_1: Final = _since(_5_0, forced=False)

_ERAS: Final = (((5, 1), _5_1), ((5, 0), _5_0), ((4, 7), _4_7), ((4, 6), _4_6), ((4, 5), _4_5), ((4, 1), _4_1))
"""The first version of each generation, newest first."""

_OFF: Final = (
    ("fable", (5, 0), None),
    ("mythos", (5, 0), None),
    ("opus", (5, 5), None),
    ("sonnet", (5, 5), "between_tools"),
)
"""Families that always think, or turn thinking off differently, from the given version on."""


def model_of(name: str) -> Model:
    lower = name.lower()
    version = _version_of(lower)
    model = next((model for since, model in _ERAS if version >= since), _AT_FIRST)
    for family, since, off in _OFF:
        if family in lower and version >= since:
            return _since(model, off=off)
    return model


def _version_of(name: str) -> tuple[int, int]:
    """(0, 0) if the name is not a Claude's."""
    found = _VERSION.search(name)
    if found:
        return int(found[1]), int(found[2] or 0)
    return _CURRENT if "claude" in name else (0, 0)
