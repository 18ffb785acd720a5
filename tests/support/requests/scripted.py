"""Plans, and upstreams that answer them from a script, without a socket."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import trio

from app.accounts.auth import Key
from app.faults import UpstreamError
from app.requests.attempts import Offer
from app.requests.plan import Offering, Plan, make_plan
from app.settings import parse as parse_settings
from app.upstream.base import UpstreamCall
from app.wire.dialects import parse
from app.wire.exchange import Endpoint
from domain.events import KeyLimits
from tests.fakes.openai_shapes import responses_frames
from tests.support.gateway.gateway import chat, configuration, responses

CATALOG = parse_settings(configuration(Path("/nowhere"), upstreams={"a": "", "b": ""})).catalog()
VERSIONS = {model.id: 1 for model in CATALOG.models()}
Part = bytes | UpstreamError | None
"""None: silence."""


class Answer:
    """Gives its parts one by one: bytes, an error to raise, or None for silence."""

    def __init__(self, status: int, parts: Iterable[Part], headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.headers = dict(headers or {})
        self._parts = iter(parts)
        self.closed = False

    async def receive(self) -> bytes:
        await trio.lowlevel.checkpoint()
        part = next(self._parts, b"")
        if part is None:
            await trio.sleep_forever()
        if isinstance(part, UpstreamError):
            raise part
        assert part is not None
        return part

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


class Scripted:
    """Gives one outcome for each call: an answer, an error to raise, or None for silence. Records when it was called."""

    def __init__(self, name: str, *outcomes: Answer | UpstreamError | None) -> None:
        self.name = name
        self._outcomes = list(outcomes)
        self.called_at: list[float] = []
        self.bodies: list[bytes] = []

    async def open(self, call: UpstreamCall) -> Answer:
        self.called_at.append(trio.current_time())
        self.bodies.append(call.body)
        outcome = self._outcomes.pop(0)
        if outcome is None:
            await trio.sleep_forever()
        if isinstance(outcome, UpstreamError):
            raise outcome
        assert outcome is not None
        return outcome


def planned(endpoint: Endpoint = "responses", *, stream: bool = True, protocol: str = "simulator") -> Plan:
    """A request whose upstreams are "a", then "b"."""
    body = responses(stream=stream) if endpoint == "responses" else chat(stream=stream)
    offers = {name: Offer(protocol, 2**20, fetches_urls=True) for name in "ab"}
    return make_plan(
        parse(endpoint, json.dumps(body).encode()),
        key=Key("acct", "key", "digest", KeyLimits()),
        offering=Offering(CATALOG, VERSIONS, offers, 10),
        stored={},
        request_id="req_1",
        now_micros=0,
    )


def good() -> Answer:
    return Answer(200, responses_frames(2))
