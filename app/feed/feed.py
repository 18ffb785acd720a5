"""Follows the log and passes each account's new events to its listeners.

Rule 1: one task per process follows the log, and only while there are listeners. It never waits for a listener.
Rule 2: a listener gets every event of its account from its starting point on, in log order, each exactly once: first the events
that it missed, which it reads from the log itself, then the events that the one task queues for it.
Rule 3: a listener belongs to a session or a key. When that ends, its stream ends within seconds.
Rule 4: an unavailable store ends no stream: nothing is sent until it is back.
Rule 5: the number of streams is bounded per account and per process, separately from the slots of requests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import trio

from app.accounts.auth import KeyCache
from app.accounts.sessions import Sessions
from app.faults import Overloaded, ShuttingDown, TooManyStreams
from app.feed.balance import Balance, balances_of
from app.feed.listener import Listener
from app.ledger.store import Head, Ledger
from projections.contract import Fact, Log

STREAMS_MAX = 500
ACCOUNT_STREAMS_MAX = 20
WAITING_MAX = 2_000
"""Events that may wait for one listener."""
MISSED_MAX = 5_000
"""How far back in the whole log, counted in events, a new listener may resume."""
PAGE = 1_000
PACE_SECONDS = 0.05
"""The pause between two reads of the log, at any commit rate. Events committed in between are sent together."""
FOLLOW_SECONDS = 0.25
"""How long a commit of another process may go unnoticed."""
CHECK_SECONDS = 2.0
READERS_MAX = 2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits on streams, per process, per account and per listener."""

    streams_max: int = STREAMS_MAX
    account_streams_max: int = ACCOUNT_STREAMS_MAX
    waiting_max: int = WAITING_MAX
    missed_max: int = MISSED_MAX


class Feed:
    """One task calls `turn` repeatedly, another one `check`; the tasks that serve streams call the rest."""

    def __init__(
        self, ledger: Ledger, log: Log, *, sessions: Sessions, keys: KeyCache, bounds: Bounds = Bounds()
    ) -> None:
        self._ledger = ledger
        self._log = log
        self._sessions = sessions
        self._keys = keys
        self._bounds = bounds
        self._listeners: dict[str, set[Listener]] = {}
        self._position = 0
        self._due: set[str] = set()
        self._wanted = trio.Event()
        self._poked = trio.Event()
        self._closing = False
        self._following = trio.CapacityLimiter(1)
        self._reading = trio.CapacityLimiter(READERS_MAX)

    @property
    def streams(self) -> int:
        return sum(map(len, self._listeners.values()))

    def poke(self) -> None:
        """Something was committed in this process. Call it on the Trio thread."""
        self._poked.set()

    async def join(
        self, account_id: str, *, last: int | None, session_digest: str | None = None, key_id: str | None = None
    ) -> Listener:
        """Listen to an account from now on, or from after `last`, the last position that was already sent. `leave` ends it.

        Raises TooManyStreams, Overloaded, ShuttingDown, StoreUnavailable.
        """
        self._check_room(account_id)
        head: Head = await self._in_thread(self._reading, self._ledger.head)
        self._check_room(account_id)  # others may have joined meanwhile
        if not self._listeners:
            self._position = head.position
        at = self._position
        reset = last is not None and (last > head.position or at - last > self._bounds.missed_max)
        begins = at if last is None or reset else last
        listener = Listener(account_id, begins, at, reset, session_digest, key_id, self._bounds.waiting_max)
        listener.reached(at)
        self._listeners.setdefault(account_id, set()).add(listener)
        self._wanted.set()
        return listener

    def leave(self, listener: Listener) -> None:
        """When the last listener leaves, the log is no longer followed."""
        mine = self._listeners.get(listener.account_id, set())
        mine.discard(listener)
        if not mine:
            self._listeners.pop(listener.account_id, None)
        if not self._listeners:
            self._wanted = trio.Event()

    async def balance(self, account_id: str) -> Balance:
        """An account's current balance. Raises StoreUnavailable."""
        return (await self._in_thread(self._reading, balances_of, self._ledger, (account_id,)))[account_id]

    async def missed(self, after: int, until: int) -> Sequence[Fact]:
        """A page of the log after `after`, for a listener that joined at `until`; empty at the end. Raises StoreUnavailable."""
        if after >= until:
            return ()
        return await self._in_thread(self._reading, self._log.read, after, min(PAGE, until - after))

    async def turn(self) -> None:
        """Deliver the next page of the log, waiting briefly if there is none, or indefinitely while there are no listeners.

        Raises StoreUnavailable.
        """
        await self._wanted.wait()
        self._poked = trio.Event()
        after = self._position
        facts = await self._in_thread(self._following, self._log.read, after, PAGE)
        if self._position != after or not self._listeners:
            return  # everyone left meanwhile, and anyone who joined since starts elsewhere
        if facts:
            self._deliver(facts)
        if self._due:
            await self._deliver_balances()
        elif not facts:
            with trio.move_on_after(FOLLOW_SECONDS):
                await self._poked.wait()

    async def check(self) -> None:
        """End the streams whose session or key is no longer valid. Raises StoreUnavailable."""
        listeners = [each for mine in self._listeners.values() for each in mine]
        digests = {each.session_digest for each in listeners if each.session_digest is not None}
        live = await self._in_thread(self._reading, self._sessions.live, digests) if digests else frozenset()
        now_micros = self._ledger.estimated_now_micros()
        for each in listeners:
            if each.session_digest is not None and each.session_digest not in live:
                each.end("the session has ended")
            if each.key_id is not None and not self._keys.is_valid(each.key_id, now_micros):
                each.end("the key is no longer valid")

    def close(self) -> None:
        """Accept no new listeners, and end every stream."""
        self._closing = True
        for mine in self._listeners.values():
            for each in mine:
                each.end("the server is shutting down")

    def _check_room(self, account_id: str) -> None:
        if self._closing:
            raise ShuttingDown
        if self.streams >= self._bounds.streams_max:
            raise Overloaded(per_key=False, limit=self._bounds.streams_max)
        if len(self._listeners.get(account_id, ())) >= self._bounds.account_streams_max:
            raise TooManyStreams(self._bounds.account_streams_max)

    def _deliver(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            account_id = account_of(fact)
            mine = self._listeners.get(account_id) if account_id is not None else None
            if account_id is not None and mine is not None:
                self._due.add(account_id)
                for each in mine:
                    each.put(fact)
        self._position = facts[-1].position
        for mine in self._listeners.values():
            for each in mine:
                each.reached(self._position)

    async def _deliver_balances(self) -> None:
        """Send the balance of every account with new events. A balance that cannot be read now is tried again later."""
        due = tuple(self._due)
        found = await self._in_thread(self._following, balances_of, self._ledger, due)
        self._due -= found.keys()
        for account_id, balance in found.items():
            for each in self._listeners.get(account_id, ()):
                each.put_balance(balance)

    @staticmethod
    async def _in_thread(limiter: trio.CapacityLimiter, work: Callable[..., T], *args: object) -> T:
        return await trio.to_thread.run_sync(work, *args, abandon_on_cancel=True, limiter=limiter)


def account_of(fact: Fact) -> str | None:
    """The account of an event, or None if the event belongs to no account or this version cannot decode it."""
    account_id: str | None = getattr(fact.event, "account_id", None)
    return account_id
