"""Background work: a turn, a pause, and the next turn, for as long as the process runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, NoReturn

import structlog
import trio

from app.faults import StorageUnavailable
from app.ledger.store import StoreUnavailable

RETRY_SECONDS = 1.0
"""The minimum pause after a turn that failed."""
_log = structlog.get_logger("background")


class Turn(NamedTuple):
    """A row of background work: its name in the log, the pause before each turn, and the turn."""

    name: str
    seconds: float
    take: Callable[[], Awaitable[None]]


async def repeat(turn: Turn) -> NoReturn:
    """Take a turn again and again. A failure is logged and retried: it must not end a process that moves money."""
    while True:
        await trio.sleep(turn.seconds)
        try:
            await turn.take()
        except StoreUnavailable as error:
            _log.warning(f"{turn.name}: the store is unavailable", error=str(error))
        except StorageUnavailable as error:
            _log.warning(f"{turn.name}: the file storage is unavailable", error=str(error))
        except Exception:  # noqa: BLE001 - see above
            _log.exception(f"unexpected error in {turn.name}")
        else:
            continue
        await trio.sleep(RETRY_SECONDS)
