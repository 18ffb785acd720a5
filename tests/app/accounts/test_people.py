"""People on both engines: one per e-mail, one per account, and no personal data in the ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.accounts.commands import load_account, on_account
from app.accounts.people import People, Person, check_label, normalised_email
from app.accounts.sessions import Sessions
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from domain import account as accounts
from domain.errors import AlreadyExists, InvalidValue, NotFound
from domain.events import AccountOpened
from tests.support.ledger.ledgers import Engine, whole

EMAIL = "ada@example.com"


@pytest.fixture
def people(ledger: Ledger) -> People:
    return People(ledger, Codec())


def the_person(people: People, email: str = EMAIL) -> Person:
    person = people.by_email(email)
    assert person is not None
    return person


def names_opened(ledger: Ledger) -> list[str]:
    codec = Codec()
    events = [codec.decode(recorded.topic, recorded.state) for recorded in whole(ledger)]
    return [event.name for event in events if isinstance(event, AccountOpened)]


def test_signing_up_makes_a_person_and_an_account_with_a_neutral_name(people: People, ledger: Ledger) -> None:
    assert people.sign_up(EMAIL, "hash-1")
    person = the_person(people)
    assert (person.email, person.password_hash) == (EMAIL, "hash-1")
    assert people.by_account(person.account_id) == person
    assert load_account(ledger, Codec(), person.account_id).exists
    assert names_opened(ledger) == ["Personal"]


def test_a_label_is_what_the_account_is_called(people: People, ledger: Ledger) -> None:
    people.sign_up(EMAIL, "hash-1", "Research")
    assert names_opened(ledger) == ["Research"]


def test_signing_up_again_changes_nothing_and_opens_nothing(people: People, ledger: Ledger) -> None:
    people.sign_up(EMAIL, "hash-1")
    person, log = the_person(people), whole(ledger)
    assert not people.sign_up(EMAIL, "hash-2", "Mine now")
    assert the_person(people) == person
    assert whole(ledger) == log


def test_a_known_email_costs_a_write_to_its_row_as_an_unknown_one_does(people: People, ledger: Ledger) -> None:
    for asked in (1, 2, 3):
        people.claim(EMAIL, "hash-1")
        assert list(ledger.select("SELECT email, asked FROM people")) == [(EMAIL, asked)]


def test_two_who_sign_up_at_once_are_one_person_with_one_account(engine: Engine, ledger: Ledger) -> None:
    others = [People(engine.open(), Codec()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda number: others[number].sign_up(EMAIL, f"hash-{number}"), range(4)))
    assert sorted(made) == [False, False, False, True]
    assert the_person(People(ledger, Codec())).password_hash == f"hash-{made.index(True)}"
    assert names_opened(ledger) == ["Personal"]


def test_an_account_that_was_not_opened_is_opened_later_under_its_label(people: People, ledger: Ledger) -> None:
    account_id = people.claim(EMAIL, "hash-1", "Research")
    assert account_id is not None
    assert not whole(ledger)
    people.open_account(account_id)
    people.open_account(account_id)
    assert names_opened(ledger) == ["Research"]


def test_many_who_open_one_account_at_once_open_it_once(engine: Engine, people: People, ledger: Ledger) -> None:
    account_id = people.claim(EMAIL, "hash-1", "Research")
    assert account_id is not None
    others = [People(engine.open(), Codec()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda other: other.open_account(account_id), others))
    assert names_opened(ledger) == ["Research"]


def test_an_account_without_a_claim_is_not_opened(people: People, ledger: Ledger) -> None:
    people.open_account("acct_none")
    assert not whole(ledger)


def test_no_event_holds_anything_of_a_person(people: People, ledger: Ledger) -> None:
    people.sign_up(EMAIL, "hash-of-it")
    people.set_password(the_person(people).account_id, "another-hash")
    for recorded in whole(ledger):
        assert b"ada@" not in recorded.state
        assert b"hash" not in recorded.state


def test_an_account_has_one_person_and_a_person_one_account(people: People) -> None:
    people.add("acct_1", EMAIL, "Research")
    people.add("acct_1", EMAIL, "Research")
    with pytest.raises(AlreadyExists, match="Another account"):
        people.add("acct_2", EMAIL)
    with pytest.raises(AlreadyExists, match="account email"):
        people.add("acct_1", "grace@example.com")
    assert the_person(people) == Person("acct_1", EMAIL, None)
    assert people.by_account("acct_2") is None


def test_an_email_can_be_changed_only_to_an_unused_one(people: People) -> None:
    people.set_email("acct_1", EMAIL)
    people.set_password("acct_1", "hash-1")
    people.set_email("acct_1", EMAIL)
    people.set_email("acct_1", "ada@example.org")
    assert the_person(people, "ada@example.org") == Person("acct_1", "ada@example.org", "hash-1")
    assert people.by_email(EMAIL) is None
    people.set_email("acct_2", EMAIL)
    for account_id in ("acct_1", "acct_3"):
        with pytest.raises(AlreadyExists):
            people.set_email(account_id, EMAIL)
    assert the_person(people).account_id == "acct_2"


def test_a_password_that_is_set_ends_every_session_of_its_account_alone(people: People, ledger: Ledger) -> None:
    sessions = Sessions(ledger)
    people.set_email("acct_1", EMAIL)
    people.set_email("acct_2", "grace@example.com")
    mine, theirs = [sessions.begin("acct_1") for _ in range(2)], sessions.begin("acct_2")
    people.set_password("acct_1", "hash-2")
    assert [sessions.find(token) for token in mine] == [None, None]
    assert sessions.find(theirs) is not None


def test_a_password_is_set_only_for_somebody(people: People) -> None:
    with pytest.raises(NotFound, match="account email"):
        people.set_password("acct_none", "hash-1")


def test_a_password_is_changed_only_from_the_current_one(people: People, ledger: Ledger) -> None:
    sessions = Sessions(ledger)
    people.sign_up(EMAIL, "hash-1")
    account_id = the_person(people).account_id
    token = sessions.begin(account_id)
    assert not people.change_password(account_id, before="hash-0", after="hash-2")
    assert sessions.find(token) is not None
    assert people.change_password(account_id, before="hash-1", after="hash-2")
    assert sessions.find(token) is None
    assert the_person(people).password_hash == "hash-2"


def test_other_parameters_for_the_same_password_end_no_session(people: People, ledger: Ledger) -> None:
    sessions = Sessions(ledger)
    people.sign_up(EMAIL, "hash-1")
    account_id = the_person(people).account_id
    token = sessions.begin(account_id)
    people.rehash(account_id, before="hash-1", after="hash-1b")
    people.rehash(account_id, before="hash-1", after="hash-1c")
    assert the_person(people).password_hash == "hash-1b"
    assert sessions.find(token) is not None


def test_forgetting_deletes_what_names_them_and_leaves_the_ledger(people: People, ledger: Ledger) -> None:
    sessions = Sessions(ledger)
    people.sign_up(EMAIL, "hash-1")
    person = the_person(people)
    token, log = sessions.begin(person.account_id), whole(ledger)
    assert people.forget(person.account_id)
    assert not people.forget(person.account_id)
    assert people.by_account(person.account_id) is None
    assert sessions.find(token) is None
    assert not ledger.select("SELECT * FROM sessions")
    assert whole(ledger) == log
    assert people.sign_up(EMAIL, "hash-2")
    assert the_person(people).account_id != person.account_id


def test_a_persons_repr_shows_no_hash(people: People) -> None:
    people.sign_up(EMAIL, "hash-1")
    assert "hash-1" not in repr(the_person(people))


def test_an_account_of_the_operator_keeps_its_name(people: People, ledger: Ledger) -> None:
    on_account(ledger, Codec(), "acct_1", lambda state: accounts.open_account(state, name="Ops"))
    people.set_email("acct_1", EMAIL)
    people.open_account("acct_1")
    assert names_opened(ledger) == ["Ops"]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Ada.Lovelace+x@Example.COM", "ada.lovelace+x@example.com"),
        ("stra\u00dfe@example.com", "strasse@example.com"),
        ("ada@stra\u00dfe.de", "ada@stra\u00dfe.de"),
        ("ada@xn--strae-oqa.de", "ada@stra\u00dfe.de"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
    ],
)
def test_an_email_has_one_spelling(written: str, kept: str) -> None:
    assert normalised_email(written) == kept
    assert normalised_email(kept) == kept


@pytest.mark.parametrize(
    "text", ["", "ada", "@example.com", "ada@", "ada@localhost", "a b@example.com", "ada@example.com\n", "ada\0@x.de"]
)
def test_what_is_no_email_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        normalised_email(text)
    assert refused.value.field == "email"


def test_an_email_is_bounded() -> None:
    with pytest.raises(InvalidValue, match="too long"):
        normalised_email("a" * 300 + "@example.com")


@pytest.mark.parametrize("label", [EMAIL, "Ada <ada@example.com>", "", " ", "two\nlines", "x" * 201])
def test_a_label_that_looks_like_an_email_or_like_nothing_is_refused(label: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_label(label)
    assert refused.value.field == "name"
