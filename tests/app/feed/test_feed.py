"""The feed on both engines, turn by turn: who gets which events, from where, once; and what an unavailable store changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from app.accounts.auth import KeyCache
from app.accounts.commands import on_account
from app.accounts.sessions import Sessions
from app.faults import Overloaded, ShuttingDown, TooManyStreams
from app.feed.feed import PAGE, Bounds, Feed
from app.feed.listener import Listener, News
from app.ledger.codec import Codec
from app.ledger.store import Head, Ledger, RecordedEvent, StoreUnavailable
from app.read_models import DecodedLog
from domain import account as accounts
from domain.events import AdjustmentPosted, Event
from tests.support.gateway.gateway import make_key, open_account
from tests.support.gateway.processes import PATIENCE_SECONDS

MINE, THEIRS = "acct_mine", "acct_theirs"
CREDIT = 10**9


class Away:
    """The real ledger, whose reads fail when a test says so."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.log = self.balances = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        self._check(self.log)
        return self._ledger.read(after, limit)

    def bucket_values_at_head(self, names: Collection[str]) -> tuple[Head, dict[str, int]]:
        self._check(self.balances)
        return self._ledger.bucket_values_at_head(list(names))

    @staticmethod
    def _check(there: bool) -> None:
        if not there:
            raise StoreUnavailable("the test took it away")


class House:
    def __init__(self, ledger: Ledger, **bounds: int) -> None:
        self.ledger = Away(ledger)
        store = cast(Ledger, self.ledger)
        self.keys = KeyCache(ledger, Codec())
        self.feed = Feed(store, DecodedLog(store), sessions=Sessions(ledger), keys=self.keys, bounds=Bounds(**bounds))
        for account_id in (MINE, THEIRS):
            open_account(ledger, Codec(), account_id, CREDIT)

    @property
    def head(self) -> int:
        return self.ledger.head().position  # type: ignore[no-any-return]

    def grant(self, account_id: str = MINE, name: str = "adj", count: int = 1) -> None:
        def decide(state: accounts.Account) -> list[Event]:
            each = (f"{name}_{number}" for number in range(count))
            return [AdjustmentPosted(account_id, adjustment, "grant", 1, "credit", None) for adjustment in each]

        on_account(cast(Ledger, self.ledger), Codec(), account_id, decide)


async def taken(listener: Listener) -> News:
    """The events that are already waiting."""
    with trio.fail_after(PATIENCE_SECONDS):
        return await listener.take()


def positions(news: News) -> list[int]:
    return [fact.position for fact in news.facts]


async def test_each_listener_gets_its_events_once_and_the_position_of_the_log(ledger: Ledger) -> None:
    house = House(ledger)
    mine, theirs = await house.feed.join(MINE, last=None), await house.feed.join(THEIRS, last=None)
    before = house.head
    house.grant(MINE, "a", 2)
    house.grant(THEIRS, "b")
    await house.feed.turn()
    news, others = await taken(mine), await taken(theirs)
    assert (positions(news), positions(others)) == ([before + 1, before + 2], [before + 3])
    assert (news.position, others.position) == (before + 3, before + 3)
    assert news.balance is not None
    assert (news.balance.available_nanos, news.balance.position) == (CREDIT + 2, before + 3)
    house.grant(MINE, "c")
    await house.feed.turn()
    assert positions(await taken(mine)) == [before + 4]


async def test_of_balances_only_the_newest_waits_and_only_one_that_differs(ledger: Ledger) -> None:
    house = House(ledger)
    listener = await house.feed.join(MINE, last=None)
    listener.note(await house.feed.balance(MINE))
    make_key(ledger, Codec(), MINE)
    await house.feed.turn()
    assert (await taken(listener)).balance is None
    for name in ("a", "b", "c"):
        house.grant(MINE, name)
        await house.feed.turn()
    news = await taken(listener)
    assert (len(news.facts), news.balance and news.balance.available_nanos) == (3, CREDIT + 3)


async def test_a_balance_read_earlier_is_never_the_last_one_sent(ledger: Ledger) -> None:
    """The feed's balance waits while the stream begins with a newer one: the true balance is sent after it."""
    house = House(ledger)
    listener = await house.feed.join(MINE, last=None)
    house.grant(MINE, "a")
    await house.feed.turn()
    house.grant(MINE, "b")
    listener.note(await house.feed.balance(MINE))
    await house.feed.turn()
    news = await taken(listener)
    assert news.balance is not None
    assert news.balance.available_nanos == CREDIT + 2


async def test_a_store_that_is_away_delays_and_loses_nothing(ledger: Ledger) -> None:
    house = House(ledger)
    listener = await house.feed.join(MINE, last=None)
    house.grant(MINE)
    house.ledger.log = False
    with pytest.raises(StoreUnavailable):
        await house.feed.turn()
    house.ledger.log, house.ledger.balances = True, False
    with pytest.raises(StoreUnavailable):
        await house.feed.turn()
    assert positions(await taken(listener)) == [house.head]
    house.ledger.balances = True
    await house.feed.turn()
    news = await taken(listener)
    assert (news.facts, news.balance and news.balance.available_nanos) == ([], CREDIT + 1)


