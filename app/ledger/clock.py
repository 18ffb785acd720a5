"""The store's time, estimated without a query. A process's own wall clock may be wrong, or may be set while the process runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PAUSE_MICROS_MAX = 5_000_000
"""A store's clock that is set back further was wrong before: a pause of that length would keep the error in use."""


class StoreClock:
    """An estimate of the store's clock, in microseconds since 1970. It never blocks, and small corrections never turn it back.

    Every append and every lease renewal brings a reading of the store's clock. The store took that reading at some moment between
    the query and the answer, which bounds the difference between the store's clock and this process's monotonic clock from both
    sides. If the current difference is within the bounds, it is kept; otherwise it moves to the nearer bound. So a slow answer
    changes nothing, a fast answer corrects the estimate, and the estimate follows a store whose clock was set. Between readings the
    estimate advances with the monotonic clock.

    The error is at most the round trip of the last reading, plus the drift of the two clocks until the next one, a quarter of a
    lease later. While the store is unavailable, the last difference remains in use. If the store's clock is set back by up to
    PAUSE_MICROS_MAX, the estimate pauses until the store has caught up; a larger correction is followed at once. Before the first
    reading, it is the process's wall clock; a process takes a lease, and with it the first reading, before it serves anything.
    """

    def __init__(self, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._monotonic_ns = monotonic_ns
        self._difference: int | None = None
        self._latest = 0
        self._lock = threading.Lock()

    def monotonic_micros(self) -> int:
        """The monotonic clock. Read it just before a query to the store, and pass the value to `learn`."""
        return self._monotonic_ns() // 1000

    def learn(self, store_micros: int, asked_at: int) -> None:
        """Take a reading: the store answered `store_micros` to a query that was sent at `asked_at`."""
        least, most = store_micros - self.monotonic_micros(), store_micros - asked_at
        with self._lock:
            known = least if self._difference is None else self._difference
            self._difference = min(max(known, least), most)

    def now_micros(self) -> int:
        with self._lock:
            if self._difference is None:
                return time.time_ns() // 1000
            estimate = self.monotonic_micros() + self._difference
            if not 0 < self._latest - estimate <= PAUSE_MICROS_MAX:
                self._latest = estimate
            return self._latest
