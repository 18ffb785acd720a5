from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
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
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    RefusalDelta,
    SearchBegun,
    SearchDone,
    TextDelta,
)
from app.wire.canonical import CanonicalRequest, Target, WebSearchTool
from app.wire.chat.answer_reader import ChatAnswerReader
from app.wire.chat.calls import CALLS_MAX, WAITING_LENGTH_MAX
from app.wire.chat.choice_reader import CITATIONS_MAX, SEALED_LENGTH_MAX
from app.wire.exchange import AnswerError
from app.wire.tags import seal, unseal
from domain.usage import Usage
from tests.support import paths
from tests.support.wire.streams import CHAT_USAGE, chunk, payloads, usage_chunk

RECORDINGS = paths.RECORDINGS / "chat"
TARGET = Target(upstream="up", model="vendor", max_output_tokens=100)
USAGE = Usage(input=15, cached_input=5, output=7, reasoning=3)
BEGAN = AnswerBegun("chatcmpl-1", "vendor-model-2025")


def reader(*, choices: int = 1, search: bool = False) -> ChatAnswerReader:
    tools = (WebSearchTool(),) if search else ()
    return ChatAnswerReader(
        CanonicalRequest(endpoint="responses", model="m", items=(), choices=choices, tools=tools), TARGET
    )


def read(*frames: Any, **options: Any) -> list[AnswerEvent]:
    """All events of a stream; what is said in several frames at once comes in their order."""
    one = reader(**options)
    events: list[AnswerEvent] = []
    for result in frames:
        data = result.encode() if isinstance(result, str) else json.dumps(result).encode()
        events += one.frame("", data)
    events += one.end()
    assert one.continuation() is None
    assert one.end() == one.frame("", b"more") == []
    return events


def delta(finish: str | None = None, **members: Any) -> dict[str, Any]:
    result = chunk(finish=finish)
    result["choices"][0]["delta"] = members
    return result


def inner(*frames: Any, **options: Any) -> list[AnswerEvent]:
    """What one choice says between its beginning and its finish."""
    events = read(*frames, "[DONE]", **options)
    assert isinstance(events[0], AnswerBegun)
    assert isinstance(events[-1], AnswerEnded)
    return events[1:-2]


def call(index: int | None = None, call_id: str | None = None, name: str | None = None, arguments: Any = None) -> Any:
    """A call's delta with the members that are given."""
    function = {"name": name, "arguments": arguments}
    result = {
        "index": index,
        "id": call_id,
        "function": {key: value for key, value in function.items() if value is not None},
    }
    return {key: value for key, value in result.items() if value is not None}


def fault(*frames: Any, **options: Any) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        read(*frames, **options)
    return caught.value


def plain_fault(body: bytes) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        reader().whole(body)
    return caught.value


def test_text_and_usage() -> None:
    frames = (chunk(""), chunk("Hé"), chunk("llo"), chunk(finish="stop"), usage_chunk(CHAT_USAGE), "[DONE]")
    events = [BEGAN, TextDelta("Hé"), TextDelta("llo"), ChoiceFinished("stop"), AnswerEnded(USAGE)]
    assert read(*frames) == events
    assert read(*frames[:-1]) == events


def test_a_plain_answer() -> None:
    actual = chunk(finish="length") | {"usage": CHAT_USAGE, "service_tier": "default"}
    actual["choices"][0]["message"] = {"role": "assistant", "content": "Hé", "reasoning_content": "Hm"}
    events = reader().whole(json.dumps(actual).encode())
    assert events == [
        AnswerBegun("chatcmpl-1", "vendor-model-2025", "default"),
        ReasoningBegun(0),
        ReasoningDelta(0, "Hm"),
        ReasoningDone(0, seal("up", '{"reasoning_content":"Hm"}')),
        TextDelta("Hé"),
        ChoiceFinished("length"),
        AnswerEnded(Usage(input=15, cached_input=5, output=7, reasoning=3, service_tier="default"), "default"),
    ]


