"""The limits of one server process. Times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass

BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Reaching a limit is answered with an error if the client can still read one; otherwise the connection is closed."""

    connections: int = 4096
    """Open connections of the process. Beyond this, idle connections are closed to make room; if none is idle, the answer is
    503."""
    backlog: int = BACKLOG
    head_bytes: int = 64 * 1024
    head_fields: int = 100
    head_seconds: float = 20.0
    """From the first byte of a request (or the connection's start) to the end of its headers."""
    idle_seconds: float = 650.0
    """Between two requests of one connection. Load balancers that keep connections open need it longer than their own idle time."""
    requests: int = 100_000
    """Requests on one connection. Then it closes, so that clients spread over the processes again."""
    send_stall_seconds: float = 30.0
    """A client that takes no byte for this long is disconnected."""
    grace_seconds: float = 25.0
    """How long open requests may run after the shutdown begins."""
    linger_seconds: float = 2.0
    """How long the rest of a refused body is discarded, so that the client can read the refusal."""
    linger_bytes: int = 4 * 1024 * 1024
    body_window_bytes: int = 64 * 1024
    """Body bytes that wait for the application. Beyond this, the socket is not read."""
