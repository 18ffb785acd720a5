"""Reads one candidate of a Gemini answer, part by part.

Rule 1: consecutive thoughts are one stretch of reasoning; any other part ends it.
Rule 2: the signature of a call or an image seals the open reasoning, or a separate, empty stretch, before that part. The signature
        is then sent back before the part. A text's signature is emitted after its message and citations, as in a stream: if it came
        before the text, it would split the message in two.
Rule 3: a call arrives complete. If the vendor sends no id, or repeats one, an id is derived from the answer's.
Rule 4: if the client wants one call at a time, the calls after a candidate's first are left out, signatures included.
Rule 5: a candidate without text, calls or images is complete only if its finish reason is known. Otherwise the model declined.
Rule 6: parts that were not requested (executed code, image drafts among the thoughts) are ignored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from app.wire import tags
from app.wire.answer import (
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    FinishReason,
    ImageBegun,
    ImageDone,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    SearchBegun,
    SearchDone,
    TextDelta,
)
from app.wire.exchange import AnswerError
from app.wire.finish_words import refuse_failed, word_of
from app.wire.gemini import grounding
from app.wire.gemini.pictures import image_details
from app.wire.relay import malformed

CALL_ID_LENGTH_MAX: Final = 64
KEYS_MAX: Final = 10_000
SEALS_BYTES_MAX: Final = 8 * 1024 * 1024
LOGPROBS_MAX: Final = 100_000
"""Limits per answer: calls, images, searches and reasoning together; signatures; log probabilities waiting for their text. A call's
id has at most the characters that OpenAI accepts when it comes back."""

_REASONS: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "ESCALATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
"""Other reasons (OTHER, NO_IMAGE, any future ones) have no counterpart in OpenAI's protocols. After content they become "stop"."""
_BROKEN: Final = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "PUP_LIMITED_DISABLED",
    }
)
"""There is no answer, but a retry or another upstream may give one."""

Json = dict[str, Any]


class SharedState:
    """State shared by the candidates of one answer."""

    def __init__(self, upstream: str, *, single_call: bool = False) -> None:
        self.answer_id = ""
        self.single_call = single_call
        self._upstream = upstream
        self.names: Mapping[str, str] = {}
        self._keys = 0
        self._seals_bytes = 0
        self._call_ids: set[str] = set()

    def key(self) -> int:
        if self._keys >= KEYS_MAX:
            malformed("The answer has too many parts.")
        self._keys += 1
        return self._keys - 1

    def seal(self, signature: str) -> str | None:
        """The signature with this upstream's tag, or None for an empty one."""
        self._seals_bytes += len(signature)
        if self._seals_bytes > SEALS_BYTES_MAX:
            malformed("The answer's signatures are too long.")
        return tags.seal(self._upstream, signature) if signature else None

    def call_id(self, vendor_id: Any, call: bytes) -> str:
        """The vendor's id, or a generated one that is the same whenever this answer is read."""
        if isinstance(vendor_id, str) and 0 < len(vendor_id) <= CALL_ID_LENGTH_MAX and vendor_id not in self._call_ids:
            call_id = vendor_id
        else:
            number = str(len(self._call_ids))
            seed = b"\0".join([self.answer_id.encode(), number.encode(), call])
            call_id = f"call_{hashlib.sha256(seed).hexdigest()[:24]}"
        self._call_ids.add(call_id)
        return call_id