def test_a_plain_answer_that_does_not_say_why_it_ended_is_complete() -> None:
    actual = {"choices": [{"index": 0, "message": {"content": "a"}}]}
    assert reader().whole(json.dumps(actual).encode()) == [
        AnswerBegun(),
        TextDelta("a"),
        ChoiceFinished("stop"),
        AnswerEnded(),
    ]


def test_azures_first_chunk_says_nothing() -> None:
    first = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": []}
    assert read(first, chunk("a"), chunk(finish="stop"), "[DONE]")[0] == BEGAN


def test_an_answer_without_id_and_model() -> None:
    assert read({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}) == [
        AnswerBegun(),
        TextDelta("a"),
        ChoiceFinished("stop"),
        AnswerEnded(),
    ]


def test_an_id_alone_begins_the_answer() -> None:
    first = {"id": "x", "model": "v", "choices": []}
    assert read(first, chunk("a", finish="stop"))[0] == AnswerBegun("x", "v")


def test_the_last_usage_stands() -> None:
    running = CHAT_USAGE | {"completion_tokens": 3}
    events = read(chunk("a", usage=running), chunk(finish="stop", usage=CHAT_USAGE), usage_chunk({"prompt_tokens": 1}))
    assert events[-1] == AnswerEnded(USAGE)


def test_the_tier_is_told() -> None:
    events = read(chunk("a", service_tier="flex"), chunk(finish="stop"), usage_chunk(CHAT_USAGE), "[DONE]")
    assert events[0] == AnswerBegun("chatcmpl-1", "vendor-model-2025", "flex")
    assert events[-1] == AnswerEnded(
        Usage(input=15, cached_input=5, output=7, reasoning=3, service_tier="flex"), "flex"
    )


def test_choices_are_told_apart() -> None:
    events = read(chunk("a"), chunk("b", index=1), chunk(index=1, finish="length"), chunk(finish="stop"), choices=2)
    assert events[1:] == [
        TextDelta("a"),
        TextDelta("b", 1),
        ChoiceFinished("length", 1),
        ChoiceFinished("stop"),
        AnswerEnded(),
    ]


def test_fewer_choices_are_an_answer_where_done_says_so() -> None:
    frames = (chunk("a"), chunk(finish="stop"))
    assert read(*frames, "[DONE]", choices=2)[-1] == AnswerEnded()
    assert fault(*frames, choices=2).malformed


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_ends_before_text(name: str) -> None:
    first, second = ({name: text} for text in ("Hm", "m."))
    frames = (delta(None, **first), delta(None, **second), delta(content="Yes"), delta("stop"))
    assert inner(*frames) == [
        ReasoningBegun(0),
        ReasoningDelta(0, "Hm"),
        ReasoningDelta(0, "m."),
        ReasoningDone(0, seal("up", json.dumps({name: "Hmm."}, separators=(",", ":")))),
        TextDelta("Yes"),
    ]


def test_content_may_be_a_list_of_parts() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}, 5, {"type": "reference"}]}
    frames = (
        delta(content=[thinking]),
        delta(content=[{"type": "text", "text": "Ye"}, {"type": "text", "text": ""}, "x", {"type": "thinking"}]),
        delta(content="s"),
        delta("stop"),
    )
    assert inner(*frames) == [
        ReasoningBegun(0),
        ReasoningDelta(0, "Hm"),
        ReasoningDone(0),
        TextDelta("Ye"),
        TextDelta("s"),
    ]


def test_reasoning_under_both_names_is_told_once() -> None:
    assert inner(delta(reasoning="Hm", reasoning_content="Hm"), delta("stop"))[1] == ReasoningDelta(0, "Hm")


def test_reasoning_goes_on_after_text_as_another() -> None:
    frames = (delta(reasoning="a"), delta(content="b"), delta(reasoning="c"), delta("length"))
    assert [type(event) for event in inner(*frames)] == [
        *(ReasoningBegun, ReasoningDelta, ReasoningDone, TextDelta, ReasoningBegun, ReasoningDelta, ReasoningDone)
    ]
    assert [event.key for event in inner(*frames) if isinstance(event, ReasoningBegun)] == [0, 1]


