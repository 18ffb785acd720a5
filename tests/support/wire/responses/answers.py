"""Answers as events, for the tests of writers: hand-written ones by name, and any that the rules of answer.py allow."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from app.wire.answer import (
    AnswerEvent,
    Began,
    CallBegun,
    CallDelta,
    CallDone,
    Cited,
    Ended,
    Finished,
    FinishReason,
    ImageBegun,
    ImageDone,
    ImagePartial,
    Refused,
    Said,
    SearchBegun,
    SearchDone,
    Thought,
    ThoughtBegun,
    ThoughtDone,
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
        Began("up_1", "vendor-model", "default"),
        Said("H\u00e9", logprobs=(LOGPROB,)),
        Said("llo"),
        Finished("stop"),
        Ended(USAGE),
    ],
    "nothing": [Began(), Finished("stop"), Ended()],
    "cut text": [Began(), Said("Hel"), Finished("length"), Ended(USAGE, "priority")],
    "filtered text": [Began(), Said("Hel"), Finished("content_filter"), Ended(USAGE, "standard_only")],
    "refusal": [Began(), Refused("I "), Refused("can't."), Finished("stop"), Ended(USAGE)],
    "text, refusal, text": [Began(), Said("a"), Refused("no"), Said("b"), Finished("stop"), Ended(USAGE)],
    "parallel calls": [
        Began(),
        Said("Let me look."),
        CallBegun(0, "call_a", "get_weather"),
        CallBegun(1, "call_b", "get_weather"),
        CallDelta(1, '{"city":'),
        CallDelta(0, '{"city":"Oslo"}'),
        CallDelta(1, '"Rome"}'),
        CallDone(0),
        CallDone(1),
        Finished("tool_calls"),
        Ended(USAGE),
    ],
    "call without arguments": [
        Began(),
        CallBegun(0, "call_a", "now"),
        CallDone(0),
        Finished("tool_calls"),
        Ended(USAGE),
    ],
    "cut call": [
        Began(),
        CallBegun(0, "call_a", "now"),
        CallDone(0),
        CallBegun(1, "call_b", "now"),
        CallDelta(1, '{"zone'),
        CallDone(1),
        Finished("length"),
        Ended(USAGE),
    ],
    "custom calls": [
        Began(),
        CallBegun(0, "call_a", "sql", "custom"),
        CallDelta(0, "SELECT"),
        CallDelta(0, " 1"),
        CallDone(0),
        CallBegun(1, "call_b", "sql", "custom"),
        CallDone(1),
        Finished("tool_calls"),
        Ended(USAGE),
    ],
    "reasoning": [
        Began(),
        ThoughtBegun(0),
        Thought(0, "First "),
        Thought(0, "this."),
        Thought(0, "Then that.", 1),
        ThoughtDone(0, seal("up", "secret")),
        ThoughtBegun(1),
        ThoughtDone(1),
        Said("Done."),
        Finished("stop"),
        Ended(USAGE),
    ],
    "cut reasoning": [Began(), ThoughtBegun(0), Thought(0, "Hm"), ThoughtDone(0), Finished("length"), Ended(USAGE)],
    "search and citation": [
        Began(),
        SearchBegun(0),
        SearchDone(0, SEARCH),
        SearchBegun(1),
        SearchDone(1, {"type": "open_page", "url": "https://a"}),
        SearchBegun(2),
        SearchDone(2, {"type": "search", "queries": ["a", "b"]}, failed=True),
        Said("Ledgers balance."),
        Cited("https://a", "A", 0, 7),
        Cited("https://b", "B", 8, 16),
        Finished("stop"),
        Ended(SEARCHED),
    ],
    "search told of after text": [
        Began(),
        Said("Ledgers"),
        SearchBegun(0),
        Said(" balance."),
        SearchDone(0, {"type": "search"}),
        Cited("https://a", "A", 0, 7),
        Finished("stop"),
        Ended(SEARCHED),
    ],
    "text while a call is open": [
        Began(),
        CallBegun(0, "call_a", "now"),
        Said("Wait."),
        CallDelta(0, "{}"),
        CallDone(0),
        Finished("tool_calls"),
        Ended(USAGE),
    ],
    "image": [
        Began(),
        ImageBegun(0),
        ImagePartial(0, "QQ==", 0, PICTURE),
        ImagePartial(0, "Qg==", 1),
        ImageDone(0, "QUI=", {**PICTURE, "revised_prompt": "An icon"}),
        Said("Here."),
        Finished("stop"),
        Ended(SEARCHED),
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


def _spell(key: int, kind: str, told: Any) -> list[AnswerEvent]:
    if kind == "thought":
        ordered = sorted(told, key=lambda each: int(each[1]))
        return [ThoughtBegun(key), *(Thought(key, text, part) for text, part in ordered), ThoughtDone(key, "x")]
    if kind in ("function", "custom"):
        begun = CallBegun(key, f"call_{key}", "f", "custom" if kind == "custom" else "function")
        return [begun, *(CallDelta(key, text) for text in told), CallDone(key)]
    if kind == "search":
        return [SearchBegun(key), SearchDone(key, SEARCH, failed=told)]
    if kind == "image":
        return [ImageBegun(key), *(ImagePartial(key, "QQ==", at) for at in range(told)), ImageDone(key, "QUI=")]
    return [{"said": Said, "refused": Refused}[kind](told) if kind != "cited" else Cited("https://a", "A", 0, 1)]


@st.composite
def answers(draw: st.DrawFn, overlap: int = 2) -> list[AnswerEvent]:
    """Any answer of one choice. Of `overlap` things that have a key one may be told of while the others are."""
    told = [_spell(key, kind, what) for key, (kind, what) in enumerate(draw(_steps))]
    events: list[AnswerEvent] = [Began()]
    while told := [each for each in told if each]:
        reach = draw(st.integers(1, overlap))
        events.append(draw(st.sampled_from(told[:reach])).pop(0))
    reason = draw(st.sampled_from(get_args(FinishReason)))
    usage = draw(st.sampled_from([None, USAGE, SEARCHED]))
    return [*events, Finished(reason), Ended(usage)]
