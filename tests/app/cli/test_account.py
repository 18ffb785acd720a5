"""`realrouter account`: the operator manages who signs in to an account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import argon2
import pytest
from click.testing import CliRunner, Result

from app.accounts.links import Links
from app.accounts.people import People, Person
from app.accounts.sessions import Sessions
from app.cli import main
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from app.services import open_ledger
from app.settings import load
from tests.support.gateway.gateway import configuration
from tests.support.ledger.ledgers import whole

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A migrated ledger with one account, acct_1, to which no person signs in."""
    path = tmp_path / "realrouter.toml"
    path.write_text(configuration(tmp_path), encoding="utf-8")
    for arguments in (("migrate",), ("account", "create", "--name", "Ops", "--id", "acct_1")):
        assert run(path, *arguments).exit_code == 0
    return path


def run(config: Path, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(config)], input=given, catch_exceptions=False)


def answer(config: Path, *arguments: str, given: str | None = None) -> dict[str, Any]:
    result = run(config, *arguments, "--json", given=given)
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert isinstance(value, dict)
    return value


def failure(config: Path, *arguments: str, given: str | None = None, code: int = 1) -> str:
    result = run(config, *arguments, given=given)
    assert (result.exit_code, result.stdout) == (code, "")
    return result.stderr


@contextmanager
def opened(config: Path) -> Iterator[Ledger]:
    ledger = open_ledger(load(config), Codec())
    try:
        yield ledger
    finally:
        ledger.close()


def person_of(config: Path, account_id: str = "acct_1") -> Person | None:
    with opened(config) as ledger:
        return People(ledger, Codec()).by_account(account_id)


def password_hash(config: Path) -> str:
    person = person_of(config)
    assert person is not None
    return person.password_hash or ""


def test_an_account_may_be_made_with_its_person(config: Path) -> None:
    made = answer(config, "account", "create", "--name", "Research", "--email", "Ada@Example.com")
    assert list(made) == ["account_id"]
    assert person_of(config, made["account_id"]) == Person(made["account_id"], EMAIL, None)
    shown = answer(config, "account", "show", made["account_id"])
    assert (shown["email"], shown["name"]) == (EMAIL, "Research")
    assert EMAIL in run(config, "account", "show", made["account_id"]).stdout


def test_an_account_without_a_person_shows_none(config: Path) -> None:
    assert answer(config, "account", "show", "acct_1")["email"] is None
    assert "e-mail" not in run(config, "account", "show", "acct_1").stdout


def test_a_taken_email_opens_no_account(config: Path) -> None:
    run(config, "account", "email", "acct_1", EMAIL)
    assert "Another account" in failure(config, "account", "create", "--name", "x", "--id", "acct_2", "--email", EMAIL)
    assert "acct_2" in failure(config, "account", "show", "acct_2")


def test_creating_an_account_again_has_no_effect_and_another_one_changes_no_person(config: Path) -> None:
    create = ("account", "create", "--id", "acct_2", "--email", EMAIL, "--name")
    for _ in range(2):
        assert answer(config, *create, "Research") == {"account_id": "acct_2"}
    assert "another name" in failure(config, *create[:-3], "--email", "grace@example.com", "--name", "Other")
    assert "account email" in failure(config, *create[:-3], "--email", "grace@example.com", "--name", "Research")
    person = person_of(config, "acct_2")
    assert person is not None
    assert person.email == EMAIL


def test_a_refused_name_makes_no_person(config: Path) -> None:
    for name in ("ada@example.com", "", "x" * 201):
        failure(config, "account", "create", "--id", "acct_2", "--email", EMAIL, "--name", name)
    assert person_of(config, "acct_2") is None


