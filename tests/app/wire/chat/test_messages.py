"""Chat messages read into items of a conversation."""

from __future__ import annotations

from typing import Any

import pytest

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
)
from app.wire.tags import seal
from tests.support.wire.chat.chat_requests import assistant, items, refused


def parts(*content: Any) -> tuple[Part, ...]:
    (message,) = items({"role": "user", "content": list(content)})
    assert isinstance(message, Message)
    return message.parts


def function_call(call_id: str = "a", arguments: str = "{}", **members: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": arguments}, **members}


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_roles(role: str) -> None:
    (one,) = items({"role": role, "content": "a", "name": "n"})
    assert one == Message(role, (Text("a", "messages[0].content"),), "n", "messages[0]")  # type: ignore[arg-type]
    (two,) = items({"role": role, "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})
    assert isinstance(two, Message)
    assert two.parts == (Text("a", "messages[0].content[0]"), Text("b", "messages[0].content[1]"))


AT = "messages[0].content[0]"


@pytest.mark.parametrize(
    ("raw", "image"),
    [
        ({"url": "https://a.example/x.png"}, Image(url="https://a.example/x.png", at=AT)),
        (
            {"url": "https://a.example/x.png", "detail": "original"},
            Image(url="https://a.example/x.png", detail="original", at=AT),
        ),
        (
            {"url": "data:image/png;base64,QUJD", "detail": "low"},
            Image(data="QUJD", media_type="image/png", detail="low", at=AT),
        ),
        ({"url": "DATA:Image/WebP;q=1;BASE64,QUJD"}, Image(data="QUJD", media_type="image/webp", at=AT)),
    ],
)
def test_images(raw: Any, image: Image) -> None:
    assert parts({"type": "image_url", "image_url": raw}) == (image,)


@pytest.mark.parametrize(
    ("raw", "file"),
    [
        ({"file_id": "file-1"}, File(data="JVBERi0=", media_type="application/pdf", filename="a.pdf", at=AT)),
        (
            {"file_id": "file-1", "filename": "b.pdf"},
            File(data="JVBERi0=", media_type="application/pdf", filename="b.pdf", at=AT),
        ),
        ({"file_data": "JVBERi0="}, File(data="JVBERi0=", media_type="application/pdf", at=AT)),
        (
            {"file_data": "data:application/x;base64,QUJD", "filename": "c"},
            File(data="QUJD", media_type="application/x", filename="c", at=AT),
        ),
    ],
)
def test_files(raw: Any, file: File) -> None:
    assert parts({"type": "file", "file": raw}) == (file,)


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png"}}, f"{AT}.image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, f"{AT}.image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:;base64,QUJD"}}, f"{AT}.image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:" + "x" * 300}}, f"{AT}.image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:text/html;base64,QUJD"}}, f"{AT}.image_url.url"),
        ({"type": "image_url", "image_url": {"url": "https://a.example/", "detail": "huge"}}, f"{AT}.image_url.detail"),
        ({"type": "file", "file": {}}, f"{AT}.file"),
        ({"type": "file", "file": {"file_id": "file-1", "file_data": "QUJD"}}, f"{AT}.file"),
        ({"type": "file", "file": {"file_data": ""}}, f"{AT}.file.file_data"),
        ({"type": "file", "file": {"file_data": "data:x"}}, f"{AT}.file.file_data"),
        ({"type": "file", "file": {"file_id": "file-2"}}, f"{AT}.file.file_id"),
        ({"type": "refusal", "refusal": "no"}, f"{AT}.type"),
        ({"type": "video_url"}, f"{AT}.type"),
    ],
)
def test_invalid_parts_are_rejected(part: Any, param: str) -> None:
    assert refused(messages=[{"role": "user", "content": [part]}]) == (param, "invalid_value")


def test_audio_is_rejected_by_name() -> None:
    actual = {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}
    assert refused(messages=[{"role": "user", "content": [actual]}]) == (AT, "unsupported_parameter")
    spoken = {"role": "assistant", "audio": {"id": "audio_1"}}
    assert refused(messages=[spoken]) == ("messages[0].audio", "unsupported_parameter")


