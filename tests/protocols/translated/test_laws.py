"""Readers obey the rules of app.wire.answer on every stream, on plain bodies, and on streams with a wrong value."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from app.wire.answer import AnswerEvent, AnswerReader, CitationAdded
from app.wire.exchange import AnswerError
from app.wire.sse import FrameSplitter
from tests.protocols.translated import laws
from tests.protocols.translated.expected import Case, Dialect
from tests.protocols.translated.harness import ask_for, body_of, reader_for, stream_of
from tests.protocols.translated.test_mutated import mutated
from tests.protocols.translated.test_translated import TABLES

OWN = [
    pytest.param(dialect, case, id=f"{dialect}-{case.name}")
    for dialect, cases in TABLES.items()
    for case in cases
    if b"data: {" in stream_of(dialect, case.name)
]


def reader_of(dialect: Dialect, case: Case) -> AnswerReader:
    return reader_for(dialect, ask_for("chat", choices=len(case.choices), logprobs=case.logprobs))


def events_of(reader: AnswerReader, streams: Iterable[bytes]) -> tuple[list[AnswerEvent], bool]:
    """All events up to the end, or up to a fault, and whether it came to the end."""
    events: list[AnswerEvent] = []
    try:
        for stream in streams:
            for frame in FrameSplitter().feed(stream):
                if frame.data:
                    events += reader.frame(frame.event, frame.data)
            events += reader.end()
            reader.continuation()
    except AnswerError:
        return events, False
    return events, True


@pytest.mark.parametrize(("dialect", "case"), OWN)
def test_a_streams_events_obey_the_laws(dialect: Dialect, case: Case) -> None:
    streams = [stream_of(dialect, name) for name in (case.name, case.then) if name]
    events, whole = events_of(reader_of(dialect, case), streams)
    laws.check(events, whole=whole)
    assert whole == (case.fault is None) or case.name == "half_frame"
    if case.plain:
        laws.check(reader_of(dialect, case).whole(body_of(dialect, case.name)), whole=True)


@pytest.mark.parametrize(("dialect", "case"), OWN)
def test_events_of_a_stream_with_a_wrong_value_obey_the_laws(dialect: Dialect, case: Case) -> None:
    chance = random.Random(f"{dialect} {case.name}")
    for _ in range(30):
        changed = mutated(stream_of(dialect, case.name), chance)
        events, whole = events_of(reader_of(dialect, case), [changed])
        laws.check(events, whole=whole and not case.then, faithful=False)


def test_a_citation_does_not_end_before_it_starts() -> None:
    stream = stream_of("responses", "web_search").replace(b'"end_index":20', b'"end_index":7')
    events, whole = events_of(reader_of("responses", Case("web_search")), [stream])
    assert whole
    assert [(event.start, event.end) for event in events if isinstance(event, CitationAdded)] == [(3, 9), (12, 12)]
