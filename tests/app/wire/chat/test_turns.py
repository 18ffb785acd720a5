"""Items of a conversation written as chat messages."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.wire.answer import ReasoningDone
from app.wire.canonical import (
    CustomCall,
    CustomCallOutput,
    File,
    FunctionCall,
    FunctionCallOutput,
    Image,
    ImageGenerationCall,
    Item,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    WebSearchCall,
)
from app.wire.chat.answer_reader import ChatAnswerReader
from app.wire.tags import seal
from tests.support.wire.chat.chat_bodies import HI, TARGET, make_request, refused, written


def messages(*items: Item) -> list[Any]:
    result: list[Any] = written(make_request(*items))["messages"]
    return result


def test_instructions_come_first() -> None:
    actual = written(make_request(Message("developer", (Text("b"),), "n"), HI, instructions="a"))["messages"]
    assert actual == [
        {"role": "system", "content": "a"},
        {"role": "system", "content": "b", "name": "n"},
        {"role": "user", "content": "hi"},
    ]


def test_parts_of_a_user() -> None:
    parts: tuple[Part, ...] = (
        Text("a"),
        Image(url="https://a.example/x", detail="low"),
        Image(data="QUJD", media_type="image/webp"),
        Image(data="QUJD"),
        File(data="QUJD", media_type="application/pdf", filename="a.pdf"),
        File(data="QUJD"),
    )
    assert messages(Message("user", parts)) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "https://a.example/x", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "data:image/webp;base64,QUJD"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD"}},
            ],
        }
    ]


CLOSED = msgspec.structs.replace(TARGET, fetches_urls=False)


@pytest.mark.parametrize("at", ["input[0].content[0]", ""])
def test_unsupported_content_is_rejected_by_its_path(at: str) -> None:
    param = at or "input"
    link, file = Image(url="https://a.example/x", at=at), File(url="https://a.example/x", at=at)
    assert refused(make_request(Message("user", (link,))), CLOSED) == param
    assert refused(make_request(Message("user", (file,)))) == param
    assert refused(make_request(Message("system", (Image(data="QUJD", at=at),)))) == param
    assert refused(make_request(FunctionCallOutput("a", (Text("a"), Image(data="QUJD", at=at))))) == param
    assert refused(make_request(CustomCallOutput("a", (File(data="QUJD", at=at),)))) == param
    assert refused(make_request(ImageGenerationCall("ig_1", "QUJD", at=at))) == param


def assistant(*parts: Part) -> Message:
    return Message("assistant", parts)


def call(call_id: str, **members: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}, **members}


def test_calls_of_one_turn_are_one_message() -> None:
    actual = messages(
        HI,
        assistant(Text("Let me see.")),
        FunctionCall("a", "f", "{}"),
        CustomCall("b", "sql", "SELECT 1"),
        FunctionCallOutput("a", (Text("1"),)),
        CustomCallOutput("b", (Text("2"), Text("3"))),
        FunctionCall("c", "f", "{}"),
        FunctionCallOutput("c", ()),
        assistant(Text("Done.")),
    )
    custom = {"id": "b", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    assert actual == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call("a"), custom]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {
            "role": "tool",
            "tool_call_id": "b",
            "content": [{"type": "text", "text": "2"}, {"type": "text", "text": "3"}],
        },
        {"role": "assistant", "content": None, "tool_calls": [call("c")]},
        {"role": "tool", "tool_call_id": "c", "content": ""},
        {"role": "assistant", "content": "Done."},
    ]


def test_text_after_calls_is_placed_before_them() -> None:
    actual = messages(FunctionCall("a", "f", "{}"), assistant(Text("One")), FunctionCallOutput("a", (Text("1"),)))
    assert actual[0] == {"role": "assistant", "content": "One", "tool_calls": [call("a")]}


def test_two_messages_of_the_assistant_stay_two() -> None:
    actual = messages(assistant(Text("One")), WebSearchCall("ws_1"), Message("assistant", (Text("Two"),), "n"))
    assert actual == [
        {"role": "assistant", "content": "One"},
        {"role": "assistant", "content": "Two", "name": "n"},
    ]


def test_refusals() -> None:
    assert messages(assistant(Refusal("no"))) == [{"role": "assistant", "content": None, "refusal": "no"}]
    both = [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}]
    assert messages(assistant(Text("a"), Refusal("no"))) == [{"role": "assistant", "content": both}]


def sealed(members: Any, upstream: str = "up") -> Reasoning:
    return Reasoning(content=("shown",), sealed=seal(upstream, json.dumps(members)))


def test_reasoning_goes_back_to_its_own_upstream() -> None:
    actual = messages(
        sealed({"reasoning_content": "Hm"}),
        sealed({"reasoning_content": "m", "extra_content": {"x": 1}}),
        FunctionCall("a", "f", "{}"),
        FunctionCall("b", "f", "{}"),
    )
    assert actual == [
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "Hmm",
            "tool_calls": [call("a", extra_content={"x": 1}), call("b")],
        }
    ]


def test_reasoning_goes_with_what_follows_it() -> None:
    one, two = sealed({"reasoning": "One"}), sealed({"reasoning": "Two", "extra_content": {"x": 1}})
    actual = messages(one, assistant(Text("A")), two, assistant(Text("B")), FunctionCall("a", "f", "{}"))
    assert actual == [
        {"role": "assistant", "content": "A", "reasoning": "One"},
        {"role": "assistant", "content": "B", "reasoning": "Two", "tool_calls": [call("a", extra_content={"x": 1})]},
    ]


@pytest.mark.parametrize(
    "item",
    [
        Reasoning(summary=("a",), content=("b",)),
        Reasoning(sealed="c2ln"),
        sealed({"reasoning": "Hm"}, "other"),
        sealed([1]),
        sealed({"reasoning": 5, "extra_content": [1]}),
        Reasoning(sealed=seal("up", "no json")),
    ],
)
def test_other_reasoning_is_left_out(item: Reasoning) -> None:
    assert messages(item, FunctionCall("a", "f", "{}")) == [
        {"role": "assistant", "content": None, "tool_calls": [call("a")]}
    ]


def test_reasoning_alone_is_not_a_message() -> None:
    assert messages(HI, sealed({"reasoning": "Hm"}), HI) == [{"role": "user", "content": "hi"}] * 2


def test_a_conversation_without_a_message_is_rejected() -> None:
    assert refused(make_request(WebSearchCall("ws_1"), Reasoning(summary=("a",)))) == "input"


def test_reasoning_sealed_by_the_reader_is_written_back() -> None:
    extra = {"google": {"thought_signature": "c2ln"}}
    said = {
        "reasoning": "Hm",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": extra}
        ],
    }
    answer = {"choices": [{"index": 0, "message": said, "finish_reason": "tool_calls"}]}
    events = ChatAnswerReader(make_request(), TARGET).whole(json.dumps(answer).encode())
    (done,) = (event for event in events if isinstance(event, ReasoningDone))
    actual = messages(Reasoning(sealed=done.sealed), FunctionCall("a", "f", "{}"))
    assert actual == [{"role": "assistant", "content": None, **said}]


def test_outputs_come_right_after_their_calls() -> None:
    """OpenAI refuses a message between them. The output of an earlier turn's call keeps its place."""
    calls = (FunctionCall("a", "f", "{}"), FunctionCall("b", "f", "{}"))
    first, second = FunctionCallOutput("a", (Text("1"),)), FunctionCallOutput("b", (Text("2"),))
    made = messages(HI, *calls, first, HI, second, HI)
    assert [message["role"] for message in made] == ["user", "assistant", "tool", "tool", "user", "user"]
    assert [message.get("tool_call_id") for message in made[2:4]] == ["a", "b"]
    late = messages(HI, calls[0], HI, calls[1], second, first)
    assert [message.get("tool_call_id") for message in late[-2:]] == ["b", "a"]
