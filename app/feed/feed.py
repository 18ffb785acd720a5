"""The log, told to those who listen to an account, as it grows.

Rule 1: one task of a process follows the log, and only while somebody listens. It waits for no listener.
Rule 2: a listener is told every event of its account from where it begins, in the order of the log, each once: first what it
missed, read from the log for itself, then what the one task puts.
Rule 3: a listener is there for a session or a key. Where that is over, so is the stream, within seconds.
Rule 4: the store out of reach ends nothing here: nothing is told until it is back.
Rule 5: streams are bounded for an account and for the process, apart from the places of requests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import trio

from app.accounts.auth import KeyCache
from app.accounts.sessions import Sessions
from app.faults import Overloaded, ShuttingDown, TooManyStreams
from app.feed.balance import Figures, figures_of
from app.feed.listener import Listener
from app.ledger.store import Head, Ledger
from projections.contract import Fact, Log

STREAMS_MAX = 500
ACCOUNT_STREAMS_MAX = 20
WAITING_MAX = 2_000
"""Events of an account that wait for one listener."""
MISSED_MAX = 5_000
"""Events of the whole log, back from where a listener joins, that are read for what it missed."""
PAGE = 1_000
PACE_SECONDS = 0.05
"""Between two looks at the log, however much is committed: what came meanwhile is told together."""
FOLLOW_SECONDS = 0.25
"""How long another process's commit may go unseen."""
CHECK_SECONDS = 2.0
READERS_MAX = 2
T = TypeVar("T")


class Feed:
    """`turn` is to be called again and again by one task, and `check` by another; the rest by those who serve streams."""

    def __init__(
        self,
        ledger: Ledger,
        log: Log,
        *,
        sessions: Sessions,
        keys: KeyCache,
        streams_max: int = STREAMS_MAX,
        account_streams_max: int = ACCOUNT_STREAMS_MAX,
        waiting_max: int = WAITING_MAX,
        missed_max: int = MISSED_MAX,
    ) -> None:
        self._ledger = ledger
        self._log = log
        self._sessions = sessions
        self._keys = keys
        self._streams_max = streams_max
        self._account_streams_max = account_streams_max
        self._waiting_max = waiting_max
        self._missed_max = missed_max
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
        """Something was committed here. To be called on the Trio thread."""
        self._poked.set()

    async def join(
        self, account_id: str, *, last: int | None, session_digest: str | None = None, key_id: str | None = None
    ) -> Listener:
        """Listen to an account from now on, or from behind the position `last` that was told before; `leave` ends it.

        Raises TooManyStreams, Overloaded, ShuttingDown, StoreUnavailable.
        """
        self._check_room(account_id)
        head: Head = await self._asked(self._reading, self._ledger.head)
        self._check_room(account_id)  # others came meanwhile
        if not self._listeners:
            self._position = head.position
        at = self._position
        reset = last is not None and (last > head.position or at - last > self._missed_max)
        begins = at if last is None or reset else last
        listener = Listener(account_id, begins, at, reset, session_digest, key_id, self._waiting_max)
        listener.reached(at)
        self._listeners.setdefault(account_id, set()).add(listener)
        self._wanted.set()
        return listener

    def leave(self, listener: Listener) -> None:
        """Where nobody listens any more, nobody follows."""
        mine = self._listeners.get(listener.account_id, set())
        mine.discard(listener)
        if not mine:
            self._listeners.pop(listener.account_id, None)
        if not self._listeners:
            self._wanted = trio.Event()

    async def figures(self, account_id: str) -> Figures:
        """What an account has now. Raises StoreUnavailable."""
        return (await self._asked(self._reading, figures_of, self._ledger, (account_id,)))[account_id]

    async def missed(self, after: int, until: int) -> Sequence[Fact]:
        """A page of the log behind `after`, for who joined at `until`: at the end, none. Raises StoreUnavailable."""
        if after >= until:
            return ()
        return await self._asked(self._reading, self._log.read, after, min(PAGE, until - after))

    async def turn(self) -> None:
        """Tell the next page of the log, or wait a little for one; wait for good while nobody listens. Raises StoreUnavailable."""
        await self._wanted.wait()
        self._poked = trio.Event()
        after = self._position
        facts = await self._asked(self._following, self._log.read, after, PAGE)
        if self._position != after or not self._listeners:
            return  # all left meanwhile, and whoever came then begins elsewhere
        if facts:
            self._tell(facts)
        if self._due:
            await self._tell_figures()
        elif not facts:
            with trio.move_on_after(FOLLOW_SECONDS):
                await self._poked.wait()

    async def check(self) -> None:
        """End the streams of sessions and keys that are over. Raises StoreUnavailable."""
        listeners = [each for mine in self._listeners.values() for each in mine]
        digests = {each.session_digest for each in listeners if each.session_digest is not None}
        live = await self._asked(self._reading, self._sessions.live, digests) if digests else frozenset()
        now_micros = time.time_ns() // 1000
        for each in listeners:
            if each.session_digest is not None and each.session_digest not in live:
                each.end("the session is over")
            if each.key_id is not None and not self._keys.stands(each.key_id, now_micros):
                each.end("the key is over")

    def close(self) -> None:
        """Nobody may join any more, and every stream ends."""
        self._closing = True
        for mine in self._listeners.values():
            for each in mine:
                each.end("the server is restarting")

    def _check_room(self, account_id: str) -> None:
        if self._closing:
            raise ShuttingDown
        if self.streams >= self._streams_max:
            raise Overloaded(per_key=False, limit=self._streams_max)
        if len(self._listeners.get(account_id, ())) >= self._account_streams_max:
            raise TooManyStreams(self._account_streams_max)

    def _tell(self, facts: Sequence[Fact]) -> None:
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

    async def _tell_figures(self) -> None:
        """Of every account that something has happened to: what cannot be read now is due the next time."""
        due = tuple(self._due)
        found = await self._asked(self._following, figures_of, self._ledger, due)
        self._due -= found.keys()
        for account_id, figures in found.items():
            for each in self._listeners.get(account_id, ()):
                each.put_figures(figures)

    @staticmethod
    async def _asked(limiter: trio.CapacityLimiter, work: Callable[..., T], *args: object) -> T:
        return await trio.to_thread.run_sync(work, *args, abandon_on_cancel=True, limiter=limiter)


def account_of(fact: Fact) -> str | None:
    """Whose event it is; None for one that is nobody's, or that this version cannot read."""
    account_id: str | None = getattr(fact.event, "account_id", None)
    return account_id
