"""Reads answers of an upstream that speaks OpenAI's Responses into events, under the rules of judge.py."""

from __future__ import annotations

from app.wire.canonical import CanonicalRequest, Target
from app.wire.relay import malformed
from app.wire.responses.delta import read_delta
from app.wire.responses.item_state import Events
from app.wire.responses.judge import ResponsesJudge, event_in
from app.wire.responses.verdict import kind_of


class ResponsesAnswerReader:
    """Reads one answer. Implements answer.AnswerReader."""

    def __init__(self, request: CanonicalRequest, target: Target) -> None:
        self._judge = ResponsesJudge(target.upstream)

    def frame(self, name: str, data: bytes) -> Events:
        if self._judge.ended:
            return []
        if data.startswith(b"[DONE]"):
            malformed("The answer ended before its response did.")
        delta = read_delta(name, data)
        if delta is not None and (events := self._judge.continued(delta)) is not None:
            return events
        event = event_in(data)
        return self._judge.judged(event, kind_of(event, name), delta)

    def end(self) -> Events:
        if not self._judge.ended:
            malformed("The answer ended before it was complete.")
        return []

    def whole(self, body: bytes) -> Events:
        return self._judge.judged_whole(event_in(body))

    def continuation(self) -> bytes | None:
        """A response is never paused."""
        return None
