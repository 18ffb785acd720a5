"""Buckets: the running totals that guards check before an admission.

Rule 1: a bucket is a name and an integer, which starts at zero. Its name is kind:owner, or kind:owner:window if it has windows.
Rule 2: windows are the UTC minute, day and month of the admission. A reservation is returned to the window it was taken from.
Rule 3: a guard checks the value that the bucket would have after the command's own movements.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import msgspec

MICROS_PER_SECOND = 1_000_000
MICROS_PER_MINUTE = 60 * MICROS_PER_SECOND
MICROS_PER_DAY = 86_400 * MICROS_PER_SECOND

Window = Literal["", "minute", "day", "month"]
Movement = tuple[str, int]


class Guard(msgspec.Struct, frozen=True, gc=False):
    """Bounds on a bucket after the command: at least `floor`, at most `ceiling`. The window is the one at the command's instant."""

    bucket: str
    window: Window = ""
    floor: int | None = None
    ceiling: int | None = None

    def name(self, at_micros: int) -> str:
        """The bucket's full name at this instant."""
        match self.window:
            case "":
                return self.bucket
            case "minute":
                return f"{self.bucket}:{minute_of(at_micros)}"
            case "day":
                return f"{self.bucket}:{day_of(at_micros)}"
            case _:
                return f"{self.bucket}:{month_of(at_micros)}"


def available(account_id: str) -> str:
    return f"available:{account_id}"


def held(account_id: str) -> str:
    return f"held:{account_id}"


def frozen(account_id: str) -> str:
    return f"frozen:{account_id}"


def cancelled(account_id: str) -> str:
    """Value in nanos of the cancelled answers that were not charged; window: day."""
    return f"cancelled:{account_id}"


def revoked(key_id: str) -> str:
    return f"revoked:{key_id}"


def open_requests(key_id: str) -> str:
    return f"open:{key_id}"


def spend(key_id: str) -> str:
    """Nanos held and charged; window: month."""
    return f"spend:{key_id}"


def requests(key_id: str) -> str:
    """Admissions; window: minute."""
    return f"requests:{key_id}"


def tokens(key_id: str) -> str:
    """Tokens reserved and used; window: minute."""
    return f"tokens:{key_id}"


def files(account_id: str) -> str:
    """Number of existing files."""
    return f"files:{account_id}"


def file_bytes(account_id: str) -> str:
    """Total bytes of existing files."""
    return f"file_bytes:{account_id}"


def checkouts(account_id: str) -> str:
    """Checkouts started; window: day."""
    return f"checkouts:{account_id}"


def automatic_top_ups(account_id: str) -> str:
    """Credit in nanos of automatic top-ups, except those that failed; window: month."""
    return f"automatic:{account_id}"


def returned(payment_id: str) -> str:
    """The amount that refunds and disputes took back of a payment, in its currency's smallest unit."""
    return f"returned:{payment_id}"


def returned_credit(payment_id: str) -> str:
    """The credit in nanos taken from the balance for that amount."""
    return f"returned_credit:{payment_id}"


def minute_of(at_micros: int) -> str:
    """The UTC minute, "2026-11-23T04:05"."""
    return _minute(at_micros // MICROS_PER_MINUTE)


def day_of(at_micros: int) -> str:
    """The UTC day, "2026-11-23"."""
    return _day(at_micros // MICROS_PER_DAY)


def month_of(at_micros: int) -> str:
    """The UTC month, "2026-11"."""
    return _day(at_micros // MICROS_PER_DAY)[:7]


def seconds_left_in_minute(at_micros: int) -> int:
    """Whole seconds until the next minute window, at least 1."""
    return 60 - (at_micros // MICROS_PER_SECOND) % 60


@lru_cache(maxsize=4096)
def _minute(minute: int) -> str:
    hours, minutes = divmod(minute % 1440, 60)
    return f"{_day(minute // 1440)}T{hours:02d}:{minutes:02d}"


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    """Days since 1970-01-01 as a civil date. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days."""
    shifted = days + 719_468
    era, of_era = divmod(shifted, 146_097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return f"{year:04d}-{month:02d}-{day:02d}"
