"""A gateway that is to take money does not start on secrets that anybody could know."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.faults import StripeNotConfigured
from app.ledger.codec import Codec
from app.ledger.sqlite import SQLiteLedger
from app.payments.opening import check_secret, open_payments
from app.payments.simulator import SimulatedVendor
from app.settings import parse
from app.settings.errors import SettingsError
from tests.support.payments.paying import KEY, WEBHOOK_SECRET


@pytest.mark.parametrize(
    "value",
    [
        "",
        "whsec_",
        "whsec_short",
        "whsec_xxxxxxxxxxxxxxxxxxxxxxxx",
        "whsec_...",
        "whsec_your_webhook_secret_here",
        "whsec_changeme_changeme_changeme",
        "whsec_aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "whsec_placeholder000000000000",
        "not-one-of-theirs",
        "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    ],
)
def test_an_empty_or_placeholder_webhook_secret_is_refused(value: str) -> None:
    with pytest.raises(StripeNotConfigured) as refused:
        check_secret("webhook_secret", value)
    assert value == "" or value not in str(refused.value)


@pytest.mark.parametrize("value", ["", "pk_test_4eC39HqLyjWDarjtT1zdp7dc", "sk_test_xxxxxxxxxxxxxxxxxxxx"])
def test_an_invalid_secret_key_is_refused(value: str) -> None:
    with pytest.raises(StripeNotConfigured):
        check_secret("secret_key", value)


def test_real_ones_pass() -> None:
    check_secret("webhook_secret", WEBHOOK_SECRET)
    check_secret("secret_key", KEY)
    check_secret("secret_key", KEY.replace("sk_test", "rk_live"))


def test_without_stripe_nothing_is_sold_and_with_the_simulator_no_secret_is_needed(tmp_path: Path) -> None:
    ledger, codec = SQLiteLedger(str(tmp_path / "ledger.db")), Codec()
    assert open_payments(parse(""), ledger, codec) is None
    opened = open_payments(parse("[stripe]\nsimulator = true"), ledger, codec)
    assert opened is not None
    assert isinstance(opened.vendor, SimulatedVendor)
    with pytest.raises(StripeNotConfigured):
        open_payments(parse("[stripe]"), ledger, codec)
    ledger.close()


@pytest.mark.parametrize(
    "server",
    [
        'bind = ["0.0.0.0:8000"]',
        'bind = ["127.0.0.1:8000", "10.0.0.1:8000"]',
        'public_url = "https://api.example.com"',
    ],
)
def test_the_simulator_is_for_this_machine_alone(server: str) -> None:
    with pytest.raises(SettingsError):
        parse(f"[server]\n{server}\n[stripe]\nsimulator = true")


@pytest.mark.parametrize(
    ("pack", "key"),
    [
        ('price = "10.001"', "price"),
        ('price = "0"', "price"),
        ('price = "1.5"\ncurrency = "jpy"', "price"),
        ('price = "9999999.00"', "price"),
    ],
)
def test_a_pack_that_cannot_be_charged_is_refused_with_its_line(pack: str, key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(f'[[pack]]\nid = "p"\nname = "P"\ncredit = "1"\n{pack}\n')
    assert refused.value.key == f"pack[0].{key}"
    assert refused.value.line is not None