def test_calls_and_their_outputs() -> None:
    custom = {"id": "b", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    actual = items(
        {"role": "assistant", "content": "Let me see.", "tool_calls": [function_call(index=0), custom]},
        {"role": "tool", "tool_call_id": "b", "content": "1"},
        {"role": "tool", "tool_call_id": "a", "name": "f", "content": [{"type": "text", "text": "2"}]},
    )
    assert actual == [
        Message("assistant", (Text("Let me see.", "messages[0].content"),), at="messages[0]"),
        FunctionCall("a", "f", "{}", "messages[0].tool_calls[0]"),
        CustomCall("b", "sql", "SELECT 1", "messages[0].tool_calls[1]"),
        CustomCallOutput("b", (Text("1", "messages[1].content"),), "messages[1]"),
        FunctionCallOutput("a", (Text("2", "messages[2].content[0]"),), "messages[2]"),
    ]


@pytest.mark.parametrize("content", [None, "", [{"type": "text", "text": ""}]])
def test_an_empty_text_along_with_calls_is_ignored(content: Any) -> None:
    assert [type(item) for item in assistant(content=content, tool_calls=[function_call()])] == [FunctionCall]


def test_an_empty_text_alone_is_a_message() -> None:
    assert assistant(content="") == [Message("assistant", (Text("", "messages[0].content"),), at="messages[0]")]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"refusal": "no"}, (Refusal("no", "messages[0].refusal"),)),
        ({"refusal": "no", "content": ""}, (Refusal("no", "messages[0].refusal"),)),
        ({"content": [{"type": "refusal", "refusal": "no"}]}, (Refusal("no", AT),)),
        ({"content": "a", "refusal": "no"}, (Text("a", "messages[0].content"), Refusal("no", "messages[0].refusal"))),
    ],
)
def test_refusals(members: dict[str, Any], expected: tuple[Part, ...]) -> None:
    assert assistant(**members) == [Message("assistant", expected, at="messages[0]")]


AT_CALL = "messages[0].tool_calls[0]"
WHERE = "messages[0].tool_calls[0].extra_content"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (None, []),
        ({}, []),
        ({"realrouter": {}}, []),
        ({"realrouter": {"reasoning": seal("up", "x")}}, [seal("up", "x")]),
        (
            {"realrouter": {"reasoning": [seal("up", "x"), seal("up", "y")]}, "google": {"thought_signature": "c2ln"}},
            [seal("up", "x"), seal("up", "y")],
        ),
        ({"google": {"thought_signature": "c2ln"}}, ["c2ln"]),
        ({"google": {}}, []),
    ],
)
def test_sealed_reasoning_comes_before_its_call(extra: Any, expected: list[str]) -> None:
    actual = assistant(tool_calls=[function_call(extra_content=extra)])
    assert actual[:-1] == [Reasoning(sealed=sealed, at=WHERE) for sealed in expected]
    assert isinstance(actual[-1], FunctionCall)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (-1, [Message, Reasoning, Reasoning, FunctionCall]),
        (0, [Message, Reasoning, Reasoning, FunctionCall]),
        (1, [Reasoning, Message, Reasoning, FunctionCall]),
        (2, [Reasoning, Reasoning, Message, FunctionCall]),
        (9, [Reasoning, Reasoning, Message, FunctionCall]),
    ],
)
def test_sealed_reasoning_returns_to_its_place(before: int, expected: list[type[Item]]) -> None:
    extra = {"realrouter": {"reasoning": [seal("up", "x"), seal("up", "y")], "before_text": before}}
    actual = assistant(content="a", tool_calls=[function_call(extra_content=extra)])
    assert [type(item) for item in actual] == expected
    assert [item.sealed for item in actual if isinstance(item, Reasoning)] == [seal("up", "x"), seal("up", "y")]
    old = {"name": "f", "arguments": "{}", "extra_content": extra}
    assert [type(item) for item in assistant(content="a", function_call=old)] == expected


def test_reasoning_comes_before_the_text() -> None:
    actual = assistant(content="a", reasoning_content="Hm", tool_calls=[function_call()])
    assert actual[0] == Reasoning(content=("Hm",), at="messages[0].reasoning_content")
    assert [type(item) for item in actual] == [Reasoning, Message, FunctionCall]
    assert [type(item) for item in assistant(reasoning_content="Hm")] == [Reasoning]


def test_images_of_earlier_answers() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/webp;base64,QUJD"}}
    assert assistant(content="", images=[image]) == [
        ImageGenerationCall("ig_0_0", "QUJD", "image/webp", "messages[0].images[0]")
    ]
    image["image_url"] = {"url": "https://a.example/x.png"}
    param = "messages[0].images[0].image_url.url"
    assert refused(messages=[{"role": "assistant", "images": [image]}]) == (param, "invalid_value")