def test_reasoning_that_is_very_long_is_told_and_not_sealed() -> None:
    long = "x" * SEALED_LENGTH_MAX
    events = inner(delta(reasoning=long), delta(reasoning="y"), delta(content="b"), delta(reasoning="z"), delta("stop"))
    assert [event.sealed for event in events if isinstance(event, ReasoningDone)] == [
        None,
        seal("up", '{"reasoning":"z"}'),
    ]


def test_a_refusal() -> None:
    frames = (delta(reasoning="a"), delta(refusal="No"), delta(refusal="."), delta("stop"))
    assert inner(*frames)[2:] == [
        ReasoningDone(0, seal("up", '{"reasoning":"a"}')),
        RefusalDelta("No"),
        RefusalDelta("."),
    ]


def test_calls_as_openai_tells_them() -> None:
    frames = (
        delta(content=None, tool_calls=[call(0, "call_a", "f", "")]),
        delta(tool_calls=[call(0, arguments='{"x":')]),
        delta(tool_calls=[call(0, arguments="1}")]),
        delta(tool_calls=[call(1, "call_b", "g", "")]),
        delta(tool_calls=[call(1, arguments="{}")]),
        delta("tool_calls"),
    )
    assert inner(*frames) == [
        CallBegun(0, "call_a", "f"),
        CallDelta(0, '{"x":'),
        CallDelta(0, "1}"),
        CallBegun(1, "call_b", "g"),
        CallDelta(1, "{}"),
        CallDone(0),
        CallDone(1),
    ]


A, B = CallBegun(0, "a", "f"), CallBegun(1, "b", "g")
BOTH = [A, CallDelta(0, "1"), B, CallDelta(1, "2"), CallDone(0), CallDone(1)]


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([[call(0, "a", "f", "1"), call(1, "b", "g", "2")]], id="whole, in one delta"),
        pytest.param([[call(None, "a", "f", "1"), call(None, "b", "g", "2")]], id="without an index"),
        pytest.param([[call(None, "a", "f", "1")], [call(None, "b", "g", "2")]], id="without an index, in two deltas"),
        pytest.param([[call(0, "a", "f", "1")], [call(0, "b", "g", "2")]], id="every index is 0"),
        pytest.param([[call(0, "a", "f", "1"), call(0, "b", "g", "2")]], id="every index is 0, in one delta"),
        pytest.param(
            [[call(0, "a", "f")], [call(0, "a", "f", "1")], [call(1, "b", "g")], [call(1, "b", "g", "2")]],
            id="id and name are repeated",
        ),
        pytest.param(
            [
                [call(0, "a", "f")],
                [call(0, "other", arguments="1")],
                [call(1, "b", "g")],
                [call(1, "b", arguments="2")],
            ],
            id="an id of its own in every delta",
        ),
        pytest.param(
            [[call(None, "a", "f")], [call(None, "a", "f", "1")], [call(None, "b", "g")], [call(None, "b", None, "2")]],
            id="by id alone",
        ),
        pytest.param(
            [[call(None, "a", "f")], [call(None, None, None, "1")], [call(None, "b", "g")], [call(arguments="2")]],
            id="the last one goes on",
        ),
        pytest.param(
            [[call(None, "a", "f")], [call(None, "z", None, "1")], [call(None, "b", "g")], [call(arguments="2")]],
            id="the last one goes on under another id",
        ),
        pytest.param(
            [[{"index": 0, "id": "a"}], [call(0, arguments="1")], [call(0, None, "f")], [call(1, "b", "g", "2")]],
            id="the name comes last",
        ),
        pytest.param(
            [[call(0, "a", None, "1")], [call(0, None, "f")], [call(1, "b", "g", "2")]], id="the name comes late"
        ),
    ],
)
def test_two_calls_as_servers_differ(calls: list[Any]) -> None:
    frames = [delta(tool_calls=entry) for entry in calls]
    assert inner(*frames, delta("tool_calls")) == BOTH


