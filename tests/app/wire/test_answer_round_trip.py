"""Any answer that obeys the rules of answer.py, written for a client and read back as an upstream's, is the same answer.

Only the differences listed here are allowed. Chat has one message per choice, one text of reasoning, and no place for searches and
previews of images. A stream of chat has its citations at the end, where only those of the choice's last message can be placed.
Images are never requested from a chat upstream and so are not read there. Neither protocol preserves where a text was divided into
deltas.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire import answer
from app.wire.answer import AnswerEvent, AnswerReader, FinishReason
from app.wire.sse import FrameSplitter
from app.wire.tags import seal
from domain.usage import Usage
from tests.protocols.translated import laws
from tests.protocols.translated.harness import Client, ask_for, reader_for, writer_for
from tests.support.wire import responses_grammar

USAGE: Final = Usage(input=20, cached_input=10, cache_write=3, output=9, reasoning=4)
LOGPROB: Final = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
SEARCH: Final = {"type": "search", "query": "q", "queries": ["q"], "sources": [{"type": "url", "url": "https://a"}]}

_words = st.text("ab \n\u00e9\U0001f600", min_size=1, max_size=5)
_steps = st.one_of(
    st.tuples(st.just("said"), _words),
    st.tuples(st.just("refused"), _words),
    st.tuples(st.just("cited"), st.integers(0, 3)),
    st.tuples(st.just("thought"), st.lists(st.tuples(_words, st.integers(0, 2)), max_size=3)),
    st.tuples(st.sampled_from(["function", "custom"]), st.lists(_words, max_size=3)),
    st.tuples(st.just("search"), st.booleans()),
    st.tuples(st.just("image"), st.integers(0, 2)),
)


def _spelled(key: int, choice: int, kind: str, raw: Any) -> list[AnswerEvent]:
    match kind:
        case "said":
            return [answer.TextDelta(raw, choice, (LOGPROB,) * ("a" in raw))]
        case "refused":
            return [answer.RefusalDelta(raw, choice)]
        case "cited":
            return [answer.CitationAdded("https://a", "A", 0, raw, choice)]
        case "thought":
            parts = sorted(raw, key=lambda each: int(each[1]))
            paragraphs = [answer.ReasoningDelta(key, text, part) for text, part in parts]
            return [
                answer.ReasoningBegun(key, choice),
                *paragraphs,
                answer.ReasoningDone(key, seal("up", f"s{key}") if key % 2 else None),
            ]
        case "search":
            return [answer.SearchBegun(key, choice), answer.SearchDone(key, SEARCH, failed=raw)]
        case "image":
            shown = [answer.ImagePartial(key, "QQ==", number) for number in range(raw)]
            return [answer.ImageBegun(key, choice), *shown, answer.ImageDone(key, "QUI=")]
        case _:
            deltas = [answer.CallDelta(key, text) for text in raw]
            return [
                answer.CallBegun(key, f"call_{key}", "f", "custom" if kind == "custom" else "function", choice),
                *deltas,
                answer.CallDone(key),
            ]


@st.composite
def told_answers(draw: st.DrawFn, choices: int) -> list[AnswerEvent]:
    """All choices at once; within one, the next thing may begin while the last is still open."""
    queues = []
    for choice in range(choices):
        steps = draw(st.lists(_steps, max_size=6))
        queues.append([_spelled(10 * choice + at, choice, *step) for at, step in enumerate(steps)])
    events: list[AnswerEvent] = [answer.AnswerBegun("up_1", "vendor-model")]
    for choice, queue in enumerate(queues):
        while queue := [each for each in queue if each]:
            events.append(draw(st.sampled_from(queue[:2])).pop(0))
        called = any(isinstance(event, answer.CallBegun) and event.choice == choice for event in events)
        reason: FinishReason = draw(st.sampled_from(["tool_calls" if called else "stop", "length", "content_filter"]))
        events.append(answer.ChoiceFinished(reason, choice))
    events = draw(_woven(events)) if choices > 1 else events
    return [*_placed(events), answer.AnswerEnded(draw(st.sampled_from([None, USAGE])))]


def _placed(events: list[AnswerEvent]) -> Iterator[AnswerEvent]:
    """Citations end with the text that they cite; those of no text are left out."""
    lengths: dict[int, int] = {}
    for event in events:
        if isinstance(event, answer.TextDelta):
            lengths[event.choice] = lengths.get(event.choice, 0) + len(event.text)
        elif isinstance(event, answer.ReasoningBegun | answer.CallBegun):
            lengths[event.choice] = 0
        elif isinstance(event, answer.CitationAdded):
            if length := lengths.get(event.choice, 0):
                yield answer.CitationAdded(event.url, event.title, 0, min(event.end, length), event.choice)
            continue
        yield event


@st.composite
def _woven(draw: st.DrawFn, events: list[AnswerEvent]) -> list[AnswerEvent]:
    """The choices turn by turn; each keeps its order."""
    first, rest = events[0], events[1:]
    begins = {event.key: event.choice for event in rest if hasattr(event, "key") and hasattr(event, "choice")}
    lines: dict[int, list[AnswerEvent]] = {}
    for event in rest:
        choice = event.choice if hasattr(event, "choice") else begins[event.key]  # type: ignore[union-attr]
        lines.setdefault(choice, []).append(event)
    woven = [first]
    while left := [line for line in lines.values() if line]:
        woven.append(draw(st.sampled_from(left)).pop(0))
    return woven


@dataclass
class Meaning:
    """What one choice says. Places are counted from the beginning of all its text."""

    text: str = ""
    refusal: str = ""
    thoughts: list[dict[int, str]] = field(default_factory=list)
    thought: str = ""
    calls: list[list[Any]] = field(default_factory=list)
    cited: list[tuple[str, str, int, int]] = field(default_factory=list)
    searches: list[tuple[str, bool]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    previews: int = 0
    logprobs: int = 0
    finish: str = ""
    start: int = 0
    last_start: int = 0
    """Where the last message begins."""


class _Listener:
    """Puts an answer together from its events."""

    def __init__(self) -> None:
        self.found: dict[int, Meaning] = {}
        self._owners: dict[int, int] = {}
        self._calls: dict[int, list[Any]] = {}
        self._paragraphs: dict[int, dict[int, str]] = {}

    def hear(self, event: AnswerEvent) -> None:
        key = getattr(event, "key", -1)
        choice = getattr(event, "choice", self._owners.get(key, 0))
        self._owners.setdefault(key, choice)
        own = self.found.setdefault(choice, Meaning())
        if isinstance(event, answer.CallBegun | answer.ReasoningBegun):
            own.start = len(own.text)
        if isinstance(event, answer.CallBegun | answer.CallDelta | answer.CallDone):
            self._call(own, event)
        elif isinstance(event, answer.ReasoningBegun | answer.ReasoningDelta | answer.ReasoningDone):
            self._thought(own, event)
        else:
            _hear_other(own, event)

    def _call(self, own: Meaning, event: answer.CallBegun | answer.CallDelta | answer.CallDone) -> None:
        if isinstance(event, answer.CallBegun):
            self._calls[event.key] = [event.call_id, event.name, event.kind, ""]
            own.calls.append(self._calls[event.key])
        elif isinstance(event, answer.CallDelta):
            self._calls[event.key][3] += event.text
        elif not self._calls[event.key][3] and self._calls[event.key][2] == "function":
            self._calls[event.key][3] = "{}"

    def _thought(
        self, own: Meaning, event: answer.ReasoningBegun | answer.ReasoningDelta | answer.ReasoningDone
    ) -> None:
        if isinstance(event, answer.ReasoningBegun):
            own.thoughts.append(self._paragraphs.setdefault(event.key, {}))
        elif isinstance(event, answer.ReasoningDelta):
            result = self._paragraphs[event.key]
            result[event.part] = result.get(event.part, "") + event.text
            own.thought += event.text.replace("\n", "")


def _hear_other(own: Meaning, event: AnswerEvent) -> None:
    match event:
        case answer.TextDelta():
            own.text += event.text
            own.logprobs += len(event.logprobs)
        case answer.RefusalDelta():
            own.refusal += event.text
        case answer.CitationAdded():
            own.cited.append((event.url, event.title, own.start + event.start, own.start + event.end))
        case answer.SearchDone():
            own.searches.append((str(event.action["query"]), event.failed))
        case answer.ImagePartial():
            own.previews += 1
        case answer.ImageDone():
            own.images.append(event.data)
        case answer.ChoiceFinished():
            own.finish, own.last_start, own.start = event.reason, own.start, 0
        case _:
            pass


def meaning(events: Sequence[AnswerEvent]) -> tuple[dict[int, Meaning], Usage | None]:
    listener = _Listener()
    for event in events:
        listener.hear(event)
    last = events[-1]
    assert isinstance(last, answer.AnswerEnded)
    return listener.found, last.usage


def without_what_chat_lacks(found: dict[int, Meaning]) -> dict[int, Meaning]:
    for own in found.values():
        own.searches, own.images, own.previews, own.thoughts = [], [], 0, []
        own.cited = sorted(set(own.cited))  # upstreams that speak chat repeat them
    return found


def check_citations(before: Meaning, after: Meaning) -> None:
    """Chat sends citations after all text. Those of the last message keep their place; earlier ones lose it, or are lost."""
    assert {cited[:2] for cited in after.cited} <= {cited[:2] for cited in before.cited}
    last = before.last_start
    if after.last_start == last:  # a call may begin later than it did, as soon as chat has sent its name
        kept = {cited for cited in before.cited if cited[2] >= last}
        assert kept <= set(after.cited)
        assert all(cited in before.cited or cited[2:] == (last, last) for cited in after.cited)
    after.cited, after.last_start = before.cited, last


def tokens(usage: Usage) -> Usage:
    """Without what a reader counts of the answer itself: on chat, what is cited was searched for."""
    return msgspec.structs.replace(usage, web_search_calls=0, calls=())


def as_response(own: Meaning, *, stream: bool) -> Meaning:
    """Paragraphs are counted from 0 without a gap. A plain answer has no previews, and searches in the order that they began."""
    own.thoughts = [dict(enumerate(entry.values())) for entry in own.thoughts]
    own.previews *= stream
    own.searches.sort()
    own.thought = "".join(sorted(own.thought))
    return own


def written(client: Client, events: Sequence[AnswerEvent], *, stream: bool) -> bytes:
    writer = writer_for(client, stream=stream)
    return b"".join(writer.write(event) for event in events)


def read_again(client: Client, data: bytes, choices: int, *, stream: bool) -> list[AnswerEvent]:
    reader: AnswerReader = reader_for(client, ask_for(client, choices=choices, logprobs=0, stream=stream))
    if not stream:
        return reader.whole(data)
    result = [
        event for frame in FrameSplitter().feed(data) if frame.data for event in reader.frame(frame.event, frame.data)
    ]
    return result if result and isinstance(result[-1], answer.AnswerEnded) else [*result, *reader.end()]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_written_chat_answer_reads_back_as_the_same(stream: bool, data: st.DataObject) -> None:
    choices = data.draw(st.integers(1, 3))
    events = data.draw(told_answers(choices))
    laws.check(events, whole=True, faithful=False)
    again = read_again("chat", written("chat", events, stream=stream), choices, stream=stream)
    laws.check(again, whole=True)
    (before, usage), (after, actual) = meaning(events), meaning(again)
    for choice in before:
        check_citations(before[choice], after[choice])
    assert without_what_chat_lacks(after) == without_what_chat_lacks(before)
    assert actual == usage or (actual and usage and tokens(actual) == tokens(usage))


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
@settings(max_examples=80, deadline=None)
@given(events=told_answers(1))
def test_a_written_response_reads_back_as_the_same(stream: bool, events: list[AnswerEvent]) -> None:
    data = written("responses", events, stream=stream)
    again = read_again("responses", data, 1, stream=stream)
    laws.check(again, whole=True)
    (before, _), (after, _) = meaning(events), meaning(again)
    assert as_response(after[0], stream=stream) == as_response(before[0], stream=stream)


@settings(max_examples=80, deadline=None)
@given(events=told_answers(1))
def test_the_closing_event_of_a_response_is_the_plain_answer(events: list[AnswerEvent]) -> None:
    last = responses_grammar.check(written("responses", events, stream=True) + b"data: [DONE]\n\n")
    assert last == json.loads(written("responses", events, stream=False))
