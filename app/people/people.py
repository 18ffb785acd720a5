"""People: an e-mail and a password for an account, one for each.

Rule 1: the row that claims an e-mail comes first, the account's event second. Whoever dies between the two leaves a person whose
account is opened when they sign in.
Rule 2: signing up with a known e-mail does nothing, and is answered as if it had been unknown.
Rule 3: forgetting somebody deletes what names them; the ledger knows an account's id, and stays as it is.
These functions block.
"""

from __future__ import annotations

from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from app.commands import load_account, new_id, on_account
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from domain import account as accounts
from domain.errors import AlreadyExists, InvalidValue, NotFound

EMAIL_LENGTH_MAX = 254
NAME_DEFAULT = "Personal"
"""What an account is called in the ledger where its owner gave no label: events hold no personal data."""


@dataclass(frozen=True, slots=True)
class Person:
    account_id: str
    email: str
    password_hash: str | None


class People:
    def __init__(self, ledger: Ledger, codec: Codec) -> None:
        self._ledger = ledger
        self._codec = codec

    def sign_up(self, email: str, password_hash: str, name: str | None = None) -> bool:
        """A new account for a new e-mail. Returns False, having done nothing, where it is known. Raises InvalidValue."""
        label = check_label(name or NAME_DEFAULT)
        account_id = new_id("acct")
        if not self._insert(account_id, email, password_hash):
            return False
        self.open_account(account_id, label)
        return True

    def open_account(self, account_id: str, name: str = NAME_DEFAULT) -> None:
        """Open the account of a person where it is not open."""
        if not load_account(self._ledger, self._codec, account_id).exists:
            on_account(self._ledger, self._codec, account_id, lambda state: accounts.open_account(state, name=name))

    def by_email(self, email: str) -> Person | None:
        sql = "SELECT account_id, email, password_hash FROM people WHERE email = ?"
        rows = self._ledger.select(sql, (email,))
        return Person(*rows[0]) if rows else None

    def by_account(self, account_id: str) -> Person | None:
        sql = "SELECT account_id, email, password_hash FROM people WHERE account_id = ?"
        rows = self._ledger.select(sql, (account_id,))
        return Person(*rows[0]) if rows else None

    def set_email(self, account_id: str, email: str) -> None:
        """Give an account its person, or that person another e-mail. Raises AlreadyExists where another account has it."""
        there = self.by_email(email)
        if there is not None and there.account_id != account_id:
            raise AlreadyExists("Another account has this e-mail.")
        if there is None and not self._insert(account_id, email, None):
            moved = (
                "UPDATE people SET email = ? WHERE account_id = ? AND NOT EXISTS (SELECT 1 FROM people WHERE email = ?)"
            )
            if not self._ledger.change((moved, (email, account_id, email))):
                raise AlreadyExists("Another account has this e-mail.")

    def set_password(self, account_id: str, password_hash: str) -> None:
        """Ends every session of the account. Raises NotFound where nobody has an e-mail there."""
        changed = self._ledger.change(
            ("UPDATE people SET password_hash = ? WHERE account_id = ?", (password_hash, account_id)),
            ("DELETE FROM sessions WHERE account_id = ?", (account_id,)),
        )
        if not changed:
            raise NotFound(f"The account {account_id[:100]} has no e-mail: `realrouter account email` gives it one.")

    def change_password(self, account_id: str, *, before: str, after: str) -> bool:
        """As `set_password`, where the hash `before` still stands; else False."""
        changed = "UPDATE people SET password_hash = ? WHERE account_id = ? AND password_hash = ?"
        ended = (
            "DELETE FROM sessions WHERE account_id = ? AND EXISTS "
            "(SELECT 1 FROM people p WHERE p.account_id = sessions.account_id AND p.password_hash = ?)"
        )
        return bool(self._ledger.change((changed, (after, account_id, before)), (ended, (account_id, after))))

    def rehash(self, account_id: str, *, before: str, after: str) -> None:
        """The same password under other parameters: sessions stay."""
        sql = "UPDATE people SET password_hash = ? WHERE account_id = ? AND password_hash = ?"
        self._ledger.change((sql, (after, account_id, before)))

    def forget(self, account_id: str) -> bool:
        """Delete what names them. Returns whether there was anything."""
        return bool(
            self._ledger.change(
                ("DELETE FROM sessions WHERE account_id = ?", (account_id,)),
                ("DELETE FROM automatic_top_ups WHERE account_id = ?", (account_id,)),
                ("DELETE FROM people WHERE account_id = ?", (account_id,)),
            )
        )

    def _insert(self, account_id: str, email: str, password_hash: str | None) -> bool:
        sql = (
            "INSERT INTO people (account_id, email, password_hash, created_at_micros) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING"
        )
        return bool(self._ledger.change((sql, (account_id, email, password_hash, self._ledger.now_micros()))))


def normalised_email(email: str) -> str:
    """The one spelling of an address that is kept and looked for. Raises InvalidValue."""
    if len(email) > EMAIL_LENGTH_MAX:
        raise InvalidValue("email", "This is no e-mail address: it is too long.")
    try:
        return validate_email(email, check_deliverability=False).normalized.casefold()
    except EmailNotValidError as error:
        raise InvalidValue("email", f"This is no e-mail address: {error}") from None


def check_label(name: str) -> str:
    """What an account may be called in the ledger. Raises InvalidValue."""
    if "@" in name:
        raise InvalidValue("name", "name is a label that is kept for good: it must not be an e-mail address.")
    return accounts.check_text("name", name, accounts.NAME_LENGTH_MAX)
