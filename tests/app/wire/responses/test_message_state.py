"""Messages and reasoning, in every form in which upstreams report them, are emitted exactly once."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.answer import (
    CallBegun,
    CallDone,
    CitationAdded,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    RefusalDelta,
    TextDelta,
)
from app.wire.tags import seal
from tests.support.wire.responses.upstream_events import added, cited, delta, done, message, of, text_part, within

Json = dict[str, Any]


def test_content_reported_four_times_is_emitted_once() -> None:
    whole = text_part("Hello", cited(0, 5))
    place = {"output_index": 0, "item_id": "msg_1", "content_index": 0}
    assert within(
        added(0, type="message", id="msg_1", content=[]),
        of("content_part.added", part=text_part(""), **place),
        delta("Hel"),
        delta(""),
        delta("lo"),
        of("output_text.annotation.added", annotation_index=0, annotation=cited(0, 5), **place),
        of("output_text.done", text="Hello", **place),
        of("content_part.done", part=whole, **place),
        done(0, **message(whole)),
        done(0, **message(whole)),
        delta("late"),
        output=[message(whole)],
    ) == [TextDelta("Hel"), TextDelta("lo"), CitationAdded("https://a", "A", 0, 5)]


@pytest.mark.parametrize(
    "events",
    [
        [of("output_text.done", output_index=0, item_id="msg_1", content_index=0, text="Hello")],
        [of("content_part.done", output_index=0, item_id="msg_1", content_index=0, part=text_part("Hello"))],
        [done(0, **message(text_part("Hello")))],
        [],
    ],
)
def test_text_that_never_came_in_deltas(events: list[Json]) -> None:
    assert within(*events, output=[message(text_part("Hello"))]) == [TextDelta("Hello")]


def test_the_first_report_is_kept() -> None:
    assert within(delta("Hel"), done(0, **message(text_part("Other")))) == [TextDelta("Hel")]
    assert within(delta("Hel"), done(0, **message(text_part("Hello")))) == [TextDelta("Hel"), TextDelta("lo")]


def test_refusals() -> None:
    place = {"output_index": 0, "item_id": "msg_1", "content_index": 0}
    refused = {"type": "refusal", "refusal": "I can't."}
    assert within(
        of("refusal.delta", delta="I ", **place),
        of("refusal.done", refusal="I can't.", **place),
        of("content_part.done", part=refused, **place),
        output=[message(refused, {"type": "future_part"})],
    ) == [RefusalDelta("I "), RefusalDelta("can't.")]


LOGPROB = {"token": "Hi", "logprob": -1, "top_logprobs": [{"token": "Hi", "logprob": -1.5, "bytes": [72, 105]}]}
IN_CHATS_FORM = {
    "token": "Hi",
    "logprob": -1,
    "bytes": None,
    "top_logprobs": [{"token": "Hi", "logprob": -1.5, "bytes": [72, 105]}],
}


def test_log_probabilities() -> None:
    assert within(delta("Hi", logprobs=[LOGPROB])) == [TextDelta("Hi", logprobs=(IN_CHATS_FORM,))]
    assert within(done(0, **message(text_part("Hi", logprobs=[LOGPROB])))) == [
        TextDelta("Hi", logprobs=(IN_CHATS_FORM,))
    ]
    rest = within(delta("Hi"), done(0, **message(text_part("Hi!", logprobs=[LOGPROB]))))
    assert rest == [TextDelta("Hi"), TextDelta("!")]


def test_offsets_count_from_the_start_of_the_current_message() -> None:
    first, second = message(text_part("ab"), text_part("cd", cited(0, 2))), message(text_part("ef", cited(1, 2)))
    assert within(output=[first, {**second, "id": "msg_2"}]) == [
        TextDelta("ab"),
        TextDelta("cd"),
        CitationAdded("https://a", "A", 2, 4),
        TextDelta("ef"),
        CitationAdded("https://a", "A", 5, 6),
    ]
    call = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
    assert within(output=[first, call, {**second, "id": "msg_2"}])[-1] == CitationAdded("https://a", "A", 1, 2)


def test_citations_of_a_message_interrupted_by_a_call() -> None:
    call = added(1, type="function_call", id="fc_1", call_id="c", name="f")
    note = of("output_text.annotation.added", output_index=0, content_index=0, annotation=cited(1, 4))
    assert within(delta("abc"), call, delta("def"), note) == [
        TextDelta("abc"),
        CallBegun(0 + 1, "c", "f"),
        TextDelta("def"),
        CitationAdded("https://a", "A", 0, 1),
        CallDone(1),
    ]


def test_other_annotations_are_ignored() -> None:
    other = {"type": "file_citation", "file_id": "f", "filename": "x", "index": 0}
    whole = text_part("ab", other, cited(0, 1, ""), cited(0, 1))
    assert within(output=[message(whole)]) == [TextDelta("ab"), CitationAdded("https://a", "A", 0, 1)]


def test_reasoning() -> None:
    place = {"output_index": 0, "item_id": "rs_1"}
    summary = [{"type": "summary_text", "text": text} for text in ("One.", "Two.", "Three.")]
    assert within(
        added(0, type="reasoning", id="rs_1", encrypted_content="early"),
        of("reasoning_summary_part.added", summary_index=0, **place),
        of("reasoning_summary_text.delta", summary_index=0, delta="On", **place),
        of("reasoning_summary_text.delta", summary_index=0, delta="", **place),
        of("reasoning_summary_text.done", summary_index=0, text="One.", **place),
        of("reasoning_summary_text.delta", summary_index=1, delta="Two.", **place),
        done(0, type="reasoning", id="rs_1", summary=summary, encrypted_content="late"),
    ) == [
        ReasoningBegun(0),
        ReasoningDelta(0, "On"),
        ReasoningDelta(0, "e."),
        ReasoningDelta(0, "Two.", 1),
        ReasoningDelta(0, "Three.", 2),
        ReasoningDone(0, seal("up", "late")),
    ]


def test_raw_reasoning() -> None:
    place = {"output_index": 0, "item_id": "rs_1", "content_index": 0}
    assert within(
        of("reasoning_text.delta", delta="Hm", **place),
        of("reasoning_text.done", text="Hmm", **place),
        done(0, type="reasoning", id="rs_1", content=[{"type": "reasoning_text", "text": "Hmm"}]),
    ) == [ReasoningBegun(0), ReasoningDelta(0, "Hm"), ReasoningDelta(0, "m"), ReasoningDone(0)]
    early = added(0, type="reasoning", id="rs_1", encrypted_content="early")
    assert within(early)[-1] == ReasoningDone(0, seal("up", "early"))
