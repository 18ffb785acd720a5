"""A consistent snapshot of all read models, row by row, for a replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from app.faults import ReadModelsUnavailable
from app.read_models import sql
from app.read_models.queries import Fetch, tracked_by
from projections.runner import ALL
from projections.tables import Row, Table

TABLES = tuple(table for projection in ALL for table in projection.tables)


class ViewsSnapshot:
    """`tracked`: the position of each projection. Rows are read lazily."""

    def __init__(self, fetch: Fetch, stream: Callable[[str, Sequence[str]], Iterable[Row]]) -> None:
        if list(fetch("SELECT fingerprint FROM views.meta", ())) != [(sql.definition(ALL),)]:
            raise ReadModelsUnavailable(
                "the read models belong to another version: start this version, or rebuild them"
            )
        self.tracked = tracked_by(fetch)
        self._stream = stream

    def rows(self, table: Table, owner: str | None = None) -> Iterator[Row]:
        """Every row, or those with `owner` in the first column of the key, in key order."""
        yield from self._stream(sql.all_rows(table, owned=owner is not None), () if owner is None else (owner,))
