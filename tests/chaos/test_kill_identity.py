"""`kill -9` of gateways in the middle of traffic, and then one outcome: read models, exports and the replay's report are the same
bytes whether they were continued, rebuilt, derived from the events alone, or made on the other engine. Checkpoints signed before a
death still hold after it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from app.ledger.store import Ledger
from app.read_models import DecodedLog, ReadModels
from app.services import open_read_models
from app.transparency.copies import DatabaseCopy
from app.transparency.file import CheckpointFile
from app.transparency.verify import verify
from projections.proofs.keys import LogKeys
from projections.runner import Runner
from tests.support.clients.callers import Call, ask
from tests.support.gateway.processes import PATIENCE_SECONDS, House, Postgres, config, eventually, house
from tests.support.ledger.identity import derived, exported, replayed, shown, transcribe
from tests.support.ledger.reckoning import held
from tests.support.ledger.stages import Stage, drain
from tests.support.transparency.logs import ORIGIN, SIGNER
from tests.support.transparency.sealed import Continuation

POINTS = {"projecting": 2, "debited": 3, "admitted": 9, "streaming": 30}
"""At which call of the point the gateway dies, counted while `OPEN` requests run."""
OPEN = 8
CALLS = 16
BALANCE_NANOS = 10**13
QUICK_REAPER = (1.0, 0.5)
KEYS = LogKeys(ORIGIN, (SIGNER,))


@contextmanager
def sealing_house(folder: Path, store_url: str) -> Iterator[House]:
    """One whose gateways seal the log."""
    checkpoint = folder / "outside" / "log.checkpoint"
    log = f'\n[log]\norigin = "{ORIGIN}"\nkey = "{SIGNER.text()}"\ncheckpoint = "{checkpoint}"\n'
    with house(folder, config(store_url, limits={"lease": 6}) + log) as made:
        yield made


class Rounds:
    """Traffic and deaths in one house. After each death, earlier checkpoints still hold."""

    def __init__(self, house: House) -> None:
        self.house, self.chance = house, random.Random(11)
        self.account_id, self.key = house.account(nanos=BALANCE_NANOS)
        self.signed = Continuation(house.ledger, KEYS, CheckpointFile(house.settings.checkpoint_path))

    async def die_at(self, point: str, postgres: Postgres | None = None) -> None:
        """One round. `postgres`: it dies and is restarted; the gateway then ends by SIGKILL as well."""
        plan = {"point": point, "call": POINTS[point], "open": OPEN, "reaper": QUICK_REAPER}
        if postgres is not None:
            plan["victim"] = postgres.pid
        gateway = await self.house.gateway(plan)
        await self._sealed()
        async with trio.open_nursery() as nursery:
            for call in self._calls():
                nursery.start_soon(call.run, gateway.port)
            if postgres is None:
                assert await gateway.ended(PATIENCE_SECONDS) == -9
            else:
                await eventually(lambda: not postgres.alive, PATIENCE_SECONDS)
                gateway.kill()
                await trio.to_thread.run_sync(postgres.start)
        self.signed.look()

    async def recover(self) -> None:
        """A surviving gateway settles what the dead ones left, and is killed too, when it is idle."""
        gateway = await self.house.gateway({"reaper": QUICK_REAPER})
        await eventually(lambda: held(self.house.ledger, self.account_id) == 0, PATIENCE_SECONDS)
        await self._sealed()
        gateway.kill()

    async def _sealed(self) -> None:
        """Wait until all that is there now is signed."""
        head = self.house.ledger.head().position
        await eventually(lambda: self.signed.newest() >= head, PATIENCE_SECONDS)
        self.signed.look()

    def _calls(self) -> list[Call]:
        """Half of them stay open until the death, the others end one after the other."""
        calls = []
        for number in range(CALLS):
            seconds = 30.0 if number % 2 else self.chance.uniform(0.2, 1.5)
            body = ask("chat" if number % 4 < 2 else "responses", simulator=f"duration={seconds:.2f} tokens=20")
            calls.append(Call(self.account_id, self.key, "chat" if number % 4 < 2 else "responses", body))
        return calls


def check_one_outcome(house: House, account_id: str, other: Stage) -> None:
    """`other`: an empty ledger on the other engine."""
    views = open_read_models(house.settings)
    try:
        runner = Runner(DecodedLog(house.ledger), views)
        drain(runner)
        rows, books, told = _outcome(house.ledger, views, account_id)
        assert rows == derived(house.ledger)
        assert b'"differences_count":0' in told
        assert replayed(house.ledger, None) == told
        runner.rebuild()
        assert _outcome(house.ledger, views, account_id) == (rows, books, told)
        transcribe(house.ledger, other.ledger)
        drain(Runner(other.log, other.shown))
        assert _outcome(other.ledger, other.shown, account_id) == (rows, books, told)
    finally:
        views.close()
    report = verify(DatabaseCopy(house.ledger, ORIGIN, CheckpointFile(house.settings.checkpoint_path)), KEYS.own)
    assert report.differences == ()


def _outcome(ledger: Ledger, views: ReadModels, account_id: str) -> tuple[bytes, dict[str, bytes], bytes]:
    return shown(views), exported(ledger, views, (account_id,)), replayed(ledger, views)


async def test_a_gateway_that_was_killed_twice_leaves_one_outcome(tmp_path: Path, postgres_url: str) -> None:
    """Compared as the dead one has left it, with holds open and read models in the middle of a batch."""
    with sealing_house(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}") as made:
        rounds = Rounds(made)
        for point in ("debited", "projecting"):
            await rounds.die_at(point)
        assert made.ledger.open_requests()
        _check_on(made, rounds.account_id, "sqlite", postgres_url)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
async def test_many_kills_leave_one_outcome(tmp_path: Path, own_postgres: Postgres, engine: str) -> None:
    """At each point, of the gateway and of PostgreSQL; compared after each round, and when all is settled."""
    victims = (None,) if engine == "sqlite" else (None, own_postgres)
    url = f"sqlite:///{tmp_path / 'ledger.db'}" if engine == "sqlite" else own_postgres.database()
    with sealing_house(tmp_path, url) as made:
        rounds = Rounds(made)
        planned = [(point, victim) for point in (*POINTS, *POINTS) for victim in victims]
        for number, (point, victim) in enumerate(planned):
            await rounds.die_at(point, victim)
            place = own_postgres.database() if engine == "sqlite" else str(tmp_path / f"other-{number}.db")
            await trio.to_thread.run_sync(_check_on, made, rounds.account_id, engine, place)
        await rounds.recover()
        place = own_postgres.database() if engine == "sqlite" else str(tmp_path / "other.db")
        await trio.to_thread.run_sync(_check_on, made, rounds.account_id, engine, place)
        assert made.ledger.open_requests() == []
        rounds.signed.check()
        for command in ("replay", "verify"):
            told = await trio.to_thread.run_sync(made.command, "audit", command, "--json")
            assert told.returncode == 0, told.stdout + told.stderr
        events, seen = made.ledger.head().position, len(rounds.signed.checkpoints)
    print(f"\n{engine}: {len(planned)} kills, {events} events, {seen} checkpoints seen, one outcome each time")


def _check_on(house: House, account_id: str, engine: str, place: str) -> None:
    other = Stage("postgres" if engine == "sqlite" else "sqlite", place)
    try:
        check_one_outcome(house, account_id, other)
    finally:
        other.close()
