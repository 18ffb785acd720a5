from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming._deltas import accumulate_delta
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    CitationAdded,
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
from app.wire.chat.answer_writer import ChatAnswerWriter
from app.wire.splice import Members
from app.wire.tags import seal
from domain.usage import Usage
from tests.support.wire.streams import payloads

SEED = "0123456789abcdef0123456789abcdef"
USAGE = Usage(
    input=10, cached_input=5, cache_write=2, cache_write_1h=1, output=7, reasoning=3, image_input=4, image_output=6
)
USAGE_OBJECT = {
    "prompt_tokens": 22,
    "completion_tokens": 13,
    "total_tokens": 35,
    "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3, "image_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 3,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
FUNCTIONS = {"functions": [{"name": "f"}, {"name": "g"}]}
INCLUDE = {"stream_options": {"include_usage": True}}
ROLE = {"role": "assistant", "content": "", "refusal": None}
SILENT_ROLE = {"role": "assistant", "content": None, "refusal": None}


def writer(*, stream: bool, **fields: Any) -> ChatAnswerWriter:
    members: Members = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
    return ChatAnswerWriter(seed=SEED, model="public", created=5, fields=members, stream=stream)


def streamed(*events: AnswerEvent, **fields: Any) -> list[dict[str, Any]]:
    """The chunks, each of them valid in the eyes of OpenAI's client."""
    one = writer(stream=True, **fields)
    chunks = payloads(b"".join(one.write(event) for event in events))
    for result in chunks:
        if not _holds_custom(result):
            ChatCompletionChunk.model_validate(result, strict=True)
        assert (result["id"], result["object"], result["created"]) == (one.response_id, "chat.completion.chunk", 5)
        assert (result["model"], result["system_fingerprint"]) == ("public", None)
    return chunks


def _holds_custom(raw: dict[str, Any]) -> bool:
    """openai-python's type of a call's delta knows functions only; its stream helper takes custom ones."""
    return any(
        call.get("type") == "custom" for choice in raw["choices"] for call in choice["delta"].get("tool_calls", ())
    )


def plain(*events: AnswerEvent, **fields: Any) -> dict[str, Any]:
    one = writer(stream=False, **fields)
    pieces = [one.write(event) for event in events]
    assert pieces[:-1] == [b""] * (len(pieces) - 1)
    body: dict[str, Any] = json.loads(pieces[-1])
    ChatCompletion.model_validate(body, strict=True)
    return body


def deltas(chunks: list[dict[str, Any]]) -> list[Any]:
    """What the only choice says, chunk by chunk: its delta, or why it is finished."""
    return [choice["finish_reason"] or choice["delta"] for entry in chunks for choice in entry["choices"]]


def message(*events: AnswerEvent, **fields: Any) -> dict[str, Any]:
    result: dict[str, Any] = plain(*events, ChoiceFinished("stop"), AnswerEnded(), **fields)["choices"][0]["message"]
    return result


def test_text() -> None:
    chunks = streamed(
        AnswerBegun("up", "vendor"), TextDelta("Hé"), TextDelta("llo"), ChoiceFinished("stop"), AnswerEnded(USAGE)
    )
    assert deltas(chunks) == [ROLE, {"content": "Hé"}, {"content": "llo"}, "stop"]
    assert all("usage" not in entry for entry in chunks)
    assert chunks[0] == {
        "id": f"chatcmpl-{SEED}",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "public",
        "service_tier": None,
        "system_fingerprint": None,
        "choices": [{"index": 0, "delta": ROLE, "logprobs": None, "finish_reason": None}],
    }


def test_plain_text_has_every_member() -> None:
    events = (
        AnswerBegun("up", "vendor", "default"),
        TextDelta("Hé"),
        TextDelta("llo"),
        ChoiceFinished("length"),
        AnswerEnded(USAGE),
    )
    assert plain(*events) == {
        "id": f"chatcmpl-{SEED}",
        "object": "chat.completion",
        "created": 5,
        "model": "public",
        "service_tier": "default",
        "system_fingerprint": None,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Héllo", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "usage": USAGE_OBJECT,
    }


def test_usage_that_was_asked_for_comes_last() -> None:
    chunks = streamed(AnswerBegun(), TextDelta("a"), ChoiceFinished("stop"), AnswerEnded(USAGE, "priority"), **INCLUDE)
    assert [entry["usage"] for entry in chunks] == [None, None, None, USAGE_OBJECT]
    assert (chunks[-1]["choices"], chunks[-1]["service_tier"]) == ([], "priority")


def test_usage_that_is_not_known_or_not_asked_for_is_not_told() -> None:
    assert len(streamed(AnswerBegun(), TextDelta("a"), ChoiceFinished("stop"), AnswerEnded(), **INCLUDE)) == 3
    for options in (None, {}, {"include_usage": False}):
        chunks = streamed(
            AnswerBegun(), TextDelta("a"), ChoiceFinished("stop"), AnswerEnded(USAGE), stream_options=options
        )
        assert [len(entry["choices"]) for entry in chunks] == [1, 1, 1]
    assert plain(AnswerBegun(), TextDelta("a"), ChoiceFinished("stop"), AnswerEnded())["usage"] is None


def test_a_tier_that_openai_does_not_know_is_not_told() -> None:
    assert streamed(AnswerBegun(service_tier="flex"), TextDelta("a"))[0]["service_tier"] == "flex"
    assert streamed(AnswerBegun(service_tier="standard"), TextDelta("a"))[0]["service_tier"] is None
    assert (
        plain(AnswerBegun(service_tier="flex"), ChoiceFinished("stop"), AnswerEnded(service_tier="odd"))["service_tier"]
        == "flex"
    )


def test_an_empty_answer_is_empty_text() -> None:
    assert deltas(streamed(AnswerBegun(), ChoiceFinished("content_filter"))) == [ROLE, "content_filter"]
    assert message(AnswerBegun())["content"] == ""


def test_choices_are_told_apart() -> None:
    events = (
        AnswerBegun(),
        TextDelta("b", 1),
        TextDelta("a"),
        ChoiceFinished("length", 1),
        TextDelta("c"),
        ChoiceFinished("stop"),
    )
    chunks = streamed(*events)
    assert [entry["choices"][0]["index"] for entry in chunks] == [1, 1, 0, 0, 1, 0, 0]
    choices = plain(*events, AnswerEnded())["choices"]
    assert [(one["index"], one["message"]["content"], one["finish_reason"]) for one in choices] == [
        (0, "ac", "stop"),
        (1, "b", "length"),
    ]


def test_a_refusal() -> None:
    events = (AnswerBegun(), RefusalDelta("I "), RefusalDelta("won't"))
    assert deltas(streamed(*events)) == [SILENT_ROLE, {"refusal": "I "}, {"refusal": "won't"}]
    assert message(*events) == {"role": "assistant", "content": None, "refusal": "I won't", "annotations": []}


def test_logprobs() -> None:
    one = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    two = one | {"token": "b", "bytes": [98]}
    events = (
        AnswerBegun(),
        TextDelta("a", logprobs=(one,)),
        TextDelta("b", logprobs=(two,)),
        ChoiceFinished("stop"),
        AnswerEnded(),
    )
    actual = [chunk["choices"][0]["logprobs"] for chunk in streamed(*events)]
    assert actual == [None, {"content": [one], "refusal": None}, {"content": [two], "refusal": None}, None]
    assert plain(*events)["choices"][0]["logprobs"] == {"content": [one, two], "refusal": None}


PARALLEL = (
    AnswerBegun(),
    TextDelta("Let me see."),
    CallBegun(0, "call_a", "f"),
    CallBegun(1, "call_b", "g"),
    CallDelta(0, '{"x":'),
    CallDelta(1, "{}"),
    CallDelta(0, "1}"),
    CallDone(0),
    CallDone(1),
    ChoiceFinished("tool_calls"),
)


def test_parallel_calls() -> None:
    def begun(index: int, call_id: str, name: str) -> dict[str, Any]:
        return {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}

    def more(index: int, text: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}

    assert deltas(streamed(*PARALLEL)) == [
        ROLE,
        {"content": "Let me see."},
        {"tool_calls": [begun(0, "call_a", "f")]},
        {"tool_calls": [begun(1, "call_b", "g")]},
        more(0, '{"x":'),
        more(1, "{}"),
        more(0, "1}"),
        "tool_calls",
    ]
    actual = plain(*PARALLEL, AnswerEnded())["choices"][0]
    assert actual["finish_reason"] == "tool_calls"
    assert actual["message"] == {
        "role": "assistant",
        "content": "Let me see.",
        "refusal": None,
        "annotations": [],
        "tool_calls": [
            {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"id": "call_b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }


def test_a_call_without_arguments_has_an_empty_object() -> None:
    events = (AnswerBegun(), CallBegun(0, "call_a", "f"), CallDone(0))
    assert deltas(streamed(*events))[-1] == {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
    actual = message(*events)
    assert actual["tool_calls"][0]["function"]["arguments"] == "{}"
    assert actual["content"] is None


def test_a_custom_call() -> None:
    events = (
        AnswerBegun(),
        CallBegun(0, "call_a", "sql", "custom"),
        CallDelta(0, "SELECT"),
        CallDelta(0, " 1"),
        CallDone(0),
    )
    first = {"index": 0, "id": "call_a", "type": "custom", "custom": {"name": "sql", "input": ""}}
    assert deltas(streamed(*events)) == [
        SILENT_ROLE,
        {"tool_calls": [first]},
        {"tool_calls": [{"index": 0, "custom": {"input": "SELECT"}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": " 1"}}]},
    ]
    call = {"id": "call_a", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    assert message(*events)["tool_calls"] == [call]
    joined: dict[object, object] = {}
    for delta in deltas(streamed(*events)):
        accumulate_delta(joined, delta)
    assert joined["tool_calls"] == [{"index": 0, **call}]


def test_a_custom_call_may_have_no_input() -> None:
    events = (AnswerBegun(), CallBegun(0, "call_a", "sql", "custom"), CallDone(0))
    assert len(streamed(*events)) == 2
    assert message(*events)["tool_calls"][0]["custom"] == {"name": "sql", "input": ""}


def test_a_request_of_the_old_kind_is_answered_in_kind() -> None:
    assert deltas(streamed(*PARALLEL, **FUNCTIONS)) == [
        ROLE,
        {"content": "Let me see."},
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"x":'}},
        {"function_call": {"arguments": "1}"}},
        "function_call",
    ]
    actual = plain(*PARALLEL, AnswerEnded(), **FUNCTIONS)["choices"][0]
    assert actual["finish_reason"] == "function_call"
    assert actual["message"]["function_call"] == {"name": "f", "arguments": '{"x":1}'}
    assert "tool_calls" not in actual["message"]


def test_a_request_of_the_old_kind_without_a_call() -> None:
    assert deltas(streamed(AnswerBegun(), TextDelta("a"), ChoiceFinished("stop"), **FUNCTIONS))[-1] == "stop"
    assert "function_call" not in message(AnswerBegun(), TextDelta("a"), **FUNCTIONS)


THOUGHT = (
    AnswerBegun(),
    ReasoningBegun(0),
    ReasoningDelta(0, "Hm"),
    ReasoningDelta(0, "m."),
    ReasoningDelta(0, "So", 1),
    ReasoningDone(0, seal("up", "one")),
)


def test_reasoning_is_told_by_paragraph() -> None:
    actual = deltas(streamed(*THOUGHT, TextDelta("Yes")))
    assert actual == [
        SILENT_ROLE,
        {"reasoning_content": "Hm"},
        {"reasoning_content": "m."},
        {"reasoning_content": "\n\nSo"},
        {"content": "Yes"},
    ]
    assert message(*THOUGHT, TextDelta("Yes")) == {
        "role": "assistant",
        "content": "Yes",
        "refusal": None,
        "reasoning_content": "Hmm.\n\nSo",
        "annotations": [],
    }


def test_sealed_reasoning_rides_in_the_next_call() -> None:
    events = (*THOUGHT, CallBegun(1, "call_a", "f"), CallBegun(2, "call_b", "g"), CallDone(1), CallDone(2))
    first, second = message(*events)["tool_calls"]
    assert first["extra_content"] == {"realrouter": {"reasoning": seal("up", "one")}}
    assert "extra_content" not in second
    begun = [entry["tool_calls"][0] for entry in deltas(streamed(*events)) if "tool_calls" in entry]
    assert [call.get("extra_content") for call in begun] == [first["extra_content"], None, None, None]


def test_several_sealed_thoughts_ride_together() -> None:
    more = (ReasoningBegun(1), ReasoningDone(1, seal("up", "two")), ReasoningBegun(2), ReasoningDone(2))
    events = (*THOUGHT, *more, CallBegun(3, "call_a", "f"), CallDone(3))
    extra = {"realrouter": {"reasoning": [seal("up", "one"), seal("up", "two")]}}
    assert message(*events)["tool_calls"][0]["extra_content"] == extra
    assert message(*events, **FUNCTIONS)["function_call"]["extra_content"] == extra


def test_sealed_reasoning_before_the_text_says_so() -> None:
    after = (ReasoningBegun(1), ReasoningDone(1, seal("up", "two")))
    one, two = CallBegun(2, "call_a", "f"), CallBegun(3, "call_b", "g")
    calls = message(*THOUGHT, TextDelta("So: "), *after, one, two, CallDone(2), CallDone(3))["tool_calls"]
    own = {"reasoning": [seal("up", "one"), seal("up", "two")], "before_text": 1}
    assert [call.get("extra_content") for call in calls] == [{"realrouter": own}, None]
    late = message(AnswerBegun(), one, *THOUGHT[1:], TextDelta("Then"), two, CallDone(2), CallDone(3))["tool_calls"]
    assert late[1]["extra_content"] == {"realrouter": {"reasoning": seal("up", "one")}}


def test_sealed_reasoning_stays_in_its_choice() -> None:
    events = (*THOUGHT, CallBegun(1, "call_b", "g", choice=1), CallDone(1))
    choices = plain(*events, ChoiceFinished("stop"), ChoiceFinished("tool_calls", 1), AnswerEnded())["choices"]
    assert "extra_content" not in choices[1]["message"]["tool_calls"][0]


def cited(start: int, end: int, url: str = "https://a.example/") -> dict[str, Any]:
    place = {"start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": {**place, "title": "A", "url": url}}


def test_citations_come_once_before_the_finish() -> None:
    events = (
        AnswerBegun(),
        SearchBegun(0),
        SearchDone(0, {"type": "search"}),
        TextDelta("One "),
        CitationAdded("https://a.example/", "A", 0, 3),
        TextDelta("two"),
        CitationAdded("https://b.example/", "A", 4, 7),
    )
    both = [cited(0, 3), cited(4, 7, "https://b.example/")]
    chunks = streamed(*events, ChoiceFinished("stop"))
    assert deltas(chunks) == [SILENT_ROLE, {"content": "One "}, {"content": "two"}, {"annotations": both}, "stop"]
    assert message(*events)["annotations"] == both


@pytest.mark.parametrize("between", [(CallBegun(1, "call_a", "f"), CallDone(1)), (ReasoningBegun(1), ReasoningDone(1))])
def test_citations_of_a_later_message_count_from_the_first(between: tuple[AnswerEvent, ...]) -> None:
    events = (
        AnswerBegun(),
        TextDelta("Grüße. "),
        *between,
        TextDelta("Two"),
        CitationAdded("https://a.example/", "A", 0, 3),
    )
    assert message(*events)["annotations"] == [cited(7, 10)]


def test_images_come_whole() -> None:
    events = (
        AnswerBegun(),
        ImageBegun(0),
        ImagePartial(0, "cGFydA==", 0),
        ImageDone(0, "b25l"),
        ImageBegun(1),
        ImageDone(1, "dHdv", {"output_format": "webp"}),
    )
    images = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,b25l"}},
        {"type": "image_url", "image_url": {"url": "data:image/webp;base64,dHdv"}},
    ]
    assert deltas(streamed(*events, ChoiceFinished("stop"))) == [SILENT_ROLE, {"images": images, "content": ""}, "stop"]
    actual = message(*events)
    assert (actual["images"], actual["content"]) == (images, "")


def test_a_failure_is_an_error_where_a_chunk_would_be() -> None:
    error = {"message": "gone", "type": "server_error", "param": None, "code": "overloaded"}
    actual = writer(stream=True).failure(message="gone", type="server_error", code="overloaded")
    assert payloads(actual) == [{"error": error}]
    assert actual.endswith(b"\n\n")
    body = writer(stream=False).failure(message="gone", type="server_error", code="overloaded")
    assert json.loads(body) == {"error": error}


def whole_by_client(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """What OpenAI's own helper makes of a stream."""
    state = ChatCompletionStreamState()
    for result in chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate(result))
    return state.get_final_completion().to_dict(exclude_unset=False)


def same(stream: dict[str, Any], body: dict[str, Any]) -> None:
    """Null and absent are the same, as are calls with and without their index."""
    assert _without_nulls(stream["choices"]) == _without_nulls(body["choices"])
    assert _without_nulls(stream["usage"]) == _without_nulls(body["usage"])


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        hidden = ("parsed", "parsed_arguments") + (("index",) if "function" in value or "custom" in value else ())
        return {
            name: _without_nulls(inner)
            for name, inner in value.items()
            if name not in hidden and inner is not None and inner != []
        }
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


text = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=5)
pieces = st.one_of(
    st.tuples(st.just("say"), text),
    st.tuples(st.just("refuse"), text),
    st.tuples(st.just("think"), text),
    st.tuples(st.just("call"), st.lists(text, max_size=3).map(tuple)),
    st.tuples(st.just("cite"), text),
    st.tuples(st.just("draw"), text),
)


def events_of(script: list[tuple[str, Any]]) -> list[AnswerEvent]:
    events: list[AnswerEvent] = []
    for key, (kind, value) in enumerate(script):
        match kind:
            case "say":
                events.append(TextDelta(value))
            case "refuse":
                events.append(RefusalDelta(value))
            case "think":
                events += [ReasoningBegun(key), ReasoningDelta(key, value), ReasoningDone(key, seal("up", value))]
            case "call":
                deltas = [CallDelta(key, piece) for piece in value]
                events += [CallBegun(key, f"call_{key}", "f"), *deltas, CallDone(key)]
            case "cite":
                events.append(CitationAdded(value, "A", 0, 0))
            case _:
                events += [ImageBegun(key), ImageDone(key, value)]
    return [AnswerBegun(), *events, ChoiceFinished("stop"), AnswerEnded(USAGE)]


@given(st.lists(pieces, max_size=8), st.booleans())
def test_openais_client_makes_the_plain_answer_of_a_stream(script: list[tuple[str, Any]], legacy: bool) -> None:
    fields = INCLUDE | (FUNCTIONS if legacy else {})
    events = events_of(script)
    same(whole_by_client(streamed(*events, **fields)), plain(*events, **fields))
