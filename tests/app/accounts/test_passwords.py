"""Passwords: which ones are valid, how they are stored, and that checking an unknown person's takes as long as any other."""

from __future__ import annotations

import threading

import argon2
import pytest
import trio

from app.accounts.passwords import AT_ONCE, LENGTH_MAX, LENGTH_MIN, PARAMETERS, WAITING_MAX, Passwords, check_password
from app.faults import Overloaded
from domain.errors import InvalidValue
from tests.support.gateway.hashing import CHEAP, CountingHasher

PASSWORD = "correct horse battery"
COMPOSED, DECOMPOSED = "caf\u00e9 cr\u00e8me", "cafe\u0301 cre\u0300me"


class HeldHasher(CountingHasher):
    """Hashes only once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def hash(self, password: str) -> str:
        assert self.go.wait(120)
        return super().hash(password)


def passwords(hasher: CountingHasher | None = None) -> Passwords:
    return Passwords(hasher or CountingHasher(), CHEAP)


async def test_a_password_is_known_again_and_no_other_is() -> None:
    kept = await passwords().hash(PASSWORD)
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept
    assert await passwords().verify(kept, PASSWORD)
    assert not await passwords().verify(kept, PASSWORD + " ")
    assert kept != await passwords().hash(PASSWORD)


async def test_the_standard_parameters_are_those_of_rfc_9106() -> None:
    assert (PARAMETERS.memory_cost, PARAMETERS.time_cost, PARAMETERS.parallelism) == (64 * 1024, 3, 4)
    kept = Passwords().hash_now(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await Passwords().verify(kept, PASSWORD)
    assert not Passwords().is_outdated(kept)
    assert Passwords().is_outdated(passwords().hash_now(PASSWORD))


async def test_an_unknown_person_and_one_without_a_password_cost_one_check_like_any_other() -> None:
    hasher = CountingHasher()
    asked = passwords(hasher)
    kept = argon2.PasswordHasher.from_parameters(CHEAP).hash(PASSWORD)
    for stored, right in ((kept, True), (None, False), ("", False)):
        before = hasher.work
        assert await asked.verify(stored, PASSWORD) is right
        assert hasher.work == (before[0], before[1] + 1)


def test_the_placeholder_hash_has_the_same_parameters() -> None:
    for parameters in (PARAMETERS, CHEAP):
        stand_in = Passwords(parameters=parameters)._stand_in
        assert argon2.extract_parameters(stand_in) == parameters
        assert stand_in != Passwords(parameters=parameters)._stand_in


async def test_a_row_without_a_hash_signs_no_one_in() -> None:
    for stored in ("!", "$argon2id$v=19$m=8,t=1,p=1$", "plain " + PASSWORD, PASSWORD):
        assert not await passwords().verify(stored, PASSWORD)


@pytest.mark.parametrize("letter", ["a", " ", "é", "\U0001f600", "\u0000"])
def test_length_alone_makes_a_password_counted_in_characters(letter: str) -> None:
    for length in (LENGTH_MIN, LENGTH_MAX):
        assert check_password(letter * length) == letter * length
    for length in (0, LENGTH_MIN - 1, LENGTH_MAX + 1, 50 * LENGTH_MAX):
        with pytest.raises(InvalidValue, match="8 to 1024"):
            check_password(letter * length)


def test_what_is_refused_names_its_parameter() -> None:
    with pytest.raises(InvalidValue) as refused:
        check_password("short", "new_password")
    assert refused.value.field == "new_password"
    with pytest.raises(InvalidValue, match="UTF-8"):
        check_password("half a letter \udc80")


async def test_a_password_that_is_too_long_is_wrong_and_not_cut_to_one_that_is_right() -> None:
    longest = "x" * LENGTH_MAX
    kept = await passwords().hash(longest)
    assert await passwords().verify(kept, longest)
    for more in ("x", "y", "x" * 60_000):
        assert not await passwords().verify(kept, longest + more)


async def test_one_password_is_one_however_a_keyboard_composes_it() -> None:
    assert COMPOSED != DECOMPOSED
    assert await passwords().verify(await passwords().hash(COMPOSED), DECOMPOSED)
    assert await passwords().verify(await passwords().hash(DECOMPOSED), COMPOSED)


@pytest.mark.parametrize("letters", ["\u0041\u030a", "\u03b1\u0313\u0300\u0345"])
def test_what_shrinks_when_it_is_composed_is_not_cut_before_it_is_counted(letters: str) -> None:
    assert check_password(letters * LENGTH_MAX)
    with pytest.raises(InvalidValue):
        check_password(letters * (LENGTH_MAX + 1))


async def test_a_few_hashes_run_concurrently_a_few_more_wait_and_the_rest_are_refused() -> None:
    hasher = HeldHasher()
    asked = passwords(hasher)
    refused = 0

    async def ask() -> None:
        nonlocal refused
        try:
            await asked.hash(PASSWORD)
        except Overloaded:
            refused += 1
            if refused == 5:
                hasher.go.set()

    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE + WAITING_MAX + 5):
            nursery.start_soon(ask)
    assert refused == 5
    assert hasher.hashed == AT_ONCE + WAITING_MAX
    assert hasher.most <= AT_ONCE
