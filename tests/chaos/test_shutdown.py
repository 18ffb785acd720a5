"""SIGTERM: no new request is accepted, running ones finish if they can, the rest are released and logged, the lease ends, and the
exit code is 0. A second SIGTERM ends the process at once; another process's reaper releases what it left.
"""

from __future__ import annotations

import trio

from tests.chaos.conftest import Build
from tests.support.clients.callers import Call, ask
from tests.support.gateway.processes import PATIENCE_SECONDS, Postgres, eventually
from tests.support.ledger.reckoning import check_promise, settled_books

CALLS = 20
BALANCE_NANOS = 10**12
GRACE_SECONDS = 6.0
"""The answers that end by themselves do so well within it, on a slow machine too."""
AT_ONCE_SECONDS = 60.0
"""Shorter than LONG_GRACE_SECONDS, which a gateway that waits for anything waits out."""
LONG_GRACE_SECONDS = 200.0
ENDING = "duration=1.5 tokens=20"
ENDLESS = "duration=120 tokens=1000"
"""Twice as long as the test's patience: a process that has ended before has cut them off."""
QUICK_REAPER = (1.0, 0.5)


def _calls(account_id: str, key: str, simulator: str) -> list[Call]:
    body = ask(simulator=simulator, max_tokens=2000)
    chat = ask("chat", simulator=simulator, max_tokens=2000)
    return [
        Call(account_id, key, "chat", chat) if number % 2 else Call(account_id, key, "responses", body)
        for number in range(CALLS)
    ]


async def test_sigterm_finishes_what_it_can_and_releases_the_rest(store_url: str, build: Build) -> None:
    house = build(store_url, limits={"grace": GRACE_SECONDS})
    account_id, key = house.account(nanos=BALANCE_NANOS)
    gateway = await house.gateway()
    ending, endless = _calls(account_id, key, ENDING), _calls(account_id, key, ENDLESS)
    late = Call(account_id, key, "responses", ask())
    async with trio.open_nursery() as nursery:
        for call in (*ending, *endless):
            nursery.start_soon(call.run, gateway.port)
        await eventually(lambda: all(call.received for call in (*ending, *endless)), PATIENCE_SECONDS)
        began = trio.current_time()
        gateway.terminate()
        await eventually(lambda: bool(gateway.lines("shutting down")), PATIENCE_SECONDS)
        await late.run(gateway.port)
        assert late.status in (None, 503), "nothing new is taken"
    assert await gateway.ended(PATIENCE_SECONDS) == 0
    seconds = trio.current_time() - began

    books = await settled_books(house.ledger, house.codec, PATIENCE_SECONDS)
    ways = check_promise(books, [*ending, *endless])
    assert ways == {"complete": CALLS, "refused 200": CALLS}
    assert all(call.ended for call in endless), "whoever is cut off is told, and the body is ended in good order"
    assert books.reasons() == {"shutdown": CALLS}
    assert late.request_id not in books.admitted
    assert seconds >= GRACE_SECONDS
    print(f"\nended {seconds:.2f} s after SIGTERM, with a grace of {GRACE_SECONDS:g} s")


async def test_sigterm_of_an_idle_gateway_ends_it_at_once(store_url: str, build: Build) -> None:
    house = build(store_url, limits={"grace": LONG_GRACE_SECONDS})
    gateway = await house.gateway()
    gateway.terminate()
    assert await gateway.ended(AT_ONCE_SECONDS) == 0


async def test_a_second_sigterm_ends_at_once_and_another_process_cleans_up(
    own_postgres: Postgres, build: Build
) -> None:
    """Even while the store is suspended, so that nothing can be released."""
    house = build(own_postgres.database(), limits={"lease": 30, "grace": LONG_GRACE_SECONDS})
    account_id, key = house.account(nanos=BALANCE_NANOS)
    gateway = await house.gateway()
    calls = _calls(account_id, key, ENDLESS)
    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(call.run, gateway.port)
        await eventually(lambda: all(call.received for call in calls), PATIENCE_SECONDS)
        with own_postgres.stopped():
            gateway.terminate()
            await eventually(lambda: bool(gateway.lines("shutting down")), PATIENCE_SECONDS)
            began = trio.current_time()
            gateway.terminate()
            assert await gateway.ended(AT_ONCE_SECONDS) == 128 + 15
            print(f"\nended {trio.current_time() - began:.2f} s after the second SIGTERM")
    assert len(house.ledger.open_requests()) == CALLS
    # As if the dead one's lease had run out already.
    for instance in {request.instance_id for request in house.ledger.open_requests()}:
        house.ledger.end_lease(instance)
    await house.gateway({"reaper": QUICK_REAPER})
    books = await settled_books(house.ledger, house.codec, PATIENCE_SECONDS)
    assert check_promise(books, calls) == {"cut, free": CALLS}
    assert books.reasons() == {"orphaned": CALLS}
