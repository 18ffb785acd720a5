"""Commands on accounts, keys and prices: decided on the current stream, and decided again if another command came first."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import pytest

from app.accounts.commands import (
    ATTEMPTS_MAX,
    apply_prices,
    known,
    listing_of,
    load_account,
    new_id,
    on_account,
    unlisted,
)
from app.faults import TooManyConflicts
from app.ledger.codec import Codec
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Append, CommandFailed, Conflict, Verdict
from app.settings import parse
from domain import account as accounts
from domain import buckets
from domain.account import Account
from domain.errors import AlreadyExists, DomainError
from domain.events import Event, account_stream, price_stream
from tests.support.gateway.gateway import ACCOUNT, configuration, open_account
from tests.support.ledger.books import check_books

CODEC = Codec()


@pytest.fixture
def ledger(tmp_path: Path) -> SQLiteLedger:
    ledger = SQLiteLedger(str(tmp_path / "ledger.db"))
    ledger.migrate()
    return ledger


def grant(account: Account, adjustment_id: str, amount_nanos: int) -> list[Event]:
    return list(
        accounts.post_adjustment(
            account,
            adjustment_id=adjustment_id,
            kind="grant",
            amount_nanos=amount_nanos,
            reason="test",
            reference=None,
        )
    )


def test_ids_are_random_and_say_what_they_are_of() -> None:
    made = {new_id("key") for _ in range(100)}
    assert len(made) == 100
    assert all(name.startswith("key_") and len(name) == 28 for name in made)


def test_an_account_is_what_its_stream_says(ledger: SQLiteLedger) -> None:
    assert not load_account(ledger, CODEC, ACCOUNT).exists
    open_account(ledger, CODEC, ACCOUNT, 500)
    account = load_account(ledger, CODEC, ACCOUNT)
    assert account.exists
    assert account.version == 2
    with pytest.raises(AlreadyExists):
        on_account(ledger, CODEC, ACCOUNT, partial(accounts.open_account, name="another"))
    assert on_account(ledger, CODEC, ACCOUNT, partial(accounts.open_account, name="Test"))[1] == []


def test_a_decision_that_changes_nothing_appends_nothing(ledger: SQLiteLedger) -> None:
    open_account(ledger, CODEC, ACCOUNT, 0)
    before = ledger.head()
    _, events = on_account(ledger, CODEC, ACCOUNT, lambda _: [])
    assert events == []
    assert ledger.head() == before


def test_a_refused_decision_leaves_nothing(ledger: SQLiteLedger) -> None:
    with pytest.raises(DomainError):
        on_account(ledger, CODEC, "acct_none", lambda state: grant(state, "adj_1", 5))
    assert ledger.head().position == 0


def test_where_another_came_first_the_decision_is_made_again(ledger: SQLiteLedger) -> None:
    open_account(ledger, CODEC, ACCOUNT, 0)
    seen: list[int] = []

    def decide(state: Account) -> list[Event]:
        seen.append(state.version)
        if len(seen) == 1:
            on_account(ledger, CODEC, ACCOUNT, lambda inner: grant(inner, "adj_first", 5))
        return grant(state, "adj_second", 7)

    on_account(ledger, CODEC, ACCOUNT, decide)
    assert seen == [1, 2]
    assert ledger.bucket_values([buckets.available(ACCOUNT)]) == {buckets.available(ACCOUNT): 12}


def test_writers_at_once_all_get_their_turn(tmp_path: Path, ledger: SQLiteLedger) -> None:
    open_account(ledger, CODEC, ACCOUNT, 0)

    def work(name: str) -> None:
        for number in range(5):
            on_account(ledger, CODEC, ACCOUNT, partial(grant, adjustment_id=f"{name}_{number}", amount_nanos=1))

    threads = [threading.Thread(target=work, args=(f"adj_{name}",)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check_books(ledger, CODEC)
    assert ledger.bucket_values([buckets.available(ACCOUNT)]) == {buckets.available(ACCOUNT): 15}


def test_it_gives_up_after_a_bounded_number_of_conflicts(ledger: SQLiteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    def contested(batch: Sequence[Append]) -> list[Verdict]:
        nonlocal tries
        tries += 1
        return [Conflict(batch[0].stream, 1, "another")]

    monkeypatch.setattr(ledger, "append", contested)
    with pytest.raises(TooManyConflicts, match="Try again"):
        on_account(ledger, CODEC, ACCOUNT, lambda state: accounts.open_account(state, name="x"))
    assert tries == ATTEMPTS_MAX


def test_a_grant_with_the_same_id_is_given_once(ledger: SQLiteLedger) -> None:
    open_account(ledger, CODEC, ACCOUNT, 0)
    for _ in range(2):
        on_account(ledger, CODEC, ACCOUNT, lambda state: grant(state, "adj_1", 5))
    with pytest.raises(AlreadyExists, match="adj_1"):
        on_account(ledger, CODEC, ACCOUNT, lambda state: grant(state, "adj_1", 6))
    assert ledger.bucket_values([buckets.available(ACCOUNT)]) == {buckets.available(ACCOUNT): 5}


def test_prices_are_listed_once_and_again_when_they_change(tmp_path: Path, ledger: SQLiteLedger) -> None:
    text = configuration(tmp_path)
    catalog = parse(text).catalog()
    models = list(catalog.models())
    assert len(unlisted(ledger, CODEC, catalog)) == len(models)
    assert [version for _, version in apply_prices(ledger, CODEC, catalog)] == [1] * len(models)
    assert apply_prices(ledger, CODEC, catalog) == []
    dearer = parse(text.replace('input = "0.25", cached_input', 'input = "0.30", cached_input', 1)).catalog()
    [(model, version)] = apply_prices(ledger, CODEC, dearer)
    assert (model.id, version) == ("gpt-5.4-mini", 2)
    assert listing_of(ledger, CODEC, model.id).prices == model.prices
    assert [event.originator_version for event in ledger.stream(price_stream(model.id))] == [1, 2]


def test_a_stream_with_an_event_of_a_newer_version_is_not_decided_upon(ledger: SQLiteLedger) -> None:
    open_account(ledger, CODEC, ACCOUNT, 0)
    [recorded] = ledger.stream(account_stream(ACCOUNT))
    newer = type(recorded)(**{**recorded.__dict__, "topic": "account.opened.v9"})
    with pytest.raises(CommandFailed, match="Update Realrouter"):
        known(CODEC, [newer])


def test_what_the_store_can_never_take_is_said(ledger: SQLiteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.ledger.store import Failed

    monkeypatch.setattr(ledger, "append", lambda batch: [Failed("a value that cannot be kept")])
    with pytest.raises(CommandFailed, match="cannot be kept"):
        on_account(ledger, CODEC, ACCOUNT, partial(accounts.open_account, name="x"))


def test_events_that_are_read_back_are_those_that_were_decided(ledger: SQLiteLedger) -> None:
    _, events = on_account(ledger, CODEC, ACCOUNT, partial(accounts.open_account, name="Ünïcode 日本"))
    assert known(CODEC, ledger.stream(account_stream(ACCOUNT))) == list(events)
    assert msgspec.json.encode(events[0])
