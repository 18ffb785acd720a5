"""realrouter payments reconcile, and a gateway that does not start on secrets that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner, Result

from app.cli import main
from app.ledger.codec import Codec
from app.payments.crediting import Crediting
from app.payments.opening import open_payments
from app.payments.simulator import SimulatedVendor
from app.services import open_ledger
from app.settings import load

pytestmark = pytest.mark.usefixtures("logging_restored")
_SIMULATED = """
[stripe]
simulator = true

[[pack]]
id = "starter"
name = "Starter"
price = "10.00"
credit = "10.00"
"""


def configured(folder: Path, more: str = "") -> Path:
    path = folder / "realrouter.toml"
    path.write_text(f'[server]\nbind = ["127.0.0.1:0"]\n[store]\nurl = "sqlite:///{folder / "ledger.db"}"\n{more}')
    assert run("migrate", path).exit_code == 0
    return path


def run(*arguments: object) -> Result:
    *words, path = arguments
    return CliRunner().invoke(main, [*map(str, words), "--config", str(path)], catch_exceptions=False)


def bought(path: Path) -> None:
    """A customer has paid on the simulator's page, and no webhook was sent."""

    async def buy() -> None:
        settings, codec = load(path), Codec()
        ledger = open_ledger(settings, codec)
        payments = open_payments(settings, ledger, codec)
        assert payments is not None
        assert isinstance(payments.vendor, SimulatedVendor)
        opened = await payments.begin("co_1", "acct", "starter", save=False)
        await payments.vendor.pay(opened.url.rpartition("/")[2])
        assert Crediting(ledger, codec).checkout("co_1").state == "started"
        ledger.close()

    trio.run(buy)


def test_a_missed_payment_is_credited_once_and_reported(tmp_path: Path) -> None:
    path = configured(tmp_path, _SIMULATED)
    assert run("account", "create", "--name", "Ada", "--id", "acct", path).exit_code == 0
    bought(path)
    first = json.loads(run("payments", "reconcile", "--json", path).stdout)
    assert (first["ok"], first["checked"], first["differences"]) == (True, 1, [])
    assert first["ours"] == first["theirs"] == {"usd": {"paid_minor": 1000, "returned_minor": 0}}
    shown = json.loads(run("account", "show", "acct", "--json", path).output)
    assert shown["available_nanos"] == "10000000000"
    again = run("payments", "reconcile", "--all", path)
    assert again.exit_code == 0
    assert "1 payments compared; 0 corrected." in again.output
    assert "usd       10.00" in again.output
    assert "No differences." in again.output


def test_where_nothing_is_sold_there_is_nothing_to_reconcile(tmp_path: Path) -> None:
    refused = run("payments", "reconcile", configured(tmp_path))
    assert refused.exit_code == 1
    assert "no [stripe] table" in refused.output


@pytest.mark.parametrize("command", [("payments", "reconcile"), ("serve",)], ids=" ".join)
def test_nothing_starts_on_a_placeholder_secret(tmp_path: Path, command: tuple[str, ...]) -> None:
    stripe = '[stripe]\nsecret_key = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"\nwebhook_secret = "whsec_..."\n'
    refused = run(*command, configured(tmp_path, stripe))
    assert refused.exit_code == 1
    assert "[stripe] webhook_secret does not look like a Stripe secret" in refused.output
    assert "sk_test" not in refused.output
