"""Streams of account events, opened over real sockets and read frame by frame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain import account as accounts
from tests.support.clients.raw_client import RawClient
from tests.support.gateway.customers import Customer
from tests.support.gateway.gateway import ACCOUNT, Gateway, Json
from tests.support.gateway.signing_in import House


@dataclass
class Event:
    """One frame that is more than a comment."""

    name: str
    id: int
    data: Json


@dataclass
class Listening:
    """An open stream, read frame by frame."""

    client: RawClient
    headers: Mapping[str, str] = field(default_factory=dict)
    last: int = 0
    newest: Event | None = None
    """The balance that was told last."""

    async def frame(self) -> bytes:
        """The next frame, without the chunked framing around it: no frame holds a line that looks like a chunk's size."""
        raw = await self.client.read_until(b"\n\n")
        lines = [line for line in raw.split(b"\n") if line.rstrip(b"\r") and not line.endswith(b"\r")]
        return b"\n".join(lines)

    async def rest(self) -> bytes:
        """All that comes until the stream ends as it should."""
        return await self.client.read_until(b"\r\n0\r\n\r\n")

    async def next(self) -> Event:
        """The next event; what it names as its id never goes back."""
        while True:
            members = [line.partition(b": ") for line in (await self.frame()).split(b"\n")]
            found = {name.decode(): value for name, _, value in members}
            if "event" in found:
                event = Event(found["event"].decode(), int(found["id"]), json.loads(found["data"]))
                assert event.id >= self.last
                self.last = event.id
                if event.name == "balance":
                    self.newest = event
                return event

    async def until(self, name: str, **members: Any) -> tuple[Event, list[Event]]:
        """The next event of this name with these members, and what came before it."""
        before: list[Event] = []
        while True:
            event = await self.next()
            if event.name == name and all(event.data.get(key) == value for key, value in members.items()):
                return event, before
            before.append(event)

    async def balance(self, **members: Any) -> Event:
        """The balance, once it has these members. One is told as it stands then, so that it may come before the event that made it,
        and is not told again."""
        while self.newest is None or any(self.newest.data[key] != value for key, value in members.items()):
            await self.next()
        return self.newest


async def connect(
    gateway: Gateway, headers: Mapping[str, str], *, last: int | str | None = None, method: str = "GET", **more: Any
) -> RawClient:
    client = await gateway.connect(**more)
    await ask(client, headers, last=last, method=method)
    return client


async def ask(
    client: RawClient, headers: Mapping[str, str], *, last: int | str | None = None, method: str = "GET"
) -> None:
    sent = {"host": "test", **headers, **({} if last is None else {"last-event-id": str(last)})}
    lines = [f"{method} /api/events HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    await client.send("\r\n".join(lines).encode())


async def listen(owner: Customer, *, last: int | str | None = None, **more: Any) -> Listening:
    client = await connect(owner.gateway, owner.cookie, last=last, **more)
    status, headers = await client.head()
    assert status == 200
    return Listening(client, headers)


async def listen_at(home: House, headers: Mapping[str, str], *, last: int | None = None) -> Listening:
    client = await RawClient.connect(int(home.url.rpartition(":")[2]))
    await ask(client, headers, last=last)
    assert (await client.head())[0] == 200
    return Listening(client)


def grant(gateway: Gateway, account_id: str = ACCOUNT, name: str = "adj_1") -> None:
    gateway.decide(
        lambda state: accounts.post_adjustment(
            state, adjustment_id=name, kind="grant", amount_nanos=10**9, reason="credit", reference=None
        ),
        account_id,
    )
