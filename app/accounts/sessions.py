"""Sessions: a random token in a cookie; a table keeps its digest.

Rule 1: the token has 256 random bits and exists only in its cookie, so a leaked row cannot be used to sign in.
Rule 2: a session ends when it is revoked, when the password changes, or after SESSION_DAYS. Every process checks the table for each
request.
Rule 3: a password starts a session only if its hash is still current, in one transaction that locks the person's row first. A
password that is replaced meanwhile starts no session.
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
    """A signed-in person, identified by the token's digest."""

    token_digest: str
    account_id: str
    email: str


class Sessions:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def begin(self, account_id: str) -> str:
        """Start a session without a password check. Returns its token."""
        token, row = self._made(account_id)
        self._tables.change((_BEGIN, row))
        return token

    def begin_under(self, account_id: str, password_hash: str) -> str | None:
        """Start a session. Returns its token, or None if this is no longer the person's password hash."""
        token, row = self._made(account_id)
        checked = (account_id, password_hash)
        changed = self._tables.change((_LOCK, (password_hash, *checked)), (_BEGIN_UNDER, (*row, *checked)))
        return token if changed else None

    def find(self, token: str) -> Session | None:
        """The session with this token, or None if it has ended."""
        sql = (
            "SELECT s.account_id, p.email FROM sessions s JOIN people p ON p.account_id = s.account_id "
            "WHERE s.token_digest = ? AND s.expires_at_micros > ?"
        )
        rows = self._tables.select(sql, (digest(token), self._tables.now_micros()))
        return Session(digest(token), *rows[0]) if rows else None

    def live(self, digests: Collection[str]) -> frozenset[str]:
        """The digests, among the given ones, whose sessions are still active."""
        listed, now = list(digests), self._tables.now_micros()
        found: set[str] = set()
        for start in range(0, len(listed), _AT_ONCE):
            some = listed[start : start + _AT_ONCE]
            sql = (
                "SELECT s.token_digest FROM sessions s JOIN people p ON p.account_id = s.account_id "  # noqa: S608 - only marks
                f"WHERE s.expires_at_micros > ? AND s.token_digest IN ({', '.join('?' * len(some))})"
            )
            found |= {row[0] for row in self._tables.select(sql, (now, *some))}
        return frozenset(found)

    def end(self, token: str) -> None:
        """End the session; does nothing if it has ended."""
        self._tables.change(("DELETE FROM sessions WHERE token_digest = ?", (digest(token),)))

    def purge(self) -> int:
        """Delete expired sessions. Returns how many."""
        return self._tables.change(("DELETE FROM sessions WHERE expires_at_micros <= ?", (self._tables.now_micros(),)))

    def _made(self, account_id: str) -> tuple[str, tuple[str, str, int, int]]:
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._tables.now_micros()
        return token, (digest(token), account_id, now, now + SESSION_MICROS)


def digest(token: str) -> str:
    """The hex SHA-256 of a token. Tables keep it instead of the token."""
    return hashlib.sha256(token.encode()).hexdigest()
