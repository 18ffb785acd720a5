from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire.canonical import (
    CanonicalRequest,
    CustomCall,
    CustomCallOutput,
    CustomTool,
    File,
    FunctionCall,
    FunctionCallOutput,
    FunctionTool,
    Hints,
    Image,
    ImageGenerationCall,
    ImageTool,
    Item,
    Message,
    Part,
    Place,
    Reasoning,
    Refusal,
    Text,
    TextFormat,
    Tool,
    ToolChoice,
    ToolName,
    WebSearchTool,
)
from app.wire.chat.request_reader import KNOWN, UNSUPPORTED, read_chat_request
from app.wire.exchange import RequestError
from app.wire.file_ref import StoredFile
from app.wire.request import read_body
from app.wire.tags import seal

USER: dict[str, Any] = {"role": "user", "content": "hi"}
STORED = {"file-1": StoredFile("application/pdf", "a.pdf", "JVBERi0=", 5, 1)}
FUNCTION = {"type": "function", "function": {"name": "f"}}
CUSTOM = {"type": "custom", "custom": {"name": "sql"}}


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER], **members}).encode()


def make_request(**members: Any) -> CanonicalRequest:
    return read_chat_request(read_body(body(**members)), STORED)


def items(*messages: Any) -> list[Item]:
    return list(make_request(messages=list(messages)).items)


def parts(*content: Any) -> tuple[Part, ...]:
    (message,) = items({"role": "user", "content": list(content)})
    assert isinstance(message, Message)
    return message.parts


def assistant(**members: Any) -> list[Item]:
    return items({"role": "assistant", **members})


def refused(**members: Any) -> tuple[str | None, str | None]:
    with pytest.raises(RequestError) as caught:
        make_request(**members)
    assert caught.value.status == 400
    return caught.value.param, caught.value.code


def function_call(call_id: str = "a", arguments: str = "{}", **members: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": arguments}, **members}


def test_a_minimal_request_says_nothing_else() -> None:
    message = Message("user", (Text("hi", "messages[0].content"),), at="messages[0]")
    assert make_request() == CanonicalRequest(endpoint="chat", model="m", items=(message,))


def test_a_full_request() -> None:
    actual = make_request(
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        store=True,
        n=3,
        max_completion_tokens=50,
        temperature=0,
        top_p=0.5,
        presence_penalty=-2,
        frequency_penalty=2.0,
        seed=-7,
        stop=["a", "b"],
        logprobs=True,
        top_logprobs=4,
        logit_bias={"50256": -100},
        reasoning_effort="xhigh",
        response_format={"type": "json_object"},
        verbosity="low",
        parallel_tool_calls=False,
        service_tier="auto",
        modalities=["text"],
        metadata={"a": "b"},
        user="u",
        safety_identifier="s",
        prompt_cache_key="k",
        prompt_cache_retention="24h",
    )
    assert actual == CanonicalRequest(
        endpoint="chat",
        model="m",
        items=actual.items,
        stream=True,
        choices=3,
        parallel_tool_calls=False,
        max_output_tokens=50,
        temperature=0,
        top_p=0.5,
        presence_penalty=-2,
        frequency_penalty=2,
        seed=-7,
        stop=("a", "b"),
        logprobs=4,
        logit_bias={"50256": -100},
        effort="xhigh",
        format=TextFormat("json_object"),
        verbosity="low",
        service_tier="auto",
        hints=Hints({"a": "b"}, "u", "s", "k", "24h"),
    )


def test_null_is_the_same_as_absent() -> None:
    nulls = dict.fromkeys({*KNOWN, *UNSUPPORTED} - {"model", "messages"})
    assert make_request(**nulls) == make_request()
    nothing: dict[str, Any] = {
        "refusal": None,
        "tool_calls": None,
        "function_call": None,
        "audio": None,
        "annotations": [],
    }
    assert assistant(content="a", **nothing) == assistant(content="a")


@pytest.mark.parametrize(
    ("members", "limit"),
    [({"max_tokens": 7}, 7), ({"max_completion_tokens": 8}, 8), ({"max_tokens": 9, "max_completion_tokens": 9}, 9)],
)
def test_output_limits(members: dict[str, Any], limit: int) -> None:
    assert make_request(**members).max_output_tokens == limit


@pytest.mark.parametrize(
    ("members", "logprobs"),
    [({"logprobs": True}, 0), ({"logprobs": True, "top_logprobs": 0}, 0), ({"logprobs": False}, None), ({}, None)],
)
def test_logprobs(members: dict[str, Any], logprobs: int | None) -> None:
    assert make_request(**members).logprobs == logprobs


def test_one_stop() -> None:
    assert make_request(stop="a").stop == ("a",)


SCHEMA = {"type": "object", "properties": {"x": {"type": ["string", "null"]}}}


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        ({"type": "text"}, TextFormat("text")),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, TextFormat("json_schema", "n")),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": SCHEMA, "strict": True}},
            TextFormat("json_schema", "n", "d", SCHEMA, True),
        ),
    ],
)
def test_formats(raw: Any, form: TextFormat) -> None:
    assert make_request(response_format=raw).format == form


