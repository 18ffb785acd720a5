"""Accounts: opened, credited by hand, frozen and unfrozen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain import account as accounts
from domain import api_key
from domain.account import Account, evolve, fold
from domain.errors import AlreadyExists, InvalidValue, NotFound
from domain.events import (
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AdjustmentPosted,
    Event,
    KeyCreated,
    KeyLimits,
    PriceListed,
)
from domain.money import AMOUNT_NANOS_MAX

NONE = Account("acct")
OPEN = fold("acct", [AccountOpened("acct", "Ada")])


def grant(account: Account, adjustment_id: str = "adj", amount_nanos: int = 1, kind: str = "grant") -> list[Event]:
    return accounts.post_adjustment(
        account, adjustment_id=adjustment_id, kind=kind, amount_nanos=amount_nanos, reason="hello", reference=None
    )


def test_an_account_is_opened_once() -> None:
    assert accounts.open_account(NONE, name="Ada") == [AccountOpened("acct", "Ada")]
    assert accounts.open_account(OPEN, name="Ada") == []
    with pytest.raises(AlreadyExists):
        accounts.open_account(OPEN, name="Bob")


@pytest.mark.parametrize("account_id", ["", "-a", "a" * 101, "a b", "ä", "a\n", "a/b", "a:b"])
def test_an_id_is_plain(account_id: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        accounts.open_account(Account(account_id), name="Ada")
    assert refused.value.field == "account_id"


@pytest.mark.parametrize("name", ["", "   ", "a" * 201, "a\nb", "a\x00", "a\ud800"])
def test_a_name_is_one_printable_line(name: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        accounts.open_account(NONE, name=name)
    assert refused.value.field == "name"


@pytest.mark.parametrize(
    "decide",
    [
        grant,
        lambda account: accounts.freeze(account, reason="why"),
        lambda account: accounts.unfreeze(account, reason="why"),
        lambda account: api_key.revoke_key(account, key_id="k"),
        lambda account: api_key.change_limits(account, key_id="k", limits=KeyLimits()),
    ],
)
def test_nothing_happens_to_an_account_that_is_not_there(decide: Callable[[Account], list[Event]]) -> None:
    with pytest.raises(NotFound):
        decide(NONE)


def test_an_adjustment_is_posted_once() -> None:
    [posted] = grant(OPEN, amount_nanos=5)
    assert posted == AdjustmentPosted("acct", "adj", "grant", 5, "hello", None)
    assert grant(evolve(OPEN, posted), amount_nanos=5) == []
    with pytest.raises(AlreadyExists):
        grant(evolve(OPEN, posted), amount_nanos=6)


@pytest.mark.parametrize(
    ("kind", "amount_nanos", "field"),
    [
        ("gift", 1, "kind"),
        ("grant", 0, "amount"),
        ("correction", 0, "amount"),
        ("grant", -1, "amount"),
        ("grant", AMOUNT_NANOS_MAX + 1, "amount"),
        ("correction", -AMOUNT_NANOS_MAX - 1, "amount"),
    ],
)
def test_an_adjustment_that_is_wrong_names_what_is(kind: str, amount_nanos: int, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        grant(OPEN, kind=kind, amount_nanos=amount_nanos)
    assert refused.value.field == field


def test_a_correction_has_either_sign_and_names_what_it_corrects() -> None:
    [posted] = accounts.post_adjustment(
        OPEN, adjustment_id="adj", kind="correction", amount_nanos=-5, reason="twice", reference="adj-0"
    )
    assert isinstance(posted, AdjustmentPosted)
    assert (posted.amount_nanos, posted.reference) == (-5, "adj-0")
    with pytest.raises(InvalidValue):
        accounts.post_adjustment(
            OPEN, adjustment_id="adj", kind="correction", amount_nanos=-5, reason="twice", reference=""
        )


def test_an_event_of_no_account_counts_and_changes_nothing_else() -> None:
    after = evolve(OPEN, PriceListed("m", {}))
    assert (after.version, after.name, after.keys) == (2, "Ada", {})


def test_a_very_long_id_is_cut_in_the_message() -> None:
    with pytest.raises(NotFound) as refused:
        accounts.require(Account("a" * 10_000))
    assert len(str(refused.value)) < 250


class AccountMachine(RuleBasedStateMachine):
    """Random commands against a plain model: a set of names, a flag, a dict of keys."""

    def __init__(self) -> None:
        super().__init__()
        self.account = Account("acct")
        self.events: list[Event] = []
        self.causes: set[str] = set()
        self.adjustments: set[str] = set()
        self.revoked: dict[str, bool] = {}

    def take(self, events: list[Event]) -> None:
        for event in events:
            self.events.append(event)
            self.account = evolve(self.account, event)

    @initialize()
    def open(self) -> None:
        self.take(accounts.open_account(self.account, name="Ada"))

    @rule(cause=st.sampled_from([accounts.OPERATOR, accounts.NEGATIVE_BALANCE]))
    def freeze(self, cause: str) -> None:
        events = accounts.freeze(self.account, reason="risk", cause=cause)
        assert events == ([] if cause in self.causes else [AccountFrozen("acct", "risk", cause)])
        self.causes.add(cause)
        self.take(events)

    @rule(cause=st.sampled_from([None, accounts.OPERATOR, accounts.NEGATIVE_BALANCE]))
    def unfreeze(self, cause: str | None) -> None:
        events = accounts.unfreeze(self.account, reason="paid", cause=cause)
        ended = sorted(self.causes) if cause is None else sorted(self.causes & {cause})
        assert events == [AccountUnfrozen("acct", "paid", each) for each in ended]
        self.causes.difference_update(ended)
        self.take(events)

    @rule(adjustment_id=st.sampled_from(["x", "y", "z"]))
    def adjust(self, adjustment_id: str) -> None:
        if adjustment_id in self.adjustments:
            assert grant(self.account, adjustment_id) == []
            return
        self.adjustments.add(adjustment_id)
        self.take(grant(self.account, adjustment_id))

    @rule(key_id=st.sampled_from(["k", "l"]))
    def create(self, key_id: str) -> None:
        if key_id in self.revoked:
            with pytest.raises(AlreadyExists):
                create(self.account, key_id)
            return
        self.revoked[key_id] = False
        self.take(create(self.account, key_id))

    @rule(key_id=st.sampled_from(["k", "l"]), concurrency=st.integers(1, 3))
    def limit(self, key_id: str, concurrency: int) -> None:
        limits = KeyLimits(concurrency=concurrency)
        if key_id not in self.revoked:
            with pytest.raises(NotFound):
                api_key.change_limits(self.account, key_id=key_id, limits=limits)
        elif self.revoked[key_id]:
            with pytest.raises(InvalidValue):
                api_key.change_limits(self.account, key_id=key_id, limits=limits)
        else:
            self.take(api_key.change_limits(self.account, key_id=key_id, limits=limits))
            assert self.account.keys[key_id].limits == limits

    @rule(key_id=st.sampled_from(["k", "l"]))
    def revoke(self, key_id: str) -> None:
        if key_id not in self.revoked:
            with pytest.raises(NotFound):
                api_key.revoke_key(self.account, key_id=key_id)
            return
        events = api_key.revoke_key(self.account, key_id=key_id)
        assert bool(events) != self.revoked[key_id]
        self.revoked[key_id] = True
        self.take(events)

    @invariant()
    def agrees(self) -> None:
        assert self.account == fold("acct", self.events)
        assert self.account.version == len(self.events)
        assert (set(self.account.causes), self.account.frozen) == (self.causes, bool(self.causes))
        assert set(self.account.adjustments) == self.adjustments
        assert {key_id: key.revoked for key_id, key in self.account.keys.items()} == self.revoked


def create(account: Account, key_id: str) -> list[Event]:
    return api_key.create_key(account, key_id=key_id, name="n", digest="d", hint="h", limits=KeyLimits())


AccountMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAccountMachine = AccountMachine.TestCase


@given(st.lists(st.sampled_from(["k", "l", "m"]), unique=True))
def test_keys_keep_their_order(key_ids: list[str]) -> None:
    created = [KeyCreated("acct", key_id, "n", "d", "h", KeyLimits()) for key_id in key_ids]
    assert list(fold("acct", created).keys) == key_ids
