"""People: an e-mail and a password for an account, one for each.

Rule 1: the row that claims an e-mail comes first, the account's event second. Whoever dies between the two leaves a person whose
account is opened when they sign in, under the label that stands in the row.
Rule 2: signing up with a known e-mail does nothing, and costs what an unknown one costs: a write to that e-mail's row.
Rule 3: forgetting somebody deletes what names them; the ledger knows an account's id, and stays as it is.
Rule 4: what ends sessions and links changes the person's row first: whoever begins one waits for that row, or is ended with the
others.
These functions block.
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
"""What an account is called in the ledger where its owner gave no label: events hold no personal data."""
_COLUMNS = "INSERT INTO people (account_id, email, password_hash, label, created_at_micros) VALUES (?, ?, ?, ?, ?)"
_END_SESSIONS = "DELETE FROM sessions WHERE account_id = ?"
_VOID_LINKS = "DELETE FROM sign_in_links WHERE account_id = ?"
_TAKEN = "Another account has this e-mail."


@dataclass(frozen=True, slots=True)
class Person:
    """Who signs in for an account. `password_hash` None: nobody can yet."""

    account_id: str
    email: str
    password_hash: str | None = field(repr=False)


class People:
    """The people of all accounts."""

    def __init__(self, ledger: Ledger, codec: Codec) -> None:
        self._ledger = ledger
        self._codec = codec

    def sign_up(self, email: str, password_hash: str, label: str | None = None) -> bool:
        """A new account for a new e-mail. Returns False, having done nothing, where it is known. Raises InvalidValue."""
        account_id = self.claim(email, password_hash, label)
        if account_id is not None:
            self.open_account(account_id)
        return account_id is not None

    def claim(self, email: str, password_hash: str, label: str | None = None) -> str | None:
        """The id of an account that is yet to be opened, for a new e-mail; None for a known one. Raises InvalidValue."""
        account_id, named = new_id("acct"), check_label(label or LABEL_DEFAULT)
        claimed = f"{_COLUMNS} ON CONFLICT (email) DO UPDATE SET asked = people.asked + 1"
        self._ledger.change((claimed, (account_id, email, password_hash, named, self._ledger.now_micros())))
        person = self.by_email(email)
        return account_id if person is not None and person.account_id == account_id else None

    def open_account(self, account_id: str) -> None:
        """Open the account of a person where it is not open."""
        if not load_account(self._ledger, self._codec, account_id).exists:
            for (label,) in self._ledger.select("SELECT label FROM people WHERE account_id = ?", (account_id,)):
                on_account(self._ledger, self._codec, account_id, partial(accounts.open_account, name=label))

    def by_email(self, email: str) -> Person | None:
        """Whoever has this e-mail, in its normal spelling."""
        sql = "SELECT account_id, email, password_hash FROM people WHERE email = ?"
        rows = self._ledger.select(sql, (email,))
        return Person(*rows[0]) if rows else None

    def by_account(self, account_id: str) -> Person | None:
        """Whoever signs in for this account."""
        sql = "SELECT account_id, email, password_hash FROM people WHERE account_id = ?"
        rows = self._ledger.select(sql, (account_id,))
        return Person(*rows[0]) if rows else None

    def add(self, account_id: str, email: str, label: str = LABEL_DEFAULT) -> None:
        """Give an account without a person one, without a password. Nothing to do where it has this very one.

        Raises AlreadyExists (the e-mail is another account's, or the account has another).
        """
        added = f"{_COLUMNS} ON CONFLICT DO NOTHING"
        if self._ledger.change((added, (account_id, email, None, label, self._ledger.now_micros()))):
            return
        there = self.by_account(account_id)
        if there is None:
            raise AlreadyExists(_TAKEN)
        if there.email != email:
            raise AlreadyExists(f"The account {account_id} has another e-mail: `realrouter account email` changes it.")

    def set_email(self, account_id: str, email: str) -> None:
        """Give an account its person, or that person another e-mail. Raises AlreadyExists where another account has it."""
        moved = (
            "UPDATE people SET email = ? WHERE account_id = ? "
            "AND NOT EXISTS (SELECT 1 FROM people WHERE email = ? AND account_id <> ?)"
        )
        if not self._ledger.change((moved, (email, account_id, email, account_id))):
            if self.by_account(account_id) is not None:
                raise AlreadyExists(_TAKEN)
            self.add(account_id, email)

    def set_password(self, account_id: str, password_hash: str) -> None:
        """Ends every session of the account, and voids its link. Raises NotFound where nobody has an e-mail there."""
        changed = self._ledger.change(
            ("UPDATE people SET password_hash = ? WHERE account_id = ?", (password_hash, account_id)),
            (_END_SESSIONS, (account_id,)),
            (_VOID_LINKS, (account_id,)),
        )
        if not changed:
            raise NotFound(f"The account {account_id[:100]} has no e-mail: `realrouter account email` gives it one.")

    def change_password(self, account_id: str, *, before: str, after: str) -> bool:
        """As `set_password`, where the hash `before` still stands; else False."""
        changed = "UPDATE people SET password_hash = ? WHERE account_id = ? AND password_hash = ?"
        stands = "AND EXISTS (SELECT 1 FROM people p WHERE p.account_id = ? AND p.password_hash = ?)"
        ended = (account_id, account_id, after)
        return bool(
            self._ledger.change(
                (changed, (after, account_id, before)),
                (f"{_END_SESSIONS} {stands}", ended),
                (f"{_VOID_LINKS} {stands}", ended),
            )
        )

    def rehash(self, account_id: str, *, before: str, after: str) -> None:
        """The same password under other parameters: sessions stay."""
        sql = "UPDATE people SET password_hash = ? WHERE account_id = ? AND password_hash = ?"
        self._ledger.change((sql, (after, account_id, before)))

    def forget(self, account_id: str) -> bool:
        """Delete what names them. Returns whether there was anything."""
        return bool(
            self._ledger.change(
                ("DELETE FROM people WHERE account_id = ?", (account_id,)),
                (_END_SESSIONS, (account_id,)),
                (_VOID_LINKS, (account_id,)),
                ("DELETE FROM automatic_top_ups WHERE account_id = ?", (account_id,)),
            )
        )


def normalised_email(email: str) -> str:
    """The one spelling of an address that is kept and looked for: only what stands before the @ is folded, since a folded domain
    may be another domain. Raises InvalidValue."""
    if len(email) > EMAIL_LENGTH_MAX:
        raise InvalidValue("email", "This is no e-mail address: it is too long.")
    try:
        address = validate_email(email, check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidValue("email", f"This is no e-mail address: {error}") from None
    return f"{unicodedata.normalize('NFC', address.local_part.casefold())}@{address.domain}"


def check_label(label: str) -> str:
    """What an account may be called in the ledger. Raises InvalidValue."""
    if "@" in label:
        raise InvalidValue("name", "name is a label that is kept for good: it must not be an e-mail address.")
    return accounts.check_text("name", label, accounts.NAME_LENGTH_MAX)
