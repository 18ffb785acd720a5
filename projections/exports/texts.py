"""Numbers, instants and names as text in exports.

Rule 1: numbers are exact, without floats, and have all their decimals.
Rule 2: text chosen by others (a name, a reason, an id) never becomes a formula, a second line, or another field.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from domain.buckets import MICROS_PER_SECOND

_FORMULA = r"['\"\s\u200b-\u200f\u2060\ufeff]*[-=+@\uff1d\uff0b\uff0d\uff20]"
"""Characters that may precede a formula (quotes, spaces, invisible marks), and those that start one. The last four are full-width
forms, which some locales also treat as formulas."""
_BEGINS = re.compile(_FORMULA)
_BEHIND = re.compile(rf"([;\uff1b])(?={_FORMULA})")
"""Many spreadsheets treat the semicolon as a separator."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PLAIN = re.compile(r"[A-Za-z0-9]", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fixed(value: int, decimals: int) -> str:
    """`value` / 10^decimals with all of its decimals: (1, 9) -> "0.000000001"."""
    if not decimals:
        return str(value)
    whole, fraction = divmod(abs(value), 10**decimals)
    return f"{'-' if value < 0 else ''}{whole}.{fraction:0{decimals}d}"


def instant(micros: int) -> str:
    """ "2026-11-23T12:00:00.000001Z"."""
    return f"{second(micros)[:-1]}.{micros % MICROS_PER_SECOND:06d}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}Z"


def second(micros: int) -> str:
    """ "2026-11-23T12:00:00Z"."""
    return _second(micros // MICROS_PER_SECOND)


def date(micros: int) -> str:
    """ "2026-11-23"."""
    return second(micros)[:10]


def line(text: str) -> str:
    """The text on one line, with control characters replaced by spaces."""
    return _CONTROL.sub(" ", text)


def cell(text: str) -> str:
    """The text as a CSV cell. Text that a spreadsheet could take for a formula, at the start or after a semicolon, is prefixed with
    an apostrophe. So is text that already has one, so that removing one always restores the text."""
    safe = _BEHIND.sub(r"\1'", line(text))
    if _BEGINS.match(safe):
        safe = "'" + safe
    return f'"{safe.replace(chr(34), chr(34) * 2)}"' if any(mark in safe for mark in '",') else safe


def component(name: str) -> str:
    """A name as one part of a ledger account: letters and digits are kept, "_" becomes "--", any other byte "-" and its hex.

    Different names give different parts. A part starts with a capital letter, as beancount requires.
    """
    return "Id-" + "".join(_spelled(letter) for letter in name)


def _spelled(letter: str) -> str:
    if _PLAIN.fullmatch(letter):
        return letter
    return "--" if letter == "_" else "".join(f"-{byte:02x}" for byte in letter.encode())
