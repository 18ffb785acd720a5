"""One-time links to sign in: a random token that is shown once, its digest in a table.

Rule 1: a link signs somebody in once, within LINK_MINUTES, and only while it is the newest of its account.
Rule 2: a change of password and forgetting somebody void it, as they end sessions: using one locks the person's row first, so
that it comes wholly before such a change or not at all.
Rule 3: the token stands behind the # of an address: browsers keep that to themselves, and no server's log has it.
These functions block.
"""

from __future__ import annotations

import secrets

from app.accounts.sessions import BEGIN_COLUMNS, SESSION_MICROS, TOKEN_BYTES, digest
from app.ledger.store import Tables
from domain.errors import NotFound

LINK_MINUTES = 15
LINK_MICROS = LINK_MINUTES * 60_000_000
_LOCK_PERSON = (
    "UPDATE people SET label = label WHERE account_id = (SELECT account_id FROM sign_in_links WHERE token_digest = ?)"
)
_BEGIN = (
    f"{BEGIN_COLUMNS} SELECT ?, l.account_id, ?, ? FROM sign_in_links l "  # noqa: S608 - constants only
    "JOIN people p ON p.account_id = l.account_id WHERE l.token_digest = ? AND l.expires_at_micros > ?"
)
_DROP = "DELETE FROM sign_in_links WHERE token_digest = ?"
_MAKE = (
    "INSERT INTO sign_in_links (token_digest, account_id, created_at_micros, expires_at_micros) "
    "SELECT ?, account_id, ?, ? FROM people WHERE account_id = ?"
)


class Links:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def make(self, account_id: str) -> str:
        """The token of a new link; older ones of the account are void. Raises NotFound where nobody has an e-mail there."""
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._tables.now_micros()
        changed = self._tables.change(
            ("UPDATE people SET label = label WHERE account_id = ?", (account_id,)),  # one at a time makes the newest
            ("DELETE FROM sign_in_links WHERE account_id = ?", (account_id,)),
            (_MAKE, (digest(token), now, now + LINK_MICROS, account_id)),
        )
        if not changed:
            raise NotFound(f"The account {account_id[:100]} has no e-mail: `realrouter account email` gives it one.")
        return token

    def use(self, token: str) -> str | None:
        """A new session's token for a link's; None where it does not work, or not any more."""
        link, session, now = digest(token), secrets.token_urlsafe(TOKEN_BYTES), self._tables.now_micros()
        changed = self._tables.change(
            (_LOCK_PERSON, (link,)),
            (_BEGIN, (digest(session), now, now + SESSION_MICROS, link, now)),
            (_DROP, (link,)),
        )
        return session if changed == _ALL_OF_THEM else None

    def purge(self) -> int:
        """Drop those that are over. Returns how many."""
        now = self._tables.now_micros()
        return self._tables.change(("DELETE FROM sign_in_links WHERE expires_at_micros <= ?", (now,)))


_ALL_OF_THEM = 3
"""The rows that the use of a good link changes: the person's, the session, the link."""


def address(public_url: str, token: str) -> str:
    """Where a browser signs in with it."""
    return f"{public_url.rstrip('/')}/login#token={token}"
