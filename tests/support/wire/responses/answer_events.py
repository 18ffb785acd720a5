"""Answers as events, for tests of writers: hand-written ones by name, and any that obey the rules of answer.py."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    CitationAdded,
    FinishReason,
    ImageBegun,
    ImageDone,
    ImagePartial,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    RefusalDelta,
    SearchBegun,
    SearchDone,
    TextDelta,
)
from app.wire.tags import seal
from domain.usage import ImageCount, Usage

USAGE = Usage(input=20, cached_input=10, cache_write=3, cache_write_1h=2, output=9, reasoning=4, service_tier="default")
SEARCHED = Usage(input=20, output=9, web_search_calls=2, images=(ImageCount("low", "1024x1024", 1),), image_output=5)
SEARCH = {
    "type": "search",
    "query": "ledgers",
    "queries": ["ledgers"],
    "sources": [{"type": "url", "url": "https://a"}],
}
LOGPROB = {
    "token": "H\u00e9",
    "logprob": -0.25,
    "bytes": [72, 195, 169],
    "top_logprobs": [{"token": "H\u00e9", "logprob": -0.25, "bytes": [72, 195, 169]}],
}
PICTURE = {"size": "1024x1024", "quality": "low", "output_format": "png", "background": "opaque"}

ANSWERS: dict[str, list[AnswerEvent]] = {
    "text": [
        AnswerBegun("up_1", "vendor-model", "default"),
        TextDelta("H\u00e9", logprobs=(LOGPROB,)),
        TextDelta("llo"),
        ChoiceFinished("stop"),
        AnswerEnded(USAGE),
    ],
    "nothing": [AnswerBegun(), ChoiceFinished("stop"), AnswerEnded()],
    "cut text": [AnswerBegun(), TextDelta("Hel"), ChoiceFinished("length"), AnswerEnded(USAGE, "priority")],
    "filtered text": [
        AnswerBegun(),
        TextDelta("Hel"),
        ChoiceFinished("content_filter"),
        AnswerEnded(USAGE, "standard_only"),
    ],
    "refusal": [AnswerBegun(), RefusalDelta("I "), RefusalDelta("can't."), ChoiceFinished("stop"), AnswerEnded(USAGE)],
    "text, refusal, text": [
        AnswerBegun(),
        TextDelta("a"),
        RefusalDelta("no"),
        TextDelta("b"),
        ChoiceFinished("stop"),
        AnswerEnded(USAGE),
    ],
    "parallel calls": [
        AnswerBegun(),
        TextDelta("Let me look."),
        CallBegun(0, "call_a", "get_weather"),
        CallBegun(1, "call_b", "get_weather"),
        CallDelta(1, '{"city":'),
        CallDelta(0, '{"city":"Oslo"}'),
        CallDelta(1, '"Rome"}'),
        CallDone(0),
        CallDone(1),
        ChoiceFinished("tool_calls"),
        AnswerEnded(USAGE),
    ],
    "call without arguments": [
        AnswerBegun(),
        CallBegun(0, "call_a", "now"),
        CallDone(0),
        ChoiceFinished("tool_calls"),
        AnswerEnded(USAGE),
    ],
    "cut call": [
        AnswerBegun(),
        CallBegun(0, "call_a", "now"),
        CallDone(0),
        CallBegun(1, "call_b", "now"),
        CallDelta(1, '{"zone'),
        CallDone(1),
        ChoiceFinished("length"),
        AnswerEnded(USAGE),
    ],
    "custom calls": [
        AnswerBegun(),
        CallBegun(0, "call_a", "sql", "custom"),
        CallDelta(0, "SELECT"),
        CallDelta(0, " 1"),
        CallDone(0),
        CallBegun(1, "call_b", "sql", "custom"),
        CallDone(1),
        ChoiceFinished("tool_calls"),
        AnswerEnded(USAGE),
    ],
    "reasoning": [
        AnswerBegun(),
        ReasoningBegun(0),
        ReasoningDelta(0, "First "),
        ReasoningDelta(0, "this."),
        ReasoningDelta(0, "Then that.", 1),
        ReasoningDone(0, seal("up", "secret")),
        ReasoningBegun(1),
        ReasoningDone(1),
        TextDelta("Done."),
        ChoiceFinished("stop"),
        AnswerEnded(USAGE),
    ],
    "cut reasoning": [
        AnswerBegun(),
        ReasoningBegun(0),
        ReasoningDelta(0, "Hm"),
        ReasoningDone(0),
        ChoiceFinished("length"),
        AnswerEnded(USAGE),
    ],
    "search and citation": [
        AnswerBegun(),
        SearchBegun(0),
        SearchDone(0, SEARCH),
        SearchBegun(1),
        SearchDone(1, {"type": "open_page", "url": "https://a"}),
        SearchBegun(2),
        SearchDone(2, {"type": "search", "queries": ["a", "b"]}, failed=True),
        TextDelta("Ledgers balance."),
        CitationAdded("https://a", "A", 0, 7),
        CitationAdded("https://b", "B", 8, 16),
        ChoiceFinished("stop"),
        AnswerEnded(SEARCHED),
    ],
    "search told of after text": [
        AnswerBegun(),
        TextDelta("Ledgers"),
        SearchBegun(0),
        TextDelta(" balance."),
        SearchDone(0, {"type": "search"}),
        CitationAdded("https://a", "A", 0, 7),
        ChoiceFinished("stop"),
        AnswerEnded(SEARCHED),
    ],
    "text while a call is open": [
        AnswerBegun(),
        CallBegun(0, "call_a", "now"),
        TextDelta("Wait."),
        CallDelta(0, "{}"),
        CallDone(0),
        ChoiceFinished("tool_calls"),
        AnswerEnded(USAGE),
    ],
    "image": [
        AnswerBegun(),
        ImageBegun(0),
        ImagePartial(0, "QQ==", 0, PICTURE),
        ImagePartial(0, "Qg==", 1),
        ImageDone(0, "QUI=", {**PICTURE, "revised_prompt": "An icon"}),
        TextDelta("Here."),
        ChoiceFinished("stop"),
        AnswerEnded(SEARCHED),
    ],
}

_words = st.text(min_size=1, max_size=8)
_parts = st.tuples(st.just("thought"), st.lists(st.tuples(_words, st.integers(0, 1)), max_size=4))
_calls = st.tuples(st.sampled_from(["function", "custom"]), st.lists(_words, max_size=3))
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("said"), _words),
        st.tuples(st.just("refused"), _words),
        st.tuples(st.just("cited"), st.just("")),
        _parts,
        _calls,
        st.tuples(st.just("search"), st.booleans()),
        st.tuples(st.just("image"), st.integers(0, 2)),
    ),
    max_size=8,
)


def _spell(key: int, kind: str, raw: Any) -> list[AnswerEvent]:
    if kind == "thought":
        ordered = sorted(raw, key=lambda each: int(each[1]))
        return [
            ReasoningBegun(key),
            *(ReasoningDelta(key, text, part) for text, part in ordered),
            ReasoningDone(key, "x"),
        ]
    if kind in ("function", "custom"):
        begun = CallBegun(key, f"call_{key}", "f", "custom" if kind == "custom" else "function")
        return [begun, *(CallDelta(key, text) for text in raw), CallDone(key)]
    if kind == "search":
        return [SearchBegun(key), SearchDone(key, SEARCH, failed=raw)]
    if kind == "image":
        return [ImageBegun(key), *(ImagePartial(key, "QQ==", at) for at in range(raw)), ImageDone(key, "QUI=")]
    return [
        {"said": TextDelta, "refused": RefusalDelta}[kind](raw)
        if kind != "cited"
        else CitationAdded("https://a", "A", 0, 1)
    ]


@st.composite
def answers(draw: st.DrawFn, overlap: int = 2) -> list[AnswerEvent]:
    """Any answer with one choice. Up to `overlap` things with a key may be open at the same time."""
    result = [_spell(key, kind, what) for key, (kind, what) in enumerate(draw(_steps))]
    events: list[AnswerEvent] = [AnswerBegun()]
    while result := [each for each in result if each]:
        reach = draw(st.integers(1, overlap))
        events.append(draw(st.sampled_from(result[:reach])).pop(0))
    reason = draw(st.sampled_from(get_args(FinishReason)))
    usage = draw(st.sampled_from([None, USAGE, SEARCHED]))
    return [*events, ChoiceFinished(reason), AnswerEnded(usage)]