def test_an_email_is_set_and_changed_and_the_password_stays(config: Path) -> None:
    assert answer(config, "account", "email", "acct_1", "Ada@Example.com") == {"account_id": "acct_1", "email": EMAIL}
    run(config, "account", "password", "acct_1", "--stdin", given=PASSWORD)
    kept = password_hash(config)
    run(config, "account", "email", "acct_1", "ada@example.org")
    assert person_of(config) == Person("acct_1", "ada@example.org", kept)
    assert "acct_none" in failure(config, "account", "email", "acct_none", EMAIL)
    assert "not a valid e-mail address" in failure(config, "account", "email", "acct_1", "ada")


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\nthe second line is not read\n"])
def test_a_password_comes_as_one_line_and_ends_all_sessions(config: Path, ending: str) -> None:
    run(config, "account", "email", "acct_1", EMAIL)
    with opened(config) as ledger:
        token = Sessions(ledger).begin("acct_1")
    done = run(config, "account", "password", "acct_1", "--stdin", given=PASSWORD + ending)
    assert done.exit_code == 0
    assert PASSWORD not in done.output
    assert argon2.PasswordHasher().verify(password_hash(config), PASSWORD)
    with opened(config) as ledger:
        assert Sessions(ledger).find(token) is None


def test_a_password_is_prompted_for_twice(config: Path) -> None:
    run(config, "account", "email", "acct_1", EMAIL)
    done = run(config, "account", "password", "acct_1", given=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0
    assert argon2.PasswordHasher().verify(password_hash(config), PASSWORD)
    differing = run(config, "account", "password", "acct_1", given=f"{PASSWORD}\nsomething else\n")
    assert differing.exit_code == 1
    assert argon2.PasswordHasher().verify(password_hash(config), PASSWORD)


def test_a_generated_password_is_printed_once_and_works(config: Path) -> None:
    run(config, "account", "email", "acct_1", EMAIL)
    made = answer(config, "account", "password", "acct_1", "--generate")
    assert argon2.PasswordHasher().verify(password_hash(config), made["password"])
    printed = run(config, "account", "password", "acct_1", "--generate").stdout.splitlines()[-1]
    assert printed != made["password"]
    assert argon2.PasswordHasher().verify(password_hash(config), printed)


def test_a_password_that_cannot_be_set_is_one_line(config: Path) -> None:
    assert "account email" in failure(config, "account", "password", "acct_1", "--generate")
    run(config, "account", "email", "acct_1", EMAIL)
    assert "8 to 1024" in failure(config, "account", "password", "acct_1", "--stdin", given="short\n")
    assert "cannot be used together" in failure(
        config, "account", "password", "acct_1", "--stdin", "--generate", code=2
    )
    assert password_hash(config) == ""


def test_forgetting_deletes_the_person_and_nothing_of_the_ledger(config: Path) -> None:
    run(config, "account", "email", "acct_1", EMAIL)
    with opened(config) as ledger:
        log = whole(ledger)
    refused = run(config, "account", "forget", "acct_1", given="n\n")
    assert refused.exit_code == 1
    assert person_of(config) is not None
    assert answer(config, "account", "forget", "acct_1", "--yes") == {"account_id": "acct_1", "forgotten": True}
    assert answer(config, "account", "forget", "acct_1", "--yes") == {"account_id": "acct_1", "forgotten": False}
    assert person_of(config) is None
    with opened(config) as ledger:
        assert whole(ledger) == log
    assert answer(config, "account", "show", "acct_1")["email"] is None


def test_a_password_that_is_no_text_is_one_line(config: Path) -> None:
    run(config, "account", "email", "acct_1", EMAIL)
    process = [sys.executable, "-m", "app.cli", "account", "password", "acct_1", "--stdin", "--config", str(config)]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:surrogateescape"}
    done = subprocess.run(process, input=b"half a letter \xc3\n", capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"UTF-8" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_link_is_printed_once_and_signs_in_an_account_with_an_email(config: Path) -> None:
    assert "account email" in failure(config, "account", "link", "acct_1")
    assert "acct_none" in failure(config, "account", "link", "acct_none")
    run(config, "account", "email", "acct_1", EMAIL)
    printed = run(config, "account", "link", "acct_1").stdout.strip()
    made = answer(config, "account", "link", "acct_1")
    assert list(made) == ["account_id", "sign_in_url"]
    assert made["sign_in_url"].startswith("http://127.0.0.1:8000/login#token=")
    with opened(config) as ledger:
        links = Links(ledger)
        assert links.use(printed.partition("#token=")[2]) is None
        session = links.use(made["sign_in_url"].partition("#token=")[2])
        assert session is not None
        assert Sessions(ledger).find(session) is not None
