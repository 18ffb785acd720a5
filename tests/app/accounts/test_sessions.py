"""Sessions on both engines: a token that only its cookie knows, and every way in which it ends."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.accounts.people import People
from app.accounts.sessions import SESSION_DAYS, Sessions, digest
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from tests.support.ledger.ledgers import Engine

ACCOUNT = "acct_1"
EMAIL = "ada@example.com"
HASH = "hash-1"


@pytest.fixture
def people(ledger: Ledger) -> People:
    people = People(ledger, Codec())
    people.set_email(ACCOUNT, EMAIL)
    people.set_password(ACCOUNT, HASH)
    return people


@pytest.fixture
def sessions(ledger: Ledger, people: People) -> Sessions:
    return Sessions(ledger)


def test_a_token_names_who_it_was_made_for(sessions: Sessions) -> None:
    token = sessions.begin(ACCOUNT)
    found = sessions.find(token)
    assert found is not None
    assert (found.account_id, found.email, found.token_digest) == (ACCOUNT, EMAIL, digest(token))
    assert sessions.find(token + "x") is None
    assert sessions.find("") is None


def test_tokens_are_long_and_never_the_same(sessions: Sessions) -> None:
    tokens = {sessions.begin(ACCOUNT) for _ in range(20)}
    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {43}


def test_a_stolen_row_is_no_token(sessions: Sessions, ledger: Ledger) -> None:
    token = sessions.begin(ACCOUNT)
    [row] = ledger.select("SELECT * FROM sessions")
    assert token not in map(str, row)
    assert all(sessions.find(str(value)) is None for value in row)


def test_an_ended_session_is_refused_immediately_by_every_process(
    engine: Engine, sessions: Sessions, ledger: Ledger
) -> None:
    elsewhere = Sessions(engine.open())
    ended, other = sessions.begin(ACCOUNT), sessions.begin(ACCOUNT)
    assert elsewhere.find(ended) is not None
    sessions.end(ended)
    sessions.end(ended)
    assert elsewhere.find(ended) is None
    assert elsewhere.find(other) is not None


def test_a_session_is_over_after_its_days_and_is_then_purged(sessions: Sessions, ledger: Ledger) -> None:
    token, other = sessions.begin(ACCOUNT), sessions.begin(ACCOUNT)
    [(lasts,)] = set(ledger.select("SELECT expires_at_micros - created_at_micros FROM sessions"))
    assert lasts == SESSION_DAYS * 86_400_000_000
    over = "UPDATE sessions SET expires_at_micros = ? WHERE token_digest = ?"
    ledger.change((over, (ledger.now_micros(), digest(token))))
    assert sessions.find(token) is None
    assert sessions.purge() == 1
    assert sessions.purge() == 0
    assert sessions.find(other) is not None


def test_a_session_of_a_forgotten_person_has_ended(sessions: Sessions, ledger: Ledger) -> None:
    token = sessions.begin(ACCOUNT)
    ledger.change(("DELETE FROM people WHERE account_id = ?", (ACCOUNT,)))
    assert sessions.find(token) is None


def test_a_session_begins_only_under_the_current_hash(sessions: Sessions, people: People, ledger: Ledger) -> None:
    token = sessions.begin_under(ACCOUNT, HASH)
    assert token is not None
    assert sessions.find(token) is not None
    people.set_password(ACCOUNT, "hash-2")
    assert sessions.begin_under(ACCOUNT, HASH) is None
    assert sessions.begin_under("acct_none", HASH) is None
    assert not ledger.select("SELECT * FROM sessions")


def test_no_session_outlives_a_password_that_is_replaced_meanwhile(
    engine: Engine, sessions: Sessions, ledger: Ledger
) -> None:
    """In either order: the reset ends sessions that began before it, and a later sign-in with the old password starts none."""
    reset_by, rounds = People(engine.open(), Codec()), 25
    beginning = [Sessions(engine.open()) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        for number in range(rounds):
            stands, start = f"{HASH}-{number}", threading.Barrier(4)
            reset_by.set_password(ACCOUNT, stands)

            def begin(each: Sessions, under: str = stands, start: threading.Barrier = start) -> str | None:
                start.wait(120)
                return each.begin_under(ACCOUNT, under)

            def reset(start: threading.Barrier = start) -> None:
                start.wait(120)
                reset_by.set_password(ACCOUNT, "another")

            begun = [pool.submit(begin, each) for each in beginning]
            pool.submit(reset).result(30)
            tokens = [token for each in begun if (token := each.result(30)) is not None]
            assert [sessions.find(token) for token in tokens] == [None] * len(tokens)
    assert not ledger.select("SELECT * FROM sessions")