async def test_the_log_is_not_followed_without_listeners_and_a_new_listener_begins_at_the_end(ledger: Ledger) -> None:
    house = House(ledger)
    house.ledger.log = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.feed.turn)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    house.ledger.log = True
    first = await house.feed.join(MINE, last=None)
    house.grant(MINE, "a")
    house.feed.leave(first)
    house.feed.leave(first)
    again = await house.feed.join(MINE, last=None)
    assert (again.begins, house.feed.streams) == (house.head, 1)
    house.grant(MINE, "b")
    await house.feed.turn()
    assert positions(await taken(again)) == [house.head]


async def test_a_turn_is_woken_by_a_commit_and_else_waits_a_little(ledger: Ledger) -> None:
    house = House(ledger)
    await house.feed.join(MINE, last=None)
    with trio.fail_after(PATIENCE_SECONDS):
        await house.feed.turn()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.feed.turn)
        house.feed.poke()


async def test_missed_events_are_read_from_the_log_up_to_where_the_feed_continues(ledger: Ledger) -> None:
    house = House(ledger)
    last = house.head
    house.grant(MINE, "a", PAGE + 5)
    house.grant(THEIRS, "b", 3)
    listener = await house.feed.join(MINE, last=last)
    assert (listener.begins, listener.joined, listener.reset) == (last, house.head, False)
    house.grant(MINE, "c", 2)
    await house.feed.turn()
    found: list[int] = []
    while page := await house.feed.missed(found[-1] if found else last, listener.joined):
        assert len(page) <= PAGE
        found += [fact.position for fact in page]
    assert found + positions(await taken(listener)) == list(range(last + 1, house.head + 1))


async def test_events_already_sent_by_another_process_are_not_sent_again(ledger: Ledger) -> None:
    """This process's feed lags behind: it already has a listener, and has not read the log since."""
    house = House(ledger)
    await house.feed.join(THEIRS, last=None)
    house.grant(MINE, "a", 3)
    listener = await house.feed.join(MINE, last=house.head - 1)
    assert (listener.begins, await house.feed.missed(listener.begins, listener.joined)) == (house.head - 1, ())
    await house.feed.turn()
    assert positions(await taken(listener)) == [house.head]


async def test_too_much_and_what_never_was_is_a_reset(ledger: Ledger) -> None:
    house = House(ledger, missed_max=2)
    for last, reset in ((house.head - 2, False), (house.head - 3, True), (house.head, False), (house.head + 1, True)):
        listener = await house.feed.join(MINE, last=last)
        assert (listener.reset, listener.begins) == (reset, house.head if reset else last)


async def test_a_listener_that_reads_too_slowly_is_cut_off(ledger: Ledger) -> None:
    house = House(ledger, waiting_max=3)
    slow, quick = await house.feed.join(MINE, last=None), await house.feed.join(MINE, last=None)
    for name in "abcd":
        house.grant(MINE, name)
        await house.feed.turn()
        assert len((await taken(quick)).facts) == 1
        assert slow.scope.cancel_called == (name == "d")
    news = await taken(slow)
    assert (news.facts, news.ended) == ([], "too slow")


async def test_there_is_room_for_so_many_and_none_while_closing(ledger: Ledger) -> None:
    house = House(ledger, streams_max=3, account_streams_max=2)
    first, _ = await house.feed.join(MINE, last=None), await house.feed.join(MINE, last=None)
    with pytest.raises(TooManyStreams):
        await house.feed.join(MINE, last=None)
    theirs = await house.feed.join(THEIRS, last=None)
    with pytest.raises(Overloaded):
        await house.feed.join(THEIRS, last=None)
    house.feed.leave(first)
    assert (await house.feed.join(MINE, last=None)).account_id == MINE
    house.feed.close()
    assert (await taken(theirs)).ended == "the server is shutting down"
    with pytest.raises(ShuttingDown):
        await house.feed.join(MINE, last=None)


async def test_many_who_join_at_once_pass_no_bound(ledger: Ledger) -> None:
    house = House(ledger, account_streams_max=2)
    refused: list[TooManyStreams] = []

    async def join() -> None:
        try:
            await house.feed.join(MINE, last=None)
        except TooManyStreams as error:
            refused.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(join)
    assert (len(refused), house.feed.streams) == (6, 2)


async def test_only_the_streams_of_what_is_over_end(ledger: Ledger) -> None:
    house = House(ledger)
    sessions = Sessions(ledger)
    ledger.change(
        (
            "INSERT INTO people (account_id, email, label, created_at_micros) VALUES (?, ?, ?, ?)",
            (MINE, "a@example.org", "x", 1),
        )
    )
    key_id, _ = make_key(ledger, Codec(), MINE)
    await house.keys.load()
    stays, goes = sessions.begin(MINE), sessions.begin(MINE)
    digests = [found.token_digest for token in (stays, goes) if (found := sessions.find(token)) is not None]
    signed_in = [await house.feed.join(MINE, last=None, session_digest=digest) for digest in digests]
    with_key = await house.feed.join(MINE, last=None, key_id=key_id)
    with_none = await house.feed.join(MINE, last=None, key_id="key_none")
    sessions.end(goes)
    await house.feed.check()
    assert (await taken(signed_in[1])).ended == "the session has ended"
    assert (await taken(with_none)).ended == "the key is no longer valid"
    house.grant()
    await house.feed.turn()
    for still in (signed_in[0], with_key):
        assert (await taken(still)).ended is None