def test_calls_may_interleave() -> None:
    frames = (
        delta(tool_calls=[call(0, "a", "f"), call(1, "b", "g")]),
        delta(tool_calls=[call(1, arguments="2")]),
        delta(tool_calls=[call(0, arguments="1"), call(1, arguments="3")]),
        delta("tool_calls"),
    )
    assert inner(*frames) == [A, B, CallDelta(1, "2"), CallDelta(0, "1"), CallDelta(1, "3"), CallDone(0), CallDone(1)]


def test_a_call_without_an_id_gets_one_of_its_answer() -> None:
    def ids(answer: str) -> list[str]:
        result = delta(tool_calls=[call(0, None, "f", "{}"), call(1, None, "g", "{}")]) | {"id": answer}
        return [event.call_id for event in inner(result, delta("tool_calls")) if isinstance(event, CallBegun)]

    assert len({*ids("x"), *ids("y")}) == 4
    assert ids("x") == ids("x")
    assert all(made.startswith("call_") and made.isascii() for made in ids("x"))


@pytest.mark.parametrize("arguments", [{"x": 1}, '{"x":1}'])
def test_arguments_may_be_an_object(arguments: Any) -> None:
    assert inner(delta(tool_calls=[call(0, "a", "f", arguments)]), delta("stop"))[1] == CallDelta(0, '{"x":1}')


def test_a_custom_call() -> None:
    frames = (
        delta(tool_calls=[{"index": 0, "id": "a", "type": "custom", "custom": {"name": "sql", "input": ""}}]),
        delta(tool_calls=[{"index": 0, "custom": {"input": "SELECT 1"}}]),
        delta("tool_calls"),
    )
    assert inner(*frames) == [CallBegun(0, "a", "sql", "custom"), CallDelta(0, "SELECT 1"), CallDone(0)]


def test_a_function_call_of_old() -> None:
    frames = (
        delta(function_call={"name": "f", "arguments": ""}),
        delta(function_call={"arguments": "{}"}),
        delta("function_call"),
    )
    events = read(*frames, "[DONE]")
    assert isinstance(events[1], CallBegun)
    assert events[1].name == "f"
    assert events[2:] == [CallDelta(0, "{}"), CallDone(0), ChoiceFinished("tool_calls"), AnswerEnded()]


@pytest.mark.parametrize(
    ("raw", "with_call", "reason"),
    [
        ("stop", True, "tool_calls"),
        ("tool_calls", True, "tool_calls"),
        ("length", True, "length"),
        ("content_filter", True, "content_filter"),
        ("tool_calls", False, "stop"),
        ("max_tokens", False, "length"),
        ("model_length", False, "length"),
        ("end_turn", False, "stop"),
    ],
)
def test_why_it_ended(raw: str, with_call: bool, reason: str) -> None:
    said = delta(tool_calls=[call(0, "a", "f", "{}")]) if with_call else delta(content="a")
    assert read(said, delta(raw))[-2] == ChoiceFinished(reason)  # type: ignore[arg-type]


def test_a_finish_that_is_repeated_is_one() -> None:
    assert read(chunk("a"), chunk(finish="stop"), chunk("", finish="stop"), "[DONE]")[1:] == [
        TextDelta("a"),
        ChoiceFinished("stop"),
        AnswerEnded(),
    ]


@pytest.mark.parametrize(("raw", "code"), [("error", "server_error"), ("insufficient_system_resource", "overloaded")])
def test_a_finish_that_is_a_fault(raw: str, code: str) -> None:
    error = fault(chunk("a"), chunk(finish=raw))
    assert (error.malformed, error.type, error.code) == (False, "server_error", code)


