"""All read models at one instant, row by row, for a replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from app.views import sql
from projections.contract import Tracked
from projections.tables import Row, Table


class ViewsSnapshot:
    """`tracked`: where each projection stood. Rows are read as they are asked for."""

    def __init__(self, tracked: Mapping[str, Tracked], stream: Callable[[str, Sequence[str]], Iterable[Row]]) -> None:
        self.tracked = tracked
        self._stream = stream

    def rows(self, table: Table, owner: str | None = None) -> Iterator[Row]:
        """Every row, or those with this in the first column of their key, in the order of the key."""
        yield from self._stream(sql.all_rows(table, owned=owner is not None), () if owner is None else (owner,))
