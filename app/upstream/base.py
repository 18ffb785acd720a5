"""The contract between the gateway and its upstreams.

Rule 1: an upstream takes one call and answers with a status, headers and bytes; it knows nothing about money or the ledger.
Rule 2: every failure is an UpstreamError (app/faults.py), raised by the upstream itself; callers map no other errors.
Rule 3: closing an answer closes its connection, unless the answer was read to its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.wire.dialects import Dialect


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One request to an upstream. `body` is sent unchanged (JSON); `request_id` is the gateway's own, for correlation.

    `model` is the upstream's name for the model, for protocols that put it in the URL.
    """

    dialect: Dialect
    body: bytes
    stream: bool
    request_id: str
    model: str = ""


class UpstreamAnswer(Protocol):
    """An open answer. The caller that opened it closes it, on every path."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Lower-case names."""
        ...

    async def receive(self) -> bytes:
        """The next bytes as received, b"" at the end. Raises UpstreamBroken if the connection is lost midway."""
        ...

    async def aclose(self) -> None: ...


class Upstream(Protocol):
    """One configured upstream. Safe for any number of calls at once."""

    @property
    def name(self) -> str: ...

    async def open(self, call: UpstreamCall) -> UpstreamAnswer:
        """Send `call` and return once status and headers have arrived. Raises UpstreamUnreachable or UpstreamTimeout.

        A status of 400 or above is an ordinary answer here; the caller reads a bounded body and raises UpstreamRefused.
        """
        ...
