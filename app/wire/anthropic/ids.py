"""Ids of tool calls, Anthropic's and those that clients have of them: one form for all vendors, so that an id does not name one.

Rule 1: on the way out `toolu_` becomes `call_`. What Anthropic never made keeps its spelling.
Rule 2: on the way in an id whose rest looks like Anthropic's own is spelled as Anthropic made it: what it signed may be bound
        to it.
Rule 3: two ids of one conversation stay two. Where both spellings of an id are there, each stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final

_OWN: Final = "toolu_"
_TOLD: Final = "call_"
_MADE: Final = re.compile(rf"{_TOLD}((?:(?:bdrk|vrtx)_)?01[0-9A-Za-z]{{20,60}})")
"""Clouds that serve its models put a word of theirs before the rest."""


def told_id(tool_id: str) -> str:
    """The id of a call as a client gets it."""
    return _TOLD + tool_id.removeprefix(_OWN) if tool_id.startswith(_OWN) else tool_id


def own_id(call_id: str, others: Set[str]) -> str:
    """The id as Anthropic made it, of one that a client gave back. `others` are the ids of all calls of the conversation."""
    made = _MADE.fullmatch(call_id)
    own = call_id if made is None else _OWN + made[1]
    return call_id if own in others else own
