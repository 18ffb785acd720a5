"""Sessions: a random token in a cookie, its digest in a table.

Rule 1: the token has 256 random bits and is nowhere but in its cookie: a row that leaks signs nobody in.
Rule 2: a session ends when it is revoked, with its password, or after SESSION_DAYS; every process asks the table.
Rule 3: somebody who gave a password begins a session only while its hash still stands, in one transaction that locks the person's
row first: a password that is replaced meanwhile, and with it every session, lets nobody in.
These functions block.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from app.ledger.store import Tables

SESSION_DAYS = 30
TOKEN_BYTES = 32
_AT_ONCE = 500
SESSION_MICROS = SESSION_DAYS * 86_400_000_000
BEGIN_COLUMNS = "INSERT INTO sessions (token_digest, account_id, created_at_micros, expires_at_micros)"
_BEGIN = f"{BEGIN_COLUMNS} VALUES (?, ?, ?, ?)"
_BEGIN_UNDER = f"{BEGIN_COLUMNS} SELECT ?, ?, ?, ? FROM people WHERE account_id = ? AND password_hash = ?"  # noqa: S608 - constants only
_LOCK = "UPDATE people SET password_hash = ? WHERE account_id = ? AND password_hash = ?"


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in, by the digest of the token."""

    token_digest: str
    account_id: str
    email: str


class Sessions:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def begin(self, account_id: str) -> str:
        """A new session's token, whatever the password is."""
        token, row = self._made(account_id)
        self._tables.change((_BEGIN, row))
        return token

    def begin_under(self, account_id: str, password_hash: str) -> str | None:
        """A new session's token; None where this is no longer the person's password hash."""
        token, row = self._made(account_id)
        checked = (account_id, password_hash)
        changed = self._tables.change((_LOCK, (password_hash, *checked)), (_BEGIN_UNDER, (*row, *checked)))
        return token if changed else None

    def find(self, token: str) -> Session | None:
        """Whose it is; None where it is nobody's any more."""
        sql = (
            "SELECT s.account_id, p.email FROM sessions s JOIN people p ON p.account_id = s.account_id "
            "WHERE s.token_digest = ? AND s.expires_at_micros > ?"
        )
        rows = self._tables.select(sql, (digest(token), self._tables.now_micros()))
        return Session(digest(token), *rows[0]) if rows else None

    def live(self, digests: Collection[str]) -> frozenset[str]:
        """Which of these tokens' digests are of sessions that are not over."""
        wanted, now = list(digests), self._tables.now_micros()
        found: set[str] = set()
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            sql = (
                "SELECT s.token_digest FROM sessions s JOIN people p ON p.account_id = s.account_id "  # noqa: S608 - only marks
                f"WHERE s.expires_at_micros > ? AND s.token_digest IN ({', '.join('?' * len(some))})"
            )
            found |= {row[0] for row in self._tables.select(sql, (now, *some))}
        return frozenset(found)

    def end(self, token: str) -> None:
        """Nothing to do where it is over."""
        self._tables.change(("DELETE FROM sessions WHERE token_digest = ?", (digest(token),)))

    def purge(self) -> int:
        """Drop those that are over. Returns how many."""
        return self._tables.change(("DELETE FROM sessions WHERE expires_at_micros <= ?", (self._tables.now_micros(),)))

    def _made(self, account_id: str) -> tuple[str, tuple[str, str, int, int]]:
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._tables.now_micros()
        return token, (digest(token), account_id, now, now + SESSION_MICROS)


def digest(token: str) -> str:
    """The hex SHA-256 that stands for a token."""
    return hashlib.sha256(token.encode()).hexdigest()
