"""One log, one outcome: everything derived from the log is the same, byte for byte, on both engines, whatever derived data was kept
or lost.

Derived data that may be lost: buckets of past minutes, rows of read models and their positions, names and instants kept in memory,
and keys by their digests.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.accounts.auth import Key, KeyCache
from app.ledger.codec import Codec
from app.ledger.copy import copy
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from domain import buckets
from domain.buckets import MICROS_PER_DAY, minute_of
from domain.events import KeyRevoked, account_stream
from projections import balances
from projections.exports import beancount, hledger, texts
from projections.keys import KEYS
from projections.runner import ALL, Runner
from tests.support.ledger.histories import Book
from tests.support.ledger.identity import EXPORTS, derived, exported, replayed, shown, transcribe
from tests.support.ledger.stages import ENGINES, Stage, drain, staged

HOUR_MICROS = MICROS_PER_DAY // 24
ACCOUNTS = ("acme", "bob", "zoë", "buyer_2", "käufer 2", "buyer_3", "käufer 3")
EXPORTED = ("acme", "zoë", "käufer 3")
REMEMBERED: tuple[Any, ...] = (
    *(balances._customer, buckets._minute, buckets._day),
    *(texts._second, beancount.spelled, hledger.spelled),
)
"""Derived data that a process keeps in memory."""


@pytest.fixture(params=ENGINES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Requests of three hours, some still open, and everything else that an account may do. The read models are caught up."""
    with staged(request, tmp_path) as stage:
        write(stage.book)
        drain(Runner(stage.log, stage.shown))
        yield stage


@pytest.fixture
def other(stage: Stage, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """The same events on the other engine: from SQLite by `ledger copy`, from PostgreSQL row by row. No read models yet."""
    engine = "postgres" if stage.engine == "sqlite" else "sqlite"
    place = request.getfixturevalue("postgres_url") if engine == "postgres" else str(tmp_path / "other.db")
    other = Stage(engine, place)
    if isinstance(stage.ledger, SQLiteLedger) and isinstance(other.ledger, PostgresLedger):
        copy(stage.ledger, other.ledger, lambda _done, _of: None)
    else:
        transcribe(stage.ledger, other.ledger)
    yield other
    other.close()


def write(book: Book) -> None:
    book.busy(150)
    for number in (2, 3):
        assert book.ledger.change(("UPDATE log_head SET recorded_at_micros = recorded_at_micros + ?", (HOUR_MICROS,)))
        book.busy(100, seed=number, accounts=ACCOUNTS[2 * number - 1 : 2 * number + 1])


def test_read_models_are_what_the_events_alone_give(stage: Stage) -> None:
    live = shown(stage.shown)
    assert live == derived(stage.ledger)
    tables = {line.partition(b"\t")[0].decode() for line in live.split(b"\n")}
    assert tables == {table.name for item in ALL for table in item.tables} - {"unknown_topics"}


def test_all_is_the_same_from_rebuilt_read_models_and_on_the_other_engine(stage: Stage, other: Stage) -> None:
    rows, books, told = shown(stage.shown), books_of(stage), replayed(stage.ledger, stage.shown)
    assert b'"differences_count":0' in told
    assert len(books) == len(EXPORTS) * (1 + len(EXPORTED))
    assert all(books.values())
    assert replayed(stage.ledger, None) == told
    Runner(stage.log, stage.shown, batch_events=173).rebuild()
    drain(Runner(other.log, other.shown, batch_events=61))
    for each in (stage, other):
        assert shown(each.shown) == rows
        forget()
        assert books_of(each) == books
        assert replayed(each.ledger, each.shown) == told


def test_all_is_the_same_where_nothing_is_remembered_from_one_batch_to_the_next(stage: Stage, other: Stage) -> None:
    rows, told = shown(stage.shown), replayed(stage.ledger, stage.shown)
    Runner(other.log, other.shown).prepare()
    while Runner(other.log, other.shown, batch_events=97).step():
        forget()
    assert shown(other.shown) == rows
    forget()
    assert replayed(other.ledger, other.shown) == told


def test_a_replay_is_the_same_with_and_without_the_minutes_that_are_over(stage: Stage) -> None:
    told = replayed(stage.ledger, stage.shown)
    for each in ("requests", "tokens"):
        assert any(name.startswith(f"{each}:") for name, _ in stage.ledger.buckets())
    stage.ledger.prune(minutes_before=minute_of(stage.ledger.head().recorded_at_micros + MICROS_PER_DAY))
    assert not any(name.startswith(("requests:", "tokens:")) for name, _ in stage.ledger.buckets())
    assert b'"differences_count":0' not in replayed(stage.ledger, stage.shown)
    assert replayed(stage.ledger, stage.shown, minutes_kept=-2 * 1_440) == told


async def test_keys_are_cached_as_the_log_has_them_at_once_or_bit_by_bit(stage: Stage) -> None:
    at_once, by_bits = KeyCache(stage.ledger, Codec()), KeyCache(stage.ledger, Codec())
    await by_bits.load()
    stage.book.open("late", "late-1")
    await by_bits.load()
    stage.book.say(account_stream("late"), KeyRevoked("late", "late-1"))
    await by_bits.load()
    await at_once.load()
    drain(Runner(stage.log, stage.shown))
    with stage.shown.snapshot() as snapshot:
        keys = {row[4]: (*row[:2], row[5], row[7] is not None) for row in snapshot.rows(KEYS)}
    assert len(keys) == 2 * len(ACCOUNTS) + 2
    for cache in (at_once, by_bits):
        assert {digest: _judged(key) for digest, key in cache._by_digest.items()} == keys


def _judged(key: Key) -> tuple[str, str, str, bool]:
    return key.account_id, key.key_id, msgspec.json.encode(key.limits).decode(), key.revoked


def books_of(stage: Stage) -> dict[str, bytes]:
    return exported(stage.ledger, stage.shown, EXPORTED)


def forget() -> None:
    for remembered in REMEMBERED:
        remembered.cache_clear()
