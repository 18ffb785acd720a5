"""Judges a chat upstream's answer, whether it is OpenAI or a compatible server: the one reading that translations and pass-throughs
share. answer_reader.py gives its events to a writer; passthrough.py forwards the bytes that it judged.

Rule 1: the answer begins with the first chunk that has a choice or an id (some servers first send one with neither).
Rule 2: it ends at [DONE], or, without one, when all requested choices are finished. Fewer choices are accepted only with [DONE].
Rule 3: usage and [DONE] show that an answer without finish reasons is whole, if each of its choices has text or a call.
Rule 4: usage may come in any chunk and more than once (some servers send running totals): the greatest value of each figure counts.
Rule 5: chat does not report searches. If the client offered a search, each choice that cites sources counts as one search, which is
        how vendors price them.
Rule 6: null, absent, "", false and {} are the same for finish reasons, ids, names, texts and errors.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec

from app.wire.answer import AnswerBegun, AnswerEnded, AnswerEvent
from app.wire.chat.choice_reader import ChoiceReader
from app.wire.chat.glance import Glance, glance
from app.wire.chat.repair import repair_choice
from app.wire.envelope import error_in, unnamed_error, upstream_error
from app.wire.figures import place
from app.wire.finish_words import word_of
from app.wire.relay import decoded, is_done, malformed
from app.wire.usage import ChatFigures, tier

_NAME_LENGTH_MAX = 256
_FIGURES = frozenset({"usage", "x_groq", "timings"})
"""Members of a chunk that report usage."""

_object = msgspec.json.Decoder(dict[str, Any])


class ChatJudge:
    """Reads one answer, streamed or plain. Implements answer.AnswerReader.

    - `searches`: whether the client offered a web search.
    - `repairs`: whether the choices of `chunk`, the last one read, are corrected in place to what was understood. `repaired` says
      whether any was.
    - `upstream_id` and `created` are the first that the upstream reported.
    """

    def __init__(self, *, choices: int, searches: bool, upstream: str = "", repairs: bool = False) -> None:
        self.upstream_id: str | None = None
        self.created: Any = None
        self.chunk: dict[str, Any] = {}
        self.repaired = False
        self._choice_count = choices
        self._searches = searches
        self._upstream = upstream
        self._repairs = repairs
        self._keys = itertools.count()
        self._choices: dict[int, ChoiceReader] = {}
        self._began = self._ended = False
        self._seed = ""
        self._tier: str | None = None
        self._figures = ChatFigures()

    def frame(self, name: str, data: bytes) -> list[AnswerEvent]:
        if self._ended:
            return []
        if is_done(data):
            return [*self._finish_answered(), *self._done(1)]
        chunk = decoded(_object, data)
        if name == "error":
            raise upstream_error(error_in(chunk) or chunk)
        return list(self._chunk(chunk, "delta"))

    @property
    def resumed(self) -> frozenset[int]:
        """The choices that went on after a finish."""
        return frozenset(index for index, choice in self._choices.items() if choice.resumed)

    def end(self) -> list[AnswerEvent]:
        return [] if self._ended else self._done(self._choice_count)

    def whole(self, body: bytes) -> list[AnswerEvent]:
        answer = decoded(_object, body)
        return [*self._chunk(answer, "message"), *self._done(1)]

    def continuation(self) -> bytes | None:
        return None

    def glance(self, name: str, data: bytes) -> tuple[Glance, int] | None:
        """The chunk and the UTF-8 length of its text, if it only continues a choice's text or reasoning; it then has been read.

        None for any other frame: frame() must read it.
        """
        chunk = None if name == "error" or self._ended else glance(data)
        if chunk is None or chunk.choices is None:
            return None
        if (chunk.id and self.upstream_id is None) or (chunk.service_tier or self._tier) != self._tier:
            return None
        choice = chunk.choices[0]
        reader, delta = self._choices.get(choice.index), choice.delta
        if reader is None or delta is None:
            return None
        size = reader.continued(delta.content, delta.reasoning_content, delta.reasoning)
        return (chunk, size) if size else None

    def finish_word(self, choice: int) -> str:
        """The reason why `choice` finished, in the form of the client's protocol; "" until then."""
        return self._choices[choice].finish_word

    def complete_calls(self, choice: int) -> list[dict[str, Any]]:
        """The deltas that the calls of `choice` lack, each only once."""
        return self._choices[choice].complete_calls()

    def _finish_answered(self) -> Iterator[AnswerEvent]:
        if self._figures.usage(self._tier) is not None:
            for choice in self._choices.values():
                if choice.has_answer and not choice.finish_word:
                    yield from choice.finish("stop")

    def _done(self, finished_min: int) -> list[AnswerEvent]:
        settled = [event for choice in self._choices.values() for event in choice.settle()]
        finished = [choice for choice in self._choices.values() if choice.finished]
        if len(finished) < max(finished_min, len(self._choices)):
            malformed("The answer ended before it was complete.")
        self._ended = True
        usage = self._figures.usage(self._tier)
        cited = sum(1 for choice in finished if choice.cited) if self._searches else 0
        if usage is not None and cited:
            usage = msgspec.structs.replace(usage, web_search_calls=cited)
        unknown = sum(choice.unknown_bytes for choice in finished)
        return [*settled, AnswerEnded(usage, self._tier, searches=cited, eventless_bytes=unknown)]

    def _chunk(self, chunk: dict[str, Any], part: str) -> Iterator[AnswerEvent]:
        self.chunk, self.repaired = chunk, False
        if error := error_in(chunk):
            raise upstream_error(error)
        if not chunk.get("choices") or "base_resp" in chunk:
            unnamed = unnamed_error(chunk)
            if unnamed is not None:
                raise unnamed
        self._tier = tier(chunk.get("service_tier")) or self._tier
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            malformed("The answer's choices are not a list.")
        if self._repairs and chunk.get("choices") is None:
            chunk["choices"], self.repaired = [], True
        upstream_id = _word(chunk.get("id"))
        self.upstream_id = self.upstream_id or upstream_id
        self.created = self.created or chunk.get("created")
        if not self._began and (choices or upstream_id):
            self._began = True
            self._seed = upstream_id or str(chunk.get("created"))
            yield AnswerBegun(upstream_id, _word(chunk.get("model")), self._tier)
        in_choices: dict[int, Any] = {}
        for position, choice in enumerate(choices):
            place = position if part == "message" else 0
            yield from self._choice(choice, part, place)
            if "usage" in choice:
                in_choices[self._choice_reader(choice, place).index] = choice["usage"]
        if in_choices or not _FIGURES.isdisjoint(chunk):
            self._figures.add(
                chunk.get("usage"), x_groq=chunk.get("x_groq"), in_choices=in_choices, timings=chunk.get("timings")
            )

    def _choice(self, raw: Any, part: str, position: int) -> Iterator[AnswerEvent]:
        choice = self._choice_reader(raw, position)
        if error := error_in(raw):
            raise upstream_error(error)
        was_moved = _move_content(raw, part, choice)
        delta = {} if part == "delta" and raw.get(part) is None else raw.get(part)
        if not isinstance(delta, dict):
            malformed(f"The answer contains a choice whose {part} is not an object.")
        yield from choice.take(delta, raw.get("logprobs"), self._seed)
        if part == "message" and choice.resumed:
            malformed("The answer continues after its end.")
        reason = word_of(raw.get("finish_reason")) or ("stop" if part == "message" else "")
        if reason:
            yield from choice.finish(reason)
        if self._repairs and (repair_choice(raw, part, choice) or was_moved):
            self.repaired = True

    def _choice_reader(self, raw: Any, position: int) -> ChoiceReader:
        """The reader of the choice that `raw` belongs to. Without an index, that is the choice at `position`."""
        index = raw.get("index") if isinstance(raw, dict) else -1
        index = position if index is None else place(index)
        if index is None or index >= self._choice_count:
            malformed("The answer contains a choice that was not requested.")
        found = self._choices.get(index)
        if found is None:
            found = ChoiceReader(index, self._keys, upstream=self._upstream, searches=self._searches)
            self._choices[index] = found
        return found


def _move_content(raw: dict[str, Any], part: str, choice: ChoiceReader) -> bool:
    """Some servers send a message in a chunk, or a delta in a body: move it to its place. Whether there was one."""
    other = "message" if part == "delta" else "delta"
    if raw.get(part) is not None or not isinstance(raw.get(other), dict) or choice.has_answer:
        return False
    raw[part] = raw.pop(other)
    return True


def _word(value: Any) -> str | None:
    return value[:_NAME_LENGTH_MAX] if isinstance(value, str) and value else None
