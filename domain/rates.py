"""What is left of a key's rates, in the words of the `x-ratelimit-*` headers.

Rule 1: the figures are those of the ledger's own verdict, after the admission or, where it was refused, without it.
Rule 2: a window is a UTC minute; it turns at the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.buckets import Guard, seconds_left_in_minute
from domain.events import KeyLimits


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate: `kind` is requests or tokens, `reset_seconds` until its window turns."""

    kind: str
    limit: int
    remaining: int
    reset_seconds: int


def rates(limits: KeyLimits, guards: Sequence[Guard], values: Sequence[int], at_micros: int) -> tuple[Rate, ...]:
    """The rates that a key has. `values` are those of the guards' buckets; none are known where it is empty."""
    if limits.requests_per_minute is None and limits.tokens_per_minute is None:
        return ()
    of_kind = {"requests": limits.requests_per_minute, "tokens": limits.tokens_per_minute}
    reset = seconds_left_in_minute(at_micros)
    return tuple(
        Rate(kind, limit, max(0, limit - value), reset)
        for guard, value in zip(guards, values, strict=False)
        if (limit := of_kind.get(kind := guard.bucket.partition(":")[0])) is not None
    )


def headers(rates: Iterable[Rate]) -> dict[str, str]:
    """As answers carry them."""
    return {
        f"x-ratelimit-{what}-{rate.kind}": value
        for rate in rates
        for what, value in (
            ("limit", str(rate.limit)),
            ("remaining", str(rate.remaining)),
            ("reset", duration(rate.reset_seconds)),
        )
    }


def duration(seconds: int) -> str:
    """A duration as OpenAI writes it: "37s", "1m0s"."""
    minutes, left = divmod(seconds, 60)
    return f"{minutes}m{left}s" if minutes else f"{left}s"