def test_legacy_functions() -> None:
    def called(name: str, **members: Any) -> dict[str, Any]:
        return {"role": "assistant", "content": None, "function_call": {"name": name, "arguments": "{}", **members}}

    actual = items(
        called("f"),
        called("g", extra_content={"realrouter": {"reasoning": seal("up", "x")}}),
        called("f"),
        {"role": "function", "name": "f", "content": "1"},
        {"role": "function", "name": "g", "content": None},
        {"role": "function", "name": "f", "content": "3"},
    )
    assert actual == [
        FunctionCall("call_function_0", "f", "{}", "messages[0].function_call"),
        Reasoning(sealed=seal("up", "x"), at="messages[1].function_call.extra_content"),
        FunctionCall("call_function_1", "g", "{}", "messages[1].function_call"),
        FunctionCall("call_function_2", "f", "{}", "messages[2].function_call"),
        FunctionCallOutput("call_function_0", (Text("1", "messages[3].content"),), "messages[3]"),
        FunctionCallOutput("call_function_1", (Text("", "messages[4].content"),), "messages[4]"),
        FunctionCallOutput("call_function_2", (Text("3", "messages[5].content"),), "messages[5]"),
    ]


@pytest.mark.parametrize(
    ("message", "param", "code"),
    [
        (5, "messages[0]", "invalid_type"),
        ({}, "messages[0].role", "missing_required_parameter"),
        ({"role": "critic"}, "messages[0].role", "invalid_value"),
        ({"role": 5}, "messages", "invalid_value"),
        ({"role": "user"}, "messages[0].content", "missing_required_parameter"),
        ({"role": "user", "content": None}, "messages[0].content", "invalid_type"),
        ({"role": "user", "content": []}, "messages[0].content", "empty_array"),
        ({"role": "user", "content": ["a"]}, "messages[0].content[0]", "invalid_type"),
        ({"role": "user", "content": [{"text": "a"}]}, "messages[0].content[0].type", "missing_required_parameter"),
        ({"role": "user", "content": [{"type": "text", "text": 5}]}, "messages[0].content[0].text", "invalid_type"),
        (
            {"role": "user", "content": [{"type": "text", "text": "a", "cache_hint": {}}]},
            "messages[0].content[0].cache_hint",
            "unknown_parameter",
        ),
        ({"role": "user", "content": "a", "weight": 1}, "messages[0].weight", "unknown_parameter"),
        (
            {"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://a.example/"}}]},
            "messages[0].content[0].type",
            "invalid_value",
        ),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, AT_CALL + ".function", "missing_required_parameter"),
        ({"role": "assistant", "content": [{"type": "text"}]}, "messages[0].content[0].text", "invalid_type"),
        ({"role": "assistant", "content": [{"type": "video_url"}]}, "messages[0].content[0].type", "invalid_value"),
        ({"role": "assistant", "tool_calls": [5]}, "messages[0].tool_calls[0]", "invalid_type"),
        (
            {"role": "assistant", "tool_calls": [{"type": "function", "id": "a"}]},
            "messages[0].tool_calls[0].function",
            "missing_required_parameter",
        ),
        (
            {"role": "assistant", "tool_calls": [function_call(extra_content={"realrouter": {"reasoning": 1}})]},
            "messages[0].tool_calls[0].extra_content.realrouter.reasoning",
            "invalid_type",
        ),
        ({"role": "tool", "tool_call_id": "z", "content": "a"}, "messages[0].tool_call_id", "invalid_value"),
        ({"role": "tool", "content": "a"}, "messages[0].tool_call_id", "missing_required_parameter"),
        ({"role": "function", "name": "f", "content": "a"}, "messages[0].name", "invalid_value"),
    ],
)
def test_invalid_messages_are_rejected(message: Any, param: str, code: str) -> None:
    assert refused(messages=[message]) == (param, code)


