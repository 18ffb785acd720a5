"""The kinds of exports, and the encoder of each."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from app.faults import NoSuchExport
from app.settings import Settings
from projections.exports.beancount import BeancountEncoder
from projections.exports.contract import Encoder, Sheet
from projections.exports.csv import CsvEncoder
from projections.exports.focus import FocusSheet
from projections.exports.hledger import HledgerEncoder
from projections.exports.parquet import ParquetEncoder
from projections.exports.sheets import SHEETS

KINDS = ("csv", "focus", "beancount", "hledger", "parquet")
TABLES = tuple(SHEETS)
TABLE_DEFAULT = "transactions"
FOCUS = "focus"
FORMAT_VERSION = 2
"""Increased with every change of an encoder's output. A file of another version cannot be continued."""


class ExportSpec(msgspec.Struct, frozen=True):
    """What to export. `table` is for csv and parquet, and None for the others; `focus` is one of parquet's tables.

    If `account_id` is None, all accounts are exported. Instants: from the first, included, to the second, excluded. `provider`: the
    seller, named in every row of FOCUS, or None for the other kinds.
    """

    kind: str
    table: str | None = None
    account_id: str | None = None
    from_micros: int | None = None
    to_micros: int | None = None
    provider: str | None = None

    @property
    def is_focus(self) -> bool:
        return FOCUS in (self.kind, self.table)


def export_spec(kind: str, table: str | None, *, provider: str | None = None, **which: str | int | None) -> ExportSpec:
    """A validated ExportSpec. Raises NoSuchExport."""
    if kind not in KINDS:
        raise NoSuchExport(f"There is no export {kind[:40]!r}. Available: {', '.join(KINDS)}.")
    tables = {"csv": TABLES, "parquet": (*TABLES, FOCUS)}.get(kind, ())
    chosen = table or (TABLE_DEFAULT if tables else None)
    if chosen is not None and chosen not in tables:
        has = f"tables {', '.join(tables)}" if tables else "no tables"
        raise NoSuchExport(f"{kind} has no table {chosen[:40]!r}: it has {has}.")
    spec = msgspec.convert({"kind": kind, "table": chosen, **which}, ExportSpec)
    return msgspec.structs.replace(spec, provider=provider) if spec.is_focus else spec


def encoder_for(spec: ExportSpec, *, provider: str, name_of: Callable[[str], str]) -> Encoder:
    """A new encoder. `provider`: the seller; `name_of`: an account's name. Raises ParquetMissing."""
    match spec.kind:
        case "beancount":
            return BeancountEncoder(account_id=spec.account_id, opens_at_micros=spec.from_micros)
        case "hledger":
            return HledgerEncoder(account_id=spec.account_id, opens_at_micros=spec.from_micros)
        case _:
            sheet: Sheet = FocusSheet(provider, name_of) if spec.is_focus else SHEETS[spec.table or TABLE_DEFAULT]()
            return ParquetEncoder(sheet) if spec.kind == "parquet" else CsvEncoder(sheet)


def provider_of(settings: Settings) -> str:
    """The seller's name for FOCUS."""
    return urlsplit(settings.server.public_url).hostname or "realrouter"


def file_name(spec: ExportSpec, encoder: Encoder) -> str:
    """The file name of a download."""
    return f"realrouter-{spec.table or spec.kind}.{encoder.suffix}"
