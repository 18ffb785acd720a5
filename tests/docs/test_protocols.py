"""ops/protocols.md against the code: each word of its tables is what happens to a typical request, and nothing is missing there.

Rule 1: a word is judged by what an upstream would be sent, with the thing and without it; nothing of the codecs is repeated here.
Rule 2: rows and columns are compared both ways.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from app.attempts import Attempts, Offer
from app.settings import parse as parse_settings
from app.settings.protocols import TRAITS
from app.wire.anthropic.body import BUDGETS
from app.wire.anthropic.models import model_of
from app.wire.chat import ask as chat_ask
from app.wire.dialects import parse
from app.wire.exchange import Endpoint, RequestError
from app.wire.gemini.family import family
from app.wire.responses import ask as responses_ask
from tests.docs.protocol_cases import ITEMS, PARAMETERS, STORED, TOOLS, UPSTREAM, Case, Json
from tests.support.documents import Document, spans
from tests.support.gateway import MODEL, configuration

PROTOCOLS: Final = Document("ops/protocols.md")
BASE: Final[dict[Endpoint, Json]] = {
    "responses": {"model": MODEL, "input": "Hi"},
    "chat": {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]},
}
OUTPUT_TOKENS: Final = 4000


@dataclass(frozen=True)
class Column:
    """One kind of upstream, as a table's head names it."""

    heading: str
    protocol: str
    model: str
    endpoints: tuple[str, ...] = ("responses", "chat")

    @property
    def fetches(self) -> bool:
        return TRAITS[self.protocol].fetches_urls


_ANTHROPIC: Final = Column("`anthropic`", "anthropic", "claude-sonnet-4-6")
_GEMINI: Final = Column("`gemini`", "gemini", "gemini-3-flash-preview")
COLUMNS: Final[dict[Endpoint, tuple[Column, ...]]] = {
    "responses": (
        Column("`openai`", "openai", MODEL),
        Column("`openai-chat`", "openai-chat", MODEL),
        _ANTHROPIC,
        _GEMINI,
    ),
    "chat": (
        Column("`openai`, `openai-chat`", "openai", MODEL),
        Column("`openai` without chat", "openai", MODEL, ("responses",)),
        _ANTHROPIC,
        _GEMINI,
    ),
}


def sent(endpoint: Endpoint, body: Json, column: Column, calls: int | None) -> Json:
    """What the upstream would be sent. Raises RequestError where it is refused."""
    settings = parse_settings(configuration(Path("/nowhere"), upstreams={UPSTREAM: ""}))
    model = replace(settings.catalog().model(MODEL), upstream_model=column.model, endpoints=column.endpoints)
    request = parse(endpoint, json.dumps(body).encode())
    attempts = Attempts(
        request,
        model,
        {UPSTREAM: Offer(column.protocol, TRAITS[column.protocol].request_bytes_max, column.fetches)},
        STORED,
        max_output_tokens=request.max_output_tokens or OUTPUT_TOKENS,
        max_tool_calls=calls,
        seed="0" * 32,
        created=7,
    )
    found: Json = json.loads(attempts.first.body)
    return found


def outcome(endpoint: Endpoint, case: Case, column: Column) -> str | tuple[str, ...]:
    """The code and parameter of a refusal, else the paths that differ in what the upstream is sent."""
    without = {**BASE[endpoint], **case.beside}
    try:
        body = sent(endpoint, without, column, case.calls_without)
    except RequestError as error:
        return f"baseline: {error.param}: {error.message}"
    try:
        found = sent(endpoint, {**without, **case.given}, column, case.calls)
    except RequestError as error:
        return f"{error.status} {error.code} {error.param}"
    return tuple(changed(body, found))


def changed(before: Any, after: Any, at: str = "") -> list[str]:
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        names = {**before, **after}
        return [
            path
            for name in names
            for path in changed(before.get(name), after.get(name), f"{at}.{name}" if at else name)
        ]
    return [at]
