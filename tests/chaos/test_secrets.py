"""No secret in any log, event, table, error or page: everything that a whole run wrote is searched for every secret that it
knew."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from tests.support.gateway.processes import House, config, eventually, house

VENDOR_KEY = f"sk-proj-{secrets.token_hex(24)}"
STRIPE_KEY = f"sk_test_{secrets.token_hex(16)}"
WEBHOOK_SECRET = f"whsec_{secrets.token_hex(16)}"
PASSWORD, NEW_PASSWORD, WRONG_PASSWORD = (f"pass {secrets.token_hex(12)}" for _ in range(3))
FORGED_KEY = f"sk-rr-{secrets.token_hex(19)}"
EMAIL = "somebody.in.particular@example.org"
_MORE = """
[[upstream]]
name = "vendor"
protocol = "openai"
base_url = "http://127.0.0.1:9/v1"
api_key = "env:TEST_VENDOR_KEY"

[[model]]
id = "far-model"
upstreams = ["vendor"]
context_window = 4000
max_output_tokens = 100

[model.price]
input = "1.00"
output = "10.00"

[stripe]
secret_key = "env:TEST_STRIPE_KEY"
webhook_secret = "env:TEST_WEBHOOK_SECRET"
api_base = "http://127.0.0.1:9"

[[pack]]
id = "starter"
name = "Starter"
price = "10.00"
credit = "10.00"
"""


class Client:
    """Keeps every answer, without the one place in which it may contain a secret."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.told: list[bytes] = []

    async def ask(self, method: str, path: str, *, shows: str | None = None, **more: Any) -> httpx.Response:
        response = await self.http.request(method, path, **more)
        text = response.content
        if shows is not None:
            text = text.replace(response.json()[shows].encode(), b"")
        headers = [f"{name}: {value}" for name, value in response.headers.items() if name != "set-cookie"]
        self.told += [text, "\n".join(headers).encode()]
        return response


async def live(client: Client, there: House) -> dict[str, str]:
    """A customer signs up, mistypes, pays, creates keys and calls models. Returns the secrets."""
    known: dict[str, str] = {}
    await client.ask("POST", "/api/signup", json={"email": EMAIL, "password": PASSWORD})
    await client.ask("POST", "/api/session", json={"email": EMAIL, "password": WRONG_PASSWORD})
    assert (await client.ask("POST", "/api/session", json={"email": EMAIL, "password": PASSWORD})).status_code == 200
    known["session"] = client.http.cookies["realrouter-session"]
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await client.ask("POST", "/api/password", json=change)).status_code == 204
    known["new session"] = client.http.cookies["realrouter-session"]
    owner = (await client.ask("GET", "/api/session")).json()["account_id"]
    for name in ("link", "unused link"):
        printed = there.command("account", "link", owner).stdout
        known[name] = printed.strip().partition("#token=")[2]
        assert known[name]
        if name == "link":
            used = await client.ask("POST", "/api/session/link", json={"token": known[name]})
            assert used.status_code == 200
            known["session of a link"] = client.http.cookies["realrouter-session"]
            assert (await client.ask("POST", "/api/session/link", json={"token": known[name]})).status_code == 401
    made = await client.ask("POST", "/api/keys", json={"name": "laptop"}, shows="api_key")
    known["key"] = made.json()["api_key"]
    for path in ("/api/keys", "/api/account", "/api/session", "/api/balance", "/api/transactions", "/openapi.json"):
        assert (await client.ask("GET", path)).status_code == 200
    unpaid = await client.ask("POST", "/api/checkout", json={"pack": "starter"})
    assert unpaid.json()["error"]["code"] == "payments_unavailable"
    body = json.dumps({"id": "evt_1", "object": "event", "type": "charge.refunded", "data": {"object": {"id": "ch"}}})
    signed = stripe.WebhookSignature.generate_signature_header(body, WEBHOOK_SECRET)
    known["signature"] = signed.partition("v1=")[2]
    for signature, status in ((signed, 200), ("t=1,v1=0", 400), ("", 400)):
        sent = await client.ask("POST", "/api/stripe/webhook", content=body, headers={"stripe-signature": signature})
        assert sent.status_code == status, sent.text
    for key in (known["key"], FORGED_KEY, VENDOR_KEY, f"{known['key'][:-1]}_"):
        for model in ("chaos-model", "far-model"):
            asked = {"model": model, "input": "hello"}
            await client.ask("POST", "/v1/responses", json=asked, headers={"authorization": f"Bearer {key}"})
    return known


async def test_nothing_that_a_full_run_wrote_holds_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_VENDOR_KEY", VENDOR_KEY)
    monkeypatch.setenv("TEST_STRIPE_KEY", STRIPE_KEY)
    monkeypatch.setenv("TEST_WEBHOOK_SECRET", WEBHOOK_SECRET)
    text = config(f"sqlite:///{tmp_path / 'ledger.db'}").replace("[server]", "[server]\nsignup = true") + _MORE
    with house(tmp_path, text) as there:
        known = await run(there)
        everything = written(tmp_path)
        stored = [event.state for event in there.ledger.read(0, 100_000)]
    for name, secret in known.items():
        for path, content in everything.items():
            assert secret.encode() not in content, f"{name} is in {path.name}"
    log = everything[tmp_path / "gateway-0.log"]
    assert EMAIL.encode() not in log
    assert stored
    assert not any(EMAIL.encode() in state or b"example.org" in state for state in stored)


def written(folder: Path) -> dict[Path, bytes]:
    """All files but the configuration, in which the test itself put names."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "realrouter.toml")
    return {path: path.read_bytes() for path in files}


async def run(there: House) -> dict[str, str]:
    """A gateway's whole life, and all secrets that it handled."""
    _, key = there.account(nanos=10**9)
    gateway = await there.gateway()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}", trust_env=False, timeout=120) as http:
        client = Client(http)
        known = await live(client, there)
        await client.ask("GET", "/metrics")
    gateway.terminate()
    await gateway.ended(60)
    await eventually(lambda: not gateway.running, 60)
    known |= {
        "password": PASSWORD,
        "new password": NEW_PASSWORD,
        "wrong password": WRONG_PASSWORD,
        "vendor key": VENDOR_KEY,
        "stripe key": STRIPE_KEY,
        "webhook secret": WEBHOOK_SECRET,
        "forged key": FORGED_KEY,
        "the account's key": key,
    }
    said = b"\n".join(client.told)
    for name, secret in known.items():
        assert secret.encode() not in said, f"{name} was told"
    return known
