"""A sheet as CSV (RFC 4180 with a single line feed): a header, then the sheet's rows.

Rule: a missing value is an empty cell. Text that a spreadsheet could take for a formula is prefixed with an apostrophe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from projections.contract import Fact
from projections.exports.contract import Column, Sheet, Tally
from projections.exports.texts import cell, fixed, instant


class CsvEncoder:
    suffix = "csv"
    media_type = "text/csv; charset=utf-8"
    appends = True

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._spell = tuple(_speller(column) for column in sheet.columns)
        self._control = [column.name for column in sheet.columns].index(sheet.control)
        self.tally = Tally(sheet.control, sheet.columns[self._control].decimals)

    @property
    def remembers(self) -> bool:
        return self._sheet.remembers

    def head(self) -> bytes:
        return (",".join(column.name for column in self._sheet.columns) + "\n").encode()

    def see(self, fact: Fact) -> None:
        for _ in self._sheet.rows(fact):
            pass

    def encode(self, facts: Sequence[Fact]) -> bytes:
        lines = []
        for fact in facts:
            for row in self._sheet.rows(fact):
                self.tally.rows += 1
                self.tally.total += row[self._control]
                cells = zip(self._spell, row, strict=True)
                lines.append(",".join("" if value is None else spell(value) for spell, value in cells))
        lines.append("")
        return "\n".join(lines).encode()

    def tail(self) -> bytes:
        return b""


def _speller(column: Column) -> Callable[[Any], str]:
    match column.kind:
        case "text":
            return cell
        case "int":
            return str
        case "flag":
            return lambda value: "true" if value else "false"
        case "instant":
            return instant
        case "decimal":
            decimals = column.decimals
            return lambda value: fixed(value, decimals)
