"""Reads one choice of a chat upstream's answer delta by delta; a whole message is one delta.

Rule 1: within a delta the order is reasoning, text, refusal, citations, calls.
Rule 2: reasoning ends where anything else begins. It is sealed in the form of the message members that this upstream expects back,
        so that it can be returned to it, and never to another upstream.
Rule 3: citations belong to the current message. Upstreams count offsets from the start of the choice; events count them from the
        start of the message. A citation without a current message is left out, but shows that a search was made.
Rule 4: content after a finish shows that the finish was premature: some servers write "stop" in every chunk. The last finish
        counts; if none follows the content, the earlier one does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from app.wire.answer import (
    AnswerEvent,
    ChoiceFinished,
    ChoiceResumed,
    CitationAdded,
    FinishReason,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    RefusalDelta,
    SearchBegun,
    SearchDone,
    TextDelta,
)
from app.wire.chat.calls import Call, CallReader
from app.wire.figures import FIGURE_MAX
from app.wire.finish_words import reason_of
from app.wire.relay import malformed, text_bytes
from app.wire.tags import seal

CITATIONS_MAX = 1024
LOGPROB_MIN = -9999.0
"""OpenAI's value for a token that is very unlikely. Some servers write null."""
SEALED_LENGTH_MAX = 2_000_000
"""Longer reasoning is forwarded, but not sealed."""

REASONING: Final = ("reasoning_content", "reasoning")
_KNOWN: Final = frozenset(
    {
        *("content", "refusal", "role", "name", "id", "type", "object", "status", "phase", "tool_call_id", "model"),
        *("reasoning_signature", "signature", "encrypted_content", *REASONING),
    }
)
"""Texts of a delta that are read, or are not output."""


