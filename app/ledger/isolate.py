"""One poisoned command fails alone: a batch that the database refuses for its data is run again one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.ledger.store import Append, Failed, Verdict


def append_isolating(
    append: Callable[[Sequence[Append]], list[Verdict]],
    batch: Sequence[Append],
    *,
    data_errors: tuple[type[Exception], ...],
) -> list[Verdict]:
    """`append(batch)`, and where that raises one of `data_errors`, each command by itself, the culprits `Failed`."""
    try:
        return append(batch)
    except data_errors as error:
        if len(batch) == 1:
            return [Failed(str(error))]
    ordered = sorted(range(len(batch)), key=lambda index: not batch[index].first)
    verdicts: dict[int, Verdict] = {}
    for index in ordered:
        verdicts.update({index: append_isolating(append, [batch[index]], data_errors=data_errors)[0]})
    return [verdicts[index] for index in range(len(batch))]
