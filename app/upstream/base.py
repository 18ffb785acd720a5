"""What every upstream is to the gateway, and how an upstream may fail.

Rule 1: an upstream is opened with one call and answers with a status, headers and bytes; it knows no money and no ledger.
Rule 2: whatever goes wrong is one of the errors below, mapped here at the edge and nowhere else.
Rule 3: closing an answer closes its connection, unless the answer was read to its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.wire.dialects import Dialect


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One request to an upstream: `body` is the JSON to send as it is, `request_id` is ours, for correlation.

    `model` is the upstream's own name of the model, for protocols that have it in the address.
    """

    dialect: Dialect
    body: bytes
    stream: bool
    request_id: str
    model: str = ""


class UpstreamAnswer(Protocol):
    """An open answer. Whoever opened it closes it, on every path."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Lower-case names."""
        ...

    async def receive(self) -> bytes:
        """The next bytes as they came, b"" at the end. Raises UpstreamBroken when the connection is lost midway."""
        ...

    async def aclose(self) -> None: ...


class Upstream(Protocol):
    """One configured upstream. Safe for any number of calls at once."""

    @property
    def name(self) -> str: ...

    async def open(self, call: UpstreamCall) -> UpstreamAnswer:
        """Send `call` and return when status and headers are here. Raises UpstreamUnreachable or UpstreamTimeout.

        A status of 400 and above is an answer like any other here; its caller reads a bounded body and raises UpstreamRefused.
        """
        ...

    async def aclose(self) -> None: ...