class CandidateReader:
    """Reads one candidate, chunk by chunk."""

    def __init__(self, index: int, shared: SharedState, *, whole: bool) -> None:
        self.metadata: Json = {}
        self.finished = False
        self._index = index
        self._shared = shared
        self._whole = whole
        self._reason: FinishReason | None = None
        self._reason_name = ""
        self._called = False
        self._pictured = False
        self._reasoning_key: int | None = None
        self._late_seal: str | None = None
        self._logprobs: list[Json] = []
        self._text_pieces: list[bytes] = []
        self._text_bytes = 0
        self._message = 0
        self._in_message = False
        self._parts: dict[int, int] = {}

    def read(self, candidate: Json) -> Iterator[AnswerEvent]:
        """Read one chunk's content of this candidate."""
        self._logprobs += logprobs(candidate.get("logprobsResult"))
        if len(self._logprobs) > LOGPROBS_MAX:
            malformed("The answer's log probabilities have no text.")
        parts = object_in(candidate, "content").get("parts")
        if not isinstance(parts, list | None):
            malformed("The answer's parts are not a list.")
        for number, part in enumerate(parts or ()):
            if not isinstance(part, dict):
                malformed("A part of the answer is not an object.")
            yield from self._part(number, part)
        self.metadata = object_in(candidate, "groundingMetadata") or self.metadata
        self._finish(candidate.get("finishReason"))

    @property
    def answered(self) -> bool:
        """Whether there is text, a call or an image."""
        return bool(self._text_pieces) or self._called or self._pictured

    @property
    def declined(self) -> str:
        """The unknown finish reason of a candidate without content, "" if the candidate is an answer."""
        return "" if self.answered or self._reason is not None else self._reason_name

    def close(self) -> Iterator[AnswerEvent]:
        """The events at the end of the answer."""
        yield from self._end_reasoning()
        for action in grounding.actions(self.metadata):
            key = self._shared.key()
            yield SearchBegun(key, self._index)
            yield SearchDone(key, action)
        text = grounding.AnswerText(b"".join(self._text_pieces), self._message, self._parts)
        yield from grounding.citations(self.metadata, text, self._index)
        yield from self._emit_late_seal()
        reason = self._reason or ("content_filter" if self.declined else "stop")
        if self._called and reason == "stop":
            reason = "tool_calls"
        yield ChoiceFinished(reason, self._index)

    def _part(self, number: int, part: Json) -> Iterator[AnswerEvent]:
        seal = self._shared.seal(text_in(part, "thoughtSignature"))
        text = text_in(part, "text")
        if part.get("thought") is True:
            yield from self._reasoning(text, seal)
        elif part.get("functionCall") is not None:
            if self._called and self._shared.single_call:
                return
            yield from self._seal_reasoning(seal)
            yield from self._call(object_in(part, "functionCall"))
        elif part.get("inlineData") is not None:
            yield from self._picture(object_in(part, "inlineData"), seal)
        else:
            yield from self._text(number, text, seal)

    def _reasoning(self, text: str, seal: str | None) -> Iterator[AnswerEvent]:
        if text:
            if self._reasoning_key is None:
                yield from self._begin_reasoning()
            assert self._reasoning_key is not None
            yield ReasoningDelta(self._reasoning_key, text)
        if seal is not None:
            yield from self._seal_reasoning(seal)

    def _text(self, number: int, text: str, seal: str | None) -> Iterator[AnswerEvent]:
        if not self._in_message and (text or seal is not None):
            yield from self._seal_reasoning(None if text else seal)
        if text:
            yield self._text_delta(number, text)
        if self._in_message and seal is not None:
            yield from self._emit_late_seal()
            self._late_seal = seal

    def _text_delta(self, number: int, text: str) -> TextDelta:
        if not self._in_message:
            self._in_message, self._message = True, self._text_bytes
        if self._whole:
            self._parts[number] = self._text_bytes
        self._text_pieces.append(text.encode())
        self._text_bytes += len(self._text_pieces[-1])
        token_logprobs, self._logprobs = tuple(self._logprobs), []
        return TextDelta(text, self._index, token_logprobs)

    def _call(self, call: Json) -> Iterator[AnswerEvent]:
        name, arguments = text_in(call, "name"), object_in(call, "args")
        if not name:
            malformed("The answer calls a function without a name.")
        text = msgspec.json.encode(arguments)
        key = self._shared.key()
        call_id = self._shared.call_id(call.get("id"), name.encode() + text)
        self._called, self._in_message = True, False
        yield CallBegun(key, call_id, self._shared.names.get(name, name), choice=self._index)
        yield CallDelta(key, text.decode())
        yield CallDone(key)

    def _picture(self, blob: Json, seal: str | None) -> Iterator[AnswerEvent]:
        media_type, data = text_in(blob, "mimeType"), text_in(blob, "data")
        if not media_type.startswith("image/") or not data:
            return
        yield from self._seal_reasoning(seal)
        self._pictured = True
        key = self._shared.key()
        yield ImageBegun(key, self._index)
        yield ImageDone(key, data, image_details(media_type, data))

    def _seal_reasoning(self, seal: str | None) -> Iterator[AnswerEvent]:
        """End the open reasoning with `seal`. If none is open, the seal gets a separate, empty stretch."""
        yield from self._emit_late_seal()
        if seal is not None and self._reasoning_key is None:
            yield from self._begin_reasoning()
        yield from self._end_reasoning(seal)

    def _emit_late_seal(self) -> Iterator[AnswerEvent]:
        seal, self._late_seal = self._late_seal, None
        if seal is not None:
            yield from self._seal_reasoning(seal)

    def _begin_reasoning(self) -> Iterator[AnswerEvent]:
        self._reasoning_key, self._in_message = self._shared.key(), False
        yield ReasoningBegun(self._reasoning_key, self._index)

    def _end_reasoning(self, seal: str | None = None) -> Iterator[AnswerEvent]:
        key, self._reasoning_key = self._reasoning_key, None
        if key is not None:
            yield ReasoningDone(key, seal)

    def _finish(self, reason: Any) -> None:
        word = word_of(reason)
        if not word:
            return
        reason = word.upper()
        if reason in _BROKEN:
            raise AnswerError(f"The upstream's model aborted: {reason}.", malformed=True)
        refuse_failed(word)
        self.finished = True
        self._reason, self._reason_name = _REASONS.get(reason), reason


def logprobs(result: Any) -> list[Json]:
    """Gemini's log probabilities in chat's shape, one for each chosen token."""
    if not isinstance(result, dict):
        return []
    chosen, tops = _objects(result, "chosenCandidates"), _objects(result, "topCandidates")
    others = [[_logprob(other) for other in _objects(top, "candidates")] for top in tops]
    others += [[]] * (len(chosen) - len(others))
    return [_logprob(token) | {"top_logprobs": top} for token, top in zip(chosen, others, strict=False)]


def object_in(holder: Json, name: str) -> Json:
    """An object member, empty if absent."""
    value = holder.get(name)
    if not isinstance(value, dict | None):
        malformed(f"The answer's {name} is not an object.")
    return value or {}


def text_in(holder: Json, name: str) -> str:
    """A text member, empty if absent."""
    value = holder.get(name)
    if not isinstance(value, str | None):
        malformed(f"The answer's {name} is not text.")
    return value or ""


def _objects(holder: Json, name: str) -> list[Json]:
    value = holder.get(name)
    if not isinstance(value, list | None) or not all(isinstance(inner, dict) for inner in value or ()):
        malformed(f"The answer's {name} is not a list of objects.")
    return value or []


def _logprob(token: Json) -> Json:
    """Zero is omitted, as everywhere in Google's JSON."""
    text, value = text_in(token, "token"), token.get("logProbability", 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        malformed("The answer's log probability is not a number.")
    return {"token": text, "logprob": float(value), "bytes": list(text.encode())}
