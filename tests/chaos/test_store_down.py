"""The store goes away, or another process locks it: nothing is free, nothing is lost, and no request gets a 401.

The streams that are open at that time end when the test says so, however long the store takes to go.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
import trio

from domain import api_key
from domain.events import AdjustmentPosted
from tests.chaos.conftest import Build
from tests.fakes.openai_shapes import event_stream, openai_script, responses_frames
from tests.fakes.scripted_upstream import Request, Script, Signal, WaitFor, serve
from tests.support.clients.callers import Call, Endpoint, ask, run_all
from tests.support.gateway.processes import PATIENCE_SECONDS, Gateway, House, Postgres, eventually
from tests.support.ledger.reckoning import available, check_promise, settled_books

CALLS = 24
BALANCE_NANOS = 10**12
FRAMES = 20
SETTLE_SECONDS, LEASE_SECONDS = 60, 30
"""Longer than the store is away where what was open is billed."""
ASKED_AGAIN = "the ledger did not take a command; retrying"
_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(house: House) -> Iterator[subprocess.Popen[bytes]]:
    """Another process holds the ledger's write lock, until its stdin is closed."""
    path = house.settings.store.sqlite_path
    assert path is not None
    line = [sys.executable, "-c", _LOCK, str(path)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield process


class Provider:
    """An upstream. It sends all of an open stream but the closing frame at once, and the closing frame on a signal."""

    def __init__(self) -> None:
        self.base_url = ""
        self._told = trio.Event()
        self._sent: dict[str, trio.Event] = {}

    @property
    def settings(self) -> str:
        return f'protocol = "openai"\nbase_url = "{self.base_url}"\napi_key = "sk-upstream"'

    def streams(self, account_id: str, key: str) -> list[Call]:
        """Calls whose answers are kept open."""
        calls = [Call(account_id, key, "responses", ask()) for _ in range(CALLS)]
        self._sent |= {call.request_id: trio.Event() for call in calls}
        return calls

    async def end(self) -> None:
        """Send the closing frames. Returns when all are on their way."""
        self._told.set()
        with trio.fail_after(PATIENCE_SECONDS):
            for sent in self._sent.values():
                await sent.wait()

    def script(self, request: Request) -> Script:
        sent = self._sent.get(request.header("x-client-request-id") or "")
        if sent is None:
            return openai_script(request, chunks=FRAMES)
        *open_part, completed, done, end = event_stream(responses_frames(FRAMES))
        return [*open_part, WaitFor(self._told), completed, done, end, Signal(sent)]


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    async with serve(made.script) as upstream:
        made.base_url = upstream.base_url
        yield made


def _all_but_the_end(calls: list[Call]) -> bool:
    """Every stream has shown all but its closing frame."""
    return all(b"response.output_item.done" in call.received for call in calls)


def _fresh(account_id: str, key: str) -> list[Call]:
    """Both endpoints, plain and streamed."""
    endpoints: tuple[Endpoint, ...] = ("responses", "chat")
    return [Call(account_id, key, e, ask(e, stream=stream)) for e in endpoints for stream in (True, False)]


def _check_unavailable(call: Call) -> None:
    assert call.status == 503, call
    assert int(call.headers["retry-after"]) >= 1
    error = call.error()
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("server_error", "store_unavailable")


async def _metric(gateway: Gateway, name: str) -> float:
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"http://127.0.0.1:{gateway.port}/metrics")).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


async def test_postgres_goes_and_comes_back_within_the_settle_time(
    own_postgres: Postgres, build: Build, provider: Provider
) -> None:
    limits = {"settle": SETTLE_SECONDS, "lease": LEASE_SECONDS}
    house = build(own_postgres.database(), upstream=provider.settings, limits=limits)
    account_id, key = house.account(nanos=BALANCE_NANOS)
    gateway = await house.gateway()
    open_calls, meanwhile = provider.streams(account_id, key), _fresh(account_id, key)
    unknown = Call(account_id, api_key.make_key(os.urandom(api_key.RANDOM_BYTES)), "responses", ask())
    async with trio.open_nursery() as nursery:
        for call in open_calls:
            nursery.start_soon(call.run, gateway.port)
        await eventually(lambda: _all_but_the_end(open_calls), PATIENCE_SECONDS)
        await trio.to_thread.run_sync(own_postgres.kill)
        await provider.end()
        await run_all([*meanwhile, unknown], [gateway.port])
        for call in (*meanwhile, unknown):
            _check_unavailable(call)
        waiting = {call.request_id for call in open_calls}
        await eventually(
            lambda: waiting <= {line["request_id"] for line in gateway.lines(ASKED_AGAIN)}, PATIENCE_SECONDS
        )
        assert not any(call.closing_frame or call.ended for call in open_calls), "nothing passes before its debit"
        await trio.to_thread.run_sync(own_postgres.start)
    books = await settled_books(house.ledger, house.codec, PATIENCE_SECONDS)
    assert check_promise(books, [*open_calls, *meanwhile]) == {"complete": CALLS, "refused 503": len(meanwhile)}
    assert await _metric(gateway, "realrouter_unbilled_total") == 0
    after = _fresh(account_id, key)
    await run_all(after, [gateway.port])
    assert all(call.complete for call in after)


