"""Integer money.

Rule 1: an amount is an integer of nano-USD (1 USD = 10^9 nanos); a cost line is an integer of pico-USD (10^-12 USD).
Rule 2: nothing here touches a float. Text is parsed exactly or refused.
Rule 3: rounding happens once, in a function that says which way.
"""

from __future__ import annotations

import re

from domain.decimals import NANOS_PER_USD, format_usd
from domain.errors import InvalidValue

PICOS_PER_NANO = 10**3
PICOS_PER_USD = NANOS_PER_USD * PICOS_PER_NANO
AMOUNT_NANOS_MAX = 10**9 * NANOS_PER_USD
"""The largest amount in one command: 10^9 USD."""

_DECIMAL = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,12}))?", re.ASCII)


def parse_usd(text: str, *, field: str = "amount") -> int:
    """Nanos of a decimal string such as "10.00" or "-0.000000001". Raises InvalidValue beyond nine decimals or out of range."""
    nanos = parse_scaled(text, 9, field)
    if abs(nanos) > AMOUNT_NANOS_MAX:
        raise InvalidValue(field, f"{field} is out of range: at most {format_usd(AMOUNT_NANOS_MAX)} USD.")
    return nanos


def parse_price_picos(text: str, *, decimals: int, field: str) -> int:
    """A non-negative price, scaled by 10^decimals: an exact integer. Raises InvalidValue if it has more decimals."""
    scaled = parse_scaled(text, decimals, field)
    if scaled < 0:
        raise InvalidValue(field, f"{field} must not be negative.")
    return scaled


def ceil_picos_to_nanos(picos: int) -> int:
    """The smallest whole number of nanos that covers `picos`."""
    return -(-picos // PICOS_PER_NANO)


def parse_scaled(text: str, decimals: int, field: str) -> int:
    """A decimal string times 10^decimals: an exact integer of either sign. Raises InvalidValue if it has more decimals."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise InvalidValue(field, f"{field} must be a decimal number such as 10.00, not {text[:40]!r}.")
    sign, whole, fraction = match.group(1), match.group(2), (match.group(3) or "").rstrip("0")
    if len(fraction) > decimals:
        raise InvalidValue(field, f"{field} has more than {decimals} decimals: {text[:40]!r}.")
    value = int(whole + fraction.ljust(decimals, "0"))
    return -value if sign else value