class ChoiceReader:
    """`searches`: whether the client offered a web search; if so, citations show that one was made.

    - `finish_word`: why the choice finished, in the form of the client's protocol; "" until then.
    - `unknown_bytes`: text in members that this gateway does not know, in UTF-8 bytes.
    - `resumed`: whether content came after a finish.
    - `placed`: for each entry of the last delta's tool_calls, the call that it belongs to; None for an empty entry.
    """

    def __init__(self, index: int, keys: Iterator[int], *, upstream: str, searches: bool) -> None:
        self.finished = self.resumed = False
        self.finish_word = ""
        self.unknown_bytes = 0
        self.cited: list[str] = []
        self.placed: list[Call | None] = []
        self.index = index
        self._refused = self._legacy = self._searched = False
        self._premature = ""
        self._ended_reasoning: tuple[int | None, str | None, list[str], int] = (None, None, [], 0)
        self._keys = keys
        self._upstream = upstream
        self._searches = searches
        self._calls = CallReader(index, keys)
        self._reasoning_key: int | None = None
        self._reasoning_member: str | None = None
        self._reasoning_pieces: list[str] = []
        self._reasoning_length = 0
        self._length = 0
        self._start: int | None = None
        self._citations: set[tuple[str, int, int]] = set()
        self._logprobs: list[dict[str, Any]] = []

    @property
    def has_answer(self) -> bool:
        """Whether there is text, a refusal or a call."""
        return bool(self._length or self._refused or len(self._calls))

    def complete_calls(self) -> list[dict[str, Any]]:
        """The deltas that the choice's calls lack, each only once. A call in the older form stays as it is."""
        return [] if self._legacy else self._calls.complete()

    def continued(self, content: Any, reasoning_content: Any, reasoning: Any) -> int:
        """Read a delta's only text if it continues the current text or reasoning. Its UTF-8 length, or 0 if it was not read."""
        if self.finished:
            return 0
        if reasoning_content is None and reasoning is None:
            if type(content) is not str or self._start is None or self._reasoning_key is not None or self._logprobs:
                return 0
            self._length += len(content)
            return len(content) if content.isascii() else text_bytes(content)
        text = reasoning if reasoning_content is None else reasoning_content
        if content or self._reasoning_key is None or type(text) is not str or not text:
            return 0
        self._keep_reasoning(text)
        return text_bytes(text)

    def take(self, delta: dict[str, Any], logprobs: Any, seed: str) -> Iterator[AnswerEvent]:
        """Read one delta. Raises AnswerError if it is invalid. `seed` determines the ids of calls that have none."""
        self.placed = []
        if not _KNOWN.issuperset(delta):
            self.unknown_bytes += sum(text_bytes(value) for name, value in delta.items() if name not in _KNOWN)
        if self.finished and self._continues(delta):
            yield self._resume()
        yield from self._events(delta, logprobs, seed)
        if self.resumed and self._calls.nameless:
            malformed("The answer continues after its end.")

    def settle(self) -> Iterator[AnswerEvent]:
        """If no finish followed the content after a premature one, that one counts."""
        if not self.finished and self._premature:
            yield from self.finish(self._premature)

    def finish(self, reason: str) -> Iterator[AnswerEvent]:
        """`reason` is the upstream's word (finish_words.py). Raises AnswerError if it reports a failure."""
        understood = self._reason(reason)
        if self.finished:
            return
        ended = self._reasoning_key, self._reasoning_member, self._reasoning_pieces, self._reasoning_length
        self._ended_reasoning = ended
        yield from self._end_reasoning()
        yield from self._calls.done()
        if self.cited and self._searches and not self._searched:
            self._searched = True
            key = next(self._keys)
            sources = [{"type": "url", "url": url} for url in dict.fromkeys(self.cited)]
            yield SearchBegun(key, self.index)
            yield SearchDone(key, {"type": "search", "query": "", "queries": [], "sources": sources})
        self.finished = True
        self._premature = reason
        self.finish_word = "function_call" if understood == "tool_calls" and self._legacy else understood
        yield ChoiceFinished(understood, self.index)

    def _resume(self) -> ChoiceResumed:
        """Undo the finish and the end of the reasoning."""
        self.finished, self.resumed = False, True
        ended = self._ended_reasoning
        self._reasoning_key, self._reasoning_member, self._reasoning_pieces, self._reasoning_length = ended
        return ChoiceResumed(self.index, self._calls.keys if ended[0] is None else (ended[0], *self._calls.keys))

    def _continues(self, delta: dict[str, Any]) -> bool:
        """Whether the delta has content."""
        return (
            any(_text(delta, name) for name in (*REASONING, "refusal"))
            or any(True for _ in contents_of(delta))
            or any(
                isinstance(call, dict) and not self._calls.ignores(call, set()) for call in _list(delta, "tool_calls")
            )
            or bool(delta.get("function_call"))
        )

    def _reason(self, upstream_reason: str) -> FinishReason:
        """Some upstreams report "stop" after calls; clients would then not respond to the calls."""
        reason = reason_of(upstream_reason, answered=self.finished or self.has_answer)
        if reason == "stop" and len(self._calls):
            return "tool_calls"
        return "stop" if reason == "tool_calls" and not len(self._calls) else reason

    def _events(self, delta: dict[str, Any], logprobs: Any, seed: str) -> Iterator[AnswerEvent]:
        if name := next((name for name in REASONING if _text(delta, name)), None):
            yield from self._reasoning_delta(name, _text(delta, name))
        self._logprobs.extend(_logprobs(logprobs))
        for is_reasoning, content in contents_of(delta):
            yield from self._reasoning_delta(None, content) if is_reasoning else self._text_delta(content)
        if refusal := _text(delta, "refusal"):
            self._refused = True
            yield from self._end_reasoning()
            yield RefusalDelta(refusal, self.index)
        for annotation in _list(delta, "annotations"):
            yield from self._citation(annotation)
        seen: set[int | str] = set()
        for call in _list(delta, "tool_calls"):
            if not isinstance(call, dict):
                malformed("The answer contains a call that is not an object.")
            if self._calls.ignores(call, seen):
                self.placed.append(None)
                continue
            yield from self._call(call, seen, seed)
            self.placed.append(self._calls.current)
        if (function := delta.get("function_call")) and (self._legacy or not len(self._calls)):
            yield from self._function_call({"function": function, "index": 0}, seed)

    def _text_delta(self, content: str) -> Iterator[AnswerEvent]:
        yield from self._end_reasoning()
        if self._start is None:
            self._start = self._length
        self._length += len(content)
        logprobs, self._logprobs = tuple(self._logprobs), []
        yield TextDelta(content, self.index, logprobs)

    def _reasoning_delta(self, name: str | None, text: str) -> Iterator[AnswerEvent]:
        """`name` is the message member in which the upstream expects the reasoning back, or None if there is none."""
        if self._reasoning_key is None:
            self._start = None
            self._reasoning_key = next(self._keys)
            self._reasoning_member = name
            yield ReasoningBegun(self._reasoning_key, self.index)
        self._keep_reasoning(text)
        yield ReasoningDelta(self._reasoning_key, text)

    def _keep_reasoning(self, text: str) -> None:
        self._reasoning_length += len(text)
        if self._reasoning_length <= SEALED_LENGTH_MAX:
            self._reasoning_pieces.append(text)

    def _end_reasoning(self, extra: dict[str, Any] | None = None) -> Iterator[AnswerEvent]:
        """End the open reasoning. `extra` is a call's extra content, which becomes a reasoning of its own if none is open."""
        if self._reasoning_key is None:
            if not extra:
                return
            self._reasoning_key = next(self._keys)
            yield ReasoningBegun(self._reasoning_key, self.index)
        key, text, self._reasoning_key = self._reasoning_key, "".join(self._reasoning_pieces), None
        whole = self._reasoning_length <= SEALED_LENGTH_MAX
        self._reasoning_pieces, self._reasoning_length = [], 0
        members: dict[str, Any] = {self._reasoning_member: text} if self._reasoning_member and text and whole else {}
        if extra:
            members["extra_content"] = extra
        yield ReasoningDone(key, seal(self._upstream, msgspec.json.encode(members).decode()) if members else None)

    def _function_call(self, entry: dict[str, Any], seed: str) -> Iterator[AnswerEvent]:
        """A call in the older spelling. Some servers write each call in both: then the newer one counts."""
        if not self._calls.ignores(entry, set()):
            self._legacy = True
            yield from self._call(entry, set(), seed)

    def _call(self, entry: dict[str, Any], seen: set[int | str], seed: str) -> Iterator[AnswerEvent]:
        if self._calls.begins(entry, seen):
            extra = entry.get("extra_content")
            yield from self._end_reasoning(extra if isinstance(extra, dict) else None)
            self._start = None
        yield from self._calls.take(entry, seen, seed)

    def _citation(self, annotation: Any) -> Iterator[AnswerEvent]:
        """Annotations that are not URL citations, and repeats, are ignored."""
        citation = annotation.get("url_citation") if isinstance(annotation, dict) else None
        if not isinstance(citation, dict):
            return
        url, title = citation.get("url"), citation.get("title")
        if not isinstance(url, str) or not url:
            return
        start, end = _offset(citation, "start_index"), _offset(citation, "end_index")
        if (url, start, end) in self._citations:
            return
        self._citations.add((url, start, end))
        if len(self._citations) > CITATIONS_MAX:
            malformed("The answer contains too many citations.")
        self.cited.append(url)
        if self._start is None or self.finished:
            return
        first = min(max(start - self._start, 0), self._length - self._start)
        last = min(max(end - self._start, first), self._length - self._start)
        yield CitationAdded(url, title if isinstance(title, str) else "", first, last, self.index)


