"""Case files of the corpus: what a client sends, what the upstream answers, what the client must get, what the ledger must show.

The format is described in tests/protocols/reports/README.md. Every table and key of a file is checked, so that a misspelt
expectation cannot pass unnoticed.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]

STALL: Final = "(stall)"
"""A line of a stream: the upstream sends nothing more until its peer leaves."""


@dataclass(frozen=True)
class Vendor:
    """One kind of upstream: its protocol, the endpoints that it offers, and its name for the model."""

    protocol: str
    model: str
    version: str = "/v1"
    endpoints: tuple[str, ...] = ("responses", "chat")


VENDORS: Final[Mapping[str, Vendor]] = {
    "openai": Vendor("openai", "gpt-m"),
    "openai-responses": Vendor("openai", "gpt-m", endpoints=("responses",)),
    "openai-completions": Vendor("openai", "gpt-m", endpoints=("chat",)),
    "openai-chat": Vendor("openai-chat", "m"),
    "anthropic": Vendor("anthropic", "claude-sonnet-4-6"),
    "gemini": Vendor("gemini", "gemini-3-pro-preview", version="/v1beta"),
}

_KEYS: Final = frozenset(
    {
        *("says", "endpoints", "modes", "vendors", "fallback", "attempts", "model"),
        *("request", "answer", "client", "ledger", "sent", "returned"),
    }
)
ENDPOINTS: Final = ("responses", "chat")
MODES: Final = ("plain", "stream")
DIALECTS: Final = ("responses", "chat", "anthropic", "gemini")


def dialect_of(vendor: str, endpoint: str) -> str:
    """The protocol in which `vendor` answers a client of `endpoint`."""
    sold = VENDORS[vendor]
    if sold.protocol == "openai-chat":
        return "chat"
    if sold.protocol == "openai":
        return endpoint if endpoint in sold.endpoints else sold.endpoints[0]
    return sold.protocol


@dataclass(frozen=True)
class Answer:
    """An upstream's answer. `stream` has one frame per line, `plain` is a body; `status` and `headers` are those of the response.

    `form`: the form in which every request is answered, stream or plain. None: the form that was requested.
    """

    stream: str | None = None
    plain: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    form: str | None = None

    def has(self, mode: str) -> bool:
        """Whether there is an answer for a request of this mode. A refusal is a plain body in both modes."""
        return self.status != 200 or getattr(self, self.form or mode) is not None


@dataclass(frozen=True)
class Client:
    """What the client must get. None: not checked. `fails`: an error, as a response or at the end of a stream that has begun."""

    text: str | None = None
    reasoning: str | None = None
    finish: str | None = None
    calls: list[Json] | None = None
    usage: Json | None = None
    status: int | None = None
    code: str | None = None
    param: str | None = None
    broken: bool | None = None
    fails: bool = False
    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    leaves_after: str | None = None


@dataclass(frozen=True)
class Books:
    """What the ledger must show: `outcome` is completed, cancelled, released:<reason>, or refused (no event).

    `overrun`: the cost is above the hold.
    """

    outcome: str = "completed"
    cost_nanos: int | None = None
    hold_nanos: int | None = None
    overrun: bool = False
    estimated: bool | None = None
    usage: Json | None = None


@dataclass(frozen=True)
class Sent:
    """What the upstream must have been sent: members of its body, and texts that it must (not) contain.

    `requests`: how many requests it was sent. None: at least one.
    """

    members: Json = field(default_factory=dict)
    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    requests: int | None = None


@dataclass(frozen=True)
class Run:
    """One way in which a case can occur. `fallback`: the model's second upstream."""

    vendor: str
    endpoint: str
    mode: str
    fallback: str | None = None

    @property
    def last(self) -> str:
        """The upstream whose answer the client gets."""
        return self.fallback or self.vendor

    def __str__(self) -> str:
        return f"{self.endpoint} {self.mode} on {self.vendor}" + (f", then {self.fallback}" if self.fallback else "")


