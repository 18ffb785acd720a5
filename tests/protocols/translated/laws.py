"""Checks a reader's events against the rules of app.wire.answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.wire import answer
from app.wire.answer import AnswerEvent

_BEGINS = answer.ReasoningBegun | answer.CallBegun | answer.SearchBegun | answer.ImageBegun
_ENDS = answer.ReasoningDone | answer.CallDone | answer.SearchDone | answer.ImageDone
_PAIRS = {
    answer.ReasoningDone: answer.ReasoningBegun,
    answer.CallDone: answer.CallBegun,
    answer.SearchDone: answer.SearchBegun,
    answer.ImageDone: answer.ImageBegun,
}
_WITHIN = {
    answer.ReasoningDelta: answer.ReasoningBegun,
    answer.CallDelta: answer.CallBegun,
    answer.ImagePartial: answer.ImageBegun,
}


@dataclass(slots=True)
class _Walk:
    faithful: bool
    open: dict[int, AnswerEvent] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    finished: set[int] = field(default_factory=set)
    ended: dict[int, AnswerEvent] = field(default_factory=dict)
    message: dict[int, str] = field(default_factory=dict)
    parts: dict[int, int] = field(default_factory=dict)
    previews: dict[int, int] = field(default_factory=dict)

    def step(self, event: AnswerEvent) -> None:
        match event:
            case answer.TextDelta() | answer.RefusalDelta():
                self._speaks(event.choice)
                assert event.text, "an empty delta"
                self.message[event.choice] = self.message.get(event.choice, "") + event.text
            case answer.CitationAdded():
                self._speaks(event.choice)
                length = len(self.message.get(event.choice, ""))
                assert 0 <= event.start <= event.end
                assert event.end <= length or not self.faithful, f"a citation beyond its message of {length}"
                assert event.url
            case answer.ChoiceFinished():
                self._speaks(event.choice)
                left = [begun for begun in self.open.values() if getattr(begun, "choice", None) == event.choice]
                assert not left, f"finished with {left} open"
                self.finished.add(event.choice)
            case answer.ChoiceResumed():
                assert event.choice in self.finished, "a choice is resumed before it finished"
                self.finished.discard(event.choice)
                self.open |= {key: self.ended.pop(key) for key in event.keys}
            case answer.ReasoningDelta() | answer.CallDelta() | answer.ImagePartial():
                self._goes_on(event)
            case _:
                self._begins_or_ends(event)

    def _goes_on(self, event: answer.ReasoningDelta | answer.CallDelta | answer.ImagePartial) -> None:
        assert isinstance(self.open.get(event.key), _WITHIN[type(event)]), f"{event} outside of its stretch"
        if isinstance(event, answer.ImagePartial):
            assert event.data
            number = self.previews.get(event.key, 0)
            assert event.index == number or (event.index >= 0 and not self.faithful), "previews count from 0"
            self.previews[event.key] = number + 1
            return
        assert event.text, "an empty delta"
        if isinstance(event, answer.ReasoningDelta):
            assert event.part >= self.parts.get(event.key, 0), "a paragraph goes back"
            self.parts[event.key] = event.part

    def _begins_or_ends(self, event: AnswerEvent) -> None:
        if isinstance(event, _BEGINS):
            self._speaks(event.choice)
            assert event.key not in self.used, "a key is used again"
            self.used.add(event.key)
            self.open[event.key] = event
            if isinstance(event, answer.CallBegun | answer.ReasoningBegun):
                self.message[event.choice] = ""
            if isinstance(event, answer.CallBegun):
                assert event.call_id
                assert event.name
        else:
            assert isinstance(event, _ENDS), f"{event} in the middle"
            assert isinstance(self.open.get(event.key), _PAIRS[type(event)]), f"{event} ends nothing"
            self.ended[event.key] = self.open.pop(event.key)
            if isinstance(event, answer.SearchDone):
                assert isinstance(event.action["type"], str)

    def _speaks(self, choice: int) -> None:
        assert choice not in self.finished, "a choice goes on after its finish"


def check(events: Sequence[AnswerEvent], *, whole: bool, faithful: bool = True) -> None:
    """`whole`: the answer came to its end, with no fault. `faithful`: the vendor's own places and numbers are to be trusted."""
    walk = _Walk(faithful)
    assert not events or isinstance(events[0], answer.AnswerBegun), "the answer does not begin"
    ended = bool(events) and isinstance(events[-1], answer.AnswerEnded)
    assert ended or not whole, "the answer does not end"
    for event in events[1 : len(events) - ended]:
        walk.step(event)
    if whole:
        assert not walk.open
        assert walk.finished
