"""Reads members of an upstream's JSON, which may be anything.

An absent member is empty. Servers also write null, "", false, {} or [] for it. Other values of the wrong type make the answer
malformed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.figures import FIGURE_MAX
from app.wire.relay import malformed

Json = dict[str, Any]


def text(value: Any) -> str:
    if _absent(value):
        return ""
    if not isinstance(value, str):
        malformed("The answer contains a value that is not text.")
    return value


def number(value: Any) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    if _absent(value):
        return 0
    if type(value) is not int or not 0 <= value <= FIGURE_MAX:
        malformed("The answer contains a value that is not a count.")
    return value


def object_in(value: Any) -> Json:
    if _absent(value):
        return {}
    if not isinstance(value, dict):
        malformed("The answer contains a value that is not an object.")
    return value


def objects(value: Any) -> list[Json]:
    if _absent(value):
        return []
    if not isinstance(value, list):
        malformed("The answer contains a value that is not a list.")
    return [object_in(each) for each in value]


def json_text(value: Any) -> str:
    """A text, which some servers send as the object or list that it should describe."""
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else text(value)


def _absent(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, str | list | dict) and not value)
