"""A gateway that sells one model per kind of upstream, in front of one server that answers in every vendor's protocol.

Prices are $1 per million input tokens, $0.10 cached, $1.25 and $2 for cache writes, $10 output: a token is a whole number of nanos.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from app.settings.protocols import possible_tools
from domain import account as accounts
from domain.decimals import NANOS_PER_USD
from domain.events import Event
from tests.fakes.openai_shapes import json_answer
from tests.fakes.scripted_upstream import Chunk, Head, Request, Script, ScriptedUpstream, Send, Stall, Step, serve
from tests.support.clients.raw_client import RawClient
from tests.support.gateway.gateway import Gateway, running
from tests.support.reports.cases import ORDINARY, STALL, VENDORS, Answer, Case, Client, Run, dialect_of
from tests.support.reports.checks import check_books, check_client, check_sent, check_shown
from tests.support.reports.seen import Seen, see

Json = dict[str, Any]
_NAMED = frozenset({"anthropic", "responses"})
"""Dialects whose frames have an `event:` line: the value of the data's `type`."""
_MODEL: Json = {
    "tools": ["function", "web_search"],
    "input": ["text", "image", "file"],
    "context_window": 200_000,
    "max_output_tokens": 20_000,
}
_PRICE: Json = {
    "input": "1",
    "cached_input": "0.1",
    "cache_write": "1.25",
    "cache_write_1h": "2",
    "output": "10",
    "web_search_call": "0.01",
}
CREDIT_NANOS = 1_000 * NANOS_PER_USD
PATHS: Mapping[str, str] = {"chat": "chat/completions", "responses": "responses"}


class Front(Protocol):
    """A gateway as a client and an auditor see it: in this process, or one of its own."""

    async def post(self, path: str, body: Json) -> httpx.Response: ...

    async def connect(self) -> RawClient: ...

    def request_bytes(self, path: str, body: Json) -> bytes: ...

    def new_customer(self) -> None:
        """The next requests are those of an account with a balance that suffices for one run."""

    async def settled(self) -> None:
        """Wait until nothing runs. Raises AssertionError if the books are wrong."""

    def position(self) -> int:
        """Of the last event in the ledger."""

    def events(self, after: int) -> list[Event]:
        """The events after a position."""


@dataclass(frozen=True)
class Inside:
    """A gateway in this process."""

    gateway: Gateway

    async def post(self, path: str, body: Json) -> httpx.Response:
        return await self.gateway.post(path, body)

    async def connect(self) -> RawClient:
        return await self.gateway.connect()

    def request_bytes(self, path: str, body: Json) -> bytes:
        return self.gateway.request_bytes(path, body)

    def new_customer(self) -> None:
        """Its one account has credit for all runs of a case."""

    async def settled(self) -> None:
        await self.gateway.settled()

    def position(self) -> int:
        return len(self.gateway.events())

    def events(self, after: int) -> list[Event]:
        return self.gateway.events()[after:]


@dataclass
class Shop:
    """The running gateway, and the server behind all of its upstreams, which answers as `answer` says."""

    front: Front
    upstream: ScriptedUpstream
    answers: dict[str, tuple[str, Answer]] = field(default_factory=dict)

    async def check(self, case: Case, run: Run) -> Seen:
        """Carry out one run of `case`. Raises AssertionError with the run's name."""
        self.front.new_customer()
        self._answer(run.vendor, run.endpoint, case.answer(run))
        if run.fallback is not None:
            self._answer(run.fallback, run.endpoint, None)
        before, known = len(self.upstream.requests), self.front.position()
        expected = case.client(run)
        seen = await self._ask(run, case.request(run), expected)
        await self.front.settled()
        received = [request.body for request in self.upstream.requests[before:]]
        told = f"{case.name}, {run}: {case.says}\nthe upstream was sent {received}\nthe client got {seen.raw!r}"
        check_client(expected, seen, told)
        check_books(case.books(run), events := self.front.events(known), told)
        check_shown(seen, events, told)
        if (sent := case.sent(run)) is not None:
            check_sent(sent, received, told)
        return seen

    async def check_return(self, case: Case, run: Run, seen: Seen) -> None:
        """Send a plain answer back as history, to every vendor: each accepts it. Raises AssertionError if one refuses it."""
        self.front.new_customer()
        body = {**case.request(run)}
        whole = json.loads(seen.raw)
        if run.endpoint == "chat":
            message = whole["choices"][0]["message"]
            body["messages"] = [*body["messages"], message, *_outputs(run, seen, message)]
        else:
            asked = body["input"]
            history = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
            body["input"] = [*history, *whole["output"], *_outputs(run, seen, {})]
        for vendor in VENDORS:
            self._answer(vendor, run.endpoint, None)
            before = len(self.upstream.requests)
            answer = await self.front.post(PATHS[run.endpoint], body | {"model": case.model_id(vendor)})
            told = f"{case.name}, {run}, sent back to {vendor}: {answer.text}\n{body}"
            assert answer.status_code == 200, told
            if (sent := case.returned(vendor, run.endpoint)) is not None:
                check_sent(sent, [request.body for request in self.upstream.requests[before:]], told)
        await self.front.settled()

    def _answer(self, vendor: str, endpoint: str, answer: Answer | None) -> None:
        """What `vendor` answers from now on; None: an ordinary answer."""
        dialect = dialect_of(vendor, endpoint)
        self.answers[vendor] = (dialect, answer or ORDINARY[dialect])

    async def _ask(self, run: Run, body: Json, expected: Client) -> Seen:
        if expected.leaves_after is None:
            answer = await self.front.post(PATHS[run.endpoint], body)
            form = "text/event-stream" if run.mode == "stream" and answer.status_code == 200 else "application/json"
            assert answer.headers["content-type"].startswith(form), f"{run}: {answer.headers}"
            return see(run, answer.status_code, answer.content)
        client = await self.front.connect()
        await client.send(self.front.request_bytes(PATHS[run.endpoint], body))
        received = await client.read_until(expected.leaves_after.encode())
        await client.stream.aclose()
        return Seen(200, received)

    def script(self, request: Request) -> Script:
        """The answer to one request: the first segment of its path names the upstream."""
        dialect, answer = self.answers[request.path.split("/")[1]]
        requested = "stream" if b'"stream":true' in request.body or "streamGenerate" in request.path else "plain"
        if answer.status == 200 and (answer.form or requested) == "stream":
            return _frames(dialect, answer)
        body = (answer.plain or "").strip().encode()
        return json_answer(body, status=answer.status, headers=answer.headers.items())


