"""One-time sign-in links: a random token that is shown once; a table keeps its digest.

Rule 1: a link works once, within LINK_MINUTES, and only while it is the account's newest.
Rule 2: a change of password or forgetting the person invalidates it, as it ends sessions. Using a link locks the person's row
first, so the use happens entirely before such a change or fails.
Rule 3: the token follows the # of the URL. Browsers do not send that part, so it appears in no server log.
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
        """The token of a new link; the account's older links stop working. Raises NotFound if the account has no e-mail."""
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._tables.now_micros()
        changed = self._tables.change(
            ("UPDATE people SET label = label WHERE account_id = ?", (account_id,)),  # serialises concurrent calls
            ("DELETE FROM sign_in_links WHERE account_id = ?", (account_id,)),
            (_MAKE, (digest(token), now, now + LINK_MICROS, account_id)),
        )
        if not changed:
            raise NotFound(f"The account {account_id[:100]} has no e-mail. Set one with `realrouter account email`.")
        return token

    def use(self, token: str) -> str | None:
        """Exchange a link's token for a new session's token, or None if the link is not valid."""
        link, session, now = digest(token), secrets.token_urlsafe(TOKEN_BYTES), self._tables.now_micros()
        changed = self._tables.change(
            (_LOCK_PERSON, (link,)),
            (_BEGIN, (digest(session), now, now + SESSION_MICROS, link, now)),
            (_DROP, (link,)),
        )
        return session if changed == _ALL_OF_THEM else None

    def purge(self) -> int:
        """Delete expired links. Returns how many."""
        now = self._tables.now_micros()
        return self._tables.change(("DELETE FROM sign_in_links WHERE expires_at_micros <= ?", (now,)))


_ALL_OF_THEM = 3
"""The rows that using a valid link changes: the person's, the session's and the link's."""


def address(public_url: str, token: str) -> str:
    """The URL that signs a browser in with this token."""
    return f"{public_url.rstrip('/')}/login#token={token}"
