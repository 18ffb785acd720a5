"""Amounts charged by the payment processor: whole numbers of a currency's smallest unit.

Rule 1: the payment processor, not only ISO 4217, determines a currency's number of decimals.
Source: docs.stripe.com/currencies, "Zero-decimal currencies" and "Three-decimal currencies". UGX and ISK have no decimals but
are charged in hundredths.
"""

from __future__ import annotations

from domain.decimals import NANOS_PER_USD, format_scaled
from domain.errors import InvalidValue
from domain.money import parse_scaled

AMOUNT_MINOR_MAX = 99_999_999
"""The processor's limit: eight digits."""
_ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
_THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
_WHOLE_ONLY = frozenset(("isk", "ugx"))


def minor_digits(currency: str) -> int:
    """The number of decimals of a currency, given by its lower-case code."""
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


def parse_minor(text: str, currency: str, *, field: str = "price") -> int:
    """A decimal amount in the smallest unit: ("10.00", "usd") -> 1000. Raises InvalidValue if it cannot be charged."""
    amount = parse_scaled(text, minor_digits(currency), field)
    if not 0 < amount <= AMOUNT_MINOR_MAX:
        raise InvalidValue(
            field, f"{field} must be more than zero and at most {format_minor(AMOUNT_MINOR_MAX, currency)}."
        )
    step = 10 if currency in _THREE_DECIMAL else 100 if currency in _WHOLE_ONLY else 1
    if amount % step:
        raise InvalidValue(field, f"{field} in {currency} must be a multiple of {format_minor(step, currency)}.")
    return amount


def format_minor(amount_minor: int, currency: str) -> str:
    """The amount as text, with all of the currency's decimals: (1000, "usd") -> "10.00"."""
    digits = minor_digits(currency)
    whole, _, fraction = format_scaled(amount_minor, digits).partition(".")
    return f"{whole}.{fraction.ljust(digits, '0')}" if digits else whole


def usd_nanos(amount_minor: int) -> int:
    """US cents in nanos."""
    return amount_minor * (NANOS_PER_USD // 100)
