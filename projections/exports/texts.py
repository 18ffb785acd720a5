"""Numbers, instants and names as the text of exports.

Rule 1: exact: no float comes near, every decimal is written out.
Rule 2: what somebody else chose (a name, a reason, an id) never becomes a formula, a second line, or another field.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from domain.buckets import MICROS_PER_SECOND

_FORMULA = r"['\"\s\u200b-\u200f\u2060\ufeff]*[-=+@\uff1d\uff0b\uff0d\uff20]"
"""What may stand before a formula (quotes, blanks, marks that nobody sees), and what begins one. The last four are wide, and
formulas too where such letters are written."""
_BEGINS = re.compile(_FORMULA)
_BEHIND = re.compile(rf"([;\uff1b])(?={_FORMULA})")
"""Many spreadsheets take the semicolon for the separator."""
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
    """A text on one line: control characters are a space."""
    return _CONTROL.sub(" ", text)


def cell(text: str) -> str:
    """A text as a CSV cell: what a spreadsheet would take for a formula, at its beginning or behind a semicolon, has an apostrophe
    before it. So has what has apostrophes already: one less is the line again."""
    safe = _BEHIND.sub(r"\1'", line(text))
    if _BEGINS.match(safe):
        safe = "'" + safe
    return f'"{safe.replace(chr(34), chr(34) * 2)}"' if any(mark in safe for mark in '",') else safe


def component(name: str) -> str:
    """A name as one part of a ledger account: letters and digits are themselves, "_" is "--", any other byte "-" and its hex.

    Two names are never one part. It begins with a capital, as beancount wants it.
    """
    return "Id-" + "".join(_spelled(letter) for letter in name)


def _spelled(letter: str) -> str:
    if _PLAIN.fullmatch(letter):
        return letter
    return "--" if letter == "_" else "".join(f"-{byte:02x}" for byte in letter.encode())
