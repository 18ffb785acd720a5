"""`realrouter serve`, wrapped from outside to kill itself, or PostgreSQL, at a named point.

Rule: production code knows nothing of this. The plan is JSON in REALROUTER_CRASH, in the form of `Plan`.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from app import services
from app.cli import main
from app.instance import reaper
from app.instance.lease import Lease
from app.ledger.store import Ledger
from app.requests.outbox import Outbox
from app.requests.settlement import Settlement
from projections.runner import Runner
from tests.support.gateway.processes import kill_family

POINTS: dict[str, tuple[type[Any], str]] = {
    "admitted": (Settlement, "admit"),
    "streaming": (Outbox, "put"),
    "debited": (Settlement, "debit"),
    "projecting": (Runner, "_apply"),
}
"""The point is reached when the function has returned. admitted: the hold is durable, and no upstream has been called. streaming:
frames have been sent. debited: the debit is durable, and the closing frame has not been sent. projecting: rows of a projection are
written, and the batch's transaction is open."""


class Plan(msgspec.Struct, forbid_unknown_fields=True):
    """At which call of the point to strike, counted only while at least `open` requests run. `victim`: the pid whose family dies
    (None: this process). `reaper`: its margin and interval in seconds, instead of its own."""

    point: str = ""
    call: int = 1
    open: int = 0
    victim: int | None = None
    reaper: tuple[float, float] | None = None


class Striker:
    """Counts the calls of the point, and strikes once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._calls = 0
        self._lock = threading.Lock()
        self._leases: list[Lease] = []

    def watch(self) -> None:
        """Find the process's lease, which knows how many requests run."""
        made, leases = Lease.__init__, self._leases

        def init(self: Lease, ledger: Ledger, *, lease_seconds: float) -> None:
            made(self, ledger, lease_seconds=lease_seconds)
            leases.append(self)

        Lease.__init__ = init  # type: ignore[method-assign]

    def called(self) -> None:
        with self._lock:
            if sum(lease.running for lease in self._leases) >= self._plan.open:
                self._calls += 1
                if self._calls == self._plan.call:
                    self._strike()

    def _strike(self) -> None:
        if self._plan.victim is None:
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            kill_family(self._plan.victim)


def wrap(owner: type[Any], name: str, after: Callable[[], None]) -> None:
    """Have `after` called whenever the function has returned without an error."""
    function = getattr(owner, name)
    if name in ("admit", "debit"):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            result = await function(*args, **kwargs)
            after()
            return result

        setattr(owner, name, awaited)
        return

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        after()
        return result

    setattr(owner, name, called)


def arm(plan: Plan) -> None:
    if plan.reaper is not None:
        reaper.MARGIN_SECONDS = plan.reaper[0]
        services.INTERVAL_SECONDS = plan.reaper[1]  # type: ignore[attr-defined]  # where the reaper's turns are paced
    if plan.point:
        striker = Striker(plan)
        striker.watch()
        wrap(*POINTS[plan.point], striker.called)


if __name__ == "__main__":
    arm(msgspec.json.decode(os.environ.get("REALROUTER_CRASH", "{}"), type=Plan))
    main()
