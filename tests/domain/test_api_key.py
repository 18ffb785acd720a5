"""API keys: their format, creation and revocation."""

from __future__ import annotations

import hashlib
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import api_key
from domain.account import Account, fold
from domain.errors import InvalidValue, NotFound
from domain.events import AccountOpened, KeyCreated, KeyLimits, KeyLimitsChanged, KeyRevoked

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
OPEN = fold("acct", [AccountOpened("acct", "Ada")])
WITH_KEY = fold(
    "acct", [AccountOpened("acct", "Ada"), KeyCreated("acct", "k", "n", "d", "h", KeyLimits(concurrency=2))]
)
keys = st.binary(min_size=32, max_size=32).map(api_key.make_key)


@given(keys)
def test_a_key_that_was_made_is_well_formed(key: str) -> None:
    assert api_key.well_formed(key)
    assert len(key) == 44
    assert key.startswith("sk-rr-")
    assert set(key[6:]) <= set(ALPHABET)


@settings(max_examples=25)
@given(keys)
def test_the_checksum_catches_every_single_character_typo(key: str) -> None:
    for place in range(len(key)):
        for other in ALPHABET + "-_ ":
            if other != key[place]:
                assert not api_key.well_formed(key[:place] + other + key[place + 1 :])


@given(keys, st.integers(6, 42))
def test_two_neighbours_swapped_are_caught(key: str, place: int) -> None:
    swapped = key[:place] + key[place + 1] + key[place] + key[place + 2 :]
    assert api_key.well_formed(swapped) == (swapped == key)


@pytest.mark.parametrize(
    "foreign", ["", "sk-proj-abc", "sk-rr-", "sk-rr-" + "0" * 38, "sk-rr-" + "\u0660" * 38, "x" * 10_000]
)
def test_what_is_not_ours_is_not_well_formed(foreign: str) -> None:
    assert not api_key.well_formed(foreign)


def test_a_line_feed_at_the_end_is_not_forgiven() -> None:
    assert not api_key.well_formed(api_key.make_key(bytes(32)) + "\n")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_needs_all_its_random_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        api_key.make_key(bytes(length))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_other_bytes_make_another_key(one: bytes, other: bytes) -> None:
    same = int.from_bytes(one, "big") % 62**32 == int.from_bytes(other, "big") % 62**32
    assert (api_key.make_key(one) == api_key.make_key(other)) == same


def test_a_digest_and_a_hint_do_not_tell_the_key() -> None:
    key = api_key.make_key(bytes(range(32)))
    assert api_key.digest(key) == hashlib.sha256(key.encode()).hexdigest()
    assert api_key.hint(key) == f"sk-rr-...{key[-4:]}"


def test_a_key_is_created_with_its_limits() -> None:
    limits = KeyLimits(models=("m",), concurrency=1)
    [event] = api_key.create_key(OPEN, key_id="k", name="ci", digest="d", hint="h", limits=limits)
    assert event == KeyCreated("acct", "k", "ci", "d", "h", limits)


def test_an_account_has_a_bounded_number_of_keys() -> None:
    created = [KeyCreated("acct", f"k{n}", "n", "d", "h", KeyLimits()) for n in range(api_key.KEYS_PER_ACCOUNT_MAX)]
    full = fold("acct", [AccountOpened("acct", "Ada"), *created])
    with pytest.raises(InvalidValue, match="at most 1000"):
        api_key.create_key(full, key_id="one-more", name="n", digest="d", hint="h", limits=KeyLimits())


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        (KeyLimits(budget_nanos_per_month=0), "budget_nanos_per_month"),
        (KeyLimits(requests_per_minute=-1), "requests_per_minute"),
        (KeyLimits(tokens_per_minute=0), "tokens_per_minute"),
        (KeyLimits(concurrency=0), "concurrency"),
        (KeyLimits(expires_at_micros=0), "expires_at_micros"),
        (KeyLimits(models=()), "models"),
        (KeyLimits(models=tuple(f"m{n}" for n in range(101))), "models"),
    ],
)
def test_a_limit_that_limits_nothing_or_everything_is_refused(limits: KeyLimits, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        api_key.check_limits(limits)
    assert refused.value.field == field


def test_limits_that_are_the_same_change_nothing() -> None:
    assert api_key.change_limits(WITH_KEY, key_id="k", limits=KeyLimits(concurrency=2)) == []
    assert api_key.change_limits(WITH_KEY, key_id="k", limits=KeyLimits()) == [
        KeyLimitsChanged("acct", "k", KeyLimits())
    ]


def test_a_key_of_another_account_is_not_found() -> None:
    with pytest.raises(NotFound):
        api_key.change_limits(WITH_KEY, key_id="other", limits=KeyLimits())
    with pytest.raises(NotFound):
        api_key.revoke_key(WITH_KEY, key_id="other")


def test_a_revoked_key_stays_revoked_and_its_limits_stay() -> None:
    assert api_key.revoke_key(WITH_KEY, key_id="k") == [KeyRevoked("acct", "k")]
    gone: Account = fold(
        "acct",
        [AccountOpened("acct", "Ada"), KeyCreated("acct", "k", "n", "d", "h", KeyLimits()), KeyRevoked("acct", "k")],
    )
    assert api_key.revoke_key(gone, key_id="k") == []
    with pytest.raises(InvalidValue, match="revoked"):
        api_key.change_limits(gone, key_id="k", limits=KeyLimits(concurrency=1))