def _outputs(run: Run, seen: Seen, message: Json) -> list[Json]:
    """The client's part of the next turn: the output of each call, or another line."""
    if older := message.get("function_call"):
        return [{"role": "function", "name": older["name"], "content": "done"}]
    if not seen.calls:
        return [{"role": "user", "content": "Go on."}]
    ids = [call["id"] for call in seen.calls]
    if run.endpoint == "chat":
        return [{"role": "tool", "tool_call_id": call_id, "content": "done"} for call_id in ids]
    return [{"type": "function_call_output", "call_id": call_id, "output": "done"} for call_id in ids]


def _frames(dialect: str, answer: Answer) -> list[Step]:
    headers = {"content-type": "text/event-stream", "transfer-encoding": "chunked", **answer.headers}
    steps: list[Step] = [Head(200, tuple(headers.items()), "OK")]
    for line in filter(None, map(str.strip, (answer.stream or "").split("\n"))):
        if line == STALL:
            return [*steps, Stall()]
        if line.startswith("raw:"):
            steps.append(Chunk(json.loads(line.removeprefix("raw:")).encode()))
        elif line.startswith("bytes:"):
            steps.append(Send(json.loads(line.removeprefix("bytes:")).encode()))
        else:
            name = json.loads(line).get("type") if dialect in _NAMED and line.startswith("{") else None
            steps.append(Chunk((f"event: {name}\n" if name else "").encode() + f"data: {line}\n\n".encode()))
    return [*steps, Send(b"0\r\n\r\n")]


@asynccontextmanager
async def shop(folder: Path, case: Case) -> AsyncIterator[Shop]:
    """A gateway in this process that offers one model per vendor."""
    async with serve(lambda request: []) as upstream:
        limits, tables = {"attempts": case.attempts}, models([case])
        async with running(folder, upstreams=addresses(upstream), models=tables, limits=limits) as gateway:
            gateway.decide(grant)
            opened = Shop(Inside(gateway), upstream)
            upstream.choose = opened.script
            yield opened


def grant(state: accounts.Account) -> list[Event]:
    """Credit for the most expensive case."""
    return accounts.post_adjustment(
        state, adjustment_id="adj_cases", kind="grant", amount_nanos=CREDIT_NANOS, reason="cases", reference=None
    )


def addresses(upstream: ScriptedUpstream) -> dict[str, str | tuple[str, str]]:
    """Each vendor's protocol and base URL: the first segment of the path is its name."""
    return {name: (vendor.protocol, f"{upstream.origin}/{name}{vendor.version}") for name, vendor in VENDORS.items()}


def models(cases: Iterable[Case]) -> str:
    """The [[model]] tables that the requests of `cases` name."""
    found: dict[str, str] = {}
    for case in cases:
        pairs = [(run.vendor, run.fallback) for run in case.runs()] + [(vendor, None) for vendor in VENDORS]
        found |= {case.model_id(*pair): _model(case, *pair) for pair in pairs}
    return "".join(found.values())


def _model(case: Case, name: str, fallback: str | None) -> str:
    upstreams = [name, fallback] if fallback else [name]
    members = _MODEL | {"id": case.model_id(name, fallback), "upstreams": upstreams} | case.model
    members["price"] = _PRICE | case.model.get("price", {})
    members["upstream_model"] = {each: VENDORS[each].model for each in upstreams}
    for vendor in map(VENDORS.__getitem__, upstreams):
        if vendor.protocol == "openai":
            members["endpoints"] = list(vendor.endpoints)
    members["tools"] = list(possible(members["tools"], upstreams))
    return "\n[[model]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in members.items())


def possible(tools: Iterable[str], upstreams: Iterable[str]) -> Iterable[str]:
    """Those of a model's tools that all its upstreams can carry."""
    able = [possible_tools(VENDORS[name].protocol, VENDORS[name].endpoints) for name in upstreams]
    return [tool for tool in tools if all(tool in each for each in able)]


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(member)}" for key, member in value.items()) + " }"
    return json.dumps(value)
