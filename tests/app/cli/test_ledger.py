"""`ledger copy` as a command; tests/app/ledger/test_copy.py tests the copying itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.ledger.postgres import PostgresLedger
from app.settings import load
from tests.support.cli.commands import answer, run
from tests.support.gateway.gateway import configuration, prepare


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "realrouter.toml"
    path.write_text(configuration(tmp_path), encoding="utf-8")
    return path


@pytest.fixture
def target(postgres_url: str) -> str:
    ledger = PostgresLedger(postgres_url)
    ledger.migrate()
    ledger.close()
    return postgres_url


def test_a_ledger_is_copied_once_and_reported(config: Path, target: str) -> None:
    prepare(load(config))
    report = answer(config, "ledger", "copy", "--to", target)
    assert report["events"] == report["position"] > 0
    copied = PostgresLedger(target)
    assert copied.head().position == report["position"]
    copied.close()
    again = run(config, "ledger", "copy", "--to", target)
    assert (again.exit_code, again.stdout) == (1, "")


def test_a_source_that_does_not_exist_is_not_made(config: Path) -> None:
    result = run(config, "ledger", "copy", "--to", "postgresql://nobody@nowhere/none")
    assert result.exit_code == 1
    assert "realrouter.db" in result.stderr
    assert not (config.parent / "realrouter.db").exists()


def test_only_sqlite_is_copied(config: Path, target: str) -> None:
    lines = config.read_text().splitlines()
    store = next(number for number, line in enumerate(lines) if line.startswith('url = "sqlite:'))
    lines[store] = f'url = "{target}"'
    config.write_text("\n".join(lines))
    result = run(config, "ledger", "copy", "--to", target)
    assert result.exit_code == 1
    assert "SQLite" in result.stderr
