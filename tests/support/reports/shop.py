"""A gateway that sells one model per kind of upstream, in front of one server that answers in every vendor's protocol.

Prices are $1 per million input tokens, $0.10 cached, $1.25 and $2 for cache writes, $10 output: a token is a whole number of nanos.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.events import Event, RequestDebited, RequestReleased
from tests.fakes.openai_shapes import json_answer
from tests.fakes.scripted_upstream import Chunk, Head, Request, Script, ScriptedUpstream, Send, Stall, Step, serve
from tests.support.gateway.gateway import Gateway, running
from tests.support.reports.cases import (
    ORDINARY,
    STALL,
    VENDORS,
    Answer,
    Books,
    Case,
    Client,
    Run,
    Sent,
    dialect_of,
)
from tests.support.reports.seen import Seen, see

Json = dict[str, Any]
_NAMED = frozenset({"anthropic", "responses"})
"""Dialects whose frames have an `event:` line: the value of the data's `type`."""
_SSE = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))
_MODEL: Json = {
    "tools": ["function", "web_search"],
    "input": ["text", "image", "file"],
    "context_window": 200_000,
    "max_output_tokens": 20_000,
}
_PRICE = """
[model.price]
input = "1"
cached_input = "0.1"
cache_write = "1.25"
cache_write_1h = "2"
output = "10"
web_search_call = "0.01"
"""
PATHS: Mapping[str, str] = {"chat": "chat/completions", "responses": "responses"}


@dataclass
class Shop:
    """The running gateway, and the server behind all of its upstreams, which answers as `answer` says."""

    gateway: Gateway
    upstream: ScriptedUpstream
    answers: dict[str, tuple[str, Answer]] = field(default_factory=dict)

    async def check(self, case: Case, run: Run) -> Seen:
        """Carry out one run of `case`. Raises AssertionError with the run's name."""
        self._answer(run, case.answer(run))
        before, known = len(self.upstream.requests), len(self.gateway.events())
        expected = case.client(run)
        seen = await self._ask(run, case.request(run), expected)
        await self.gateway.settled()
        received = [request.body for request in self.upstream.requests[before:]]
        told = f"{case.name}, {run}: {case.says}\nthe upstream was sent {received}\nthe client got {seen.raw!r}"
        check_client(expected, seen, told)
        check_books(case.books(run), self.gateway.events()[known:], told)
        if (sent := case.sent(run)) is not None:
            assert received, told
            check_sent(sent, received[-1], told)
        return seen

    async def check_return(self, case: Case, run: Run, seen: Seen) -> None:
        """Send a plain answer back as history, to every vendor: each accepts it. Raises AssertionError if one refuses it."""
        body = {**case.request(run)}
        whole = json.loads(seen.raw)
        if run.endpoint == "chat":
            body["messages"] = [*body["messages"], whole["choices"][0]["message"], *_outputs(run, seen)]
        else:
            asked = body["input"]
            before = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
            body["input"] = [*before, *whole["output"], *_outputs(run, seen)]
        for vendor in VENDORS:
            self._answer(Run(vendor, run.endpoint, run.mode), None)
            answer = await self.gateway.post(PATHS[run.endpoint], body | {"model": vendor})
            assert answer.status_code == 200, f"{case.name}, {run}, sent back to {vendor}: {answer.text}\n{body}"
        await self.gateway.settled()

    def _answer(self, run: Run, answer: Answer | None) -> None:
        """What the vendor of `run` answers from now on; None: an ordinary answer."""
        dialect = dialect_of(run.vendor, run.endpoint)
        self.answers[run.vendor] = (dialect, answer or ORDINARY[dialect])

    async def _ask(self, run: Run, body: Json, expected: Client) -> Seen:
        if expected.leaves_after is None:
            answer = await self.gateway.post(PATHS[run.endpoint], body)
            return see(run, answer.status_code, answer.content)
        client = await self.gateway.connect()
        await client.send(self.gateway.request_bytes(PATHS[run.endpoint], body))
        received = await client.read_until(expected.leaves_after.encode())
        await client.stream.aclose()
        return Seen(200, received)

    def script(self, request: Request) -> Script:
        """The answer to one request: the first segment of its path names the upstream."""
        dialect, answer = self.answers[request.path.split("/")[1]]
        requested = "stream" if b'"stream":true' in request.body or "streamGenerate" in request.path else "plain"
        if answer.status == 200 and (answer.form or requested) == "stream":
            return _frames(dialect, answer.stream or "")
        body = (answer.plain or "").strip().encode()
        return json_answer(body, status=answer.status, headers=answer.headers.items())


def _outputs(run: Run, seen: Seen) -> list[Json]:
    """The client's part of the next turn: the output of each call, or another line."""
    if not seen.calls:
        return [{"role": "user", "content": "Go on."}]
    ids = [call["id"] for call in seen.calls]
    if run.endpoint == "chat":
        return [{"role": "tool", "tool_call_id": call_id, "content": "done"} for call_id in ids]
    return [{"type": "function_call_output", "call_id": call_id, "output": "done"} for call_id in ids]


