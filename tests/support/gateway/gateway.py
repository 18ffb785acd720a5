"""A whole gateway inside a test: real sockets on 127.0.0.1, SQLite in a temporary folder, a funded account, its ledger.

Rule 1: the gateway is the one that `serve` runs (run_gateway), its clients are real, and its upstreams are the simulator or
scripted servers with their own sockets.
Rule 2: nothing here sleeps: every wait is for an event, and the whole block has a deadline.
Rule 3: a test that moves money ends in `settled()`: one terminal event for each admission, nothing held, correct sums.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import trio

from app.accounts.commands import apply_prices, new_id, on_account
from app.edge.server import open_sockets
from app.gateway import run_gateway
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from app.requests.request_log import RequestLog
from app.services import Services, open_ledger
from app.settings import Settings, parse
from app.settings.protocols import ENDPOINTS, possible_tools
from app.website.site import Site
from domain import account as accounts
from domain import api_key, buckets
from domain.decimals import NANOS_PER_USD
from domain.events import (
    Event,
    KeyLimits,
    RequestDebited,
    RequestReleased,
)
from tests.support.clients.plain_http import NO_TLS
from tests.support.clients.raw_client import RawClient
from tests.support.ledger.books import Settled, all_events, by_request, check_books
from tests.support.ledger.faulty_ledger import FaultyLedger

ACCOUNT = "acct_test"
CREDIT_NANOS = 10 * NANOS_PER_USD
MODEL = "gpt-5.4-mini"
DEADLINE_SECONDS = 240
VENDOR_KEY = "sk-proj-VENDORsecretVENDORsecret0001"
Json = dict[str, Any]
Upstreams = Mapping[str, str | tuple[str, str]]

_MODEL = """
[[model]]
id = "{id}"
upstreams = {upstreams}
upstream_model = "{upstream_model}"
tools = {tools}
input = {input}
output = ["text", "image"]
context_window = 400000
max_output_tokens = 128000
price = {{ input = "0.25", cached_input = "0.025", output = "2.00", web_search_call = "0.01", image = "0.04" }}
"""


def configuration(
    folder: Path,
    *,
    upstreams: Upstreams | None = None,
    limits: Mapping[str, float] | None = None,
    billing: Mapping[str, object] | None = None,
    server: Mapping[str, object] | None = None,
    files: Mapping[str, object] | None = None,
    models: str = "",
    upstream_model: str = "",
) -> str:
    """The text of a realrouter.toml. `upstreams`: name -> base URL, "" for the simulator; by default one simulator.

    An upstream with a protocol other than `openai` is a pair (protocol, base URL). `upstream_model`: the upstreams' name for each
    documented model, by default the public one. The models offer every tool that one of the upstreams supports. `models` are
    further [[model]] tables.
    """
    upstreams = {"simulator": ""} if upstreams is None else upstreams
    tables: list[tuple[str, Mapping[str, object]]] = [
        ("[store]", {"url": f"sqlite:///{folder / 'realrouter.db'}"}),
        ("[files]", {"url": f"file:///{folder / 'files'}", **(files or {})}),
        ("[server]", server or {}),
        ("[limits]", limits or {}),
        ("[billing]", billing or {}),
    ]
    possible: frozenset[str] = frozenset()
    for name, address in upstreams.items():
        protocol, url = address if isinstance(address, tuple) else ("openai" if address else "simulator", address)
        entry = {"name": name, "protocol": protocol} | ({"base_url": url, "api_key": VENDOR_KEY} if url else {})
        tables.append(("[[upstream]]", entry))
        possible |= possible_tools(protocol, ENDPOINTS)
    text = "\n".join("\n".join([head, *(f"{k} = {json.dumps(v)}" for k, v in table.items())]) for head, table in tables)
    tools = [tool for tool in ("function", "web_search", "image_generation") if tool in possible]
    everything = {"tools": tools, "input": ["text", "image", "file"]}
    for model_id, known_as, offer in (
        (MODEL, upstream_model or MODEL, everything),
        ("gpt-5.3-codex-spark", upstream_model or "gpt-5.3-codex-spark", everything),
        ("gpt-5.5", upstream_model or "gpt-5.5", everything),
        ("vendor/plain:1", "plain-1-upstream", {"tools": [], "input": ["text"]}),
    ):
        text += _MODEL.format(
            id=model_id,
            upstream_model=known_as,
            upstreams=json.dumps(list(upstreams)),
            **{name: json.dumps(value) for name, value in offer.items()},
        )
    return text + models


def prepare(settings: Settings) -> None:
    """A migrated ledger with prices listed, and the account with its credit."""
    codec = Codec()
    ledger = open_ledger(settings, codec)
    try:
        ledger.migrate()
        apply_prices(ledger, codec, settings.catalog())
        open_account(ledger, codec, ACCOUNT, CREDIT_NANOS)
    finally:
        ledger.close()


def open_account(ledger: Ledger, codec: Codec, account_id: str, credit_nanos: int) -> None:
    on_account(ledger, codec, account_id, lambda state: accounts.open_account(state, name="Test"))
    if credit_nanos:
        on_account(
            ledger,
            codec,
            account_id,
            lambda state: accounts.post_adjustment(
                state,
                adjustment_id=new_id("adj"),
                kind="grant",
                amount_nanos=credit_nanos,
                reason="test credit",
                reference=None,
            ),
        )


def make_key(
    ledger: Ledger, codec: Codec, account_id: str = ACCOUNT, limits: KeyLimits | None = None
) -> tuple[str, str]:
    """A new key's id, and the key."""
    secret, key_id = api_key.make_key(os.urandom(api_key.RANDOM_BYTES)), new_id("key")
    on_account(
        ledger,
        codec,
        account_id,
        lambda state: api_key.create_key(
            state,
            key_id=key_id,
            name="test",
            digest=api_key.digest(secret),
            hint=api_key.hint(secret),
            limits=limits or KeyLimits(),
        ),
    )
    return key_id, secret


