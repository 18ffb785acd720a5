"""A gateway that people sign in to: real sockets, a hasher that counts, on either engine, as often as a test wants it.

Rule 1: passwords cost next to nothing here, but are hashed and checked by the real library.
Rule 2: two gateways over one PostgreSQL are two processes as far as sessions go: they share nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import trio

from app.accounts.passwords import Passwords
from app.edge.server import serve
from app.routes import application
from app.services import Services, open_services
from app.settings import ServerSettings, Settings, StoreSettings, parse
from domain.events import AccountOpened
from tests.support.clients.plain_http import NO_TLS
from tests.support.gateway.gateway import DEADLINE_SECONDS, configuration, prepare
from tests.support.gateway.hashing import CHEAP, CountingHasher
from tests.support.ledger.books import all_events

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
ANOTHER = "another password"
COOKIE = "realrouter-session"
LISTED = "https://app.example"
"""Whose pages the operator allows."""


@dataclass(frozen=True)
class House:
    """The running gateway. A client of `client()` keeps cookies, as a browser does."""

    services: Services
    hasher: CountingHasher
    url: str

    @asynccontextmanager
    async def client(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=120, verify=NO_TLS) as client:
            yield client

    async def sign_up(self, email: str = EMAIL, password: str = PASSWORD) -> str:
        """A person whose account is open, by its id."""
        hashed = await self.services.accounts.passwords.hash(password)
        await trio.to_thread.run_sync(self.services.accounts.people.sign_up, email, hashed)
        person = self.services.accounts.people.by_email(email)
        assert person is not None
        return person.account_id

    async def idle(self) -> None:
        """Until nothing runs behind an answer."""
        lease = self.services.instance.lease
        while lease._tasks:
            await lease._idle.wait()

    def opened(self) -> list[AccountOpened]:
        """The accounts that were opened, but for the one that every test's ledger begins with."""
        events = all_events(self.services.ledger, self.services.codec)
        return [event for event in events if isinstance(event, AccountOpened)][1:]

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        return list(self.services.ledger.select(f"SELECT * FROM {table}"))


def settings_of(folder: Path, url: str | None = None, **server: Any) -> Settings:
    """Sign-up is on. `url`: that PostgreSQL in place of a file in the folder."""
    settings = parse(configuration(folder))
    store = settings.store if url is None else StoreSettings(url=url)
    return msgspec.structs.replace(settings, server=ServerSettings(**{"signup": True, **server}), store=store)


@asynccontextmanager
async def house(settings: Settings, *, fresh: bool = True) -> AsyncIterator[House]:
    """A gateway while the block runs. If `fresh` is false, another gateway has created the ledger."""
    if fresh:
        await trio.to_thread.run_sync(prepare, settings)
    hasher, shutdown = CountingHasher(), trio.Event()
    with trio.fail_after(DEADLINE_SECONDS):
        async with open_services(settings) as opened, trio.open_nursery() as nursery:
            services = replace(opened, accounts=replace(opened.accounts, passwords=Passwords(hasher, CHEAP)))
            serving = partial(serve, application(services), bind=["127.0.0.1:0"], shutdown=shutdown)
            [port] = await nursery.start(serving)
            yield House(services, hasher, f"http://127.0.0.1:{port}")
            shutdown.set()


async def sign_in(client: httpx.AsyncClient, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/api/session", json={"email": email, "password": password})


async def sign_up(client: httpx.AsyncClient, email: str = EMAIL, **more: Any) -> httpx.Response:
    return await client.post("/api/signup", json={"email": email, "password": PASSWORD, **more})


def change(current: str = PASSWORD, new: str = ANOTHER) -> dict[str, str]:
    """The body of a change of password."""
    return {"current_password": current, "new_password": new}


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and param of an error, which is an envelope."""
    error = answer.json()["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    return answer.status_code, error["code"], error["param"]
