"""The accounts of a process: its key cache, and everything about signing in."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.auth import KeyCache
from app.accounts.links import Links
from app.accounts.passwords import Passwords
from app.accounts.people import People
from app.accounts.sessions import Sessions
from app.accounts.throttle import Throttle
from app.ledger.codec import Codec
from app.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Accounts:
    """All members share one store. `passwords` limits how many hashes are computed at the same time."""

    keys: KeyCache
    people: People
    passwords: Passwords
    sessions: Sessions
    links: Links
    throttle: Throttle

    def purge(self) -> None:
        """Delete expired sessions, links and throttle windows. Blocks. Raises StoreUnavailable."""
        self.sessions.purge()
        self.links.purge()
        self.throttle.purge()


def open_accounts(ledger: Ledger, codec: Codec) -> Accounts:
    """Nothing is read yet. `keys.load` fills the key cache."""
    return Accounts(
        keys=KeyCache(ledger, codec),
        people=People(ledger, codec),
        passwords=Passwords(),
        sessions=Sessions(ledger),
        links=Links(ledger),
        throttle=Throttle(ledger),
    )
