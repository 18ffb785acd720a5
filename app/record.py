"""What is known of one request when it is over: for the log line, the metrics and the demo. Never content, never a secret."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from domain.events import RequestDebited, RequestReleased
from domain.usage import Usage


@dataclass(slots=True)
class Record:
    """One request that reached the ledger. `outcome`: debited, released:reason, refused:code, or failed. Seconds, nanos."""

    request_id: str
    account_id: str
    key_id: str
    model: str
    endpoint: str
    stream: bool
    started: float
    upstream: str | None = None
    outcome: str = "failed"
    status: int = 200
    usage: Usage = field(default_factory=Usage)
    hold_nanos: int = 0
    cost_nanos: int = 0
    overrun_nanos: int = 0
    unbilled: bool = False
    client_left: bool = False
    phases: dict[str, float] = field(default_factory=dict)
    last: float = 0.0

    def phase(self, name: str) -> None:
        """What went by since the phase before this one was `name`. A phase that is told twice is added up."""
        now = trio.current_time()
        self.phases[name] = self.phases.get(name, 0.0) + now - (self.last or self.started)
        self.last = now

    def settled(self, event: RequestDebited | RequestReleased) -> None:
        """The settlement as it stands in the ledger."""
        if isinstance(event, RequestDebited):
            self.outcome = "debited" if event.outcome == "completed" else f"debited:{event.outcome}"
            self.usage = event.usage
            self.cost_nanos = event.cost_nanos
            self.overrun_nanos = event.overrun_nanos
        else:
            self.outcome = f"released:{event.reason}"
            self.usage = event.delivered

    @property
    def total(self) -> float:
        """Seconds from the request's arrival to its last phase."""
        return max(0.0, self.last - self.started)