def _offset(raw: dict[str, Any], name: str) -> int:
    value = raw.get(name)
    return value if type(value) is int and 0 <= value <= FIGURE_MAX else 0


def _text(delta: dict[str, Any], name: str) -> str:
    value = delta.get(name)
    if not value:
        return ""
    if not isinstance(value, str):
        malformed(f"The answer contains {name} that is not text.")
    return value


def contents_of(delta: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    """Each text, with whether it is reasoning. Mistral sends a list of parts, with reasoning as a nested list."""
    content = delta.get("content")
    if not isinstance(content, list):
        if text := _text(delta, "content"):
            yield False, text
        return
    for part in content:
        inner = part.get("thinking") if isinstance(part, dict) else None
        is_reasoning = isinstance(inner, list)
        for inner_part in inner if isinstance(inner, list) else [part]:
            if (
                isinstance(inner_part, dict)
                and inner_part.get("type") == "text"
                and (text := _text(inner_part, "text"))
            ):
                yield is_reasoning, text


def _list(delta: dict[str, Any], name: str) -> list[Any]:
    value = delta.get(name)
    if not value:
        return []
    if not isinstance(value, list):
        malformed(f"The answer contains {name} that is not a list.")
    return value


def _logprobs(raw: Any) -> list[dict[str, Any]]:
    """Log probabilities in chat's shape. Some upstreams add members that OpenAI's clients do not know; these are dropped."""
    if not isinstance(raw, dict):
        return []
    tokens = []
    for token in _list(raw, "content"):
        alternatives = _list(token, "top_logprobs") if isinstance(token, dict) else []
        tokens.append(_token(token) | {"top_logprobs": [_token(other) for other in alternatives]})
    return tokens


def _token(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict) or not isinstance(raw.get("token"), str):
        malformed("The answer contains invalid log probabilities.")
    logprob = raw.get("logprob")
    logprob = LOGPROB_MIN if logprob is None else logprob
    if isinstance(logprob, bool) or not isinstance(logprob, int | float):
        malformed("The answer contains invalid log probabilities.")
    return {"token": raw["token"], "logprob": logprob, "bytes": _bytes(raw.get("bytes"))}


def _bytes(value: Any) -> list[int] | None:
    if not isinstance(value, list) or not all(type(byte) is int and 0 <= byte <= 255 for byte in value):
        return None
    return value