def test_signatures_of_calls_are_sealed_before_them() -> None:
    extra = {"google": {"thought_signature": "c2ln"}}
    actual = call(0, "a", "f", "1") | {"extra_content": extra}
    events = inner(delta(tool_calls=[actual, call(1, "b", "g", "2")]), delta("tool_calls"))
    assert events[0] == ReasoningBegun(0)
    assert isinstance(events[1], ReasoningDone)
    assert events[1].sealed is not None
    assert json.loads(unseal(events[1].sealed, "up") or "") == {"extra_content": extra}
    assert [type(event) for event in events[2:]] == [CallBegun, CallDelta, CallBegun, CallDelta, CallDone, CallDone]


def test_a_signature_is_sealed_with_the_reasoning_before_it() -> None:
    actual = call(0, "a", "f", "1") | {"extra_content": {"x": 1}}
    events = inner(delta(reasoning_content="Hm"), delta(tool_calls=[actual]), delta("tool_calls"))
    assert events[2] == ReasoningDone(0, seal("up", '{"reasoning_content":"Hm","extra_content":{"x":1}}'))


def test_extra_content_of_another_kind_says_nothing() -> None:
    assert inner(delta(tool_calls=[call(0, "a", "f") | {"extra_content": "x"}]), delta("stop"))[0] == A


def citation(start: Any, end: Any, url: Any = "https://a.example/", title: Any = "A") -> dict[str, Any]:
    place = {"url": url, "title": title, "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": place}


def test_citations_and_the_search_that_they_tell_of() -> None:
    frames = (
        delta(content="One two"),
        delta(annotations=[citation(0, 3), citation(4, 7, "https://b.example/", None), citation(0, 3)]),
        delta("stop", annotations=[citation(0, 3, title="again"), citation(4, 7)]),
        usage_chunk(CHAT_USAGE),
    )
    actual = [
        TextDelta("One two"),
        CitationAdded("https://a.example/", "A", 0, 3),
        CitationAdded("https://b.example/", "", 4, 7),
        CitationAdded("https://a.example/", "A", 4, 7),
    ]
    sources = [{"type": "url", "url": "https://a.example/"}, {"type": "url", "url": "https://b.example/"}]
    search = {"type": "search", "query": "", "queries": [], "sources": sources}
    assert read(*frames, search=True)[1:] == [
        *actual,
        SearchBegun(0),
        SearchDone(0, search),
        ChoiceFinished("stop"),
        AnswerEnded(Usage(input=15, cached_input=5, output=7, reasoning=3, web_search_calls=1)),
    ]
    assert read(*frames)[1:] == [*actual, ChoiceFinished("stop"), AnswerEnded(USAGE)]


def test_a_search_without_usage() -> None:
    frames = (delta(content="One"), delta("stop", annotations=[citation(0, 3)]))
    assert read(*frames, search=True)[-1] == AnswerEnded()


def test_citations_of_a_later_message_count_from_its_beginning() -> None:
    frames = (
        delta(content="One "),
        delta(reasoning="Hm"),
        delta(content="two"),
        delta("stop", annotations=[citation(4, 7), citation(0, 3)]),
    )
    events = inner(*frames)
    assert events[-2:] == [
        CitationAdded("https://a.example/", "A", 0, 3),
        CitationAdded("https://a.example/", "A", 0, 0),
    ]


def test_offsets_stay_within_the_text() -> None:
    actual = [citation(2, 900), citation(9, 1), citation(-1, True), citation("x", None, "https://c.example/")]
    events = inner(delta(content="abc"), delta("stop", annotations=actual))
    assert [(event.start, event.end) for event in events if isinstance(event, CitationAdded)] == [
        (2, 3),
        (3, 3),
        (0, 0),
        (0, 0),
    ]


@pytest.mark.parametrize("raw", [5, {}, {"url_citation": 5}, citation(0, 1, None), citation(0, 1, "")])
def test_what_is_no_citation_says_nothing(raw: Any) -> None:
    assert inner(delta(content="abc"), delta("stop", annotations=[raw])) == [TextDelta("abc")]


def test_a_citation_of_no_text_says_nothing() -> None:
    assert inner(delta(annotations=[citation(0, 1)]), delta(content="a"), delta("stop")) == [TextDelta("a")]
    assert inner(delta(content="a"), delta("stop"), delta(annotations=[citation(0, 1)])) == [TextDelta("a")]


