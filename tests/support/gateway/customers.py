"""A signed-in customer of a running gateway, as a program that holds the session cookie; and packs that the simulator sells.

Rule 1: read models follow the ledger: a test waits for them with `caught_up` before it reads one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import trio

from app.faults import ReadModelsUnavailable
from app.routes.caller import COOKIE_ON_LOOPBACK
from tests.support.gateway.gateway import ACCOUNT, Gateway, Json, open_account
from tests.support.gateway.processes import PATIENCE_SECONDS, eventually

EMAIL = "ada@example.org"
SOLD = """
[stripe]
simulator = true

[[pack]]
id = "starter"
name = "Starter"
price = "10.00"
credit = "10.00"

[[pack]]
id = "euro"
name = "Euro & more"
price = "7.77"
credit = "8.00"
currency = "eur"
"""
"""Tables to be added to a gateway's configuration (`models=`)."""


@dataclass(frozen=True)
class Customer:
    """An account's owner: `token` is in their cookie."""

    gateway: Gateway
    account_id: str
    token: str

    @property
    def cookie(self) -> dict[str, str]:
        return {"cookie": f"{COOKIE_ON_LOOPBACK}={self.token}"}

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.gateway.http.get(f"{self.gateway.origin}{path}", params=query or None, headers=self.cookie)

    async def shown(self, path: str, **query: Any) -> Json:
        """The JSON of a GET, which must succeed."""
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        found: Json = answer.json()
        return found

    async def send(
        self, method: str, path: str, body: Json | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        content = None if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json", **self.cookie, **(headers or {})}
        return await self.gateway.http.request(method, f"{self.gateway.origin}{path}", content=content, headers=sent)


async def customer(
    gateway: Gateway, account_id: str = ACCOUNT, *, email: str = EMAIL, credit_nanos: int = 0
) -> Customer:
    """The owner of an account, signed in. An account that is not the gateway's own is opened."""
    services = gateway.services

    def sign_in() -> str:
        if account_id != ACCOUNT:
            open_account(services.ledger, services.codec, account_id, credit_nanos)
        services.accounts.people.set_email(account_id, email)
        return services.accounts.sessions.begin(account_id)

    return Customer(gateway, account_id, await trio.to_thread.run_sync(sign_in))


async def with_key(gateway: Gateway, path: str, key: str | None = None, **query: Any) -> httpx.Response:
    """GET with the account's API key, or another one."""
    headers = {"authorization": f"Bearer {key or gateway.key}"}
    return await gateway.http.get(f"{gateway.origin}{path}", params=query or None, headers=headers)


async def caught_up(gateway: Gateway) -> int:
    """Wait until the read models have all of the ledger, and return where that ends."""
    services = gateway.services
    head = services.ledger.head().position
    services.runner.poke()

    def there() -> bool:
        try:
            tracked = services.read_models.tracked()
        except ReadModelsUnavailable:  # nobody has prepared them yet
            return False
        return bool(tracked) and all(each.position >= head for each in tracked.values())

    await eventually(there, PATIENCE_SECONDS, lambda: f"the read models do not reach {head}")
    return head
