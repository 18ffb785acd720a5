"""What one server process takes on, at most. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Reaching a limit is answered where an answer can be read, and closes the connection otherwise."""

    connections: int = 4096
    """Open connections of the process. Past it, idle ones make room; where none is idle, 503."""
    backlog: int = BACKLOG
    head_bytes: int = 64 * 1024
    head_fields: int = 100
    head_seconds: float = 20.0
    """From the first byte of a request (or the connection's start) to the end of its headers."""
    idle_seconds: float = 75.0
    """Between two requests of one connection."""
    requests: int = 100_000
    """Requests on one connection: a bound, so that load spreads again."""
    send_stall_seconds: float = 30.0
    """A client that takes no byte for so long is cut off."""
    grace_seconds: float = 25.0
    """What open requests have, from the shutdown on, to finish."""
    linger_seconds: float = 2.0
    """How long the rest of a refused body is thrown away, so that the refusal can be read."""
    linger_bytes: int = 4 * 1024 * 1024
    body_window_bytes: int = 64 * 1024
    """Body bytes that wait for the application; past it nothing is read from the socket."""
