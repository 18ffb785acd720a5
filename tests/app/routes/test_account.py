"""/api/account and /api/balance: the owner, the amounts that the account may spend, and who may call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain import account as accounts
from domain.decimals import NANOS_PER_USD
from tests.support.gateway.customers import EMAIL, caught_up, customer, with_key
from tests.support.gateway.gateway import ACCOUNT, envelope, responses, running

READERS = ["/api/balance", "/api/transactions", "/api/usage", "/api/requests/req_none", "/api/packs"]
SESSIONS = ["/api/account", "/api/keys", "/api/keys/key_none", "/api/session"]


async def test_an_account_shows_its_owner_and_its_keys_in_use(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        gateway.new_key()
        shown = await owner.shown("/api/account")
        assert shown["created_at"].endswith("Z")
        del shown["created_at"]
        about = {"account_id": ACCOUNT, "name": "Test", "email": EMAIL, "has_password": False}
        assert shown == {**about, "frozen": [], "keys": 2}
        gateway.services.accounts.people.set_password(ACCOUNT, "a hash")
        again = await customer(gateway)
        assert (await again.shown("/api/account"))["has_password"] is True


async def test_a_frozen_account_says_why_and_since_when(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        gateway.decide(lambda account: list(accounts.freeze(account, reason="a question of fraud")))
        [freeze] = (await owner.shown("/api/account"))["frozen"]
        assert (freeze["cause"], freeze["reason"]) == ("operator", "a question of fraud")
        assert freeze["at"].endswith("Z")
        assert (await owner.shown("/api/balance"))["frozen"] is True
        gateway.decide(lambda account: list(accounts.unfreeze(account, reason="answered")))
        assert (await owner.shown("/api/account"))["frozen"] == []
        assert (await owner.shown("/api/balance"))["frozen"] is False


async def test_a_balance_is_that_of_the_ledger_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        assert (await gateway.post("responses", responses())).status_code == 200
        event = await gateway.only_debit()
        shown = await owner.shown("/api/balance")
        head = gateway.services.ledger.head().position
        assert shown["available_nanos"] == str(10 * NANOS_PER_USD - event.cost_nanos)
        assert shown["available"].startswith("9.99")
        assert (shown["held"], shown["held_nanos"], shown["as_of"]["position"]) == ("0.00", "0", head)
        assert shown["as_of"]["at"].endswith("Z")
        assert (await with_key(gateway, "/api/balance")).json() == shown


@pytest.mark.parametrize("nanos", [-1, -12_345_678_901, 1, 0])
async def test_a_negative_balance_is_shown_exactly(tmp_path: Path, nanos: int) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway, "acct_other", email="other@example.org")
        if nanos:
            gateway.decide(lambda account: list(_adjusted(account, nanos)), "acct_other")
        shown = await owner.shown("/api/balance")
        assert shown["available_nanos"] == str(nanos)
        assert (
            shown["available"]
            == {-1: "-0.000000001", -12_345_678_901: "-12.345678901", 1: "0.000000001", 0: "0.00"}[nanos]
        )


@pytest.mark.parametrize("path", READERS)
async def test_a_key_reads(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as gateway:
        await caught_up(gateway)
        answer = await with_key(gateway, path)
        assert answer.status_code == (404 if "req_none" in path else 200), answer.text


@pytest.mark.parametrize("path", SESSIONS)
async def test_a_key_does_not_read_what_is_its_owners(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as gateway:
        envelope(await with_key(gateway, path), 403, "session_required")


@pytest.mark.parametrize("path", [*READERS, *SESSIONS])
async def test_an_unauthenticated_caller_reads_nothing(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as gateway:
        envelope(await gateway.http.get(f"{gateway.origin}{path}"), 401, "not_signed_in")
        cookie = {"cookie": "realrouter-session=made-up"}
        envelope(await gateway.http.get(f"{gateway.origin}{path}", headers=cookie), 401, "not_signed_in")


@pytest.mark.parametrize("path", READERS)
async def test_an_invalid_key_reads_nothing_even_with_a_session(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        headers = {**owner.cookie, "authorization": "Bearer sk-realrouter-none"}
        envelope(await gateway.http.get(f"{gateway.origin}{path}", headers=headers), 401, "invalid_api_key")


def _adjusted(account: accounts.Account, nanos: int) -> Any:
    return accounts.post_adjustment(
        account,
        adjustment_id="adj_1",
        kind="grant" if nanos > 0 else "correction",
        amount_nanos=nanos,
        reason="for a test",
        reference=None,
    )
