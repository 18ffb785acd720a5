"""Reads a chat upstream's answer into events, whether it is OpenAI or a compatible server.

Rule 1: the answer begins with the first chunk that has a choice or an id (some servers first send one with neither).
Rule 2: it ends at [DONE], or, without one, when all requested choices are finished. Fewer choices are accepted only with [DONE].
Rule 3: usage may come in any chunk and more than once (some servers send running totals): the greatest value of each
        figure counts.
Rule 4: chat does not report searches. If the client offered a search, each choice that cites sources counts as one search, which is
        how vendors price them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec

from app.wire.answer import AnswerBegun, AnswerEnded, AnswerEvent
from app.wire.canonical import CanonicalRequest, Target, WebSearchTool
from app.wire.chat.choice_reader import ChoiceReader
from app.wire.envelope import upstream_error
from app.wire.relay import decoded, malformed
from app.wire.usage import ChatFigures, tier

_NAME_LENGTH_MAX = 256
_object = msgspec.json.Decoder(dict[str, Any])


class ChatAnswerReader:
    """Reads one answer, streamed or plain. Implements answer.AnswerReader."""

    def __init__(self, request: CanonicalRequest, target: Target) -> None:
        self._choice_count = request.choices
        self._searches = any(isinstance(tool, WebSearchTool) for tool in request.tools)
        self._upstream = target.upstream
        self._keys = itertools.count()
        self._choices: dict[int, ChoiceReader] = {}
        self._began = self._ended = False
        self._seed = ""
        self._tier: str | None = None
        self._figures = ChatFigures()

    def frame(self, name: str, data: bytes) -> list[AnswerEvent]:
        if self._ended:
            return []
        if data.startswith(b"[DONE]"):
            return self._done(1)
        chunk = decoded(_object, data)
        if name == "error":
            raise upstream_error(chunk.get("error") or chunk)
        return list(self._chunk(chunk, "delta"))

    def end(self) -> list[AnswerEvent]:
        return [] if self._ended else self._done(self._choice_count)

    def whole(self, body: bytes) -> list[AnswerEvent]:
        answer = decoded(_object, body)
        return [*self._chunk(answer, "message"), *self._done(1)]

    def continuation(self) -> bytes | None:
        return None

    def _done(self, finished_min: int) -> list[AnswerEvent]:
        finished = [choice for choice in self._choices.values() if choice.finished]
        if len(finished) < max(finished_min, len(self._choices)):
            malformed("The answer ended before it was complete.")
        self._ended = True
        usage = self._figures.usage(self._tier)
        cited = sum(1 for choice in finished if choice.cited)
        if usage is not None and cited and self._searches:
            usage = msgspec.structs.replace(usage, web_search_calls=cited)
        return [AnswerEnded(usage, self._tier)]

    def _chunk(self, chunk: dict[str, Any], part: str) -> Iterator[AnswerEvent]:
        if chunk.get("error"):
            raise upstream_error(chunk["error"])
        if chunk.get("object") == "error":
            raise upstream_error(chunk)
        self._tier = tier(chunk.get("service_tier")) or self._tier
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            malformed("The answer's choices are not a list.")
        upstream_id = _word(chunk.get("id"))
        if not self._began and (choices or upstream_id):
            self._began = True
            self._seed = upstream_id or str(chunk.get("created"))
            yield AnswerBegun(upstream_id, _word(chunk.get("model")), self._tier)
        for choice in choices:
            yield from self._choice(choice, part)
        self._figures.add(
            chunk.get("usage"),
            x_groq=chunk.get("x_groq"),
            in_choices=[choice.get("usage") for choice in choices if "usage" in choice],
            timings=chunk.get("timings"),
        )

    def _choice(self, raw: Any, part: str) -> Iterator[AnswerEvent]:
        choice = self._choice_reader(raw)
        if raw.get("error"):
            raise upstream_error(raw["error"])
        delta = raw.get(part)
        if delta is None and part == "delta":
            delta = {}
        if not isinstance(delta, dict):
            malformed(f"The answer contains a choice whose {part} is not an object.")
        yield from choice.take(delta, raw.get("logprobs"), self._seed)
        reason = raw.get("finish_reason") or ("stop" if part == "message" else "")
        if not isinstance(reason, str):
            malformed("The answer contains a finish reason that is not text.")
        if reason:
            yield from choice.finish(reason)

    def _choice_reader(self, raw: Any) -> ChoiceReader:
        index = raw.get("index", 0) if isinstance(raw, dict) else None
        if type(index) is not int or not 0 <= index < self._choice_count:
            malformed("The answer contains a choice that was not requested.")
        found = self._choices.get(index)
        if found is None:
            found = ChoiceReader(index, self._keys, upstream=self._upstream, searches=self._searches)
            self._choices[index] = found
        return found


def _word(value: Any) -> str | None:
    return value[:_NAME_LENGTH_MAX] if isinstance(value, str) and value else None