# -- Messages -------------------------------------------------------------------------------------------------------------


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
        ({"type": "image_url", "image_url": {"url": "data:image/png,x"}}, f"{AT}.image_url.url"),
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
def test_parts_that_are_wrong(part: Any, param: str) -> None:
    assert refused(messages=[{"role": "user", "content": [part]}]) == (param, "invalid_value")


def test_audio_is_refused_by_name() -> None:
    actual = {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}
    assert refused(messages=[{"role": "user", "content": [actual]}]) == (AT, "unsupported_parameter")
    spoken = {"role": "assistant", "audio": {"id": "audio_1"}}
    assert refused(messages=[spoken]) == ("messages[0].audio", "unsupported_parameter")


def test_calls_and_what_they_gave() -> None:
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
def test_an_empty_text_beside_calls_is_none(content: Any) -> None:
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
def test_sealed_reasoning_stands_before_its_call(extra: Any, expected: list[str]) -> None:
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
def test_sealed_reasoning_stands_where_it_stood(before: int, expected: list[type[Item]]) -> None:
    extra = {"realrouter": {"reasoning": [seal("up", "x"), seal("up", "y")], "before_text": before}}
    actual = assistant(content="a", tool_calls=[function_call(extra_content=extra)])
    assert [type(item) for item in actual] == expected
    assert [item.sealed for item in actual if isinstance(item, Reasoning)] == [seal("up", "x"), seal("up", "y")]
    old = {"name": "f", "arguments": "{}", "extra_content": extra}
    assert [type(item) for item in assistant(content="a", function_call=old)] == expected


def test_reasoning_stands_before_the_text() -> None:
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


def test_functions_of_old() -> None:
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
            {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {}}]},
            "messages[0].content[0].cache_control",
            "unknown_parameter",
        ),
        ({"role": "user", "content": "a", "weight": 1}, "messages[0].weight", "unknown_parameter"),
        (
            {"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://a.example/"}}]},
            "messages[0].content[0].type",
            "invalid_value",
        ),
        ({"role": "assistant"}, "messages[0].content", "missing_required_parameter"),
        ({"role": "assistant", "content": []}, "messages[0].content", "empty_array"),
        ({"role": "assistant", "tool_calls": [5]}, "messages[0].tool_calls[0]", "invalid_type"),
        (
            {"role": "assistant", "tool_calls": [{"type": "function", "id": "a"}]},
            "messages[0].tool_calls[0].function",
            "missing_required_parameter",
        ),
        (
            {"role": "assistant", "tool_calls": [function_call(extra_content={"acme": {}})]},
            "messages[0].tool_calls[0].extra_content.acme",
            "unknown_parameter",
        ),
        ({"role": "tool", "tool_call_id": "z", "content": "a"}, "messages[0].tool_call_id", "invalid_value"),
        ({"role": "tool", "content": "a"}, "messages[0].tool_call_id", "missing_required_parameter"),
        ({"role": "function", "name": "f", "content": "a"}, "messages[0].name", "invalid_value"),
    ],
)
def test_messages_that_are_wrong(message: Any, param: str, code: str) -> None:
    assert refused(messages=[message]) == (param, code)


# -- Tools ----------------------------------------------------------------------------------------------------------------


PLACE = {"city": "Paris", "country": "FR", "region": "IDF", "timezone": "Europe/Paris"}
GRAMMAR = {"syntax": "lark", "definition": "start: /a/"}


