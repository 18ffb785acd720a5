"""The journal for beancount (versions 3 and 2)."""

from __future__ import annotations

from functools import lru_cache

from projections.exports.contract import MONEY_DECIMALS
from projections.exports.entries import Entry, EntryEncoder
from projections.exports.texts import component, date, fixed, instant, line

_ROOTS = {"expense": "Expenses"}
_OPENED_ON = "1970-01-01"


class BeancountEncoder(EntryEncoder):
    suffix = "beancount"

    def _preamble(self) -> str:
        return 'option "title" "Realrouter"\noption "operating_currency" "USD"\n\n'

    def _open(self, account: str) -> str:
        return f"{_OPENED_ON} open {spelled(account)} USD\n"

    def _entry(self, entry: Entry) -> str:
        lines = [
            f'\n{date(entry.at_micros)} * "{_quoted(entry.what)}" "{_quoted(entry.id)}"\n',
            f'  position: {entry.position}\n  at: "{instant(entry.at_micros)}"\n',
        ]
        lines += [f"  {spelled(account)}  {fixed(nanos, MONEY_DECIMALS)} USD\n" for account, nanos in entry.postings]
        return "".join(lines)


@lru_cache(maxsize=4096)
def spelled(account: str) -> str:
    """A ledger account in beancount's form: "Liabilities:Customer:Id-acct--1:Available"."""
    root, *middle = account.split(":", 1)
    if root == "liabilities":
        _, _, customer = middle[0].partition(":")
        name, _, side = customer.rpartition(":")
        return f"Liabilities:Customer:{component(name)}:{side.capitalize()}"
    return ":".join((_ROOTS.get(root, root.capitalize()), *(part.capitalize() for part in middle)))


def _quoted(text: str) -> str:
    return line(text).replace("\\", "\\\\").replace('"', '\\"')
