"""A sheet as Parquet, with native decimals and timestamps.

Rule 1: rows are written in groups, so memory use is constant. The footer lists every group, so a file cannot be continued; later
rows need a new file.
Rule 2: it needs pyarrow, which is not installed with the server: `pip install "realrouter[parquet]"`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Any

from domain.errors import Fault
from projections.contract import Fact
from projections.exports.contract import Column, Sheet, Tally

GROUP_ROWS = 20_000
DIGITS = 38
_EXACT = Context(prec=DIGITS)


class ParquetMissing(Fault):
    """The library that writes Parquet is not installed."""

    def __init__(self) -> None:
        super().__init__('Parquet needs pyarrow: pip install "realrouter[parquet]".')


class ParquetEncoder:
    suffix = "parquet"
    media_type = "application/vnd.apache.parquet"
    appends = False

    def __init__(self, sheet: Sheet) -> None:
        """Raises ParquetMissing."""
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra
            from pyarrow import parquet  # noqa: PLC0415
        except ImportError as error:
            raise ParquetMissing from error
        self._arrow, self._sheet, self._sink = pa, sheet, _Sink()
        self._schema = pa.schema([(column.name, self._type(column)) for column in sheet.columns])
        self._writer = parquet.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._waiting: list[tuple[Any, ...]] = []
        self._control = [column.name for column in sheet.columns].index(sheet.control)
        self.tally = Tally(sheet.control, sheet.columns[self._control].decimals)

    @property
    def remembers(self) -> bool:
        return self._sheet.remembers

    def head(self) -> bytes:
        return self._sink.take()

    def see(self, fact: Fact) -> None:
        for _ in self._sheet.rows(fact):
            pass

    def encode(self, facts: Sequence[Fact]) -> bytes:
        for fact in facts:
            for row in self._sheet.rows(fact):
                self.tally.rows += 1
                self.tally.total += row[self._control]
                self._waiting.append(row)
            if len(self._waiting) >= GROUP_ROWS:
                self._write()
        return self._sink.take()

    def tail(self) -> bytes:
        self._write()
        self._writer.close()
        return self._sink.take()

    def _write(self) -> None:
        if self._waiting:
            columns = zip(self._sheet.columns, zip(*self._waiting, strict=True), strict=True)
            arrays = [self._array(column, cells) for column, cells in columns]
            self._writer.write_batch(self._arrow.record_batch(arrays, schema=self._schema))
            self._waiting.clear()

    def _array(self, column: Column, cells: Sequence[Any]) -> Any:
        if column.kind == "decimal":
            scale = -column.decimals
            cells = [None if cell is None else Decimal(cell).scaleb(scale, _EXACT) for cell in cells]
        elif column.kind == "flag":
            cells = [bool(cell) for cell in cells]
        return self._arrow.array(cells, type=self._type(column))

    def _type(self, column: Column) -> Any:
        match column.kind:
            case "text":
                return self._arrow.string()
            case "int":
                return self._arrow.int64()
            case "flag":
                return self._arrow.bool_()
            case "instant":
                return self._arrow.timestamp("us", tz="UTC")
            case "decimal":
                return self._arrow.decimal128(DIGITS, column.decimals)


class _Sink:
    """A file object for the writer, emptied after every group."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken

    def flush(self) -> None: ...

    def close(self) -> None: ...
