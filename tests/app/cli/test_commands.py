"""Every command: its help is complete, its JSON has the keys that scripts depend on, and its failures are one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from app.cli import main
from app.ledger.codec import Codec
from app.services import open_ledger
from app.settings import load
from tests.support.gateway.gateway import configuration
from tests.support.ledger.books import check_books


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


LEAVES = dict(leaves(main))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "realrouter.toml"
    path.write_text(configuration(tmp_path, server={"bind": ["127.0.0.1:0"]}), encoding="utf-8")
    return path


def run(config: Path | None, *arguments: str) -> Result:
    options = ["--config", str(config)] if config is not None else []
    return CliRunner().invoke(main, [*arguments, *options], catch_exceptions=False)


def answer(config: Path, *arguments: str) -> dict[str, Any]:
    """The result of a command as JSON: one object on one line, and nothing else."""
    result = run(config, *arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1
    value = json.loads(result.stdout)
    assert isinstance(value, dict)
    return value


def failure(config: Path | None, *arguments: str, code: int = 1) -> str:
    """The one line on stderr with which a command failed."""
    result = run(config, *arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("Error: ")
    if code == 1:
        assert len(lines) == 1, result.stderr
    return lines[-1]


# -- Help -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_teaches(path: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        result = run(None, *path, flag)
        assert result.exit_code == 0
        assert "Usage:" in result.stdout
    text = LEAVES[path].help or ""
    assert any(sentence.strip().endswith(".") for sentence in text.splitlines()), "a sentence at least"
    asks = [parameter for parameter in LEAVES[path].params if parameter.required]
    if asks:
        assert "Example" in text, "a command that cannot be run bare shows how it is run"
    for option in LEAVES[path].params:
        if isinstance(option, click.Option):
            assert option.help, f"--{option.name} says nothing"


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_takes_the_common_options(path: tuple[str, ...]) -> None:
    names = {parameter.name for parameter in LEAVES[path].params}
    assert {"config", "as_json"} <= names


def test_groups_and_the_program_itself_explain_themselves() -> None:
    result = run(None, "--help")
    assert result.exit_code == 0
    assert "realrouter demo" in result.stdout
    assert "Exit codes" in result.stdout
    for name, command in main.commands.items():
        assert command.help, name
        assert name in result.stdout


def test_the_names_that_are_fixed_are_there() -> None:
    fixed = [
        ("serve",),
        ("demo",),
        ("migrate",),
        *(("account", name) for name in ("create", "list", "show", "freeze", "unfreeze")),
        *(("key", name) for name in ("create", "limits", "list", "revoke")),
        *(("credit", name) for name in ("grant", "adjust")),
        *(("prices", name) for name in ("list", "apply")),
    ]
    assert set(fixed) <= set(LEAVES)


# -- Results ----------------------------------------------------------------------------------------------------------


def test_a_session_from_an_empty_folder_to_a_funded_key(config: Path) -> None:
    migrated = answer(config, "migrate")
    assert migrated["schema"] >= 1
    assert "gpt-5.4-mini" in migrated["prices_applied"]
    assert answer(config, "migrate")["prices_applied"] == []
    account_id = answer(config, "account", "create", "--name", "Research team")["account_id"]
    granted = answer(config, "credit", "grant", "--account", account_id, "--amount", "10.00")
    assert (granted["amount_nanos"], granted["available_nanos"]) == ("10000000000", "10000000000")
    made = answer(config, "key", "create", "--account", account_id, "--name", "laptop")
    assert set(made) == {"key_id", "api_key"}
    assert made["api_key"].startswith("sk-rr-")
    shown = answer(config, "account", "show", account_id)
    assert (shown["account_id"], shown["available_nanos"], shown["held_nanos"]) == (account_id, "10000000000", "0")
    assert shown["keys"] == 1
    adjusted = answer(
        config, "credit", "adjust", "--account", account_id, "--amount=-1.50", "--reason", "granted too much"
    )
    assert adjusted["available_nanos"] == "8500000000"
    listed = answer(config, "account", "list")["accounts"]
    assert [(row["account_id"], row["available_nanos"]) for row in listed] == [(account_id, "8500000000")]
    [key] = answer(config, "key", "list", "--account", account_id)["keys"]
    assert key["key_id"] == made["key_id"]
    assert made["api_key"] not in json.dumps(key)
    assert answer(config, "key", "revoke", "--account", account_id, made["key_id"])["revoked"] is True
    [key] = answer(config, "key", "list", "--account", account_id)["keys"]
    assert key["revoked"] is True
    assert answer(config, "account", "freeze", account_id, "--reason", "dispute")["frozen"] is True
    assert answer(config, "account", "show", account_id)["frozen"] is True
    assert answer(config, "account", "unfreeze", account_id, "--reason", "settled")["frozen"] is False
    books = open_ledger(load(config), Codec())
    check_books(books, Codec())
    books.close()


def test_the_same_in_words_shows_the_key_once_and_amounts_in_dollars(config: Path) -> None:
    run(config, "migrate")
    assert "acct_1" in run(config, "account", "create", "--name", "x", "--id", "acct_1").stdout
    assert "$2.5" in run(config, "credit", "grant", "--account", "acct_1", "--amount", "2.50").stdout
    made = run(config, "key", "create", "--account", "acct_1").stdout
    [secret] = [word for word in made.split() if word.startswith("sk-rr-")]
    assert "once" in made
    for arguments in (("account", "show", "acct_1"), ("account", "list"), ("key", "list", "--account", "acct_1")):
        shown = run(config, *arguments)
        assert shown.exit_code == 0
        assert "acct_1" in shown.stdout or "sk-rr-..." in shown.stdout
        assert secret not in shown.stdout


def test_a_keys_limits_are_the_requested_ones(config: Path) -> None:
    run(config, "migrate")
    run(config, "account", "create", "--name", "x", "--id", "acct_1")
    made = run(
        config,
        *("key", "create", "--account", "acct_1", "--model", "gpt-5.5", "--expires", "2030-01-02"),
        *("--monthly-budget", "5.00", "--requests-per-minute", "60", "--tokens-per-minute", "1000"),
        *("--concurrency", "4"),
    )
    assert made.exit_code == 0, made.output
    [key] = answer(config, "key", "list", "--account", "acct_1")["keys"]
    assert key["limits"] == {
        "models": ["gpt-5.5"],
        "expires_at_micros": 1_893_542_400_000_000,
        "budget_nanos_per_month": 5_000_000_000,
        "requests_per_minute": 60,
        "tokens_per_minute": 1000,
        "concurrency": 4,
    }


def test_limits_that_are_given_change_and_the_others_stay(config: Path) -> None:
    run(config, "migrate")
    run(config, "account", "create", "--name", "x", "--id", "acct_1")
    run(config, "key", "create", "--account", "acct_1", "--id", "key_1", "--concurrency", "4", "--model", "gpt-5.5")
    limits = ("key", "limits", "--account", "acct_1", "key_1")
    changed = answer(config, *limits, "--requests-per-minute", "60", "--monthly-budget", "5.00")
    assert changed == {
        "key_id": "key_1",
        "limits": {
            "models": ["gpt-5.5"],
            "budget_nanos_per_month": 5_000_000_000,
            "requests_per_minute": 60,
            "concurrency": 4,
        },
    }
    changed = answer(config, *limits, "--none", "model", "--none", "monthly-budget", "--concurrency", "8")
    assert changed["limits"] == {"requests_per_minute": 60, "concurrency": 8}
    assert answer(config, *limits) == changed
    [key] = answer(config, "key", "list", "--account", "acct_1")["keys"]
    assert key["limits"] == changed["limits"]


def test_limits_are_listed_in_words(config: Path) -> None:
    run(config, "migrate")
    run(config, "account", "create", "--name", "x", "--id", "acct_1")
    run(config, "key", "create", "--account", "acct_1", "--id", "key_1", "--name", "free")
    listed = run(config, "key", "list", "--account", "acct_1").stdout
    assert listed.splitlines()[-1].endswith("free  no limits")
    told = (
        "only gpt-5.5, until 2030-01-02 00:00 UTC, $5.00 a month, 60 requests a minute, 1000 tokens a minute, 4 at once"
    )
    changed = run(
        config,
        *("key", "limits", "--account", "acct_1", "key_1", "--model", "gpt-5.5", "--expires", "2030-01-02"),
        *("--monthly-budget", "5.00", "--requests-per-minute", "60", "--tokens-per-minute", "1000"),
        *("--concurrency", "4"),
    )
    assert changed.stdout == f"key_1: {told}.\n"
    assert run(config, "key", "list", "--account", "acct_1").stdout.endswith(f"free  {told}\n")


def test_limits_change_only_of_a_key_that_is_there_and_in_use(config: Path) -> None:
    run(config, "migrate")
    run(config, "account", "create", "--name", "x", "--id", "acct_1")
    run(config, "key", "create", "--account", "acct_1", "--id", "key_1")
    limits = ("key", "limits", "--account", "acct_1")
    assert "key_none" in failure(config, *limits, "key_none", "--concurrency", "1")
    assert "must be positive" in failure(config, *limits, "key_1", "--monthly-budget", "0.00")
    contradiction = failure(config, *limits, "key_1", "--concurrency", "1", "--none", "concurrency", code=2)
    assert "cannot be used together" in contradiction
    run(config, "key", "revoke", "--account", "acct_1", "key_1")
    assert "revoked" in failure(config, *limits, "key_1", "--concurrency", "1")


def test_prices_are_compared_and_applied(config: Path) -> None:
    run(config, "migrate")
    assert all(row["same"] for row in answer(config, "prices", "list")["prices"])
    config.write_text(config.read_text().replace('input = "0.25", cached', 'input = "0.30", cached', 1))
    differing = [row for row in answer(config, "prices", "list")["prices"] if not row["same"]]
    assert [(row["model"], row["version"]) for row in differing] == [("gpt-5.4-mini", 1)]
    assert "differs" in run(config, "prices", "list").stdout
    assert "prices apply" in failure(config, "serve")
    assert answer(config, "prices", "apply")["applied"] == [{"model": "gpt-5.4-mini", "version": 2}]
    assert answer(config, "prices", "apply")["applied"] == []


def test_a_grant_that_is_sent_again_is_given_once(config: Path) -> None:
    run(config, "migrate")
    run(config, "account", "create", "--name", "x", "--id", "acct_1")
    grant = ("credit", "grant", "--account", "acct_1", "--amount", "1.00", "--id", "adj_1")
    for _ in range(2):
        assert run(config, *grant).exit_code == 0
    another = [part.replace("1.00", "2.00") for part in grant]
    assert "adj_1" in failure(config, *another)
    assert answer(config, "account", "show", "acct_1")["available_nanos"] == "1000000000"


# -- How they fail ----------------------------------------------------------------------------------------------------


def test_a_command_that_fails_exits_1_with_one_line(config: Path, tmp_path: Path) -> None:
    assert "migrate" in failure(config, "account", "list")
    run(config, "migrate")
    assert "acct_none" in failure(config, "account", "show", "acct_none")
    assert "acct_none" in failure(config, "key", "create", "--account", "acct_none")
    assert "acct_none" in failure(config, "credit", "grant", "--account", "acct_none", "--amount", "1")
    run(config, "account", "create", "--name", "x", "--id", "acct_1")
    assert "acct_1" in failure(config, "account", "create", "--name", "another", "--id", "acct_1")
    assert "key_none" in failure(config, "key", "revoke", "--account", "acct_1", "key_none")
    for amount in ("-1", "0", "ten", "1e3", "0.0000000001", "99999999999999999999"):
        failure(config, "credit", "grant", "--account", "acct_1", f"--amount={amount}")
    assert "nowhere.toml" in failure(tmp_path / "nowhere.toml", "account", "list")
    assert "PostgreSQL" in failure(config, "serve", "--workers", "2")


def test_a_mistake_in_the_configuration_names_its_line(config: Path) -> None:
    config.write_text(config.read_text() + '\n[serverr]\nbind = ["x"]\n')
    line = failure(config, "account", "list")
    assert "realrouter.toml" in line
    assert "serverr" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("account", "create"),
        ("account", "show"),
        ("nonsense",),
        ("account", "list", "--limit", "0"),
        ("key", "create", "--account", "a", "--expires", "tomorrow"),
        ("key", "limits", "--account", "a", "k", "--none", "everything"),
        ("serve", "--workers", "0"),
        ("demo", "--port", "99999"),
        ("credit", "grant", "--account", "a", "--unknown"),
    ],
    ids=" ".join,
)
def test_a_command_that_is_spelled_wrongly_exits_2(config: Path, arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr
    assert "--help" in result.stderr or "-h" in result.stderr


def test_the_program_as_a_process_shows_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "realrouter.toml"
    path.write_text(configuration(tmp_path).replace(str(tmp_path), "/proc/nowhere"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "account", "list"],
        env={**os.environ, "REALROUTER_CONFIG": str(path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
