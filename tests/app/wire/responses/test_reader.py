"""Responses answers read into events: by hand, however they are told, and whatever an upstream may send instead."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
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
from app.wire.canonical import Ask, Target
from app.wire.exchange import AnswerError
from app.wire.responses.reader import ITEMS_MAX, ResponsesReader
from app.wire.responses.writer import ResponsesWriter
from app.wire.splice import members
from domain.usage import ImageCount, Usage
from tests.app.wire.responses.answers import answers
from tests.app.wire.responses.mutations import mutated
from tests.app.wire.streams import RESPONSES_USAGE, response
from tests.app.wire.test_recordings import RECORDINGS, present

Json = dict[str, Any]
SEED = "0123456789abcdef0123456789abcdef"
ENDED = [Finished("stop"), Ended()]


def reader() -> ResponsesReader:
    return ResponsesReader(Ask("chat", "m", ()), Target("up", "vendor-model", 100))


def told(*events: Json | str) -> list[AnswerEvent]:
    read = reader()
    frames = [event if isinstance(event, str) else json.dumps(event) for event in events]
    found = [event for frame in frames for event in read.frame("", frame.encode())]
    assert read.end() == []
    assert read.continuation() is None
    return found


def of(name: str, **more: Any) -> Json:
    return {"type": f"response.{name}", **more}


CREATED = of("created", response=response())


def completed(*output: Json, **more: Any) -> Json:
    return of("completed", response=response("completed", output=list(output), **more))


def within(*events: Json, output: Iterable[Json] = ()) -> list[AnswerEvent]:
    """What the events say between Began and the end."""
    found = told(CREATED, *events, completed(*output))
    assert found[0] == Began("resp_1", "vendor-model-2025", None)
    assert isinstance(found[-2], Finished)
    assert isinstance(found[-1], Ended)
    return found[1:-2]


def added(at: int, **item: Any) -> Json:
    return of("output_item.added", output_index=at, item=item)


def done(at: int, **item: Any) -> Json:
    return of("output_item.done", output_index=at, item=item)


def text_part(text: str, *annotations: Json, logprobs: Any = ()) -> Json:
    return {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": list(logprobs)}


def message(*content: Json, **more: Any) -> Json:
    return {"type": "message", "id": "msg_1", "status": "completed", "content": list(content), **more}


def delta(text: str, *, at: int = 0, part: int = 0, **more: Any) -> Json:
    place = {"output_index": at, "item_id": f"msg_{at + 1}", "content_index": part}
    return of("output_text.delta", delta=text, **place, **more)


def cited(start: int, end: int, url: str = "https://a", **more: Any) -> Json:
    return {"type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": "A", **more}


def test_beginning_and_end() -> None:
    queued = of("queued", response=response("queued"))
    ended = completed(usage=RESPONSES_USAGE, service_tier="default")
    begun = of("created", response=response(service_tier="auto"))
    assert told(begun, queued, ended, "[DONE]", of("output_text.delta", delta="late")) == [
        Began("resp_1", "vendor-model-2025", "auto"),
        Finished("stop"),
        Ended(Usage(16, 10, 4, output=9, reasoning=2, service_tier="default"), "default"),
    ]


def test_an_answer_that_begins_with_an_item() -> None:
    assert told(added(0, type="message", id="msg_1"), completed())[0] == Began()


def test_an_item_that_is_added_twice_is_one() -> None:
    thought = added(0, type="reasoning", id="rs_1")
    assert within(CREATED, thought, thought) == [ThoughtBegun(0), ThoughtDone(0)]


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


def test_events_without_a_place_are_about_the_last_item() -> None:
    plain = of("output_text.delta", delta="a")
    ended = of("output_text.done", text="ab")
    assert within(plain, ended, of("output_item.done", item=message(text_part("ab"), id=None))) == [
        Said("a"),
        Said("b"),
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


def test_items_and_events_of_unknown_types() -> None:
    assert within(
        of("future.thing", output_index=0, delta="x"),
        added(0, type="future_call", id="fu_1"),
        done(0, type="future_call", id="fu_1"),
        of("output_item.done"),
        delta("Still", at=1),
        output=[{"type": "future_call"}, message(text_part("Still"), id="msg_2")],
    ) == [Said("Still")]


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, "length"),
        ({"reason": "content_filter"}, "content_filter"),
        ({"reason": 1}, "length"),
        (None, "length"),
    ],
)
def test_answers_that_were_cut(details: Any, reason: str) -> None:
    cut = response("incomplete", incomplete_details=details, output=[message(text_part("Hel"))])
    expected = [Began("resp_1", "vendor-model-2025"), Said("Hel"), Finished(reason), Ended()]  # type: ignore[arg-type]
    assert told(of("incomplete", response=cut)) == expected
    assert reader().whole(json.dumps(cut).encode()) == expected


def test_a_whole_answer() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    body = response("completed", output=[search, {**CALL, "arguments": "{}"}], usage=RESPONSES_USAGE, tool_usage=None)
    assert reader().whole(json.dumps(body).encode()) == [
        Began("resp_1", "vendor-model-2025"),
        SearchBegun(0),
        SearchDone(0, {"type": "search"}),
        CallBegun(1, "c", "f"),
        CallDelta(1, "{}"),
        CallDone(1),
        Finished("tool_calls"),
        Ended(Usage(16, 10, 4, output=9, reasoning=2, web_search_calls=1)),
    ]


ERROR = {"message": "No quota.", "type": "insufficient_quota", "code": "insufficient_quota", "param": None}


@pytest.mark.parametrize(
    ("event", "told_type"),
    [
        ({"type": "error", "message": "No quota.", "code": "insufficient_quota", "param": None}, None),
        ({"type": "error", "error": ERROR}, "insufficient_quota"),
        ({"error": ERROR}, "insufficient_quota"),
        (of("failed", response=response("failed", error=ERROR)), "insufficient_quota"),
        (of("cancelled", response=response("cancelled", error=ERROR)), "insufficient_quota"),
        (of("completed", response=response("completed", error=ERROR)), "insufficient_quota"),
    ],
)
def test_errors(event: Json, told_type: str | None) -> None:
    read = reader()
    with pytest.raises(AnswerError) as caught:
        read.frame("", json.dumps(event).encode())
    error = caught.value
    assert (error.malformed, error.message, error.code, error.type) == (
        False,
        "No quota.",
        "insufficient_quota",
        told_type,
    )


@pytest.mark.parametrize(
    ("body", "is_malformed"),
    [
        (response("failed", error=ERROR), False),
        (response("cancelled"), False),
        (response("in_progress"), True),
        ([], True),
    ],
)
def test_bodies_that_are_no_answer(body: Any, is_malformed: bool) -> None:
    with pytest.raises(AnswerError) as caught:
        reader().whole(json.dumps(body).encode())
    assert caught.value.malformed is is_malformed


def test_a_name_stands_in_for_a_type() -> None:
    read = reader()
    assert read.frame("response.completed", b'{"response":{}}') == [Began(), *ENDED]


@pytest.mark.parametrize(
    "events",
    [
        ["[DONE]"],
        [CREATED],
        ["{"],
        ["[]"],
        [delta("a") | {"delta": 1}],
        [delta("a", part=-1)],
        [delta("a") | {"content_index": "0"}],
        [delta("a", logprobs={})],
        [delta("a", logprobs=["x"])],
        [delta("a", logprobs=[{"token": "a", "logprob": "x"}])],
        [delta("a", logprobs=[{"token": "a", "logprob": 1, "bytes": "x"}])],
        [added(0, **CALL | {"call_id": 1})],
        [done(0, **CALL | {"name": None})],
        [done(0, **CALL | {"call_id": None, "id": None})],
        [done(0, **CALL, arguments={})],
        [done(0, type="web_search_call", action="x")],
        [done(0, type="web_search_call", action={"queries": [1]})],
        [done(0, **message(text_part("a", cited(-1, 2))))],
        [of("output_item.added", output_index=0, item=1)],
        [of("completed", response=[])],
        [completed(usage={"input_tokens": -1, "output_tokens": 1})],
        [completed(1)],  # type: ignore[arg-type]
        [of("function_call_arguments.delta", output_index=0, delta="x"), completed()],
    ],
)
def test_malformed_answers(events: list[Any]) -> None:
    with pytest.raises(AnswerError) as caught:
        told(*events)
    assert caught.value.malformed


def test_items_are_bounded() -> None:
    read = reader()
    for index in range(ITEMS_MAX):
        read.frame("", json.dumps(added(index, type="message")).encode())
    with pytest.raises(AnswerError):
        read.frame("", json.dumps(added(ITEMS_MAX, type="message")).encode())


# -- Any answer


def write(events: Iterable[AnswerEvent], *, stream: bool) -> list[bytes]:
    fields = members.decode(b'{"include":["web_search_call.action.sources"]}')
    wrote = ResponsesWriter(seed=SEED, model="m", created=1, fields=fields, stream=stream)
    return [wrote.write(event) for event in events]


def payloads(frames: list[bytes]) -> list[bytes]:
    lines = b"".join(frames).split(b"\n")
    return [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: ")]


def content(frames: list[bytes]) -> Json:
    """What an answer says, with our seal taken off as many times as it was put on."""
    told: Json = json.loads(frames[-1])
    for item in told["output"]:
        if item.get("encrypted_content"):
            item["encrypted_content"] = item["encrypted_content"].rpartition(":")[2]
    return {name: told[name] for name in ("status", "incomplete_details", "output", "usage")}


@given(answers(overlap=1))
def test_what_is_written_reads_back_as_the_same(events: list[AnswerEvent]) -> None:
    written = write(events, stream=False)
    plain = reader().whole(written[-1])
    read = reader()
    streamed = [event for data in payloads(write(events, stream=True)) for event in read.frame("", data)]
    assert content(write(plain, stream=False)) == content(written)
    assert content(write(streamed, stream=False)) == content(written)


@given(answers(), st.data())
def test_anything_at_any_place_is_an_error_of_the_answer_at_most(
    events: list[AnswerEvent], data: st.DataObject
) -> None:
    frames = [json.loads(payload) for payload in payloads(write(events, stream=True))]
    frames = data.draw(mutated(frames))
    read = reader()
    try:
        found = [event for frame in frames for event in read.frame("", json.dumps(frame).encode())]
    except AnswerError:
        return
    keys = [event.key for event in found if hasattr(event, "key") and type(event).__name__.endswith("Begun")]
    assert len(keys) == len(set(keys))
    if found and isinstance(found[-1], Ended):
        write(found, stream=True)


# -- Recordings: expected values were read off them by hand


def recorded(name: str) -> list[AnswerEvent]:
    path = RECORDINGS / "responses" / name
    if name.endswith(".json"):
        return reader().whole(path.read_bytes())
    read = reader()
    return [event for line in path.read_bytes().splitlines() for event in read.frame("", line)]


def joined(events: list[AnswerEvent], kind: type[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, kind))


def count(events: list[AnswerEvent], kind: type[Any]) -> int:
    return sum(isinstance(event, kind) for event in events)


def recording(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not present([f"responses/{name}"]), reason="no recordings")


@recording("openai-custom-tool.1.json")
@pytest.mark.parametrize("form", ["json", "chunks.txt"])
def test_recorded_custom_tool(form: str) -> None:
    events = recorded(f"openai-custom-tool.1.{form}")
    assert CallBegun(0, "call_custom_sql_001", "write_sql", "custom") in events
    assert joined(events, CallDelta) == "SELECT * FROM users WHERE age > 25"
    assert [event for event in events if isinstance(event, Finished)] == [Finished("tool_calls")]


@recording("openai-pdf-input-file.1.json")
@pytest.mark.parametrize("form", ["json", "chunks.txt"])
def test_recorded_text(form: str) -> None:
    events = recorded(f"openai-pdf-input-file.1.{form}")
    assert joined(events, Said) == "Dummy PDF file"
    assert events[-2:] == [
        Finished("stop"),
        Ended(Usage(input=44, output=4, service_tier="default"), "default"),
    ]


@recording("openai-reasoning-encrypted-content.1.chunks.txt")
def test_recorded_reasoning_and_call() -> None:
    """Four answers in one file: the first of them is read."""
    events = recorded("openai-reasoning-encrypted-content.1.chunks.txt")
    assert joined(events, Thought).startswith("**Calculating step-by-step using calculator**\n\nI'll compute ")
    sealed = next(event.sealed for event in events if isinstance(event, ThoughtDone))
    assert sealed is not None
    assert sealed.startswith("rr1.up:gAAAAABpPDIVOKrsHNZ0")
    assert CallBegun(1, "call_AB6AaRZ1FYZB2RwS6A5vbdqn", "calculator") in events
    assert joined(events, CallDelta) == '{"a":12,"b":7,"op":"add"}'
    assert events[-1] == Ended(Usage(input=134, output=28, service_tier="default"), "default")


@recording("openai-web-search-tool.1.chunks.txt")
def test_recorded_searches() -> None:
    events = recorded("openai-web-search-tool.1.chunks.txt")
    actions = [event.action["type"] for event in events if isinstance(event, SearchDone)]
    assert actions == ["search", "search", "open_page", "find_in_page", "find_in_page", "find_in_page"]
    assert (count(events, ThoughtBegun), count(events, Cited)) == (7, 12)
    first = next(event for event in events if isinstance(event, Cited))
    assert (first.start, first.end) == (277, 411)
    assert first.title == "Petco confirms security lapse exposed customers\u2019 personal data | TechCrunch"
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.usage == Usage(27361, 3712, output=4416, reasoning=3712, web_search_calls=2, service_tier="default")


@recording("openai-image-generation-tool.1.chunks.txt")
def test_recorded_image() -> None:
    events = recorded("openai-image-generation-tool.1.chunks.txt")
    assert (count(events, ImagePartial), count(events, ImageDone), count(events, Said)) == (1, 1, 0)
    image = next(event for event in events if isinstance(event, ImageDone))
    assert image.data.startswith("UklGRuIWGQBXRUJQVlA4TKAwGAAv")
    assert (image.details["size"], image.details["quality"]) == ("1536x1024", "low")


@recording("openai-error.1.chunks.txt")
def test_recorded_error() -> None:
    with pytest.raises(AnswerError) as caught:
        recorded("openai-error.1.chunks.txt")
    assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")
