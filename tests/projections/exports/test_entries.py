"""beancount and hledger accept our files, and compute the same balances as we do, to the nano."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from domain.books import TrialBalance
from domain.events import AccountOpened, AdjustmentPosted, Event
from projections.contract import Fact
from projections.exports.beancount import BeancountEncoder
from projections.exports.beancount import spelled as beancount_name
from projections.exports.entries import EntryEncoder
from projections.exports.hledger import HledgerEncoder
from projections.exports.hledger import spelled as hledger_name
from tests.support.ledger.stages import Stage
from tests.support.ledger.trading import HOSTILE, Trade

FORMATS = (BeancountEncoder, HledgerEncoder)
HLEDGER = pytest.mark.skipif(
    shutil.which("hledger") is None, reason="hledger is not installed: apt-get install hledger"
)
"""It is not a Python package: .ci/run installs it, and `make test-long` requires it."""
CHECKED = [BeancountEncoder, pytest.param(HledgerEncoder, marks=HLEDGER)]
REQUESTS = 2_000


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Fact]]:
    stage = Stage("sqlite", str(tmp_path_factory.mktemp("entries") / "ledger.db"))
    Trade(stage.book, seed=3).run(REQUESTS)
    yield stage.log.read(0, 100_000)
    stage.close()


def totals(facts: Sequence[Fact]) -> Counter[str]:
    trial = TrialBalance()
    for fact in facts:
        if isinstance(fact.event, Event):
            trial.feed(fact.event)
    return Counter({account: nanos for account, nanos in trial.totals.items() if nanos})


def text(encoder: EntryEncoder, facts: Sequence[Fact]) -> bytes:
    return encoder.head() + encoder.encode(facts) + encoder.tail()


def hledger(*arguments: str) -> str:
    program = shutil.which("hledger")
    assert program, "hledger is not installed. Debian: apt-get install hledger"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=1_000, check=False)
    assert done.returncode == 0, done.stderr[:2000]
    return done.stdout


def in_beancount(path: Path) -> Counter[str]:
    """Balances by account as beancount reckons them, in nanos; it finds no error."""
    from beancount import loader
    from beancount.core.data import Transaction

    entries, errors, _ = loader.load_file(str(path))
    assert errors == []
    found: Counter[str] = Counter()
    for entry in entries:
        if isinstance(entry, Transaction):
            for posting in entry.postings:
                assert posting.units is not None
                assert posting.units.currency == "USD"
                assert isinstance(posting.units.number, Decimal)
                found[posting.account] += int(posting.units.number.scaleb(9))
    return Counter({account: nanos for account, nanos in found.items() if nanos})


def in_hledger(path: Path) -> Counter[str]:
    """The same of hledger, which has checked that every account and commodity is declared."""
    hledger("-f", str(path), "check", "--strict")
    rows = csv.reader(io.StringIO(hledger("-f", str(path), "balance", "-N", "--flat", "-O", "csv")))
    assert next(rows) == ["account", "balance"]
    amounts = ((account, amount.removesuffix(" USD")) for account, amount in rows)
    return Counter({account: int(Decimal(amount).scaleb(9)) for account, amount in amounts if amount != "0"})


def test_beancount_finds_our_balances(facts: Sequence[Fact], tmp_path: Path) -> None:
    path = tmp_path / "ledger.beancount"
    path.write_bytes(text(BeancountEncoder(), facts))
    checked = subprocess.run(
        [Path(sys.executable).with_name("bean-check"), path], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr, checked.stdout) == (0, "", "")
    assert in_beancount(path) == {beancount_name(account): nanos for account, nanos in totals(facts).items()}


@HLEDGER
def test_hledger_finds_our_balances(facts: Sequence[Fact], tmp_path: Path) -> None:
    path = tmp_path / "ledger.journal"
    path.write_bytes(text(HledgerEncoder(), facts))
    assert in_hledger(path) == {hledger_name(account): nanos for account, nanos in totals(facts).items()}


@pytest.mark.parametrize("made", CHECKED)
def test_an_imbalance_of_a_nano_is_found(made: type[EntryEncoder], facts: Sequence[Fact], tmp_path: Path) -> None:
    """What accepts these files would not accept others."""
    path = tmp_path / f"ledger.{made.suffix}"
    whole = text(made(), facts).decode()
    amounts = [word for word in whole.split() if word.count(".") == 1 and len(word.partition(".")[2]) == 9]
    amount = next(word for word in reversed(amounts) if word.endswith("1"))
    before, _, behind = whole.rpartition(f" {amount} USD")
    path.write_text(f"{before} {amount[:-1]}2 USD{behind}", encoding="utf-8")
    with pytest.raises(AssertionError):
        _ = in_beancount(path) if made is BeancountEncoder else in_hledger(path)


@pytest.mark.parametrize("made", FORMATS)
def test_the_sum_of_debits_is_in_the_tally(made: type[EntryEncoder], facts: Sequence[Fact]) -> None:
    encoder = made()
    written = text(encoder, facts)
    assert encoder.tally.total == sum(nanos for fact in facts for _, nanos in _postings(fact) if nanos > 0)
    assert encoder.tally.rows == written.count(b"\n20")


@pytest.mark.parametrize("made", FORMATS)
@pytest.mark.parametrize("cut", [0, 1, 5, 777, 10_000])
def test_going_on_writes_the_same_bytes(made: type[EntryEncoder], cut: int, facts: Sequence[Fact]) -> None:
    first, second = made(), made()
    assert not first.remembers
    parts = first.head() + first.encode(facts[:cut]) + second.encode(facts[cut:])
    assert parts == text(made(), facts)


@pytest.mark.parametrize("made", CHECKED)
def test_a_period_begins_with_opening_balances(made: type[EntryEncoder], facts: Sequence[Fact], tmp_path: Path) -> None:
    half = len(facts) // 2
    encoder = made(opens_at_micros=facts[half].recorded_at_micros)
    assert encoder.remembers
    for fact in facts[:half]:
        encoder.see(fact)
    path = tmp_path / f"ledger.{made.suffix}"
    path.write_bytes(text(encoder, facts[half:]))
    name, found = (beancount_name, in_beancount(path)) if made is BeancountEncoder else (hledger_name, in_hledger(path))
    assert found == {name(account): nanos for account, nanos in totals(facts).items()}


@pytest.mark.parametrize("made", CHECKED)
def test_one_accounts_journal_is_valid_alone(made: type[EntryEncoder], facts: Sequence[Fact], tmp_path: Path) -> None:
    own = [fact for fact in facts if getattr(fact.event, "account_id", "") == "zoë"]
    path = tmp_path / f"ledger.{made.suffix}"
    path.write_bytes(text(made(account_id="zoë"), own))
    name, found = (beancount_name, in_beancount(path)) if made is BeancountEncoder else (hledger_name, in_hledger(path))
    assert found == {name(account): nanos for account, nanos in totals(own).items()}


@pytest.mark.parametrize("made", CHECKED)
def test_what_others_chose_is_neither_syntax_nor_a_second_line(made: type[EntryEncoder], tmp_path: Path) -> None:
    hostile = [*HOSTILE, "a;b", "\\", '"', "a  b\n2026-01-01 open X", "(x) | y", "* !"]
    story: list[Event] = [AccountOpened("a", "n")]
    for number, name in enumerate(hostile, 1):
        story += [AccountOpened(name, name), AdjustmentPosted(name, name, "grant", number, name, name)]
    facts = [Fact(position, 1_764_000_000_000_000, event) for position, event in enumerate(story, 1)]
    path = tmp_path / f"ledger.{made.suffix}"
    path.write_bytes(text(made(), facts))
    name_of, found = (
        (beancount_name, in_beancount(path)) if made is BeancountEncoder else (hledger_name, in_hledger(path))
    )
    assert found == {name_of(account): nanos for account, nanos in totals(facts).items()}


@pytest.mark.long
@pytest.mark.parametrize("made", FORMATS)
def test_a_hundred_thousand_requests_balance_to_the_nano(made: type[EntryEncoder], tmp_path: Path) -> None:
    stage = Stage("sqlite", str(tmp_path / "ledger.db"))
    path, encoder, trial, after = tmp_path / f"ledger.{made.suffix}", made(), TrialBalance(), 0
    try:
        Trade(stage.book, seed=4).run(100_000)
        with path.open("wb") as file:
            file.write(encoder.head())
            while page := stage.log.read(after, 1_000):
                file.write(encoder.encode(page))
                after = page[-1].position
                for fact in page:
                    assert isinstance(fact.event, Event)
                    trial.feed(fact.event)
    finally:
        stage.close()
    began = time.monotonic()
    name, found = (beancount_name, in_beancount(path)) if made is BeancountEncoder else (hledger_name, in_hledger(path))
    print(f"{made.suffix}: {encoder.tally.rows} transactions, checked in {time.monotonic() - began:.0f} s")
    assert found == {name(account): nanos for account, nanos in trial.totals.items() if nanos}


def _postings(fact: Fact) -> Sequence[tuple[str, int]]:
    from domain.postings import postings

    return postings(fact.event) if isinstance(fact.event, Event) else ()
