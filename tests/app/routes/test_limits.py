"""Limits of accounts, keys and the process, over a socket: who is refused, with what, and when there is room again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import trio

from domain import account as accounts
from domain.buckets import MICROS_PER_SECOND
from domain.events import KeyLimits
from tests.fakes.scripted_upstream import Stall, serve
from tests.support.gateway.gateway import ACCOUNT, chat, envelope, responses, running
from tests.support.ledger.ledgers import stamp

AT = 4_102_444_740 * MICROS_PER_SECOND + 23_400_000
"""2099-12-31T23:59:23.4Z: a ledger that has seen this instant stamps it from then on, so that no minute turns in a test."""
REQUESTS = KeyLimits(requests_per_minute=3)


def rates(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of rates, without their common beginning."""
    start = "x-ratelimit-"
    return {name.removeprefix(start): value for name, value in headers.items() if name.startswith(start)}


def of_requests(remaining: int, reset: str = "37s") -> dict[str, str]:
    return {"limit-requests": "3", "remaining-requests": str(remaining), "reset-requests": reset}


async def test_a_frozen_account_has_its_own_402(tmp_path: Path) -> None:
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
        _, key = gateway.new_key(REQUESTS)
        stamp(gateway.services.ledger, AT)
        for remaining in (2, 1, 0):
            answer = await gateway.post("responses", responses(), key=key)
            assert (answer.status_code, rates(answer.headers)) == (200, of_requests(remaining))
        answer = await gateway.post("responses", responses(), key=key)
        envelope(answer, 429, "rate_limit_exceeded")
        assert (answer.headers["retry-after"], rates(answer.headers)) == ("37", of_requests(0))
        stamp(gateway.services.ledger, AT + 36_600_000)
        answer = await gateway.post("responses", responses(), key=key)
        assert (answer.status_code, rates(answer.headers)) == (200, of_requests(2, "1m0s"))
        assert len(await gateway.settled()) == 4


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["responses", "chat/completions"])
async def test_every_answer_for_a_key_with_rates_has_the_remaining_rates(
    tmp_path: Path, endpoint: str, stream: bool
) -> None:
    body = (responses if endpoint == "responses" else chat)("Hello", stream=stream)
    async with running(tmp_path) as gateway:
        _, key = gateway.new_key(KeyLimits(requests_per_minute=60, tokens_per_minute=10_000))
        stamp(gateway.services.ledger, AT)
        answer = await gateway.post(endpoint, body, key=key, headers={"origin": "https://page.example"})
        assert answer.status_code == 200
        told = rates(answer.headers)
        [event] = await gateway.settled()
        assert told == {
            "limit-requests": "60",
            "remaining-requests": "59",
            "reset-requests": "37s",
            "limit-tokens": "10000",
            "remaining-tokens": str(10_000 - event.reserved_tokens),
            "reset-tokens": "37s",
        }
        readable = answer.headers["access-control-expose-headers"].split(", ")
        assert {f"x-ratelimit-{name}" for name in told} <= set(readable)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_upstream_that_fails_leaves_the_request_counted_and_its_tokens_not(
    tmp_path: Path, stream: bool
) -> None:
    async with running(tmp_path) as gateway:
        _, key = gateway.new_key(KeyLimits(requests_per_minute=3, tokens_per_minute=6_000))
        stamp(gateway.services.ledger, AT)
        left = []
        for _ in range(2):
            answer = await gateway.post("responses", responses("Hello", "status=500", stream=stream), key=key)
            envelope(answer, 502, "upstream_error")
            left.append(rates(answer.headers))
            await gateway.settled()
        assert [told["remaining-requests"] for told in left] == ["2", "1"]
        assert left[0]["remaining-tokens"] == left[1]["remaining-tokens"] != "6000"


async def test_a_refusal_has_the_rates_that_remain_without_the_request(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, key = gateway.new_key(KeyLimits(tokens_per_minute=6_000, budget_nanos_per_month=100_000_000))
        stamp(gateway.services.ledger, AT)
        first = await gateway.post("responses", responses("Hello", "usage_input=30 usage_output=320"), key=key)
        assert first.status_code == 200
        await gateway.settled()
        untouched = {"limit-tokens": "6000", "remaining-tokens": "5650", "reset-tokens": "37s"}
        large = await gateway.post("responses", responses(max_output_tokens=5_300), key=key)
        envelope(large, 429, "rate_limit_exceeded")
        assert (rates(large.headers), large.headers["retry-after"]) == (untouched, "37")
        dear = await gateway.post("responses", responses(max_output_tokens=100_000), key=key)
        envelope(dear, 402, "insufficient_quota")
        assert rates(dear.headers) == untouched
        assert len(await gateway.settled()) == 1


async def test_an_answer_that_used_more_than_was_reserved_leaves_nothing_and_no_less(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, key = gateway.new_key(KeyLimits(tokens_per_minute=6_000))
        stamp(gateway.services.ledger, AT)
        assert (await gateway.post("responses", responses("Hello", "usage_output=9000"), key=key)).status_code == 200
        await gateway.settled()
        refused = await gateway.post("responses", responses(), key=key)
        envelope(refused, 429, "rate_limit_exceeded")
        assert rates(refused.headers) == {"limit-tokens": "6000", "remaining-tokens": "0", "reset-tokens": "37s"}


async def test_rates_are_sent_only_for_limits_of_the_key_that_the_ledger_checked(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, key = gateway.new_key(REQUESTS)
        _, other = gateway.new_key(KeyLimits(budget_nanos_per_month=100_000_000, concurrency=2))
        stamp(gateway.services.ledger, AT)
        assert rates((await gateway.post("responses", responses(), key=other)).headers) == {}
        assert rates((await gateway.post("responses", responses())).headers) == {}
        for body, status in ((responses(model="none"), 400), (b"{", 400)):
            answer = await gateway.post("responses", body, key=key)
            assert (answer.status_code, rates(answer.headers)) == (status, {})
        repeated = {"idempotency-key": "one"}
        first = await gateway.post("responses", responses(), key=key, headers=repeated)
        assert (first.status_code, rates(first.headers)) == (200, of_requests(2))
        again = await gateway.post("responses", responses(), key=key, headers=repeated)
        assert (again.status_code, rates(again.headers)) == (409, {})
        assert len(await gateway.settled()) == 3


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
        assert gateway.services.instance.slots.running == 0


async def test_bodies_in_flight_are_bounded_together(tmp_path: Path) -> None:
    async with running(
        tmp_path, server={"max_body_bytes": 1 << 20}, limits={"body_bytes_in_flight": 1 << 20}
    ) as gateway:
        client = await gateway.connect()
        whole = gateway.request_bytes("responses", responses("x" * 900_000))
        await client.send(whole[:500_000])
        while not gateway.services.instance.body_budget.held_bytes:
            await trio.testing.wait_all_tasks_blocked(0.01)
        envelope(await gateway.post("responses", responses("y" * 300_000)), 503, "overloaded")
        await client.send(whole[500_000:])
        status, _, _ = await client.answer()
        assert status == 200
        assert gateway.bucket(f"held:{ACCOUNT}") == 0
        await gateway.only_debit()