async def test_postgres_stays_away_past_the_settle_time(
    own_postgres: Postgres, build: Build, provider: Provider
) -> None:
    limits = {"settle": 1, "lease": LEASE_SECONDS}
    house = build(own_postgres.database(), upstream=provider.settings, limits=limits)
    account_id, key = house.account(nanos=BALANCE_NANOS)
    gateway = await house.gateway()
    calls = provider.streams(account_id, key)
    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(call.run, gateway.port)
        await eventually(lambda: _all_but_the_end(calls), PATIENCE_SECONDS)
        await trio.to_thread.run_sync(own_postgres.kill)
        await provider.end()
    assert all(call.refused and call.ended and not call.closing_frame for call in calls)
    await trio.to_thread.run_sync(own_postgres.start)
    books = await settled_books(house.ledger, house.codec, PATIENCE_SECONDS)
    assert check_promise(books, calls) == {"refused 200": CALLS}
    assert books.reasons() == {"settle_timeout": CALLS}
    await eventually(lambda: len(gateway.lines("request")) >= CALLS, PATIENCE_SECONDS)
    assert await _metric(gateway, "realrouter_unbilled_total") == CALLS
    assert await _metric(gateway, "realrouter_unbilled_nanos_total") > 0


async def test_sqlite_is_locked_by_another_process_for_three_seconds(
    sqlite_url: str, build: Build, provider: Provider
) -> None:
    """Less than the store waits for its lock: requests only wait."""
    house = build(sqlite_url, upstream=provider.settings)
    account_id, key = house.account(nanos=BALANCE_NANOS)
    gateway = await house.gateway()
    calls, meanwhile = provider.streams(account_id, key), _fresh(account_id, key)
    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(call.run, gateway.port)
        await eventually(lambda: _all_but_the_end(calls), PATIENCE_SECONDS)
        with locked(house):
            began = trio.current_time()
            for call in meanwhile:
                nursery.start_soon(call.run, gateway.port)
            await provider.end()
            await trio.sleep_until(began + 3)
            assert not any(call.closing_frame for call in calls)
            assert not any(call.status for call in meanwhile)
    books = await settled_books(house.ledger, house.codec, PATIENCE_SECONDS)
    assert check_promise(books, [*calls, *meanwhile]) == {"complete": CALLS + len(meanwhile)}


async def test_sqlite_is_locked_for_longer_than_the_store_waits(
    sqlite_url: str, build: Build, provider: Provider
) -> None:
    """New requests get 503; open ones are billed, because the lock goes within the settle time."""
    limits = {"settle": SETTLE_SECONDS, "lease": LEASE_SECONDS}
    house = build(sqlite_url, upstream=provider.settings, limits=limits)
    account_id, key = house.account(nanos=BALANCE_NANOS)
    gateway = await house.gateway()
    calls, meanwhile = provider.streams(account_id, key), _fresh(account_id, key)
    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(call.run, gateway.port)
        await eventually(lambda: _all_but_the_end(calls), PATIENCE_SECONDS)
        with locked(house):
            await provider.end()
            await run_all(meanwhile, [gateway.port])
            assert not any(call.closing_frame or call.ended for call in calls), "nothing passes before its debit"
    for call in meanwhile:
        _check_unavailable(call)
    books = await settled_books(house.ledger, house.codec, PATIENCE_SECONDS)
    assert check_promise(books, [*calls, *meanwhile]) == {"complete": CALLS, "refused 503": len(meanwhile)}


async def test_a_charge_that_lands_after_its_client_was_told_an_error_is_given_back(
    sqlite_url: str, build: Build, provider: Provider
) -> None:
    """The lock outlasts every timeout. The debit that waits for it commits afterwards, and must then be reversed."""
    house = build(sqlite_url, upstream=provider.settings, limits={"settle": 0.5, "lease": LEASE_SECONDS})
    account_id, key = house.account(nanos=BALANCE_NANOS)
    gateway = await house.gateway()
    calls = provider.streams(account_id, key)
    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(call.run, gateway.port)
        await eventually(lambda: _all_but_the_end(calls), PATIENCE_SECONDS)
        with locked(house):
            await provider.end()
            await eventually(lambda: all(call.ended for call in calls), PATIENCE_SECONDS)
    assert all(call.refused and not call.closing_frame for call in calls)
    await eventually(lambda: available(house.ledger, account_id) == BALANCE_NANOS, PATIENCE_SECONDS)
    books = await settled_books(house.ledger, house.codec, PATIENCE_SECONDS)
    landed = {event.request_id: event.cost_nanos for event in books.debits}
    given_back = {
        event.reference: event.amount_nanos
        for event in books.events
        if isinstance(event, AdjustmentPosted) and event.kind == "correction"
    }
    assert len(landed) + len(books.releases) == CALLS
    assert landed == given_back
    print(f"\n{len(landed)} charges landed late and were given back, {len(books.releases)} holds released")
