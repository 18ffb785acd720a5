"""The corpus against a gateway in a process of its own (`realrouter serve`). Its SQLite ledger is read from outside.

Each run has an account of its own, whose balance is less than some answers cost.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from domain.decimals import NANOS_PER_USD
from domain.events import Event, UnknownEvent
from tests.fakes.scripted_upstream import serve
from tests.support.clients.plain_http import NO_TLS
from tests.support.clients.raw_client import RawClient
from tests.support.gateway.gateway import configuration
from tests.support.gateway.processes import PATIENCE_SECONDS, Gateway, House, eventually, house
from tests.support.reports.cases import Case
from tests.support.reports.shop import Shop, addresses, models

Json = dict[str, Any]
BALANCE_NANOS: Final = 2 * NANOS_PER_USD
_EVENTS_MAX = 1_000_000


@dataclass
class Outside:
    """A gateway's process, as a client and an auditor see it. `accounts`: one per run."""

    house: House
    gateway: Gateway
    http: httpx.AsyncClient
    key: str = ""
    accounts: list[str] = field(default_factory=list)

    async def post(self, path: str, body: Json) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        return await self.http.post(
            f"http://127.0.0.1:{self.gateway.port}/v1/{path}", content=json.dumps(body).encode(), headers=headers
        )

    async def connect(self) -> RawClient:
        return await RawClient.connect(self.gateway.port)

    def request_bytes(self, path: str, body: Json) -> bytes:
        content = json.dumps(body).encode()
        head = (
            f"POST /v1/{path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {self.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content

    def new_customer(self) -> None:
        account_id, self.key = self.house.account(nanos=BALANCE_NANOS)
        self.accounts.append(account_id)

    async def settled(self) -> None:
        await eventually(lambda: not list(self.house.ledger.open_requests()), PATIENCE_SECONDS)

    def position(self) -> int:
        return self.house.ledger.head().position

    def events(self, after: int) -> list[Event]:
        read, codec = self.house.ledger.read(after, _EVENTS_MAX), self.house.codec
        decoded = [codec.decode(found.topic, found.state) for found in read]
        known: list[Event] = [event for event in decoded if not isinstance(event, UnknownEvent)]
        assert len(known) == len(decoded), decoded
        return known


@asynccontextmanager
async def shop_process(folder: Path, cases: Sequence[Case]) -> AsyncIterator[tuple[Shop, Outside]]:
    """A process that offers the models of all cases. It is killed at the end if it still runs."""
    async with (
        serve(lambda request: []) as upstream,
        httpx.AsyncClient(verify=NO_TLS, timeout=PATIENCE_SECONDS) as http,
    ):
        text = configuration(
            folder,
            upstreams=addresses(upstream),
            models=models(cases),
            limits={"attempts": 1},
            server={"bind": ["127.0.0.1:0"]},
        )
        with house(folder, text) as built:
            outside = Outside(built, await built.gateway(), http)
            opened = Shop(outside, upstream)
            upstream.choose = opened.script
            yield opened, outside
