"""200 requests at once on an account that can pay for 50: exactly 50 are admitted, whichever gateways they reach.

The hold of a request is read from the gateway's own refusal, which names it, and never computed here. Admitted streams stay open
until every verdict is known, so that no early release makes room for another.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
import trio

from domain.events import AdjustmentPosted, RequestAdmitted, RequestDebited, RequestReleased
from tests.chaos.conftest import Build
from tests.fakes.openai_shapes import event_stream, responses_frames
from tests.fakes.scripted_upstream import Script, WaitFor, serve
from tests.support.clients.callers import Call, ask, run_all
from tests.support.gateway.processes import PATIENCE_SECONDS, House, eventually
from tests.support.ledger.reckoning import Books, check_promise, check_settled, held, percentiles, read_books

CALLERS, PAID = 200, 50
MAX_TOKENS = 400
FRAMES = 40
on_each_store = pytest.mark.parametrize(
    ("engine", "processes"),
    [
        pytest.param("sqlite", 1, id="sqlite"),
        pytest.param("postgres", 1, id="postgres"),
        pytest.param("postgres", 3, id="postgres-3-processes"),
    ],
)


@dataclass
class Field:
    """A house with its gateways running."""

    house: House
    ports: list[int]

    async def hold_nanos(self, body: bytes) -> int:
        """The hold of a request, as a refusal on an empty account names it."""
        account_id, key = self.house.account(nanos=0)
        call = Call(account_id, key, "responses", body)
        await call.run(self.ports[0])
        assert call.status == 402, call
        error = call.error()
        assert error["code"] == "insufficient_quota"
        return int(error["needed_nanos"])

    async def fire(self, account_id: str, key: str, bodies: list[bytes]) -> list[Call]:
        calls = [Call(account_id, key, "responses", body) for body in bodies]
        await run_all(calls, self.ports)
        return calls

    async def books(self, account_id: str) -> Books:
        await eventually(lambda: held(self.house.ledger, account_id) == 0, PATIENCE_SECONDS)
        books = read_books(self.house.ledger, self.house.codec)
        check_settled(books)
        return books


@on_each_store
async def test_exactly_as_many_as_are_paid_are_admitted(
    engine: str, processes: int, build: Build, request: pytest.FixtureRequest
) -> None:
    all_judged = trio.Event()
    async with serve(lambda _request: _until(all_judged)) as upstream:
        provider = f'protocol = "openai"\nbase_url = "{upstream.base_url}"\napi_key = "sk-upstream"'
        house = build(request.getfixturevalue(f"{engine}_url"), upstream=provider)
        field = Field(house, [(await house.gateway()).port for _ in range(processes)])
        await _exactly_as_many_as_are_paid(field, all_judged)


@on_each_store
async def test_nobody_spends_more_than_there_is(
    engine: str, processes: int, build: Build, request: pytest.FixtureRequest
) -> None:
    house = build(request.getfixturevalue(f"{engine}_url"))
    field = Field(house, [(await house.gateway()).port for _ in range(processes)])
    await _costs_below_the_hold(field)
    await _costs_above_the_hold(field)


def _until(event: trio.Event) -> Script:
    """A stream that shows its head and its first frame, and no end before the event."""
    head, first, *rest = event_stream(responses_frames(FRAMES))
    return [head, first, WaitFor(event), *rest]


async def _exactly_as_many_as_are_paid(field: Field, all_judged: trio.Event) -> None:
    body = ask(max_tokens=MAX_TOKENS)
    hold = await field.hold_nanos(body)
    account_id, key = field.house.account(nanos=PAID * hold + hold - 1)
    calls = [Call(account_id, key, "responses", body) for _ in range(CALLERS)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_all, calls, field.ports)
        await eventually(lambda: all(call.headed_at or call.ended_at for call in calls), PATIENCE_SECONDS)
        all_judged.set()

    admitted = [call for call in calls if call.status == 200]
    refused = [call for call in calls if call.status == 402]
    assert len(admitted) == PAID
    assert len(refused) == CALLERS - PAID
    verdicts = [call.headed_at or 0.0 for call in calls]
    ends = [call.ended_at or 0.0 for call in admitted]
    assert max(verdicts) < min(ends), "no proof: a stream ended before the last verdict"
    for call in refused:
        error = call.error()
        assert (error["needed_nanos"], error["available_nanos"]) == (str(hold), str(hold - 1))

    books = await field.books(account_id)
    assert check_promise(books, calls) == {"complete": PAID, "refused 402": CALLERS - PAID}
    assert min(books.available[account_id]) == hold - 1
    spent = sum(event.cost_nanos for event in books.debits if event.account_id == account_id)
    assert books.available[account_id][-1] == PAID * hold + hold - 1 - spent
    print(
        f"\n{len(field.ports)} gateway(s): {PAID} x 200, {CALLERS - PAID} x 402; all verdicts within "
        f"{max(verdicts) - min(verdicts):.2f} s; from the first: "
        f"{percentiles([at - min(verdicts) for at in verdicts])}"
    )


async def _costs_below_the_hold(field: Field) -> None:
    """What one request releases, another may hold at once. The balance is not negative at any position of the log."""
    chance = random.Random(20)
    bodies = [
        ask(
            max_tokens=MAX_TOKENS,
            simulator=f"duration={chance.uniform(0, 1.5):.3f} tokens=20 usage_output={chance.randint(1, 390):03}",
        )
        for _ in range(CALLERS)
    ]
    hold = await field.hold_nanos(bodies[0])
    account_id, key = field.house.account(nanos=PAID * hold)
    calls = await field.fire(account_id, key, bodies)

    books = await field.books(account_id)
    ways = check_promise(books, calls)
    assert set(ways) == {"complete", "refused 402"}
    assert ways["complete"] >= PAID
    debits = [event for event in books.debits if event.account_id == account_id]
    assert len(debits) == ways["complete"]
    assert all(0 < event.cost_nanos < event.hold_nanos for event in debits)
    assert min(books.available[account_id]) >= 0
    assert books.available[account_id][-1] == PAID * hold - sum(event.cost_nanos for event in debits)
    print(
        f"costs below the holds: {ways['complete']} admitted, least available {min(books.available[account_id])} nanos"
    )


async def _costs_above_the_hold(field: Field) -> None:
    """A charge is never trimmed: the part above the hold is charged too, and named. Only that part makes the balance negative."""
    chance = random.Random(30)
    bodies = [
        ask(
            max_tokens=MAX_TOKENS,
            simulator=f"duration={chance.uniform(0, 1.5):.3f} tokens=20 usage_output={chance.randint(100, 999):04}",
        )
        for _ in range(CALLERS)
    ]
    hold = await field.hold_nanos(bodies[0])
    account_id, key = field.house.account(nanos=PAID * hold)
    calls = await field.fire(account_id, key, bodies)

    books = await field.books(account_id)
    ways = check_promise(books, calls)
    assert set(ways) == {"complete", "refused 402"}
    debits = {event.request_id: event for event in books.debits if event.account_id == account_id}
    overruns = [event.overrun_nanos for event in debits.values() if event.overrun_nanos]
    assert len(overruns) >= 10, "the run must bring overruns about"
    for event in debits.values():
        assert event.cost_nanos == sum(line.amount_picos for line in event.lines) // 1000
        assert event.overrun_nanos == max(0, event.cost_nanos - event.hold_nanos)
    _check_overdraft(books, account_id, PAID * hold)
    print(
        f"costs above the holds: {len(debits)} admitted, {len(overruns)} overruns of {sum(overruns)} nanos, "
        f"least available {min(books.available[account_id])} nanos"
    )


def _check_overdraft(books: Books, account_id: str, granted: int) -> None:
    """Replay: only a debit that passes its hold takes the balance below zero, and by no more than it passes it."""
    available, overrun = 0, 0
    for event in books.events:
        match event:
            case AdjustmentPosted(account_id=owner) if owner == account_id:
                available += granted
            case RequestAdmitted(account_id=owner) if owner == account_id:
                available -= event.hold_nanos
                assert available >= 0, "an admission took what was not there"
            case RequestDebited(account_id=owner) if owner == account_id:
                available += event.hold_nanos - event.cost_nanos
                overrun += event.overrun_nanos
            case RequestReleased(account_id=owner) if owner == account_id:
                available += event.hold_nanos
            case _:
                continue
        assert available >= -overrun, "below zero by more than the recorded overruns"
    assert available == books.available[account_id][-1]