@dataclass
class Gateway:
    """The running gateway as a test sees it: an address, a key, and the books."""

    settings: Settings
    services: Services
    port: int
    key_id: str
    key: str
    http: httpx.AsyncClient
    shutdown: trio.Event
    request_logs: list[RequestLog] = field(default_factory=list)
    raw: list[RawClient] = field(default_factory=list)
    _changed: list[trio.Event] = field(default_factory=lambda: [trio.Event()])

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    # -- Asking ------------------------------------------------------------------------------------------------------

    async def post(
        self, path: str, body: Json | bytes, *, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """POST {base}/{path} with the key (or another one), read to the end."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {
            "authorization": f"Bearer {self.key if key is None else key}",
            "content-type": "application/json",
            **(headers or {}),
        }
        return await self.http.post(f"{self.base_url}/{path}", content=content, headers=sent)

    async def connect(self, *, receive_buffer: int | None = None) -> RawClient:
        """A raw connection. It is closed with the gateway if the test has not closed it."""
        client = await RawClient.connect(self.port, receive_buffer=receive_buffer)
        self.raw.append(client)
        return client

    def request_bytes(self, path: str, body: Json | bytes, *, key: str | None = None, extra: str = "") -> bytes:
        """A whole HTTP/1.1 request, for a raw client."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = (
            f"POST /v1/{path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key or self.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n{extra}\r\n"
        )
        return head.encode("latin-1") + content

    def new_key(self, limits: KeyLimits | None = None, *, account_id: str = ACCOUNT) -> tuple[str, str]:
        return make_key(self.services.ledger, self.services.codec, account_id, limits)

    def decide(self, decide: Callable[[accounts.Account], list[Event]], account_id: str = ACCOUNT) -> None:
        on_account(self.services.ledger, self.services.codec, account_id, decide)

    # -- The books ---------------------------------------------------------------------------------------------------

    def bucket(self, name: str) -> int:
        return self.services.ledger.bucket_values([name])[name]

    @property
    def available(self) -> int:
        return self.bucket(buckets.available(ACCOUNT))

    @property
    def held(self) -> int:
        return self.bucket(buckets.held(ACCOUNT))

    def events(self) -> list[Event]:
        return all_events(self.services.ledger, self.services.codec)

    def by_request(self) -> dict[str, list[Event]]:
        """The events of every request, in order."""
        return by_request(self.events())

    def requests_of(self, request_id: str) -> list[Event]:
        return self.by_request().get(request_id, [])

    async def idle(self) -> None:
        """Until no completion and no settlement of this process runs."""
        lease = self.services.instance.lease
        while lease._tasks:
            await lease._idle.wait()

    async def recorded(self, count: int) -> list[RequestLog]:
        """Until so many requests are over."""
        while len(self.request_logs) < count:
            await self._changed[0].wait()
        return self.request_logs

    async def settled(self) -> list[Settled]:
        """Wait until nothing runs, then: one terminal event for each admission. Returns them in the log's order."""
        await self.idle()
        return check_books(self.services.ledger, self.services.codec)

    async def only_release(self, reason: str) -> RequestReleased:
        """The one request that there was, released for `reason`, at no cost."""
        [event] = await self.settled()
        assert isinstance(event, RequestReleased), event
        assert event.reason == reason
        assert self.available == CREDIT_NANOS
        return event

    async def only_debit(self) -> RequestDebited:
        """The one request that there was, debited."""
        [event] = await self.settled()
        assert isinstance(event, RequestDebited), event
        assert self.available == CREDIT_NANOS - event.cost_nanos
        return event

    def break_ledger(self) -> FaultyLedger:
        """From now on, the writer appends through a ledger that the test can break."""
        faulty = FaultyLedger(self.services.ledger)
        self.services.writer.ledger = cast(Ledger, faulty)
        return faulty

    def note(self, request_log: RequestLog) -> None:
        self.request_logs.append(request_log)
        self._changed[0].set()
        self._changed[0] = trio.Event()