@pytest.mark.parametrize(
    ("raw", "tool"),
    [
        (FUNCTION, FunctionTool("f", at="tools[0].function")),
        (
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": False}},
            FunctionTool("f", "d", SCHEMA, False, "tools[0].function"),
        ),
        (CUSTOM, CustomTool("sql", at="tools[0]")),
        (
            {"type": "custom", "custom": {"name": "sql", "description": "d", "format": {"type": "text"}}},
            CustomTool("sql", "d", {"type": "text"}, "tools[0]"),
        ),
        (
            {"type": "custom", "custom": {"name": "sql", "format": {"type": "grammar", "grammar": GRAMMAR}}},
            CustomTool("sql", None, {"type": "grammar", **GRAMMAR}, "tools[0]"),
        ),
        ({"type": "web_search_preview"}, WebSearchTool(at="tools[0]")),
        (
            {
                "type": "web_search_2025_08_26",
                "search_context_size": "low",
                "user_location": {"type": "approximate", **PLACE},
                "filters": {"allowed_domains": ["a.example"]},
                "external_web_access": False,
            },
            WebSearchTool("low", Place(**PLACE), ("a.example",), False, "tools[0]"),
        ),
        ({"type": "web_search", "filters": {}}, WebSearchTool(at="tools[0]")),
        ({"type": "image_generation", "quality": "low"}, ImageTool({"quality": "low"}, "tools[0]")),
    ],
)
def test_tools(raw: Any, tool: Tool) -> None:
    assert make_request(tools=[raw]).tools == (tool,)


def test_functions_as_they_were() -> None:
    actual = make_request(functions=[{"name": "f", "parameters": SCHEMA}], function_call={"name": "f"})
    assert actual.tools == (FunctionTool("f", None, SCHEMA, None, "functions[0]"),)
    assert actual.tool_choice == ToolChoice("required", (ToolName("function", "f"),))
    for mode in ("auto", "none"):
        assert make_request(functions=[{"name": "f"}], function_call=mode).tool_choice == ToolChoice(mode)


@pytest.mark.parametrize(
    ("options", "tool"),
    [
        ({}, WebSearchTool(at="web_search_options")),
        (
            {"search_context_size": "high", "user_location": {"type": "approximate", "approximate": PLACE}},
            WebSearchTool("high", Place(**PLACE), at="web_search_options"),
        ),
    ],
)
def test_the_search_that_is_an_option(options: Any, tool: WebSearchTool) -> None:
    assert make_request(web_search_options=options, tools=[FUNCTION]).tools == (
        FunctionTool("f", at="tools[0].function"),
        tool,
    )


ALL = [FUNCTION, CUSTOM, {"type": "web_search"}, {"type": "image_generation"}]


def allowed(mode: str, *tools: Any) -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}}


@pytest.mark.parametrize(
    ("raw", "choice"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        (FUNCTION, ToolChoice("required", (ToolName("function", "f"),))),
        (CUSTOM, ToolChoice("required", (ToolName("custom", "sql"),))),
        ({"type": "web_search_preview"}, ToolChoice("required", (ToolName("web_search"),))),
        (
            allowed("auto", FUNCTION, CUSTOM, FUNCTION),
            ToolChoice("auto", (ToolName("function", "f"), ToolName("custom", "sql"))),
        ),
        (
            allowed("required", {"type": "image_generation"}, FUNCTION),
            ToolChoice("required", (ToolName("image_generation"), ToolName("function", "f"))),
        ),
    ],
)
def test_choices_among_tools(raw: Any, choice: ToolChoice) -> None:
    assert make_request(tools=ALL, tool_choice=raw).tool_choice == choice


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"tools": {}}, "tools", "invalid_type"),
        ({"tools": [{"type": "file_search"}]}, "tools[0].type", "unsupported_tool"),
        ({"tools": [FUNCTION, {"type": "mcp", "tools": [{"type": "function"}]}]}, "tools[1].type", "unsupported_tool"),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
        ({"tools": [{"type": "function", "name": "f"}]}, "tools[0].name", "unknown_parameter"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "x": 1}}]},
            "tools[0].function.x",
            "unknown_parameter",
        ),
        ({"tools": [FUNCTION], "functions": [{"name": "f"}]}, "functions", "invalid_value"),
        ({"functions": [{}]}, "functions[0].name", "missing_required_parameter"),
        ({"web_search_options": {"filters": {}}}, "web_search_options.filters", "unknown_parameter"),
        ({"web_search_options": 5}, "web_search_options", "invalid_type"),
        ({"tools": [FUNCTION], "tool_choice": "any"}, "tool_choice", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": 5}, "tool_choice", "invalid_type"),
        ({"tools": [FUNCTION], "tool_choice": CUSTOM}, "tool_choice", "invalid_value"),
        ({"tool_choice": FUNCTION}, "tool_choice", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function"}}, "tool_choice", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "mcp"}}, "tool_choice", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": allowed("auto")}, "tool_choice.allowed_tools", "invalid_value"),
        (
            {"tools": [FUNCTION], "tool_choice": allowed("none", FUNCTION)},
            "tool_choice.allowed_tools.mode",
            "invalid_value",
        ),
        (
            {"tools": [FUNCTION], "tool_choice": allowed("auto", {"type": "custom"})},
            "tool_choice.allowed_tools.tools[0]",
            "invalid_value",
        ),
        ({"functions": [{"name": "f"}], "function_call": "required"}, "function_call", "invalid_value"),
        ({"functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": "auto", "function_call": "auto"}, "function_call", "invalid_value"),
    ],
)
def test_tools_that_are_wrong(members: dict[str, Any], param: str, code: str) -> None:
    assert refused(**members) == (param, code)


