"""FOCUS 1.2: the content of its rows, and the findings of the specification's validator."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from domain.events import (
    AdjustmentPosted,
    Event,
    FundsReinstated,
    FundsWithdrawn,
    RefundFailed,
    RefundPosted,
    RequestDebited,
    Tax,
    TopUpSettled,
)
from domain.usage import CallCount, ImageCount, Usage
from projections.contract import Fact
from projections.exports.csv import CsvEncoder
from projections.exports.focus import FocusSheet
from tests.domain.test_lots import ACCOUNT, admitted
from tests.support.ledger.stages import Stage
from tests.support.ledger.trading import Trade

AT = 1_767_225_599_000_000
"""The last second of 2025."""
REQUIREMENTS = Path("ops/focus/requirements.txt")
APPLIES = (
    "ACCOUNT_NAMING_SUPPORTED",
    "PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED",
    "PUBLIC_PRICE_LIST_SUPPORTED",
    "UNIT_PRICING_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
)
"""The features that apply to our export, in the specification's terms."""
EXPLAINED = {
    "InvoiceId-C-005-C": "wants an invoice's id where there is an invoice, and is asked of every row; no invoice is issued here, "
    "and InvoiceId-C-004-C, which wants none there, holds"
}
"""The validator's findings, and why they are not our errors."""


def told(*events: Event) -> list[dict[str, str]]:
    encoder = CsvEncoder(FocusSheet("Router Ltd", lambda account_id: f"name of {account_id}"))
    facts = [Fact(position, AT, event) for position, event in enumerate(events, 1)]
    text = (encoder.head() + encoder.encode(facts)).decode()
    return list(csv.DictReader(io.StringIO(text), strict=True))


def costs(row: dict[str, str]) -> tuple[str, ...]:
    """Billed, contracted, list and effective cost, and what it did to the balance."""
    names = ("BilledCost", "ContractedCost", "ListCost", "EffectiveCost", "x_CreditAmount")
    return tuple(f"{Decimal(row[name]).normalize():f}" for name in names)


def paid(tax: Tax | None = None, currency: str = "usd") -> TopUpSettled:
    return TopUpSettled("pi", ACCOUNT, "co", 1190, currency, 12_000_000_000, tax)


def test_a_purchase_is_billed_and_has_no_effective_cost() -> None:
    [row] = told(paid())
    assert costs(row) == ("11.9", "11.9", "11.9", "0", "12")
    assert (row["ChargeCategory"], row["BillingCurrency"], row["PricingQuantity"]) == ("Purchase", "USD", "1.0")
    assert row["BillingAccountName"] == f"name of {ACCOUNT}"


def test_a_billing_period_is_a_month_and_a_charge_is_of_an_hour() -> None:
    [row] = told(paid())
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == ("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z")
    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == ("2025-12-31T23:00:00Z", "2026-01-01T00:00:00Z")


def test_tax_is_a_separate_row() -> None:
    purchase, tax = told(paid(Tax("DE", "taxed", 190)))
    assert costs(purchase) == ("10", "10", "10", "0", "12")
    assert costs(tax) == ("1.9", "1.9", "1.9", "0", "0")
    assert (tax["ChargeCategory"], tax["PricingQuantity"], tax["SkuId"]) == ("Tax", "", "")
    assert len(told(paid(Tax("US", "unknown", None)))) == 1


def test_a_currency_without_decimals_is_in_whole_units() -> None:
    [row] = told(paid(currency="jpy"))
    assert (costs(row)[0], row["BillingCurrency"], row["PricingCurrency"]) == ("1190", "JPY", "JPY")


def test_what_came_back_is_an_adjustment_of_what_was_billed() -> None:
    rows = told(
        RefundPosted("re", "pi", ACCOUNT, 119, "usd", 1_200_000_000),
        RefundFailed("re", "pi", ACCOUNT, 119, "usd", 1_200_000_000),
        FundsWithdrawn("du", "pi", ACCOUNT, 119, "usd", 1_200_000_000),
        FundsReinstated("du", "pi", ACCOUNT, 119, "usd", 1_200_000_000),
    )
    taken, given = ("-1.19", "-1.19", "-1.19", "0", "-1.2"), ("1.19", "1.19", "1.19", "0", "1.2")
    assert [costs(row) for row in rows] == [taken, given, taken, given]
    assert {row["ChargeCategory"] for row in rows} == {"Adjustment"}
    assert len({row["ChargeDescription"] for row in rows}) == 4


def test_what_is_given_back_is_gross_and_the_tax_of_the_purchase_stays() -> None:
    rows = told(paid(Tax("DE", "taxed", 190)), RefundPosted("re", "pi", ACCOUNT, 1190, "usd", 12_000_000_000))
    assert [(row["ChargeCategory"], f"{Decimal(row['BilledCost']).normalize():f}") for row in rows] == [
        ("Purchase", "10"),
        ("Tax", "1.9"),
        ("Adjustment", "-11.9"),
    ]