class Case:
    """One file of the corpus. Raises ValueError for a key that is not known."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        raw: Json = tomllib.loads(path.read_text())
        _known(raw, _KEYS, path)
        self.says: str = raw["says"]
        self.model: Json = raw.get("model", {})
        self._vendors = raw.get("vendors", list(VENDORS))
        self._endpoints = raw.get("endpoints", list(ENDPOINTS))
        self._modes = raw.get("modes", list(MODES))
        self.fallbacks: list[str | None] = raw.get("fallback", [])
        self.attempts: int = raw.get("attempts", 1)
        self._requests: Json = raw.get("request", {})
        self.answers = {name: Answer(**found) for name, found in raw.get("answer", {}).items()}
        self._client: Json = raw.get("client", {})
        self._books: Json = raw.get("ledger", {})
        self._sent: Json = raw.get("sent", {})
        self._returned: Json = raw.get("returned", {})
        _known(self.answers, {*DIALECTS, *VENDORS}, path)
        _known(self._requests, {*ENDPOINTS}, path)
        _known(self._sent, {*DIALECTS, *VENDORS}, path)
        _known(self._returned, {*DIALECTS, *VENDORS}, path)

    def runs(self) -> Iterator[Run]:
        """Every vendor, endpoint and mode in which the case can occur."""
        for vendor in self._vendors:
            for endpoint in self._endpoints:
                for mode in self._modes:
                    for fallback in self.fallbacks or [None]:
                        run = Run(vendor, endpoint, mode, fallback)
                        answer = self.answer(run)
                        if answer is not None and answer.has(mode):
                            yield run

    def model_id(self, vendor: str, fallback: str | None = None) -> str:
        """The public name of the model that `vendor` offers with the case's settings."""
        prefix = f"{self.name}/" if self.model or self.fallbacks else ""
        return prefix + vendor + (f"/{fallback}" if fallback else "")

    def answer(self, run: Run) -> Answer | None:
        """The vendor's answer, else its dialect's. A case without any answers gets ordinary ones."""
        dialect = dialect_of(run.vendor, run.endpoint)
        found = self.answers.get(run.vendor) or self.answers.get(dialect)
        if found is None and not self.answers:
            return ORDINARY[dialect]
        return found

    def request(self, run: Run) -> Json:
        """The client's body."""
        asked: Json = {"model": self.model_id(run.vendor, run.fallback), "stream": run.mode == "stream"}
        if run.endpoint == "chat":
            asked["messages"] = [{"role": "user", "content": "hi"}]
            if run.mode == "stream":
                asked["stream_options"] = {"include_usage": True}
        else:
            asked["input"] = "hi"
        asked.update(json.loads(self._requests.get(run.endpoint, "{}")))
        return asked

    def client(self, run: Run) -> Client:
        """Tables for the endpoint, the mode, both, and the vendor override the general one, in this order."""
        return Client(**_chosen(self._client, run))

    def books(self, run: Run) -> Books:
        return Books(**_chosen(self._books, run))

    def sent(self, run: Run) -> Sent | None:
        """What the last upstream of a run must have been sent."""
        return _sent(self._sent, run.last, run.endpoint)

    def returned(self, vendor: str, endpoint: str) -> Sent | None:
        """What `vendor` must have been sent if the client sends the answer back to it."""
        return _sent(self._returned, vendor, endpoint)


def _sent(table: Json, vendor: str, endpoint: str) -> Sent | None:
    found = table.get(vendor) or table.get(dialect_of(vendor, endpoint))
    if found is None:
        return None
    return Sent(**found | {"members": json.loads(found.get("members", "{}"))})


def _chosen(table: Json, run: Run) -> Json:
    """The table's own keys, overridden by those of its tables for the run."""
    both = [f"{endpoint}-{mode}" for endpoint in ENDPOINTS for mode in MODES]
    chosen = {name: value for name, value in table.items() if name not in (*ENDPOINTS, *MODES, *both, *VENDORS)}
    for name in (run.endpoint, run.mode, f"{run.endpoint}-{run.mode}", run.vendor):
        chosen |= table.get(name, {})
    return chosen


def _known(found: Mapping[str, Any], names: Set[str], path: Path) -> None:
    if unknown := set(found) - names:
        raise ValueError(f"{path.name}: unknown {sorted(unknown)}; expected some of {sorted(names)}")


def _stream(*frames: Json | str) -> str:
    return "\n".join(frame if isinstance(frame, str) else json.dumps(frame) for frame in frames)


_CHAT_USAGE: Final = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
_RESPONSES_USAGE: Final = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
_CHUNK: Final = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
_MESSAGE: Final = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "ok", "annotations": []}],
}
_RESPONSE: Final = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-m", "output": [_MESSAGE]}
_CLAUDE: Final = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6"}
_GEMINI: Final = {
    "candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "ok"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120},
}

ORDINARY: Final[Mapping[str, Answer]] = {
    "chat": Answer(
        _stream(
            _CHUNK
            | {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "ok"}, "finish_reason": None}]},
            _CHUNK | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            _CHUNK | {"choices": [], "usage": _CHAT_USAGE},
            "[DONE]",
        ),
        json.dumps(
            _CHUNK
            | {
                "object": "chat.completion",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
                "usage": _CHAT_USAGE,
            }
        ),
    ),
    "responses": Answer(
        _stream(
            {
                "type": "response.created",
                "sequence_number": 0,
                "response": _RESPONSE | {"status": "in_progress", "output": []},
            },
            {
                "type": "response.output_item.added",
                "sequence_number": 1,
                "output_index": 0,
                "item": _MESSAGE | {"content": []},
            },
            {
                "type": "response.output_text.delta",
                "sequence_number": 2,
                "item_id": "msg_1",
                "output_index": 0,
                "content_index": 0,
                "delta": "ok",
            },
            {"type": "response.output_item.done", "sequence_number": 3, "output_index": 0, "item": _MESSAGE},
            {
                "type": "response.completed",
                "sequence_number": 4,
                "response": _RESPONSE | {"status": "completed", "usage": _RESPONSES_USAGE},
            },
        ),
        json.dumps(_RESPONSE | {"status": "completed", "usage": _RESPONSES_USAGE}),
    ),
    "anthropic": Answer(
        _stream(
            {
                "type": "message_start",
                "message": _CLAUDE
                | {"content": [], "stop_reason": None, "usage": {"input_tokens": 100, "output_tokens": 1}},
            },
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ok"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 20}},
            {"type": "message_stop"},
        ),
        json.dumps(
            _CLAUDE
            | {
                "content": [{"type": "text", "text": "ok"}],
                "stop_reason": "end_turn",
                "usage": {"input_tokens": 100, "output_tokens": 20},
            }
        ),
    ),
    "gemini": Answer(json.dumps(_GEMINI), json.dumps(_GEMINI)),
}
"""Answers of 100 tokens in and 20 out, with the text "ok"."""
