"""Keeps one bad command from failing the others in its batch.

Rule 1: a malformed name is refused before the database sees it, so that both engines refuse the same names.
Rule 2: a batch whose data the database refuses is run again in halves, in order, until the bad command is alone: this takes a
handful of extra transactions, whatever the size of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.ledger.arbiter import settlements_first
from app.ledger.codec import UnencodableEvent
from app.ledger.store import STREAM_LENGTH_MAX, Append, Failed, Verdict

_VALUES = (UnencodableEvent, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""Errors of a command that can never be appended: in its movements, in its encoding, or in the driver."""
Run = Callable[[Sequence[Append]], list[Verdict]]


def append_isolating(
    append: Run, batch: Sequence[Append], *, data_errors: tuple[type[Exception], ...]
) -> list[Verdict]:
    """The verdicts of `append` in batch order; a bad command's is `Failed`. Raises errors that are not data errors."""
    order = settlements_first(batch)
    verdicts: dict[int, Verdict] = {
        index: Failed(problem) for index in order if (problem := _misnamed(batch[index])) is not None
    }
    sound = [index for index in order if index not in verdicts]
    if sound:
        judged = _isolated(append, [batch[index] for index in sound], (*data_errors, *_VALUES))
        verdicts.update(zip(sound, judged, strict=True))
    return [verdicts[index] for index in range(len(batch))]


def _isolated(append: Run, batch: Sequence[Append], data_errors: tuple[type[Exception], ...]) -> list[Verdict]:
    try:
        return append(batch)
    except data_errors as error:
        if len(batch) == 1:
            return [Failed(str(error))]
    half = len(batch) // 2
    return [*_isolated(append, batch[:half], data_errors), *_isolated(append, batch[half:], data_errors)]


def _misnamed(append: Append) -> str | None:
    for what, name in (("stream", append.stream), ("command id", append.command_id)):
        if not 0 < len(name) <= STREAM_LENGTH_MAX or not name.isprintable():
            return f"a {what} is 1 to {STREAM_LENGTH_MAX} printable characters, not {name[:40]!r}"
    return None
