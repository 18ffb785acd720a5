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

_TOOLU_PREFIX: Final = "toolu_"
_CALL_PREFIX: Final = "call_"
_ISSUED_ID: Final = re.compile(rf"{_CALL_PREFIX}((?:(?:bdrk|vrtx)_)?01[0-9A-Za-z]{{20,60}})")
"""Clouds that serve its models put a word of theirs before the rest."""


def client_call_id(tool_id: str) -> str:
    """The id of a call as a client gets it."""
    return _CALL_PREFIX + tool_id.removeprefix(_TOOLU_PREFIX) if tool_id.startswith(_TOOLU_PREFIX) else tool_id


def anthropic_call_id(call_id: str, others: Set[str]) -> str:
    """The id as Anthropic made it, of one that a client gave back. `others` are the ids of all calls of the conversation."""
    issued = _ISSUED_ID.fullmatch(call_id)
    original = call_id if issued is None else _TOOLU_PREFIX + issued[1]
    return call_id if original in others else original
