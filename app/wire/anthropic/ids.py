"""Translates ids of tool calls between Anthropic's form and the clients' form, which is the same for all vendors and hides them.

Rule 1: in answers, the prefix `toolu_` becomes `call_`. Other ids are unchanged.
Rule 2: in requests, an id that looks like one of Anthropic's is restored to the original, because a signature may depend on it.
Rule 3: distinct ids of a conversation stay distinct. If both forms of an id occur, neither is changed.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final

_TOOLU_PREFIX: Final = "toolu_"
_CALL_PREFIX: Final = "call_"
_ISSUED_ID: Final = re.compile(rf"{_CALL_PREFIX}((?:(?:bdrk|vrtx)_)?01[0-9A-Za-z]{{20,60}})")
"""Clouds that serve Anthropic's models insert another word before the rest of the id."""


def client_call_id(tool_id: str) -> str:
    """The id of a call as clients see it."""
    return _CALL_PREFIX + tool_id.removeprefix(_TOOLU_PREFIX) if tool_id.startswith(_TOOLU_PREFIX) else tool_id


def anthropic_call_id(call_id: str, others: Set[str]) -> str:
    """Anthropic's original of an id that a client sent back. `others` are the ids of all calls in the conversation."""
    issued = _ISSUED_ID.fullmatch(call_id)
    original = call_id if issued is None else _TOOLU_PREFIX + issued[1]
    return call_id if original in others else original
