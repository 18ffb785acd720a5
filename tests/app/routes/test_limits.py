"""Limits of accounts, keys and the process, over a socket: who is refused, with what, and when there is room again."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from domain import account as accounts
from domain.events import KeyLimits
from tests.fakes.scripted_upstream import Stall, serve
from tests.support.gateway import ACCOUNT, envelope, responses, running


async def test_a_frozen_account_is_a_402_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        gateway.decide(lambda account: list(accounts.freeze(account, reason="dispute")))
        error = envelope(await gateway.post("responses", responses()), 402, "account_frozen")
        assert error["type"] == "insufficient_quota"
        gateway.decide(lambda account: list(accounts.unfreeze(account, reason="settled")))
        assert (await gateway.post("responses", responses())).status_code == 200
        await gateway.only_debit()


async def test_a_key_may_use_only_its_models(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, key = gateway.new_key(KeyLimits(models=("gpt-5.5",)))
        envelope(await gateway.post("responses", responses(), key=key), 403, "model_not_allowed")
        assert (await gateway.post("responses", responses() | {"model": "gpt-5.5"}, key=key)).status_code == 200
        await gateway.only_debit()


async def test_requests_per_minute_are_exact_and_say_how_long_to_wait(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, key = gateway.new_key(KeyLimits(requests_per_minute=2))
        statuses = [(await gateway.post("responses", responses(), key=key)).status_code for _ in range(3)]
        answer = await gateway.post("responses", responses(), key=key)
        if statuses == [200, 200, 429]:  # unless the minute turned in between
            envelope(answer, 429, "rate_limit_exceeded")
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert statuses[:2] == [200, 200]
        await gateway.settled()


async def test_a_request_larger_than_a_whole_window_says_not_to_retry(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, key = gateway.new_key(KeyLimits(tokens_per_minute=10))
        answer = await gateway.post("responses", responses(), key=key)
        envelope(answer, 429, "rate_limit_exceeded")
        assert answer.headers["x-should-retry"] == "false"
        assert "retry-after" not in answer.headers
        assert await gateway.settled() == []


async def test_a_keys_budget_of_the_month_is_a_402(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, key = gateway.new_key(KeyLimits(budget_nanos_per_month=9_000_000))
        first = await gateway.post("responses", responses("Hello", "usage_output=4000"), key=key)
        assert first.status_code == 200
        error = envelope(await gateway.post("responses", responses(), key=key), 402, "insufficient_quota")
        assert "budget" in error["message"]
        assert (await gateway.post("responses", responses())).status_code == 200  # another key of the account
        assert len(await gateway.settled()) == 2


@pytest.mark.parametrize("limit", ["key-in-ledger", "key-in-process", "process"])
async def test_requests_open_at_once_are_bounded_and_a_place_comes_back(tmp_path: Path, limit: str) -> None:
    limits = {"key-in-process": {"key_concurrency": 2}, "process": {"concurrency": 2}}.get(limit, {})
    async with (
        serve(lambda request: [Stall()]) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits=limits) as gateway,
    ):
        _, key = gateway.new_key(KeyLimits(concurrency=2) if limit == "key-in-ledger" else None)
        clients = [await gateway.connect() for _ in range(2)]
        for client in clients:
            await client.send(gateway.request_bytes("responses", responses(), key=key))
        await upstream.wait_until(lambda upstream: len(upstream.requests) == 2)
        status, code = {
            "key-in-ledger": (429, "rate_limit_exceeded"),
            "key-in-process": (429, "concurrency_limit_exceeded"),
            "process": (503, "overloaded"),
        }[limit]
        answer = await gateway.post("responses", responses(), key=key)
        envelope(answer, status, code)
        assert answer.headers["retry-after"] == "1"
        await clients[0].close()
        await gateway.recorded(2)
        third = await gateway.connect()
        await third.send(gateway.request_bytes("responses", responses(), key=key))
        await upstream.wait_until(lambda upstream: len(upstream.requests) == 3)
        await clients[1].close()
        await third.close()
        await gateway.recorded(4)
        assert len(await gateway.settled()) == 3
        assert gateway.services.slots.running == 0


async def test_bodies_in_flight_are_bounded_together(tmp_path: Path) -> None:
    async with running(
        tmp_path, server={"max_body_bytes": 1 << 20}, limits={"body_bytes_in_flight": 1 << 20}
    ) as gateway:
        client = await gateway.connect()
        whole = gateway.request_bytes("responses", responses("x" * 900_000))
        await client.send(whole[:500_000])
        while not gateway.services.body_budget.held_bytes:
            await trio.testing.wait_all_tasks_blocked(0.01)
        envelope(await gateway.post("responses", responses("y" * 300_000)), 503, "overloaded")
        await client.send(whole[500_000:])
        status, _, _ = await client.answer()
        assert status == 200
        assert gateway.bucket(f"held:{ACCOUNT}") == 0
        await gateway.only_debit()
