"""All read models at one instant, row by row, for a replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from app.faults import ReadModelsUnavailable
from app.read_models import sql
from app.read_models.queries import Fetch, tracked_by
from projections.runner import ALL
from projections.tables import Row, Table

TABLES = tuple(table for projection in ALL for table in projection.tables)


class ViewsSnapshot:
    """`tracked`: where each projection stood. Rows are read as they are asked for."""

    def __init__(self, fetch: Fetch, stream: Callable[[str, Sequence[str]], Iterable[Row]]) -> None:
        if list(fetch("SELECT fingerprint FROM views.meta", ())) != [(sql.definition(ALL),)]:
            raise ReadModelsUnavailable("the read models are of another version: start this one, or rebuild them")
        self.tracked = tracked_by(fetch)
        self._stream = stream

    def rows(self, table: Table, owner: str | None = None) -> Iterator[Row]:
        """Every row, or those with this in the first column of their key, in the order of the key."""
        yield from self._stream(sql.all_rows(table, owned=owner is not None), () if owner is None else (owner,))
