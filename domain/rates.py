"""A key's remaining rate limits, as the `x-ratelimit-*` headers report them.

Rule 1: the figures come from the ledger's own verdict. They include the request if it was admitted.
Rule 2: a window is a UTC minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.buckets import Guard, seconds_left_in_minute
from domain.events import KeyLimits


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate limit: `kind` is requests or tokens; its window ends in `reset_seconds`."""

    kind: str
    limit: int
    remaining: int
    reset_seconds: int


def rates(limits: KeyLimits, guards: Sequence[Guard], values: Sequence[int], at_micros: int) -> tuple[Rate, ...]:
    """The key's rate limits. `values` has the values of the guards' buckets; if it is empty, no limits are known."""
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
    """The response headers."""
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
    """A duration in OpenAI's format: "37s", "1m0s"."""
    minutes, left = divmod(seconds, 60)
    return f"{minutes}m{left}s" if minutes else f"{left}s"
