"""`kill -9` of the gateway and of PostgreSQL at named points, with at least 50 open streams. Then the books are compared with what
the clients received.

A round is: load, a death at the point, an immediate restart, everything settles, and the promise is checked. The next round
continues on the same ledger. A gateway that survives PostgreSQL's death is ended by SIGTERM after its round.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
import trio

from tests.chaos.conftest import Build
from tests.support.clients.callers import Call, Endpoint, ask
from tests.support.gateway.processes import PATIENCE_SECONDS, Gateway, House, Postgres, eventually
from tests.support.ledger.reckoning import Books, check_promise, check_settled, held, percentiles, settled_books

Victim = Literal["gateway", "postgres"]
VICTIMS: tuple[Victim, ...] = ("gateway", "postgres")
POINTS = ("admitted", "streaming", "debited", "projecting")
OPEN_MIN = 50
OPENED, WHOLE = 56, 8
"""The first wave of a round: streams that are open before anything may happen, and calls that have their answers by then."""
MORE, ENDING = 8, 16
"""The second wave: further streams, and calls that end while all those are open."""
ARMED = OPENED + WHOLE + 2
"""The point counts only while so many requests run: not before the second wave."""
HELD_WITHIN_SECONDS = 60.0
DEATH_WITHIN_SECONDS = 120.0
BALANCE_NANOS = 10**13
QUICK_REAPER = (1.0, 0.5)
"""Margin and interval of the reaper in the short runs; the long ones run it as it is."""
CALLS_OF = {"admitted": 8, "streaming": 400, "debited": 3, "projecting": 2}
"""At which call of the point the victim dies."""


@dataclass(frozen=True)
class Round:
    victim: Victim
    point: str


@dataclass
class Fire:
    """A house under fire, and the results of its rounds."""

    house: House
    postgres: Postgres | None
    quick: bool
    chance: random.Random
    calls: list[Call] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    open_at_death: list[int] = field(default_factory=list)

    async def gateway(self, planned: Round | None) -> Gateway:
        plan: dict[str, Any] = {"reaper": QUICK_REAPER} if self.quick else {}
        if planned is not None:
            plan |= {"point": planned.point, "call": CALLS_OF[planned.point], "open": ARMED}
            if planned.victim == "postgres":
                assert self.postgres is not None
                plan["victim"] = self.postgres.pid
        return await self.house.gateway(plan)

    async def rounds(self, planned: list[Round]) -> None:
        account_id, key = self.house.account(nanos=BALANCE_NANOS)
        gateway = await self.gateway(planned[0])
        for number, this in enumerate(planned):
            after = planned[number + 1] if number + 1 < len(planned) else None
            calls = self._load(account_id, key)
            self.calls += calls
            async with trio.open_nursery() as nursery:
                await self._first_wave(calls[: OPENED + WHOLE], gateway, nursery)
                for call in calls[OPENED + WHOLE :]:
                    nursery.start_soon(call.run, gateway.port)
                survivor = await self._death(this, gateway)
                died = trio.current_time()
                self.open_at_death.append(sum(call.status == 200 and not call.closing_frame for call in calls))
                if survivor is None:
                    gateway = await self.gateway(after)
            await self._recovered(account_id, died, f"round {number + 1}: {this.victim} {this.point}")
            if survivor is not None:
                survivor.terminate()
                assert await survivor.ended(PATIENCE_SECONDS) == 0
                gateway = await self.gateway(after)
        gateway.terminate()
        assert await gateway.ended(PATIENCE_SECONDS) == 0

    @staticmethod
    async def _first_wave(calls: list[Call], gateway: Gateway, nursery: trio.Nursery) -> None:
        for call in calls:
            nursery.start_soon(call.run, gateway.port)
        opened, whole = calls[:OPENED], calls[OPENED:]
        await eventually(lambda: all(c.received for c in opened) and all(c.complete for c in whole), PATIENCE_SECONDS)

    def _load(self, account_id: str, key: str) -> list[Call]:
        """On both endpoints, the answers that end plain and streamed by turns."""
        kinds = ["open"] * OPENED + ["whole"] * WHOLE + ["open"] * MORE + ["ending"] * ENDING
        return [self._call(account_id, key, kind, stream=number % 2 == 0) for number, kind in enumerate(kinds)]

    def _call(self, account_id: str, key: str, kind: str, *, stream: bool) -> Call:
        endpoint: Endpoint = self.chance.choice(("responses", "chat"))
        if kind == "open":
            body = ask(endpoint, simulator=f"duration={self.chance.uniform(4, 6):.2f} tokens=40")
        else:
            seconds = 0.0 if kind == "whole" else self.chance.uniform(0.3, 2)
            how = "duration" if stream else "first_byte"
            body = ask(endpoint, stream=stream, simulator=f"{how}={seconds:.2f} tokens=10")
        return Call(account_id, key, endpoint, body)

    async def _death(self, this: Round, gateway: Gateway) -> Gateway | None:
        """Wait for the death, and start PostgreSQL again at once. Returns the gateway if it survived."""
        if this.victim == "gateway":
            assert await gateway.ended(DEATH_WITHIN_SECONDS) == -9
            return None
        postgres = self.postgres
        assert postgres is not None
        await eventually(lambda: not postgres.alive, DEATH_WITHIN_SECONDS)
        await trio.to_thread.run_sync(postgres.start)
        return gateway

    async def _recovered(self, account_id: str, died: float, what: str) -> None:
        """From the death until nothing is held, the restart included."""
        await eventually(lambda: held(self.house.ledger, account_id) == 0, HELD_WITHIN_SECONDS)
        self.recoveries.append(trio.current_time() - died)
        print(f"  {what}, {self.open_at_death[-1]} streams open, held for {self.recoveries[-1]:.1f} s")

    async def check(self) -> Books:
        books = await settled_books(self.house.ledger, self.house.codec, HELD_WITHIN_SECONDS)
        check_settled(books)
        ways = check_promise(books, self.calls)
        assert min(self.open_at_death) >= OPEN_MIN
        assert max(self.recoveries) <= HELD_WITHIN_SECONDS
        replayed = await trio.to_thread.run_sync(self.house.command, "audit", "replay", "--json")
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
        self._print(books, ways)
        assert ways["complete"] >= WHOLE * len(self.recoveries)
        return books

    def _print(self, books: Books, ways: Counter[str]) -> None:
        print(f"  {len(self.recoveries)} kills, open streams at death at least {min(self.open_at_death)}")
        print(f"  held back to zero after {percentiles(self.recoveries)}")
        print(f"  {len(books.admitted)} admitted, {len(books.debits)} debits, releases {dict(books.reasons())}")
        print(f"  clients: {dict(ways)}")


def _plan(victims: tuple[Victim, ...], times: int) -> list[Round]:
    """Every point with every victim, so often."""
    return [Round(victim, point) for _ in range(times) for point in POINTS for victim in victims]


async def _fire(build: Build, store_url: str, postgres: Postgres | None, planned: list[Round], *, quick: bool) -> Books:
    limits: dict[str, float] = {"lease": 6} if quick else {}
    house = build(store_url, limits=limits)
    fire = Fire(house, postgres, quick, random.Random(5))
    print()
    await fire.rounds(planned)
    return await fire.check()


async def test_a_gateway_on_sqlite_dies_at_two_points(build: Build, sqlite_url: str) -> None:
    await _fire(build, sqlite_url, None, [Round("gateway", "admitted"), Round("gateway", "projecting")], quick=True)


async def test_gateway_and_postgres_die(build: Build, own_postgres: Postgres) -> None:
    planned = [
        Round("postgres", "debited"),
        Round("gateway", "debited"),
        Round("postgres", "streaming"),
    ]
    await _fire(build, own_postgres.database(), own_postgres, planned, quick=True)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_twenty_kills_of_gateway_and_postgres(build: Build, own_postgres: Postgres) -> None:
    again: list[Round] = [Round(victim, point) for point in ("admitted", "debited") for victim in VICTIMS]
    planned = [*_plan(VICTIMS, 2), *again]
    assert len(planned) == 20
    await _fire(build, own_postgres.database(), own_postgres, planned, quick=False)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_kills_of_a_gateway_on_sqlite_at_every_point(build: Build, sqlite_url: str) -> None:
    await _fire(build, sqlite_url, None, _plan(("gateway",), 1), quick=False)


async def test_the_reaper_of_another_gateway_releases_what_a_dead_one_left(postgres_url: str, build: Build) -> None:
    """The dead gateway is not restarted, and the requests of the living one are not touched."""
    house = build(postgres_url, limits={"lease": 5})
    account_id, key = house.account(nanos=BALANCE_NANOS)
    living, dying = await house.gateway({"reaper": QUICK_REAPER}), await house.gateway({})
    body = ask(simulator="duration=12 tokens=60")
    kept = [Call(account_id, key, "responses", body) for _ in range(OPEN_MIN)]
    lost = [Call(account_id, key, "responses", body) for _ in range(OPEN_MIN)]
    async with trio.open_nursery() as nursery:
        for calls, gateway in ((kept, living), (lost, dying)):
            for call in calls:
                nursery.start_soon(call.run, gateway.port)
        await eventually(lambda: all(call.received for call in (*kept, *lost)), PATIENCE_SECONDS)
        dying.kill()
        seconds = await eventually(lambda: len(house.ledger.open_requests()) == OPEN_MIN, PATIENCE_SECONDS)
        assert not any(call.ended for call in kept), "the living one's streams still run"
    books = await settled_books(house.ledger, house.codec, PATIENCE_SECONDS)
    assert check_promise(books, [*kept, *lost]) == {"complete": OPEN_MIN, "cut, free": OPEN_MIN}
    assert books.reasons() == {"orphaned": OPEN_MIN}
    print(f"\n{OPEN_MIN} orphans of a dead gateway released by another after {seconds:.1f} s, with a lease of 5 s")