def _frames(dialect: str, stream: str) -> list[Step]:
    steps: list[Step] = [Head(200, _SSE, "OK")]
    for line in filter(None, map(str.strip, stream.split("\n"))):
        if line == STALL:
            return [*steps, Stall()]
        if line.startswith("raw:"):
            steps.append(Chunk(json.loads(line.removeprefix("raw:")).encode()))
            continue
        name = json.loads(line).get("type") if dialect in _NAMED and line.startswith("{") else None
        steps.append(Chunk((f"event: {name}\n" if name else "").encode() + f"data: {line}\n\n".encode()))
    return [*steps, Send(b"0\r\n\r\n")]


@asynccontextmanager
async def shop(folder: Path, case: Case) -> AsyncIterator[Shop]:
    """A gateway that offers one model per vendor, under the vendor's name."""
    async with serve(lambda request: []) as upstream:
        addresses = {
            name: (vendor.protocol, f"{upstream.origin}/{name}{vendor.version}") for name, vendor in VENDORS.items()
        }
        models = "".join(_model(name, case.model) for name in VENDORS)
        async with running(folder, upstreams=addresses, models=models, limits={"attempts": 1}) as gateway:
            opened = Shop(gateway, upstream)
            upstream.choose = opened.script
            yield opened


def _model(name: str, changes: Json) -> str:
    vendor = VENDORS[name]
    members = _MODEL | {"id": name, "upstreams": [name], "upstream_model": vendor.model} | changes
    if vendor.protocol == "openai":
        members["endpoints"] = list(vendor.endpoints)
    if vendor.protocol == "openai-chat":
        members["tools"] = [tool for tool in members["tools"] if tool == "function"]
    return "\n[[model]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in members.items()) + _PRICE


def check_client(expected: Client, seen: Seen, told: str) -> None:
    """Raises AssertionError if the client did not get what is expected."""
    for name in ("text", "reasoning", "finish", "broken"):
        wanted = getattr(expected, name)
        if wanted is not None:
            assert getattr(seen, name) == wanted, f"{name}: {getattr(seen, name)!r}, not {wanted!r}\n{told}"
    if expected.calls is not None:
        calls = [{name: value for name, value in call.items() if name != "id"} for call in seen.calls]
        assert calls == expected.calls, f"calls: {calls}\n{told}"
        assert len({call["id"] for call in seen.calls}) == len(calls), f"ids: {seen.calls}\n{told}"
    failing = expected.fails or expected.broken or expected.code is not None or (expected.status or 200) != 200
    assert seen.status == (expected.status or 200) or (failing and expected.status is None), told
    assert not (failing and seen.finish), f"it finished: {seen.finish}\n{told}"
    assert bool(seen.error) == failing, f"error: {seen.error}\n{told}"
    for name in ("code", "param"):
        wanted = getattr(expected, name)
        if wanted is not None:
            assert seen.error is not None, told
            assert seen.error[name] == wanted, f"{name}\n{told}"
    if expected.usage is not None:
        assert seen.usage is not None, f"no usage\n{told}"
        assert seen.usage | expected.usage == seen.usage, f"usage: {seen.usage}\n{told}"
    for text in expected.contains:
        assert text.encode() in seen.raw, f"lacks {text}\n{told}"
    for text in expected.lacks:
        assert text.encode() not in seen.raw, f"contains {text}\n{told}"


def check_books(expected: Books, events: list[Event], told: str) -> None:
    """Raises AssertionError if the events of one request are not what is expected."""
    settled = [event for event in events if isinstance(event, RequestDebited | RequestReleased)]
    if expected.outcome == "refused":
        assert not events, f"events: {events}\n{told}"
        return
    assert len(settled) == 1, f"events: {events}\n{told}"
    [event] = settled
    if isinstance(event, RequestReleased):
        assert expected.outcome == f"released:{event.reason}", f"{event}\n{told}"
        return
    assert event.outcome == expected.outcome, f"{event}\n{told}"
    assert event.overrun_nanos == max(0, event.cost_nanos - event.hold_nanos), told
    if expected.cost_nanos is not None:
        assert event.cost_nanos == expected.cost_nanos, f"cost: {event.cost_nanos}\n{event}\n{told}"
    if expected.estimated is not None:
        assert event.usage.estimated == expected.estimated, f"{event}\n{told}"
    for name, value in (expected.usage or {}).items():
        assert getattr(event.usage, name) == value, f"{name}: {event.usage}\n{told}"


def check_sent(expected: Sent, body: bytes, told: str) -> None:
    """Raises AssertionError if the upstream's request lacks a member, or has a text that it must not have."""
    assert_has(json.loads(body), expected.members, told)
    for text in expected.contains:
        assert text.encode() in body, f"lacks {text}\n{told}"
    for text in expected.lacks:
        assert text.encode() not in body, f"contains {text}\n{told}"


def assert_has(found: Any, wanted: Any, told: str) -> None:
    """Objects may have more members than `wanted`; anything else must be equal."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name, value in wanted.items():
            assert name in found, f"lacks {name}\n{told}"
            assert_has(found[name], value, told)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for left, right in zip(found, wanted, strict=True):
            assert_has(left, right, told)
    else:
        assert found == wanted, f"{found!r}, not {wanted!r}\n{told}"