def test_logprobs_in_their_own_shape() -> None:
    other = {"token": "b", "logprob": -2, "bytes": [98]}
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [other | {"id": 7}], "id": 5}
    actual = chunk("a")
    actual["choices"][0]["logprobs"] = {"content": [token], "refusal": None}
    clean = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [other]}
    assert inner(actual, chunk("b"), chunk(finish="stop")) == [TextDelta("a", 0, (clean,)), TextDelta("b")]
    empty = chunk("")
    empty["choices"][0]["logprobs"] = {"content": [token | {"bytes": None}]}
    assert inner(empty, chunk("a"), chunk(finish="stop")) == [TextDelta("a", 0, (clean | {"bytes": None},))]


def test_logprobs_of_another_shape() -> None:
    actual = chunk("a")
    actual["choices"][0]["logprobs"] = [1]
    assert inner(actual, chunk(finish="stop")) == [TextDelta("a")]


def logprobs(value: Any) -> dict[str, Any]:
    result = chunk("a")
    result["choices"][0]["logprobs"] = {"content": value}
    return result


def choices(*raw: Any) -> dict[str, Any]:
    return {**chunk(), "choices": list(raw)}


@pytest.mark.parametrize(
    "raw",
    [
        "no json",
        "[]",
        '{"choices": 5}',
        '{"a": "\\ud800"}',
        choices(5),
        choices({"index": "0", "delta": {}}),
        choices({"index": True, "delta": {}}),
        choices({"index": 1, "delta": {}}),
        choices({"index": -1, "delta": {}}),
        choices({"index": None, "delta": {}}),
        choices({"index": 0, "delta": []}),
        choices({"index": 0, "delta": {}, "finish_reason": 5}),
        delta(content=5),
        delta(content=[{"type": "text", "text": 5}]),
        delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": []}]}]),
        delta(reasoning_content={}),
        delta(refusal=[]),
        delta(annotations={}),
        delta(tool_calls={}),
        delta(tool_calls=[5]),
        delta(tool_calls=[{"index": "0", "function": {"name": "f"}}]),
        delta(tool_calls=[{"index": -1, "function": {"name": "f"}}]),
        delta(tool_calls=[{"index": 0, "function": 5}]),
        delta(tool_calls=[{"index": 0, "function": {"name": 5}}]),
        delta(tool_calls=[{"index": 0, "id": 5, "function": {"name": "f"}}]),
        delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": 5}}]),
        delta(function_call=5),
        logprobs(5),
        logprobs([5]),
        logprobs([{"token": 5}]),
        logprobs([{"token": "a", "logprob": "0"}]),
        logprobs([{"token": "a", "logprob": True}]),
        logprobs([{"token": "a", "logprob": 0, "top_logprobs": [5]}]),
        chunk("a", usage=5),
        chunk("a", usage={"prompt_tokens": -1, "completion_tokens": 1}),
    ],
)
def test_what_makes_no_sense_is_malformed(raw: Any) -> None:
    assert fault(raw, chunk(finish="stop")).malformed


@pytest.mark.parametrize(
    "frames",
    [
        (),
        ("[DONE]",),
        (chunk("a"),),
        (chunk("a"), "[DONE]"),
        (chunk(finish="stop"), chunk("a")),
        (chunk(finish="stop"), delta(tool_calls=[call(0, "a", "f")])),
        (delta(tool_calls=[call(0, "a")]), chunk(finish="stop")),
        (usage_chunk(CHAT_USAGE), "[DONE]"),
    ],
)
def test_what_is_not_whole_is_malformed(frames: tuple[Any, ...]) -> None:
    assert fault(*frames).malformed


