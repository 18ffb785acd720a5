"""export, books, audit replay --prices and providers reconcile, run as commands."""

from __future__ import annotations

import csv
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from app.ledger.codec import Codec
from app.reports.reprice import unpriced
from app.services import open_ledger
from app.settings import load
from app.transparency.file import CheckpointFile
from app.transparency.sealer import Sealer
from domain.events import Event, RequestDebited
from domain.postings import postings
from domain.pricing import parse_prices, price_usage
from domain.usage import CallCount, ImageCount, Usage
from tests.support.gateway.gateway import configuration
from tests.support.ledger.books import all_events
from tests.support.ledger.histories import Book
from tests.support.ledger.trading import Trade
from tests.support.transparency.logs import ORIGIN, SIGNER

MAPPING = """
[[provider_export]]
name = "openai"
upstream = "openai"
request_id = "request"
input_tokens = "in"
cached_tokens = "cached"
output_tokens = "out"
cost = "usd"
tolerance = "0"
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("books")
    path = folder / "realrouter.toml"
    path.write_text(configuration(folder, upstreams={"openai": ""}) + MAPPING, encoding="utf-8")
    ledger = open_ledger(load(path), Codec())
    ledger.migrate()
    trade = Trade(Book(ledger), accounts=("acme", "bob_2"))
    trade.run(400)
    ledger.close()
    return path


@pytest.fixture(scope="module")
def events(config: Path) -> list[Event]:
    ledger = open_ledger(load(config), Codec())
    try:
        return all_events(ledger, Codec())
    finally:
        ledger.close()


def run(config: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments), "--config", str(config)], catch_exceptions=False)


def answer(config: Path, *arguments: object, code: int = 0) -> dict[str, Any]:
    result = run(config, *arguments, "--json")
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


# -- Export -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "parquet", "focus", "beancount", "hledger"])
def test_an_export_is_a_file_and_its_manifest(kind: str, config: Path, events: list[Event], tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = answer(config, "export", kind, "--out", out)
    assert told["out"] == str(out)
    assert told["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (told["first_position"], told["last_position"]) == (1, len(events))
    assert (told["wanted"]["kind"], told["checkpoint"]) == (kind, None)
    manifest = json.loads((tmp_path / "out.manifest.json").read_bytes())
    assert manifest == {name: value for name, value in told.items() if name != "out"}


def test_an_export_in_words(config: Path, tmp_path: Path) -> None:
    result = run(config, "export", "csv", "--table", "journal", "--account", "acme", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "rows, positions 1 to" in result.stdout
    assert "debit: " in result.stdout


def test_an_export_is_continued(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    end = answer(config, "export", "focus", "--out", out)["last_position"]
    assert answer(config, "export", "focus", "--out", out, "--after", end)["last_position"] == end
    failed = run(config, "export", "focus", "--out", out, "--after", end - 1)
    assert (failed.exit_code, failed.stderr.count("\n")) == (1, 1)
    assert "Continue after that position" in failed.stderr


def test_what_is_not_there_is_said(config: Path, tmp_path: Path) -> None:
    failed = run(config, "export", "csv", "--account", "nobody", "--out", tmp_path / "out")
    assert (failed.exit_code, "There is no account nobody" in failed.stderr) == (1, True)
    assert run(config, "export", "csv", "--from", "soon", "--out", tmp_path / "out").exit_code == 2
    assert run(config, "export", "csv", "--from", "17", "--out", tmp_path / "out").exit_code == 2
    assert run(config, "export", "csv", "--table", "secrets", "--out", tmp_path / "out").exit_code == 2
    assert run(config, "export", "csv", "--out", tmp_path / "no" / "out").exit_code == 1


def test_focus_names_accounts_and_who_sells(config: Path, tmp_path: Path) -> None:
    assert run(config, "export", "focus", "--account", "acme", "--out", tmp_path / "out").exit_code == 0
    with (tmp_path / "out").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["BillingAccountName"], row["ProviderName"]) for row in rows} == {("name of acme", "127.0.0.1")}


def test_focus_is_not_continued_for_another_provider(config: Path, tmp_path: Path) -> None:
    """Every row names the seller, which other exports do not."""
    moved = tmp_path / "moved.toml"
    text = config.read_text(encoding="utf-8")
    moved.write_text(text.replace("[server]", '[server]\npublic_url = "https://router.example"', 1), encoding="utf-8")
    for kind, who in (("focus", "127.0.0.1"), ("csv", None)):
        first = answer(config, "export", kind, "--out", tmp_path / kind)
        assert first["wanted"]["provider"] == who
        after = ("--after", first["last_position"])
        assert run(config, "export", kind, "--out", tmp_path / kind, *after).exit_code == 0
        gone_on = run(moved, "export", kind, "--out", tmp_path / kind, *after)
        assert (gone_on.exit_code, "not an earlier part" in gone_on.stderr) == ((1, True) if who else (0, False))


def test_the_manifest_has_the_checkpoint_that_covers_the_file(config: Path, tmp_path: Path) -> None:
    sealed = tmp_path / "sealed.toml"
    log = f'[log]\norigin = "{ORIGIN}"\nkey = "{SIGNER.text()}"\ncheckpoint = "{tmp_path / "log.checkpoint"}"\n'
    sealed.write_text(config.read_text(encoding="utf-8") + log, encoding="utf-8")
    settings = load(sealed)
    assert settings.log is not None
    ledger = open_ledger(settings, Codec())
    try:
        Sealer(ledger, settings.log.keys(), CheckpointFile(settings.checkpoint_path), alone=True).seal()
    finally:
        ledger.close()
    told = answer(sealed, "export", "csv", "--out", tmp_path / "out")
    checkpoint = settings.log.keys().check(told["checkpoint"]).checkpoint
    assert checkpoint.size >= told["last_position"]
    assert "covered by a signed checkpoint" in run(sealed, "export", "csv", "--out", tmp_path / "out").stdout


# -- The books --------------------------------------------------------------------------------------------------------


def balance(events: list[Event], account_id: str, until: int | None = None) -> Decimal:
    own = [event for event in events[:until] if getattr(event, "account_id", "") == account_id]
    mine = f"liabilities:customer:{account_id}:"
    return Decimal(-sum(n for event in own for name, n in postings(event) if name.startswith(mine))).scaleb(-9)


@pytest.mark.parametrize("until", [None, 100, 333])
def test_lots_are_the_balance(until: int | None, config: Path, events: list[Event]) -> None:
    at = () if until is None else ("--at", until)
    told = answer(config, "books", "lots", "--account", "acme", *at)
    assert Decimal(told["balance"]) == balance(events, "acme", until)
    assert sum(Decimal(lot["remaining"]) for lot in told["lots"]) - Decimal(told["owed"]) == Decimal(told["balance"])
    for lot in told["lots"]:
        spent = sum(Decimal(lot[name]) for name in ("used", "returned", "corrected", "remaining"))
        assert spent == Decimal(lot["credit"])
        assert (lot["paid"] is None) == (lot["source"] != "top_up") == (lot["refundable"] is None)
    assert {lot["tax_treatment"] for lot in told["lots"] if lot["paid"]} <= {
        *("taxed", "unknown", "reverse_charge", "zero", "exempt")
    }


def test_lots_in_words(config: Path) -> None:
    result = run(config, "books", "lots", "--account", "acme")
    assert "REFUNDABLE" in result.stdout
    assert "as of position" in result.stdout


def test_revenue_ends_where_the_customers_stand(config: Path, events: list[Event]) -> None:
    told = answer(config, "books", "revenue")
    assert Decimal(told["months"][-1]["closing"]) == balance(events, "acme") + balance(events, "bob_2")
    own = answer(config, "books", "revenue", "--account", "acme")
    assert Decimal(own["months"][-1]["closing"]) == balance(events, "acme")
    assert "OPENING" in run(config, "books", "revenue").stdout
    assert "There are no movements yet" in run(config, "books", "revenue", "--at", "2001-01-01").stdout


def test_debits_are_credits(config: Path, events: list[Event]) -> None:
    told = answer(config, "books", "trial-balance", "--customers")
    assert told["debit"] == told["credit"]
    sides = {row["account"]: Decimal(row["credit"]) - Decimal(row["debit"]) for row in told["accounts"]}
    mine = sides["liabilities:customer:acme:available"] + sides["liabilities:customer:acme:held"]
    assert mine == balance(events, "acme")
    assert "as of position 50" in run(config, "books", "trial-balance", "--at", 50).stdout
    assert run(config, "books", "trial-balance", "--at", 10**9).exit_code == 1
    assert run(config, "books", "trial-balance", "--at", "soon").exit_code == 2


# -- Other prices -----------------------------------------------------------------------------------------------------


def test_a_period_is_priced_again(config: Path, events: list[Event], tmp_path: Path) -> None:
    new = tmp_path / "new.toml"
    new.write_text('[[model]]\nid = "small"\n[model.price]\ninput = "5"\noutput = "7"\n', encoding="utf-8")
    told = answer(config, "audit", "replay", "--prices", new)
    prices, debits = parse_prices({"input": "5", "output": "7"}), [e for e in events if isinstance(e, RequestDebited)]
    small = [event for event in debits if event.model == "small"]
    rows = {(row["account_id"], row["model"]): row for row in told["rows"]}
    expected = sum(price_usage(prices, event.usage).amount_nanos for event in small)
    assert sum(int(row["repriced_nanos"]) for row in told["rows"] if row["model"] == "small") == expected
    assert int(told["charged_nanos"]) == sum(event.cost_nanos for event in debits)
    assert rows["acme", "large"]["difference_nanos"] == "0"
    assert not rows["acme", "large"]["priced"]
    assert sum(row["requests"] for row in told["rows"]) == len(debits)
    assert "no new price" in run(config, "audit", "replay", "--prices", new).stdout
    assert answer(config, "audit", "replay", "--prices", new, "--to", "2001-01-01")["rows"] == []
    assert run(config, "audit", "replay", "--from", "2001-01-01").exit_code == 2


def test_what_the_new_prices_lack_is_named(config: Path, events: list[Event], tmp_path: Path) -> None:
    """`large` has all that is used, `small` neither searches nor images."""
    new = tmp_path / "new.toml"
    large = 'web_search_call = "0.01", image = "0.04"'
    new.write_text(
        '[[model]]\nid = "small"\nprice = { input = "5", output = "7" }\n'
        f'[[model]]\nid = "large"\nprice = {{ input = "5", output = "7", {large} }}\n',
        encoding="utf-8",
    )
    rows = answer(config, "audit", "replay", "--prices", new)["rows"]
    small = [e for e in events if isinstance(e, RequestDebited) and e.model == "small" and e.account_id == "acme"]
    assert any(event.usage.images for event in small)
    assert {row["model"]: row["unpriced"] for row in rows if row["account_id"] == "acme"} == {
        "large": [],
        "small": ["image", "web_search_call"],
    }
    said = run(config, "audit", "replay", "--prices", new).stdout
    assert "acme, small: the new prices have no price for image, web_search_call." in said


def test_a_tier_and_a_tool_without_a_price_are_named() -> None:
    """An image with its own tokens is priced by these tokens."""
    calls = (CallCount("code_interpreter", 3),)
    images = (ImageCount("high", "1024x1024", 1),)
    used = Usage(input=1, output=1, image_output=9, images=images, calls=calls, service_tier="flex")
    bare = parse_prices({"input": "5", "output": "7"})
    assert [*unpriced(bare, used)] == ["call:code_interpreter", "tier:flex"]
    whole = parse_prices(
        {"input": "5", "output": "7", "calls": {"code_interpreter": "1"}, "tier": [{"name": "flex", "input": "1"}]}
    )
    assert [*unpriced(whole, used)] == []


def test_the_prices_of_the_ledger_are_the_charges(config: Path, tmp_path: Path) -> None:
    same = tmp_path / "same.toml"
    price = '{ input = "0.25", cached_input = "0.025", output = "2.00", web_search_call = "0.01", image = "0.04" }'
    same.write_text("".join(f'[[model]]\nid = "{each}"\nprice = {price}\n' for each in ("small", "large")))
    told = answer(config, "audit", "replay", "--prices", same)
    assert told["charged_nanos"] == told["repriced_nanos"] != "0"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("=", "not valid TOML"),
        ("\xff", "not valid TOML"),
        ("a = 1", "no [[model]]"),
        ("[[model]]\nname = 'x'", "has no id"),
        ("[[model]]\nid = 'x'", "has no price"),
        ("[[model]]\nid = 'x'\nprice = { input = '1', output = '1' }\n" * 2, "the model 'x' twice"),
        ("[[model]]\nid = 'x'\nprice = { input = '1' }", "output is missing"),
        ("[[model]]\nid = 'x'\nprice = { input = 1.5, output = '1' }", "decimal string"),
    ],
)
def test_prices_that_are_none_are_refused(text: str, why: str, config: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    path.write_bytes(text.encode("latin-1"))
    failed = run(config, "audit", "replay", "--prices", path)
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert why in failed.stderr


# -- Providers --------------------------------------------------------------------------------------------------------


def test_a_mapping_that_is_not_there_is_said(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("request\n", encoding="utf-8")
    failed = run(config, "providers", "reconcile", path, "--mapping", "other")
    assert (failed.exit_code, "Configured: openai" in failed.stderr) == (1, True)
