"""Reads members of an upstream's JSON, which may be anything: absent ones are empty, wrong types make the answer malformed."""

from __future__ import annotations

from typing import Any

from app.wire.figures import FIGURE_MAX
from app.wire.relay import malformed

Json = dict[str, Any]


def text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        malformed("The answer contains a value that is not text.")
    return value


def number(value: Any) -> int:
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= FIGURE_MAX:
        malformed("The answer contains a value that is not a count.")
    return value


def object_in(value: Any) -> Json:
    if value is None:
        return {}
    if not isinstance(value, dict):
        malformed("The answer contains a value that is not an object.")
    return value


def objects(value: Any) -> list[Json]:
    if value is None:
        return []
    if not isinstance(value, list):
        malformed("The answer contains a value that is not a list.")
    return [object_in(each) for each in value]