@asynccontextmanager
async def running(
    folder: Path,
    *,
    upstreams: Upstreams | None = None,
    limits: Mapping[str, float] | None = None,
    billing: Mapping[str, object] | None = None,
    server: Mapping[str, object] | None = None,
    files: Mapping[str, object] | None = None,
    models: str = "",
    upstream_model: str = "",
    site: Site | None = None,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> AsyncIterator[Gateway]:
    """A gateway while the block runs; its clients are gone before it ends. See `configuration`."""
    text = configuration(
        folder,
        upstreams=upstreams,
        limits=limits,
        billing=billing,
        server=server,
        files=files,
        models=models,
        upstream_model=upstream_model,
    )
    settings = parse(text)
    prepare(settings)
    shutdown = trio.Event()
    found: list[Services] = []
    gateways: list[Gateway] = []

    def note(request_log: RequestLog) -> None:
        gateways[0].note(request_log)

    with trio.fail_after(deadline_seconds):
        async with trio.open_nursery() as nursery:
            run = partial(
                run_gateway,
                settings,
                sockets=open_sockets(["127.0.0.1:0"]),
                shutdown=shutdown,
                site=None if site is None else lambda: site,
                on_record=note,
                on_services=found.append,
            )
            [port] = await nursery.start(run)
            key_id, key = make_key(found[0].ledger, found[0].codec)
            async with httpx.AsyncClient(trust_env=False, timeout=120, verify=NO_TLS) as http:
                gateway = Gateway(settings, found[0], port, key_id, key, http, shutdown)
                gateways.append(gateway)
                try:
                    yield gateway
                finally:
                    for client in gateway.raw:
                        client.stream.socket.close()
            shutdown.set()


def envelope(response: httpx.Response, status: int, code: str | None) -> Json:
    """The OpenAI error envelope of a refused request, with all four members. The request's id must be in the headers."""
    assert response.status_code == status, response.text
    return check_envelope(response.json(), code, response.headers)


def check_envelope(body: Json, code: str | None, headers: Mapping[str, str]) -> Json:
    assert list(body) == ["error"]
    error: Json = body["error"]
    assert {"message", "type", "param", "code"} <= set(error)
    assert error["code"] == code, error
    assert isinstance(error["message"], str)
    assert error["message"]
    assert headers["x-request-id"].startswith("req_")
    return error


def frames(body: bytes) -> list[Json]:
    """The JSON of the data frames of a stream; comments and `[DONE]` are left out."""
    return [
        json.loads(line.removeprefix(b"data: "))
        for line in body.split(b"\n")
        if line.startswith(b"data: ") and line != b"data: [DONE]"
    ]


def responses(prompt: Any = "Say something about ledgers.", /, simulator: str = "", **more: Any) -> Json:
    """A request for /v1/responses; `simulator` are directives."""
    told = {"metadata": {"simulator": simulator}} if simulator else {}
    return {"model": MODEL, "input": prompt, **told, **more}


def chat(prompt: str = "Say something about ledgers.", /, simulator: str = "", **more: Any) -> Json:
    """A request for /v1/chat/completions; `simulator` are directives."""
    told = {"metadata": {"simulator": simulator}} if simulator else {}
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], **told, **more}