RETURNED: list[tuple[str, dict[str, Any]]] = [
    ("vLLM", {"content": "x", "reasoning": "t", "refusal": None, "annotations": None, "audio": None, "tool_calls": []}),
    ("vLLM", {"content": "x", "function_call": None, "stop_reason": None, "token_ids": None, "prompt_logprobs": None}),
    ("OpenRouter", {"content": "x", "reasoning": "t", "reasoning_details": [{"type": "reasoning.text"}], "images": []}),
    ("DeepSeek", {"content": "x", "reasoning_content": "t", "prefix": False, "tool_calls": None}),
    ("Moonshot", {"content": "x", "partial": True, "name": ""}),
    (
        "OpenAI's SDK",
        {"content": "x", "parsed": {"a": 1}, "refusal": "", "annotations": [1], "id": "msg_1", "index": 0},
    ),
    ("Gemini", {"content": "x", "extra_content": {"google": {"thought": True}}}),
    ("Groq", {"content": "x", "executed_tools": [{"type": "search"}], "reasoning": ["t"], "channel": "final"}),
]


@pytest.mark.parametrize("members", [members for _, members in RETURNED], ids=[server for server, _ in RETURNED])
def test_a_message_of_any_server_is_read(members: dict[str, Any]) -> None:
    said = [item for item in assistant(**members) if not isinstance(item, Reasoning)]
    assert said == [Message("assistant", (Text("x", "messages[0].content"),), at="messages[0]")]


def test_the_reasoning_of_a_message_is_read_once() -> None:
    assert assistant(reasoning="t") == [Reasoning(content=("t",), at="messages[0].reasoning")]
    assert assistant(reasoning="t", reasoning_content="t") == [
        Reasoning(content=("t",), at="messages[0].reasoning_content")
    ]


def test_the_thinking_in_a_content_is_left_out() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "t"}], "closed": True}
    content = [thinking, {"type": "text", "text": "x", "annotations": []}, {"type": "reference", "reference_ids": [1]}]
    (message,) = assistant(content=content)
    assert message == Message("assistant", (Text("x", "messages[0].content[1]"),), at="messages[0]")


@pytest.mark.parametrize("members", [{}, {"content": None, "tool_calls": []}, {"content": [], "refusal": ""}])
def test_a_message_without_any_content_is_left_out(members: dict[str, Any]) -> None:
    user = {"role": "user", "content": "a"}
    assert len(items(user, {"role": "assistant", **members}, user)) == 2


def test_the_content_of_a_message_must_be_content() -> None:
    assert refused(messages=[{"role": "assistant", "content": [{"type": "input_audio"}]}])[0] == AT


@pytest.mark.parametrize(
    ("arguments", "expected"), [('{"a": 1}', '{"a": 1}'), ({"a": 1}, '{"a":1}'), (None, ""), ("", "")]
)
def test_a_call_of_any_server_is_read(arguments: Any, expected: str) -> None:
    function = {"name": "f", "arguments": arguments, "parsed_arguments": None}
    call = {"id": "a", "index": 0, "function": function, "extra_content": {"google": {"x": 1}}, "custom": None}
    for members in (call, call | {"type": "function"}, call | {"type": None}):
        assert assistant(tool_calls=[members]) == [FunctionCall("a", "f", expected, AT_CALL)]


def test_unknown_members_of_the_clients_own_messages_are_rejected() -> None:
    for role in ("user", "system", "developer"):
        assert refused(messages=[{"role": role, "content": "x", "reasoning": "t"}]) == (
            "messages[0].reasoning",
            "invalid_type",
        )
        assert refused(messages=[{"role": role, "content": "x", "parsed": None}]) == (
            "messages[0].parsed",
            "unknown_parameter",
        )


@pytest.mark.parametrize("role", ["system", "developer", "user"])
def test_null_members_of_other_roles_are_absent(role: str) -> None:
    """Clients with one type for all messages send all of its members."""
    names = ("name", "tool_calls", "function_call", "refusal", "audio", "annotations", "reasoning", "reasoning_content")
    nulls = dict.fromkeys((*names, "tool_call_id"))
    plain = {"role": role, "content": "a"}
    assert items({**plain, **nulls}) == items(plain)


@pytest.mark.parametrize("answer", [{"role": "function", "name": "f"}, {"role": "tool", "tool_call_id": "a"}])
def test_a_call_in_both_spellings_is_one_call_that_either_spelling_answers(answer: dict[str, Any]) -> None:
    called = {"role": "assistant", "tool_calls": [function_call()], "function_call": {"name": "f", "arguments": "{}"}}
    call, output = items(called, {**answer, "content": "x"})
    assert isinstance(call, FunctionCall)
    assert isinstance(output, FunctionCallOutput)
    assert call.call_id == output.call_id == "a"