def test_credit_that_was_not_paid_for_costs_nothing() -> None:
    rows = told(
        AdjustmentPosted(ACCOUNT, "a", "grant", 7, "w", None),
        AdjustmentPosted(ACCOUNT, "b", "correction", -7, "w", None),
    )
    assert [costs(row) for row in rows] == [("0", "0", "0", "0", "0.000000007"), ("0", "0", "0", "0", "-0.000000007")]
    assert [row["ChargeCategory"] for row in rows] == ["Credit", "Adjustment"]


def test_usage_is_a_row_for_each_line_and_quantity_times_price_is_its_cost() -> None:
    from domain.pricing import parse_prices
    from domain.request import AnswerSource, Hold, debit

    prices = parse_prices(
        {"input": "0.333333", "cached_input": "0.01", "output": "2", "image": "0.04", "calls": {"mcp": "0.001"}}
    )
    usage = Usage(
        input=7, cached_input=3, output=1, images=(ImageCount("high", "auto", 2),), calls=(CallCount("mcp", 2),)
    )
    event: RequestDebited = debit(
        Hold(admitted(0), 0),
        prices=prices,
        usage=usage,
        source=AnswerSource("u"),
        finish="stop",
        outcome="completed",
    )
    rows = told(event)
    assert [row["SkuMeter"] for row in rows] == [
        *("Input Tokens", "Cached Input Tokens", "Output Tokens", "Images", "Calls of Tools", "Rounding")
    ]
    for row in rows:
        cost = Decimal(row["PricingQuantity"]) * Decimal(row["ListUnitPrice"])
        assert cost == Decimal(row["ListCost"]) == Decimal(row["EffectiveCost"]) == -Decimal(row["x_CreditAmount"])
        assert row["ChargeCategory"] == "Usage"
        assert Decimal(row["BilledCost"]) == 0
    assert sum(Decimal(row["EffectiveCost"]) for row in rows).scaleb(9) == event.cost_nanos  # type: ignore[union-attr]


def findings(path: Path, folder: Path) -> dict[str, str]:
    """Rules that the validator says are broken, by their ids. It is installed separately, with a Python version that it
    supports."""
    made = subprocess.run([_python(), "-m", "venv", folder], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    pip: list[str | Path] = [
        folder / "bin/pip",
        "--disable-pip-version-check",
        "--quiet",
        "install",
        "--require-hashes",
    ]
    installed = subprocess.run([*pip, "-r", REQUIREMENTS], capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr
    [packages] = folder.glob("lib/python3*/site-packages")
    done = subprocess.run(
        [
            *(folder / "bin/focus-validator", "--data-file", path, "--block-download", "--validate-version", "1.2"),
            *("--applicability-criteria", ",".join(APPLIES), "--show-violations"),
        ],
        cwd=packages,  # it looks for a list of currencies next to itself
        capture_output=True,
        text=True,
        check=False,
    )
    counted = re.search(r"Total: (\d+) \| Pass: (\d+) \| Fail: (\d+)", done.stdout)
    assert counted, done.stdout[-2000:] + done.stderr[-2000:]
    print(counted.group(0))
    return dict(re.findall(r"^❌ (\S+): FAIL +(.*)$", done.stdout, re.MULTILINE))


def _python() -> str:
    """A Python of 3.12 or newer: on the path, or next to the one that runs this."""
    found: list[str | Path | None] = [shutil.which(f"python3.{minor}") for minor in range(14, 11, -1)]
    found += sorted(Path(sys.base_prefix).parent.glob("3.1[2-9].*/bin/python"))
    for each in found:
        if each and subprocess.run([each, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(each)
    pytest.fail(
        "The FOCUS validator needs Python 3.12 or newer in addition to the one that runs the tests: install python3.12."
    )


@pytest.mark.long
def test_the_validator_of_the_specification_finds_nothing_that_is_not_explained(tmp_path: Path) -> None:
    stage = Stage("sqlite", str(tmp_path / "ledger.db"))
    try:
        # The validator takes text for ASCII; the specification (StringHandling-A-001-M) for Unicode.
        Trade(stage.book, seed=11, accounts=("acme", "bob_2", "zoe")).run(20_000)
        facts: Sequence[Fact] = stage.log.read(0, 1_000_000)
    finally:
        stage.close()
    path, encoder = (
        tmp_path / "focus.csv",
        CsvEncoder(FocusSheet("Router Ltd", lambda account_id: f"name of {account_id}")),
    )
    path.write_bytes(encoder.head() + encoder.encode(facts))
    with path.open(encoding="utf-8") as file:
        kinds = Counter(row["ChargeCategory"] for row in csv.DictReader(file))
    assert set(kinds) == {"Usage", "Purchase", "Tax", "Credit", "Adjustment"}
    print(f"{encoder.tally.rows} rows: {dict(kinds)}")
    assert set(findings(path, tmp_path / "validator")) == set(EXPLAINED)