def test_limits() -> None:
    many = [call(index, f"call_{index}", "f") for index in range(CALLS_MAX + 1)]
    assert fault(delta(tool_calls=many)).malformed
    assert fault(delta(tool_calls=[call(0, "a", arguments="x" * WAITING_LENGTH_MAX), call(0, arguments="y")])).malformed
    cited = [citation(0, 1, f"https://a.example/{number}") for number in range(CITATIONS_MAX + 1)]
    assert fault(delta(content="a", annotations=cited)).malformed


@pytest.mark.parametrize(
    "raw",
    [
        {"error": {"message": "gone", "type": "server_error", "code": 503}},
        {"object": "error", "message": "gone", "type": "server_error", "code": "503"},
        choices({"index": 0, "error": {"message": "gone", "type": "server_error", "code": "503"}}),
    ],
)
def test_errors_are_told(raw: Any) -> None:
    for error in (fault(chunk("a"), raw), plain_fault(json.dumps(raw).encode())):
        assert (error.malformed, error.message, error.type, error.code) == (False, "gone", "server_error", "503")


@pytest.mark.parametrize("raw", [{"error": {"message": "gone"}}, {"message": "gone"}])
def test_an_event_of_the_name_error_is_one(raw: Any) -> None:
    with pytest.raises(AnswerError, match="gone") as caught:
        reader().frame("error", json.dumps(raw).encode())
    assert not caught.value.malformed


@pytest.mark.parametrize("raw", [{}, {"choices": []}, {"choices": [{"index": 0}]}, {"choices": [{"message": 5}]}])
def test_a_plain_answer_without_a_message_is_malformed(raw: Any) -> None:
    assert plain_fault(json.dumps(raw).encode()).malformed


# -- Recordings: expected values were read off them by hand ---------------------------------------------------------------

EXPECTED = {
    "azure-model-router.1.chunks.txt": (
        "Capital of Denmark.",
        19,
        "gpt-5-nano-2025-08-07",
        Usage(15, output=78, reasoning=64),
    ),
    "openai-text.chunks.txt": ("**Holiday Name:** Harmony Day", 1724, "gpt-4.1-nano-2025-04-14", Usage(16, output=300)),
    "openai-text.json": ("**Holiday Name:** Galaxy Day", 1842, "gpt-4.1-nano-2025-04-14", Usage(16, output=363)),
}


@pytest.mark.parametrize("name", [name for name in EXPECTED if (RECORDINGS / name).exists()])
def test_recordings(name: str) -> None:
    body = (RECORDINGS / name).read_bytes()
    if name.endswith(".json"):
        events = reader().whole(body)
    else:
        lines = payloads(b"".join(b"data: " + line + b"\n\n" for line in body.splitlines()))
        events = read(*lines)
    beginning, length, model, usage = EXPECTED[name]
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert text.startswith(beginning)
    assert len(text) == length
    first, finish, last = events[0], events[-2], events[-1]
    assert isinstance(first, AnswerBegun)
    assert isinstance(last, AnswerEnded)
    assert last.usage is not None
    assert (first.model, finish) == (model, ChoiceFinished("stop"))
    assert (last.usage.input, last.usage.output, last.usage.reasoning) == (usage.input, usage.output, usage.reasoning)


# -- Anything at all ------------------------------------------------------------------------------------------------------

scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.floats(allow_nan=False), st.text(max_size=3))
names = st.sampled_from(
    [
        *("choices", "delta", "message", "index", "content", "tool_calls", "function", "name", "arguments", "id"),
        *("finish_reason", "usage", "prompt_tokens", "completion_tokens", "logprobs", "annotations", "url_citation"),
        *("reasoning", "refusal", "custom", "function_call", "extra_content", "error", "url", "token", "logprob"),
    ]
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
choice_like = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("delta", "message", "index", "finish_reason"), anything)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.dictionaries(names, anything), st.builds(choices, choice_like)), max_size=4))
def test_nothing_makes_it_fail_otherwise(frames: list[Any]) -> None:
    with contextlib.suppress(AnswerError):
        read(*frames)
    with contextlib.suppress(AnswerError):
        reader().whole(json.dumps(frames[0] if frames else 5).encode())
