"""Output items of an upstream, however they are told: each word once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.wire.answer import (
    CallBegun,
    CallDelta,
    CallDone,
    Cited,
    Ended,
    Finished,
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
from app.wire.exchange import AnswerError
from app.wire.responses.told import PLACES_MAX
from domain.usage import ImageCount
from tests.app.wire.responses.reading import (
    CREATED,
    added,
    cited,
    completed,
    delta,
    done,
    message,
    of,
    reader,
    text_part,
    told,
    within,
)
from tests.app.wire.streams import RESPONSES_USAGE

Json = dict[str, Any]


def test_what_is_told_four_times_is_told_once() -> None:
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
    ) == [Said("Hel"), Said("lo"), Cited("https://a", "A", 0, 5)]


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
    assert within(*events, output=[message(text_part("Hello"))]) == [Said("Hello")]


def test_what_was_told_stands() -> None:
    assert within(delta("Hel"), done(0, **message(text_part("Other")))) == [Said("Hel")]
    assert within(delta("Hel"), done(0, **message(text_part("Hello")))) == [Said("Hel"), Said("lo")]


def test_refusals() -> None:
    place = {"output_index": 0, "item_id": "msg_1", "content_index": 0}
    refused = {"type": "refusal", "refusal": "I can't."}
    assert within(
        of("refusal.delta", delta="I ", **place),
        of("refusal.done", refusal="I can't.", **place),
        of("content_part.done", part=refused, **place),
        output=[message(refused, {"type": "future_part"})],
    ) == [Refused("I "), Refused("can't.")]


LOGPROB = {"token": "Hi", "logprob": -1, "top_logprobs": [{"token": "Hi", "logprob": -1.5, "bytes": [72, 105]}]}
IN_CHATS_FORM = {
    "token": "Hi",
    "logprob": -1,
    "bytes": None,
    "top_logprobs": [{"token": "Hi", "logprob": -1.5, "bytes": [72, 105]}],
}


def test_log_probabilities() -> None:
    assert within(delta("Hi", logprobs=[LOGPROB])) == [Said("Hi", logprobs=(IN_CHATS_FORM,))]
    assert within(done(0, **message(text_part("Hi", logprobs=[LOGPROB])))) == [Said("Hi", logprobs=(IN_CHATS_FORM,))]
    rest = within(delta("Hi"), done(0, **message(text_part("Hi!", logprobs=[LOGPROB]))))
    assert rest == [Said("Hi"), Said("!")]


def test_citations_count_from_the_beginning_of_the_current_message() -> None:
    first, second = message(text_part("ab"), text_part("cd", cited(0, 2))), message(text_part("ef", cited(1, 2)))
    assert within(output=[first, {**second, "id": "msg_2"}]) == [
        Said("ab"),
        Said("cd"),
        Cited("https://a", "A", 2, 4),
        Said("ef"),
        Cited("https://a", "A", 5, 6),
    ]
    call = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
    assert within(output=[first, call, {**second, "id": "msg_2"}])[-1] == Cited("https://a", "A", 1, 2)


def test_citations_of_a_message_that_a_call_broke() -> None:
    call = added(1, type="function_call", id="fc_1", call_id="c", name="f")
    note = of("output_text.annotation.added", output_index=0, content_index=0, annotation=cited(1, 4))
    assert within(delta("abc"), call, delta("def"), note) == [
        Said("abc"),
        CallBegun(0 + 1, "c", "f"),
        Said("def"),
        Cited("https://a", "A", 0, 1),
        CallDone(1),
    ]


def test_other_annotations_say_nothing() -> None:
    other = {"type": "file_citation", "file_id": "f", "filename": "x", "index": 0}
    whole = text_part("ab", other, cited(0, 1, ""), cited(0, 1))
    assert within(output=[message(whole)]) == [Said("ab"), Cited("https://a", "A", 0, 1)]


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
        ThoughtBegun(0),
        Thought(0, "On"),
        Thought(0, "e."),
        Thought(0, "Two.", 1),
        Thought(0, "Three.", 2),
        ThoughtDone(0, "rr1.up:late"),
    ]


def test_raw_reasoning() -> None:
    place = {"output_index": 0, "item_id": "rs_1", "content_index": 0}
    assert within(
        of("reasoning_text.delta", delta="Hm", **place),
        of("reasoning_text.done", text="Hmm", **place),
        done(0, type="reasoning", id="rs_1", content=[{"type": "reasoning_text", "text": "Hmm"}]),
    ) == [ThoughtBegun(0), Thought(0, "Hm"), Thought(0, "m"), ThoughtDone(0)]
    early = added(0, type="reasoning", id="rs_1", encrypted_content="early")
    assert within(early)[-1] == ThoughtDone(0, "rr1.up:early")


CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f"}


@pytest.mark.parametrize(
    "events",
    [
        [added(0, **CALL, arguments=""), done(0, **CALL, arguments='{"a":1}')],
        [
            added(0, **CALL),
            of("function_call_arguments.delta", output_index=0, item_id="fc_1", delta='{"a":1}'),
            of("function_call_arguments.done", output_index=0, item_id="fc_1", arguments='{"a":1}'),
        ],
        [added(0, type="function_call"), done(0, **CALL, arguments='{"a":1}')],
        [
            of("function_call_arguments.delta", output_index=0, delta='{"a":1}'),
            of("function_call_arguments.done", output_index=0, arguments='{"a":1}'),
            done(0, **CALL, arguments='{"a":1}'),
        ],
        [done(0, **CALL, arguments='{"a":1}')],
        [],
    ],
)
def test_a_call_however_it_is_told(events: list[Json]) -> None:
    whole = {**CALL, "arguments": '{"a":1}'}
    found = told(CREATED, *events, completed(whole))
    assert found[1:] == [CallBegun(0, "c", "f"), CallDelta(0, '{"a":1}'), CallDone(0), Finished("tool_calls"), Ended()]


def test_calls_of_other_kinds() -> None:
    custom = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "sql"}
    assert within(
        added(0, **custom),
        of("custom_tool_call_input.delta", output_index=0, delta="SEL"),
        of("custom_tool_call_input.done", output_index=0, input="SELECT"),
        done(0, **custom, input="SELECT"),
    ) == [CallBegun(0, "c", "sql", "custom"), CallDelta(0, "SEL"), CallDelta(0, "ECT"), CallDone(0)]
    assert within(done(0, type="function_call", id="fc_1", name="f", arguments="")) == [
        CallBegun(0, "fc_1", "f"),
        CallDone(0),
    ]


def test_parallel_calls_stay_apart() -> None:
    def arguments(at: int, text: str) -> Json:
        return of("function_call_arguments.delta", output_index=at, item_id=f"other_{text}", delta=text)

    first, second = ({**CALL, "id": f"fc_{at}", "call_id": f"c{at}"} for at in (0, 1))
    events = [added(0, **first), added(1, **second), arguments(1, "b"), arguments(0, "a"), arguments(1, "B")]
    assert within(*events, output=[{**first, "arguments": "a"}, {**second, "arguments": "bB"}]) == [
        CallBegun(0, "c0", "f"),
        CallBegun(1, "c1", "f"),
        CallDelta(1, "b"),
        CallDelta(0, "a"),
        CallDelta(1, "B"),
        CallDone(0),
        CallDone(1),
    ]


@pytest.mark.parametrize(
    ("item", "event"),
    [
        ({"action": {"type": "search", "query": "q"}}, SearchDone(0, {"type": "search", "query": "q"})),
        ({"action": {"type": "open_page", "url": "u"}}, SearchDone(0, {"type": "open_page", "url": "u"})),
        (
            {"action": {"type": "find_in_page", "url": "u", "pattern": "p", "more": 1}},
            SearchDone(0, {"type": "find_in_page", "url": "u", "pattern": "p"}),
        ),
        (
            {"action": {"type": "search", "queries": ["a"], "sources": [{"type": "url", "url": "u"}, {"type": "x"}]}},
            SearchDone(0, {"type": "search", "queries": ["a"], "sources": [{"type": "url", "url": "u"}]}),
        ),
        ({"status": "failed"}, SearchDone(0, {"type": "search"}, failed=True)),
    ],
)
def test_searches(item: Json, event: SearchDone) -> None:
    call = {"type": "web_search_call", "id": "ws_1", **item}
    place = {"output_index": 0, "item_id": "ws_1"}
    assert within(added(0, **call), of("web_search_call.searching", **place), done(0, **call)) == [
        SearchBegun(0),
        event,
    ]
    assert within(of("web_search_call.in_progress", **place), output=[call]) == [SearchBegun(0), event]


def test_images() -> None:
    place = {"output_index": 0, "item_id": "ig_1"}
    looks = {"size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png"}
    image = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "QUI=", **looks}
    name = "image_generation_call.partial_image"
    found = told(
        CREATED,
        added(0, type="image_generation_call", id="ig_1", status="in_progress"),
        of("image_generation_call.generating", **place),
        of(name, partial_image_index=0, partial_image_b64="QQ==", **place, **looks),
        of(name, partial_image_index=1, partial_image_b64="", **place),
        done(0, **image, revised_prompt="An icon"),
        completed(usage=RESPONSES_USAGE),
    )
    assert found[1:4] == [
        ImageBegun(0),
        ImagePartial(0, "QQ==", 0, looks),
        ImageDone(0, "QUI=", {**looks, "revised_prompt": "An icon"}),
    ]
    ended = found[-1]
    assert isinstance(ended, Ended)
    assert ended.usage is not None
    assert ended.usage.images == (ImageCount("low", "1024x1024", 1),)


def test_an_image_that_cannot_be_made() -> None:
    failed = {"type": "image_generation_call", "id": "ig_1", "status": "failed", "result": None}
    assert within(added(0, **failed), done(0, **failed)) == []
    shown = of("image_generation_call.partial_image", output_index=0, item_id="ig_1", partial_image_b64="QQ==")
    with pytest.raises(AnswerError) as caught:
        told(CREATED, shown, done(0, **failed))
    assert (caught.value.malformed, caught.value.type) == (False, "server_error")


@pytest.mark.parametrize(
    "tell",
    [
        lambda index: delta("", part=index),
        lambda index: of("reasoning_summary_text.delta", output_index=0, summary_index=index, delta=""),
        lambda index: of(
            "output_text.annotation.added", output_index=0, annotation_index=index, annotation=cited(0, 1)
        ),
    ],
)
def test_the_parts_of_an_item_are_bounded(tell: Callable[[int], Json]) -> None:
    read = reader()
    for index in range(PLACES_MAX):
        read.frame("", json.dumps(tell(index)).encode())
    with pytest.raises(AnswerError) as caught:
        read.frame("", json.dumps(tell(PLACES_MAX)).encode())
    assert caught.value.malformed
