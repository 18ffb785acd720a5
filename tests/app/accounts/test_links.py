"""Links to sign in, on both engines: once, for a while, the newest only, and never past a change of password."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.accounts.links import LINK_MICROS, LINK_MINUTES, Links, address
from app.accounts.people import People
from app.accounts.sessions import Sessions, digest
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from domain.errors import NotFound
from tests.support.ledger.ledgers import Engine

ACCOUNT = "acct_1"


@pytest.fixture
def people(ledger: Ledger) -> People:
    people = People(ledger, Codec())
    people.set_email(ACCOUNT, "ada@example.com")
    return people


@pytest.fixture
def links(ledger: Ledger, people: People) -> Links:
    return Links(ledger)


def test_a_link_signs_in_once(links: Links, ledger: Ledger) -> None:
    token = links.make(ACCOUNT)
    session = links.use(token)
    assert session is not None
    assert session != token
    found = Sessions(ledger).find(session)
    assert found is not None
    assert (found.account_id, found.email) == (ACCOUNT, "ada@example.com")
    assert links.use(token) is None
    assert ledger.select("SELECT * FROM sign_in_links") == []


def test_a_stolen_row_is_no_link(links: Links, ledger: Ledger) -> None:
    token = links.make(ACCOUNT)
    assert len(token) == 43
    [row] = ledger.select("SELECT * FROM sign_in_links")
    assert row[0] == digest(token)
    assert token not in map(str, row)
    assert [links.use(str(value)) for value in row] == [None] * len(row)
    assert links.use("") is None


def test_the_newest_link_alone_works(links: Links) -> None:
    first, second = links.make(ACCOUNT), links.make(ACCOUNT)
    assert links.use(first) is None
    assert links.use(second) is not None


def test_a_link_is_over_after_its_minutes_and_is_then_purged(links: Links, ledger: Ledger, people: People) -> None:
    people.set_email("acct_2", "grace@example.com")
    token, other = links.make(ACCOUNT), links.make("acct_2")
    [(lasts,)] = set(ledger.select("SELECT expires_at_micros - created_at_micros FROM sign_in_links"))
    assert lasts == LINK_MICROS == LINK_MINUTES * 60_000_000
    over = "UPDATE sign_in_links SET expires_at_micros = ? WHERE token_digest = ?"
    ledger.change((over, (ledger.now_micros(), digest(token))))
    assert (links.purge(), links.purge()) == (1, 0)
    again = links.make(ACCOUNT)
    ledger.change((over, (ledger.now_micros(), digest(again))))
    assert links.use(again) is None
    assert ledger.select("SELECT * FROM sessions") == []
    assert links.use(other) is not None


@pytest.mark.parametrize("how", ["set", "changed", "forgotten"])
def test_what_ends_sessions_voids_links(links: Links, people: People, ledger: Ledger, how: str) -> None:
    people.set_password(ACCOUNT, "hash-1")
    token = links.make(ACCOUNT)
    assert not people.change_password(ACCOUNT, before="another", after="hash-2")
    assert len(ledger.select("SELECT * FROM sign_in_links")) == 1
    if how == "set":
        people.set_password(ACCOUNT, "hash-2")
    elif how == "changed":
        assert people.change_password(ACCOUNT, before="hash-1", after="hash-2")
    else:
        assert people.forget(ACCOUNT)
    assert links.use(token) is None
    assert ledger.select("SELECT * FROM sessions") == []


def test_an_account_without_a_person_gets_no_link(links: Links) -> None:
    with pytest.raises(NotFound, match="account email"):
        links.make("acct_none")


def test_a_link_that_many_use_at_once_signs_one_in(engine: Engine, links: Links, ledger: Ledger) -> None:
    using = [Links(engine.open()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(15):
            token, start = links.make(ACCOUNT), threading.Barrier(4)

            def use(each: Links, token: str = token, start: threading.Barrier = start) -> str | None:
                start.wait(120)
                return each.use(token)

            assert sum(session is not None for session in pool.map(use, using)) == 1
    assert len(ledger.select("SELECT * FROM sessions")) == 15


def test_no_session_of_a_link_outlives_a_password_that_is_set_meanwhile(
    engine: Engine, links: Links, people: People, ledger: Ledger
) -> None:
    using, setting = Links(engine.open()), People(engine.open(), Codec())
    with ThreadPoolExecutor(2) as pool:
        for number in range(15):
            token, start = links.make(ACCOUNT), threading.Barrier(2)

            def use(token: str = token, start: threading.Barrier = start) -> None:
                start.wait(120)
                using.use(token)

            def reset(name: str = f"hash-{number}", start: threading.Barrier = start) -> None:
                start.wait(120)
                setting.set_password(ACCOUNT, name)

            for each in [pool.submit(use), pool.submit(reset)]:
                each.result(30)
            assert ledger.select("SELECT * FROM sessions") == []


def test_many_links_that_are_made_at_once_leave_one(engine: Engine, people: People, ledger: Ledger) -> None:
    making, start = [Links(engine.open()) for _ in range(4)], threading.Barrier(4)

    def make(each: Links) -> None:
        start.wait(120)
        each.make(ACCOUNT)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, making))
    assert len(ledger.select("SELECT * FROM sign_in_links")) == 1


def test_the_token_is_in_no_part_that_is_sent() -> None:
    assert address("https://x.example/", "abc") == "https://x.example/login#token=abc"
