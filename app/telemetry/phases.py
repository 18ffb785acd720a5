"""The duration of each phase of a request."""

from __future__ import annotations

import msgspec


class Phases(msgspec.Struct, gc=False):
    """Seconds, filled in as the request proceeds. None: the request did not reach that phase.

    `admit` runs from the parsed body to a durable admission, `first_byte` from there to the upstream's first byte, `stream` to
    its closing frame, `settle` to the durable debit or release, `total` from the first header to the last byte.
    """

    parse: float | None = None
    admit: float | None = None
    first_byte: float | None = None
    stream: float | None = None
    settle: float | None = None
    total: float | None = None
