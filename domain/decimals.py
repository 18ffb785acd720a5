"""Integers as exact decimal text, without floats."""

from __future__ import annotations

NANOS_PER_USD = 10**9


def format_usd(nanos: int) -> str:
    """The exact decimal string, with at least two decimals and no superfluous zeros: 9999901000 -> "9.999901"."""
    sign = "-" if nanos < 0 else ""
    whole, fraction = divmod(abs(nanos), NANOS_PER_USD)
    digits = f"{fraction:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{digits}"


def format_scaled(value: int, decimals: int) -> str:
    """`value` / 10^decimals as an exact decimal string without trailing zeros: (250000, 6) -> "0.25"."""
    whole, fraction = divmod(abs(value), 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0") if decimals else ""
    return ("-" if value < 0 else "") + (f"{whole}.{digits}" if digits else f"{whole}")
