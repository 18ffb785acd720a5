"""Reads Gemini's answers, plain and streamed, into events.

Rule 1: every chunk of a stream is a whole GenerateContentResponse. Its text continues the text so far; of its usage, the greatest
        value of each figure counts.
Rule 2: choices finish when the stream ends, because sources and usage may follow a finish reason.
Rule 3: a stream that ends before every candidate has a finish reason is malformed. A plain answer needs none after text or calls;
        it may be the list of a stream's chunks. A blocked prompt has no candidates: its choices
        finish empty, with reason "content_filter".
Rule 4: if the model declined in every candidate (no content, for a reason without a counterpart), the answer is an error. If it
        declined in some, these finish with reason "content_filter".
Rule 5: unknown members and parts are ignored; known ones of the wrong type make the answer malformed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from app.wire.answer import AnswerBegun, AnswerEnded, AnswerEvent, ChoiceFinished, ImageDone
from app.wire.canonical import CanonicalRequest, ImageTool, Target
from app.wire.figures import grown, place
from app.wire.gemini.candidate import CandidateReader, SharedState, object_in, text_in
from app.wire.gemini.errors import answer_error
from app.wire.gemini.grounding import queries
from app.wire.gemini.tools import NAME
from app.wire.gemini.usage import gemini_usage, service_tier
from app.wire.relay import decoded, malformed
from app.wire.tool_names import client_names
from app.wire.usage import tier
from domain.demand import TOOL_CALLS_MAX
from domain.usage import ImageCount

_ID_LENGTH_MAX: Final = 256
_REASON_LENGTH_MAX: Final = 64
_decoder: Final = msgspec.json.Decoder()


class GeminiAnswerReader:
    """Reads one answer. Implements answer.AnswerReader."""

    def __init__(self, request: CanonicalRequest, target: Target) -> None:
        self._choice_count = request.choices
        self._image = next((tool.options for tool in request.tools if isinstance(tool, ImageTool)), {})
        self._shared = SharedState(target.upstream, single_call=request.parallel_tool_calls is False)
        self._shared.names = client_names(request, NAME)
        self._choices: dict[int, CandidateReader] = {}
        self._figures: dict[str, Any] | None = None
        self._blocked = False
        self._began = False
        self._whole = False
        self._images = 0

    def frame(self, name: str, data: bytes) -> list[AnswerEvent]:
        if data.strip() == b"[DONE]":
            return []
        return list(self._chunk(decoded(_decoder, data)))

    def end(self) -> list[AnswerEvent]:
        if not self._choices and not self._blocked:
            malformed("The answer ended before it began.")
        if not all(choice.finished for choice in self._choices.values()):
            malformed("The answer ended before it was complete.")
        declined = [choice.declined for choice in self._choices.values()]
        if declined and all(declined):
            malformed(f"The upstream's model gave no answer: {declined[0][:_REASON_LENGTH_MAX]}.")
        return list(self._ending())

    def whole(self, body: bytes) -> list[AnswerEvent]:
        answer = decoded(_decoder, body)
        self._whole = not isinstance(answer, list)
        chunks = answer if isinstance(answer, list) else [answer]
        events = [event for chunk in chunks for event in self._chunk(chunk)]
        for choice in self._choices.values():
            choice.finished = choice.finished or choice.answered
        return [*events, *self.end()]

    def continuation(self) -> bytes | None:
        return None

    def _chunk(self, chunk: Any) -> Iterator[AnswerEvent]:
        if (error := answer_error(chunk)) is not None:
            raise error
        if not isinstance(chunk, dict):
            malformed("The answer is not an object.")
        yield from self._begin(chunk)
        if reported := chunk.get("usageMetadata"):
            self._figures = grown(self._figures or {}, reported)
        self._blocked = self._blocked or bool(text_in(object_in(chunk, "promptFeedback"), "blockReason"))
        candidates = chunk.get("candidates")
        if not isinstance(candidates, list | None):
            malformed("The answer's candidates are not a list.")
        for candidate in candidates or ():
            for event in self._choice(candidate).read(candidate):
                self._images += isinstance(event, ImageDone)
                yield event

    def _begin(self, chunk: dict[str, Any]) -> Iterator[AnswerEvent]:
        if self._began:
            return
        self._began = True
        answer_id, model = text_in(chunk, "responseId"), text_in(chunk, "modelVersion")
        self._shared.answer_id = answer_id
        yield AnswerBegun(answer_id[:_ID_LENGTH_MAX] or None, model[:_ID_LENGTH_MAX] or None)

    def _choice(self, candidate: Any) -> CandidateReader:
        if not isinstance(candidate, dict):
            malformed("A candidate of the answer is not an object.")
        index = candidate.get("index")
        index = 0 if index is None else place(index)
        if index is None or index >= self._choice_count:
            malformed("The answer contains a candidate that was not requested.")
        if index not in self._choices:
            self._choices[index] = CandidateReader(index, self._shared, whole=self._whole)
        return self._choices[index]

    def _ending(self) -> Iterator[AnswerEvent]:
        for _, choice in sorted(self._choices.items()):
            yield from choice.close()
        if not self._choices:
            yield from (ChoiceFinished("content_filter", index) for index in range(self._choice_count))
        figures = self._figures
        searches = {query for choice in self._choices.values() for query in queries(choice.metadata)}
        counted = min(len(searches), TOOL_CALLS_MAX)
        usage = None if figures is None else gemini_usage(figures, searches=counted, images=self._image_counts())
        yield AnswerEnded(usage, None if figures is None else service_tier(figures))

    def _image_counts(self) -> tuple[ImageCount, ...]:
        """Images are priced by the size that was requested. Neither they nor searches can be limited: at most 100 are charged."""
        if not self._images:
            return ()
        return (ImageCount("auto", tier(self._image.get("size")) or "auto", min(self._images, TOOL_CALLS_MAX)),)
