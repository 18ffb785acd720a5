"""People: the e-mail and password of an account, one person per account.

Rule 1: the row that claims an e-mail is written first, the account's event second. After a crash in between, the account is
opened when the person signs in, with the label from the row.
Rule 2: signing up with a known e-mail does nothing, but costs the same as an unknown one: a write to that e-mail's row.
Rule 3: forgetting a person deletes their personal data. The ledger contains only the account id and is not changed.
Rule 4: ending sessions and links changes the person's row first. A session or link that is being created at the same time waits for
that row, or is ended with the others. These functions block.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from functools import partial

from email_validator import EmailNotValidError, validate_email

from app.accounts.commands import load_account, new_id, on_account
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from domain import account as accounts
from domain.errors import AlreadyExists, InvalidValue, NotFound

EMAIL_LENGTH_MAX = 254
LABEL_DEFAULT = "Personal"
"""The account's name in the ledger if its owner gave no label: events contain no personal data."""
_COLUMNS = "INSERT INTO people (account_id, email, password_hash, label, created_at_micros) VALUES (?, ?, ?, ?, ?)"
_END_SESSIONS = "DELETE FROM sessions WHERE account_id = ?"
_VOID_LINKS = "DELETE FROM sign_in_links WHERE account_id = ?"
_TAKEN = "Another account already uses this e-mail."


@dataclass(frozen=True, slots=True)
class Person:
    """The person who signs in to an account. If `password_hash` is None, no password is set yet."""

    account_id: str
    email: str
    password_hash: str | None = field(repr=False)


class People:
    """The people of all accounts."""

    def __init__(self, ledger: Ledger, codec: Codec) -> None:
        self._ledger = ledger
        self._codec = codec

    def sign_up(self, email: str, password_hash: str, label: str | None = None) -> bool:
        """Open an account for a new e-mail. Returns False, and does nothing, if the e-mail is known. Raises InvalidValue."""
        account_id = self.claim(email, password_hash, label)
        if account_id is not None:
            self.open_account(account_id)
        return account_id is not None

    def claim(self, email: str, password_hash: str, label: str | None = None) -> str | None:
        """Claim a new e-mail. Returns the id of the account to open, or None if the e-mail is known. Raises InvalidValue."""
        account_id, named = new_id("acct"), check_label(label or LABEL_DEFAULT)
        claimed = f"{_COLUMNS} ON CONFLICT (email) DO UPDATE SET asked = people.asked + 1"
        self._ledger.change((claimed, (account_id, email, password_hash, named, self._ledger.now_micros())))
        person = self.by_email(email)
        return account_id if person is not None and person.account_id == account_id else None

    def open_account(self, account_id: str) -> None:
        """Open a person's account unless it is open already."""
        if not load_account(self._ledger, self._codec, account_id).exists:
            for (label,) in self._ledger.select("SELECT label FROM people WHERE account_id = ?", (account_id,)):
                on_account(self._ledger, self._codec, account_id, partial(accounts.open_account, name=label))

    def by_email(self, email: str) -> Person | None:
        """The person with this e-mail, given in its normalised form."""
        sql = "SELECT account_id, email, password_hash FROM people WHERE email = ?"
        rows = self._ledger.select(sql, (email,))
        return Person(*rows[0]) if rows else None

    def by_account(self, account_id: str) -> Person | None:
        """The person who signs in to this account."""
        sql = "SELECT account_id, email, password_hash FROM people WHERE account_id = ?"
        rows = self._ledger.select(sql, (account_id,))
        return Person(*rows[0]) if rows else None

    def add(self, account_id: str, email: str, label: str = LABEL_DEFAULT) -> None:
        """Add a person, without a password, to an account that has no person. Does nothing if it already has this person.

        Raises AlreadyExists (another account uses the e-mail, or this account has a different one).
        """
        added = f"{_COLUMNS} ON CONFLICT DO NOTHING"
        if self._ledger.change((added, (account_id, email, None, label, self._ledger.now_micros()))):
            return
        there = self.by_account(account_id)
        if there is None:
            raise AlreadyExists(_TAKEN)
        if there.email != email:
            raise AlreadyExists(
                f"The account {account_id} has a different e-mail. Change it with `realrouter account email`."
            )

    def set_email(self, account_id: str, email: str) -> None:
        """Set or change the account's e-mail. Raises AlreadyExists if another account uses it."""
        moved = (
            "UPDATE people SET email = ? WHERE account_id = ? "
            "AND NOT EXISTS (SELECT 1 FROM people WHERE email = ? AND account_id <> ?)"
        )
        if not self._ledger.change((moved, (email, account_id, email, account_id))):
            if self.by_account(account_id) is not None:
                raise AlreadyExists(_TAKEN)
            self.add(account_id, email)

    def set_password(self, account_id: str, password_hash: str) -> None:
        """Also ends every session of the account and invalidates its link. Raises NotFound if the account has no e-mail."""
        changed = self._ledger.change(
            ("UPDATE people SET password_hash = ? WHERE account_id = ?", (password_hash, account_id)),
            (_END_SESSIONS, (account_id,)),
            (_VOID_LINKS, (account_id,)),
        )
        if not changed:
            raise NotFound(f"The account {account_id[:100]} has no e-mail. Set one with `realrouter account email`.")

    def change_password(self, account_id: str, *, before: str, after: str) -> bool:
        """Like `set_password`, but only if the hash is still `before`; otherwise returns False."""
        changed = "UPDATE people SET password_hash = ? WHERE account_id = ? AND password_hash = ?"
        if_changed = "AND EXISTS (SELECT 1 FROM people p WHERE p.account_id = ? AND p.password_hash = ?)"
        ended = (account_id, account_id, after)
        return bool(
            self._ledger.change(
                (changed, (after, account_id, before)),
                (f"{_END_SESSIONS} {if_changed}", ended),
                (f"{_VOID_LINKS} {if_changed}", ended),
            )
        )

    def rehash(self, account_id: str, *, before: str, after: str) -> None:
        """Store the same password, hashed with other parameters. Sessions are kept."""
        sql = "UPDATE people SET password_hash = ? WHERE account_id = ? AND password_hash = ?"
        self._ledger.change((sql, (after, account_id, before)))

    def forget(self, account_id: str) -> bool:
        """Delete the person's data. Returns whether there was any."""
        return bool(
            self._ledger.change(
                ("DELETE FROM people WHERE account_id = ?", (account_id,)),
                (_END_SESSIONS, (account_id,)),
                (_VOID_LINKS, (account_id,)),
                ("DELETE FROM automatic_top_ups WHERE account_id = ?", (account_id,)),
            )
        )


def normalised_email(email: str) -> str:
    """The form of an address that is stored and looked up. Only the part before the @ is case-folded, because a folded domain may
    be a different domain. Raises InvalidValue."""
    if len(email) > EMAIL_LENGTH_MAX:
        raise InvalidValue("email", "This e-mail address is too long.")
    try:
        address = validate_email(email, check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidValue("email", f"This is not a valid e-mail address: {error}") from None
    return f"{unicodedata.normalize('NFC', address.local_part.casefold())}@{address.domain}"


def check_label(label: str) -> str:
    """Check an account's name for the ledger. Raises InvalidValue."""
    if "@" in label:
        raise InvalidValue("name", "name is kept permanently, so it must not be an e-mail address.")
    return accounts.check_text("name", label, accounts.NAME_LENGTH_MAX)