# -- The rest -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": "hi"}, "messages", "invalid_type"),
        ({"frequency": 1}, "frequency", "unknown_parameter"),
        ({"x" * 200: 1}, "x" * 100, "unknown_parameter"),
        ({"prediction": {"type": "content", "content": "a"}}, "prediction", "unsupported_parameter"),
        ({"audio": {"voice": "alloy"}}, "audio", "unsupported_parameter"),
        ({"moderation": {}}, "moderation", "unsupported_parameter"),
        ({"prompt_cache_options": {}}, "prompt_cache_options", "unsupported_parameter"),
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
        ({"modalities": "text"}, "modalities", "invalid_type"),
        ({"store": 1}, "store", "invalid_type"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        ({"stream": True, "stream_options": {"usage": True}}, "stream_options.usage", "unknown_parameter"),
        ({"temperature": 2.5}, "temperature", "invalid_value"),
        ({"temperature": "1"}, "temperature", "invalid_type"),
        ({"top_p": -0.1}, "top_p", "invalid_value"),
        ({"presence_penalty": 3}, "presence_penalty", "invalid_value"),
        ({"frequency_penalty": -3}, "frequency_penalty", "invalid_value"),
        ({"seed": 2**63}, "seed", "invalid_value"),
        ({"seed": 1.5}, "seed", "invalid_type"),
        ({"stop": ["a"] * 5}, "stop", "invalid_value"),
        ({"stop": [""]}, "stop", "invalid_value"),
        ({"stop": ["a", 5]}, "stop[1]", "invalid_type"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value"),
        ({"top_logprobs": 1}, "top_logprobs", "invalid_value"),
        ({"logit_bias": {"5": 101}}, "logit_bias", "invalid_value"),
        ({"logit_bias": {"5": "1"}}, "logit_bias[...]", "invalid_type"),
        ({"reasoning_effort": "most"}, "reasoning_effort", "invalid_value"),
        ({"verbosity": "loud"}, "verbosity", "invalid_value"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter"),
        ({"service_tier": 5}, "service_tier", "invalid_type"),
        ({"metadata": {"a": 1}}, "metadata[...]", "invalid_type"),
        ({"metadata": {str(index): "" for index in range(17)}}, "metadata", "invalid_value"),
        ({"metadata": {"x" * 65: ""}}, "metadata", "invalid_value"),
        ({"metadata": {"x": "y" * 513}}, "metadata", "invalid_value"),
    ],
)
def test_what_is_wrong_is_named(members: dict[str, Any], param: str, code: str) -> None:
    assert refused(**members) == (param, code)


scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.floats(allow_nan=False), st.text(max_size=3))
names = st.sampled_from(
    [
        *("role", "content", "type", "text", "image_url", "url", "file", "file_data", "name", "tool_calls", "id"),
        *("function", "arguments", "custom", "extra_content", "google", "refusal", "function_call", "tool_call_id"),
    ]
)
words = st.sampled_from(["user", "assistant", "tool", "function", "system", "text", "image_url", "file", "custom", "a"])
anything = st.recursive(
    scalars | words,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=10,
)
message_like = st.fixed_dictionaries({"role": words, "content": anything}, optional={"tool_calls": anything})


@settings(max_examples=150, deadline=None)
@given(
    st.lists(message_like | anything, max_size=3),
    st.dictionaries(st.sampled_from(sorted(KNOWN - {"model", "messages"})), anything, max_size=2),
)
def test_nothing_makes_it_fail_otherwise(messages: list[Any], members: dict[str, Any]) -> None:
    with contextlib.suppress(RequestError):
        make_request(messages=messages, **members)
