"""The differences found by a replay: their number, and details of the first differences."""

from __future__ import annotations

import msgspec

DIFFERENCES_MAX = 20


class Difference(msgspec.Struct, frozen=True):
    """`what` is wrong, `where` it is (a position, a bucket, a row's key), and the expected and found values."""

    what: str
    where: str
    expected: str
    found: str


class Findings:
    """Collects differences. Beyond `limit` they are only counted."""

    def __init__(self, limit: int = DIFFERENCES_MAX) -> None:
        self.limit = limit
        self.first: list[Difference] = []
        self.count = 0

    def differ(self, what: str, where: object, expected: object, found: object) -> None:
        self.count += 1
        if len(self.first) < self.limit:
            self.first.append(Difference(what, str(where), str(expected), str(found)))

    def compare(self, what: str, where: object, expected: object, found: object) -> None:
        if expected != found:
            self.differ(what, where, expected, found)
