"""The journal for hledger."""

from __future__ import annotations

from functools import lru_cache

from domain.books import CUSTOMER
from projections.exports.contract import MONEY_DECIMALS
from projections.exports.entries import Entry, EntryEncoder
from projections.exports.texts import component, date, fixed, instant, line


class HledgerEncoder(EntryEncoder):
    suffix = "journal"

    def _preamble(self) -> str:
        return "decimal-mark .\ncommodity 1.000000000 USD\n\n"

    def _open(self, account: str) -> str:
        return f"account {spelled(account)}\n"

    def _entry(self, entry: Entry) -> str:
        lines = [
            f"\n{date(entry.at_micros)} * ({entry.position}) {entry.what} | {_plain(entry.id)}\n",
            f"    ; at: {instant(entry.at_micros)}\n",
        ]
        lines += [f"    {spelled(account)}  {fixed(nanos, MONEY_DECIMALS)} USD\n" for account, nanos in entry.postings]
        return "".join(lines)


@lru_cache(maxsize=4096)
def spelled(account: str) -> str:
    """A ledger account in hledger's form: "liabilities:customer:Id-acct--1:available"."""
    if not account.startswith(CUSTOMER):
        return account
    name, _, side = account.removeprefix(CUSTOMER).rpartition(":")
    return f"{CUSTOMER}{component(name)}:{side}"


def _plain(text: str) -> str:
    """A description, in which characters that start a comment are replaced by commas."""
    return line(text).replace(";", ",").strip()
