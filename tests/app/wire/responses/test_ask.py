"""Responses requests read into the canonical form: every feature by hand, and every refusal by its name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from app.wire.canonical import (
    Ask,
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
    Place,
    Reasoning,
    Refusal,
    Target,
    Text,
    TextFormat,
    Tool,
    ToolChoice,
    ToolName,
    WebSearchCall,
    WebSearchTool,
    bare,
)
from app.wire.exchange import RequestError
from app.wire.request import TOOLS_MAX, read_body
from app.wire.responses.ask import read_responses
from app.wire.responses.body import write_responses
from app.wire.responses.writer import ResponsesWriter
from app.wire.splice import Members
from app.wire.stored import Stored
from tests.app.wire.responses.answers import ANSWERS
from tests.app.wire.responses.mutations import mutated

STORED = {
    "file-1": Stored("application/pdf", "told.pdf", "JVBERi0=", 5, 1),
    "file-2": Stored("image/png", "a.png", "iVBORw0=", 5, None),
}


def fields_of(members: Any) -> Members:
    return read_body(json.dumps(members).encode())


def read(**members: Any) -> Ask:
    return read_responses(fields_of({"model": "m", "input": "Hi", **members}), STORED)


def refused(**members: Any) -> tuple[str | None, str | None]:
    with pytest.raises(RequestError) as caught:
        read(**members)
    assert caught.value.status == 400
    assert (caught.value.param or "").split("[")[0].split(".")[0] in caught.value.message
    return caught.value.param, caught.value.code


def item(value: Any) -> Item:
    return read(input=[value]).items[0]


def user(*parts: Any) -> Any:
    return {"role": "user", "content": list(parts)}


def test_the_least() -> None:
    ask = read()
    assert ask == Ask("responses", "m", (Message("user", (Text("Hi", "input"),), at="input"),))
    assert read(**dict.fromkeys(("tools", "text", "reasoning", "metadata", "include", "stream_options"))) == ask


def test_every_member() -> None:
    ask = read(
        stream=True,
        stream_options={"include_obfuscation": False},
        store=True,
        background=False,
        truncation="disabled",
        previous_response_id=None,
        client_metadata={"session": "x"},
        instructions="Be brief.",
        max_output_tokens=100,
        max_tool_calls=3,
        parallel_tool_calls=False,
        temperature=0.5,
        top_p=1,
        top_logprobs=2,
        include=["reasoning.encrypted_content", "web_search_call.action.sources", "message.output_text.logprobs"],
        reasoning={"effort": "high", "summary": "auto"},
        text={"format": {"type": "json_object"}, "verbosity": "low"},
        service_tier="auto",
        metadata={"order": "7"},
        user="u",
        safety_identifier="s",
        prompt_cache_key="k",
        prompt_cache_retention="24h",
    )
    assert ask == Ask(
        endpoint="responses",
        model="m",
        items=(Message("user", (Text("Hi", "input"),), at="input"),),
        stream=True,
        instructions="Be brief.",
        parallel_tool_calls=False,
        max_output_tokens=100,
        max_tool_calls=3,
        temperature=0.5,
        top_p=1.0,
        logprobs=2,
        effort="high",
        summary="auto",
        format=TextFormat("json_object"),
        verbosity="low",
        service_tier="auto",
        hints=Hints({"order": "7"}, "u", "s", "k", "24h"),
    )


def test_messages() -> None:
    ask = read(
        input=[
            {"role": "system", "content": "S"},
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "D"}]},
            {"role": "user", "content": "U", "id": "msg_1", "status": "completed"},
            {"role": "assistant", "content": "A", "phase": "final_answer"},
            {
                "type": "message",
                "id": "msg_2",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {"type": "output_text", "text": "B", "annotations": [{"type": "url_citation"}], "logprobs": []},
                    {"type": "refusal", "refusal": "No."},
                ],
            },
        ]
    )
    assert bare(ask)["items"] == bare_items(
        Message("system", (Text("S"),)),
        Message("developer", (Text("D"),)),
        Message("user", (Text("U"),)),
        Message("assistant", (Text("A"),)),
        Message("assistant", (Text("B"), Refusal("No."))),
    )
    assert [each.at for each in ask.items] == [f"input[{index}]" for index in range(5)]
    last = ask.items[4]
    assert isinstance(last, Message)
    assert last.parts[1].at == "input[4].content[1]"


def bare_items(*items: Item) -> Any:
    return bare(Ask("responses", "m", items))["items"]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "input_image", "image_url": "https://a/b.png"}, Image(url="https://a/b.png")),
        (
            {"type": "input_image", "image_url": "data:image/PNG;base64,QQ==", "detail": "high"},
            Image(data="QQ==", media_type="image/png", detail="high"),
        ),
        ({"type": "input_image", "file_id": "file-2"}, Image(data="iVBORw0=", media_type="image/png")),
        (
            {"type": "input_file", "file_id": "file-1"},
            File(data="JVBERi0=", media_type="application/pdf", filename="told.pdf"),
        ),
        (
            {"type": "input_file", "file_id": "file-1", "filename": "mine.pdf", "detail": "auto"},
            File(data="JVBERi0=", media_type="application/pdf", filename="mine.pdf"),
        ),
        ({"type": "input_file", "file_url": "https://a/b.pdf"}, File(url="https://a/b.pdf")),
        (
            {"type": "input_file", "file_data": "data:application/pdf;base64,QQ==", "filename": "f.pdf"},
            File(data="QQ==", media_type="application/pdf", filename="f.pdf"),
        ),
        ({"type": "input_file", "file_data": "QQ=="}, File(data="QQ==", media_type="application/pdf")),
    ],
)
def test_images_and_files(part: Any, expected: Any) -> None:
    assert bare_items(item(user(part))) == bare_items(Message("user", (expected,)))
    output = {"type": "function_call_output", "call_id": "c", "output": [part]}
    assert bare_items(item(output)) == bare_items(FunctionCallOutput("c", (expected,)))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {
                "type": "function_call",
                "id": "fc_1",
                "call_id": "c",
                "name": "f",
                "arguments": "{",
                "status": "completed",
            },
            FunctionCall("c", "f", "{"),
        ),
        (
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "caller": {"type": "direct"}},
            FunctionCall("c", "f", "{}"),
        ),
        ({"type": "function_call_output", "call_id": "c", "output": "x"}, FunctionCallOutput("c", (Text("x"),))),
        ({"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"}, CustomCall("c", "f", "x")),
        ({"type": "custom_tool_call_output", "call_id": "c", "output": "x"}, CustomCallOutput("c", (Text("x"),))),
        (
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "S"}],
                "content": [{"type": "reasoning_text", "text": "C"}],
                "encrypted_content": "rr1.up:x",
            },
            Reasoning(("S",), ("C",), "rr1.up:x"),
        ),
        ({"type": "reasoning", "id": "rs_1", "summary": [], "content": None}, Reasoning()),
        (
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"type": "search", "query": "q"},
            },
            WebSearchCall("ws_1", ("q",)),
        ),
        (
            {
                "type": "web_search_call",
                "id": "ws_1",
                "action": {"type": "search", "query": "a", "queries": ["a", "", "b"], "sources": [{"url": "x"}]},
            },
            WebSearchCall("ws_1", ("a", "b")),
        ),
        ({"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": ""}}, WebSearchCall("ws_1")),
        ({"type": "web_search_call", "id": "ws_1", "action": {"type": "open_page", "url": "u"}}, WebSearchCall("ws_1")),
        ({"type": "web_search_call", "id": "ws_1"}, WebSearchCall("ws_1")),
        (
            {"type": "image_generation_call", "id": "ig_1", "result": "QQ==", "status": "completed", "size": "1x1"},
            ImageGenerationCall("ig_1", "QQ=="),
        ),
        (
            {"type": "image_generation_call", "id": "ig_1", "result": "QQ==", "output_format": "webp"},
            ImageGenerationCall("ig_1", "QQ==", "image/webp"),
        ),
    ],
)
def test_other_items(told: Any, expected: Item) -> None:
    assert bare_items(item(told)) == bare_items(expected)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_was_answered_may_come_back(name: str) -> None:
    """A client sends the items of an answer, and its echo of the tools, back as they are."""
    first = {"tools": [*TOOLS, {"type": "web_search", "filters": None}], "tool_choice": "auto", "metadata": {}}
    wrote = ResponsesWriter(seed="0" * 32, model="m", created=1, fields=fields_of(first), stream=False)
    answer = json.loads([wrote.write(event) for event in ANSWERS[name]][-1])
    ask = read(input=[{"role": "user", "content": "Hi"}, *answer["output"]], tools=answer["tools"])
    assert len(ask.items) == 1 + len(answer["output"])
    assert len(ask.tools) == 5


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (FUNCTION, FunctionTool("f", "d", SCHEMA, True)),
        ({"type": "function", "name": "f", "parameters": None, "strict": None}, FunctionTool("f")),
        ({"type": "custom", "name": "f"}, CustomTool("f")),
        (
            {"type": "custom", "name": "f", "description": "d", "format": {"type": "text"}},
            CustomTool("f", "d", {"type": "text"}),
        ),
        (
            {"type": "custom", "name": "f", "format": {"type": "grammar", "syntax": "lark", "definition": "g"}},
            CustomTool("f", None, {"type": "grammar", "syntax": "lark", "definition": "g"}),
        ),
        ({"type": "web_search"}, WebSearchTool()),
        ({"type": "web_search_preview", "search_content_types": ["text"]}, WebSearchTool()),
        ({"type": "web_search_2025_08_26", "filters": None, "user_location": None}, WebSearchTool()),
        (
            {
                "type": "web_search",
                "search_context_size": "low",
                "user_location": {"type": "approximate", "city": "Oslo", "country": "NO"},
                "filters": {"allowed_domains": ["a.org"]},
                "external_web_access": False,
            },
            WebSearchTool("low", Place("Oslo", "NO"), ("a.org",), False),
        ),
        ({"type": "web_search", "filters": {}, "user_location": {"type": "approximate"}}, WebSearchTool(place=Place())),
        ({"type": "image_generation"}, ImageTool()),
        (
            {"type": "image_generation", "size": "1024x1024", "quality": "low", "partial_images": 2, "model": None},
            ImageTool({"size": "1024x1024", "quality": "low", "partial_images": 2}),
        ),
    ],
)
def test_tools(told: Any, expected: Tool) -> None:
    tools = read(tools=[told]).tools
    assert bare(Ask("responses", "m", (), tools=tools)) == bare(Ask("responses", "m", (), tools=(expected,)))
    assert tools[0].at == "tools[0]"


TOOLS = [FUNCTION, {"type": "custom", "name": "c"}, {"type": "web_search_preview"}, {"type": "image_generation"}]
F, C, SEARCH = ToolName("function", "f"), ToolName("custom", "c"), ToolName("web_search")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("required", (F,))),
        ({"type": "custom", "name": "c"}, ToolChoice("required", (C,))),
        ({"type": "web_search_preview"}, ToolChoice("required", (SEARCH,))),
        ({"type": "web_search"}, ToolChoice("required", (SEARCH,))),
        ({"type": "image_generation"}, ToolChoice("required", (ToolName("image_generation"),))),
        (
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
            },
            ToolChoice("auto", (F, SEARCH)),
        ),
    ],
)
def test_choices(told: Any, expected: ToolChoice) -> None:
    assert read(tools=TOOLS, tool_choice=told).tool_choice == expected


def test_formats() -> None:
    assert read(text={}).format is None
    assert read(text={"format": {"type": "text"}}).format == TextFormat("text")
    told = {"type": "json_schema", "name": "n", "description": "d", "schema": SCHEMA, "strict": True}
    assert read(text={"format": told}).format == TextFormat("json_schema", "n", "d", SCHEMA, True)
    assert read(reasoning={"generate_summary": "concise"}).summary == "concise"
    assert read(include=["message.output_text.logprobs"]).logprobs == 0
    assert read(top_logprobs=0).logprobs is None


UNKNOWN, WRONG, VALUE, MISSING = "unknown_parameter", "invalid_type", "invalid_value", "missing_required_parameter"
LACKING = "unsupported_parameter"
ASSISTANT = {"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"input": None}, "input", MISSING),
        ({"input": 1}, "input", WRONG),
        ({"input": {}}, "input", WRONG),
        ({"input": []}, "input", "empty_array"),
        ({"input": ["x"]}, "input[0]", WRONG),
        ({"model": ""}, "model", MISSING),
        ({"seed": 1}, "seed", UNKNOWN),
        ({"x" * 200: 1}, "x" * 100, UNKNOWN),
        ({"previous_response_id": "resp_1"}, "previous_response_id", LACKING),
        ({"conversation": "c"}, "conversation", LACKING),
        ({"prompt": {"id": "p"}}, "prompt", LACKING),
        ({"background": True}, "background", LACKING),
        ({"context_management": []}, "context_management", LACKING),
        ({"truncation": "auto"}, "truncation", LACKING),
        ({"store": "yes"}, "store", WRONG),
        ({"stream_options": {}}, "stream_options", VALUE),
        ({"stream": True, "stream_options": {"include_usage": True}}, "stream_options.include_usage", UNKNOWN),
        ({"temperature": 2.1}, "temperature", VALUE),
        ({"temperature": "1"}, "temperature", WRONG),
        ({"top_p": -0.1}, "top_p", VALUE),
        ({"top_logprobs": 21}, "top_logprobs", VALUE),
        ({"include": ["file_search_call.results"]}, "include[0]", LACKING),
        ({"include": [1]}, "include[0]", WRONG),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort", VALUE),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode", VALUE),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type", VALUE),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema", MISSING),
        ({"metadata": {"a": 1}}, "metadata[...]", WRONG),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata", VALUE),
        ({"metadata": {"a": "b" * 513}}, "metadata", VALUE),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type", LACKING),
        ({"input": [{"id": "x"}]}, "input[0].type", LACKING),
        ({"input": [{"type": 1}]}, "input[0].type", WRONG),
        ({"input": [{"type": "computer_call"}]}, "input[0].type", LACKING),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role", VALUE),
        ({"input": [{"role": 1, "content": "x"}]}, "input[0].role", WRONG),
        ({"input": [{"role": "user"}]}, "input[0].content", MISSING),
        ({"input": [{"role": "user", "content": "x", "name": "n"}]}, "input[0].name", UNKNOWN),
        ({"input": [{"role": "user", "content": 1}]}, "input[0].content", WRONG),
        ({"input": [ASSISTANT]}, "input[0].content[0].type", VALUE),
        ({"input": [user({"type": "output_text", "text": "x"})]}, "input[0].content[0].type", VALUE),
        ({"input": [user({"type": "input_text"})]}, "input[0].content[0].text", MISSING),
        ({"input": [user({"type": "input_text", "text": "x", "y": 1})]}, "input[0].content[0].y", UNKNOWN),
        ({"input": [user({"type": "input_image"})]}, "input[0].content[0].image_url", MISSING),
        ({"input": [user({"type": "input_image", "image_url": ""})]}, "input[0].content[0].image_url", VALUE),
        (
            {"input": [user({"type": "input_image", "image_url": "x", "file_id": "y"})]},
            "input[0].content[0]",
            VALUE,
        ),
        ({"input": [user({"type": "input_image", "file_id": "file-1"})]}, "input[0].content[0].file_id", VALUE),
        ({"input": [user({"type": "input_image", "file_id": "file-9"})]}, "input[0].content[0].file_id", VALUE),
        (
            {"input": [user({"type": "input_image", "image_url": "data:image/png,x"})]},
            "input[0].content[0].image_url",
            VALUE,
        ),
        (
            {"input": [user({"type": "input_image", "image_url": "data:text/plain;base64,QQ=="})]},
            "input[0].content[0].image_url",
            VALUE,
        ),
        ({"input": [user({"type": "input_file"})]}, "input[0].content[0].file_id", MISSING),
        ({"input": [user({"type": "input_file", "file_data": ""})]}, "input[0].content[0].file_data", VALUE),
        ({"input": [user({"type": "input_file", "file_id": "file-9"})]}, "input[0].content[0].file_id", VALUE),
        ({"input": [CALL | {"arguments": {}}]}, "input[0].arguments", WRONG),
        ({"input": [CALL | {"call_id": None}]}, "input[0].call_id", WRONG),
        ({"input": [CALL | {"namespace": "n"}]}, "input[0].namespace", WRONG),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id", MISSING),
        ({"input": [{"type": "reasoning", "id": "x"}]}, "input[0].summary", MISSING),
        ({"input": [{"type": "web_search_call"}]}, "input[0].id", MISSING),
        ({"input": [{"type": "image_generation_call", "id": "x", "result": ""}]}, "input[0].result", VALUE),
        ({"input": [{"type": "image_generation_call", "id": "x", "result": None}]}, "input[0].result", WRONG),
        ({"tools": {}}, "tools", WRONG),
        ({"tools": [1]}, "tools[0]", WRONG),
        ({"tools": [{}]}, "tools[0].type", MISSING),
        ({"tools": [{"type": 1}]}, "tools[0].type", "unsupported_tool"),
        ({"tools": [FUNCTION, {"type": "file_search"}]}, "tools[1].type", "unsupported_tool"),
        ({"tools": [{"type": "web_search"}] * (TOOLS_MAX + 1)}, "tools", "array_above_max_length"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].function", UNKNOWN),
        ({"tools": [{"type": "function", "name": ""}]}, "tools[0].name", VALUE),
        ({"tools": [{"type": "custom"}]}, "tools[0].name", MISSING),
        ({"tools": [FUNCTION | {"defer_loading": True}]}, "tools[0].defer_loading", LACKING),
        ({"tools": [FUNCTION | {"async": True}]}, "tools[0].async", LACKING),
        ({"tools": [{"type": "image_generation", "quality": 1}]}, "tools[0].quality", WRONG),
        ({"tools": [{"type": "web_search", "search_context_size": "x"}]}, "tools[0].search_context_size", VALUE),
        ({"tool_choice": "any"}, "tool_choice", VALUE),
        ({"tool_choice": 1}, "tool_choice", WRONG),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name", MISSING),
        ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice", VALUE),
        ({"tool_choice": {"type": "web_search", "mode": "auto"}}, "tool_choice.mode", UNKNOWN),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice", VALUE),
        ({"tool_choice": {"type": "allowed_tools", "tools": []}}, "tool_choice.mode", MISSING),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto"}}, "tool_choice.tools", MISSING),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, "tool_choice.tools", "empty_array"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "name": "x"}}, "tool_choice.name", UNKNOWN),
        (
            {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "x"}]}},
            "tool_choice.tools[0]",
            VALUE,
        ),
    ],
)
def test_refusals_name_their_place(members: Any, param: str, code: str) -> None:
    assert refused(**members) == (param, code)


EVERYTHING: Any = {
    "model": "m",
    "instructions": "I",
    "include": ["message.output_text.logprobs"],
    "metadata": {"a": "b"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}, "verbosity": "low"},
    "tools": [FUNCTION, {"type": "custom", "name": "c", "format": {"type": "text"}}, {"type": "image_generation"}],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "temperature": 1,
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "input": [
        user({"type": "input_text", "text": "x"}, {"type": "input_file", "file_id": "file-1"}),
        {"role": "assistant", "content": [{"type": "output_text", "text": "x"}, {"type": "refusal", "refusal": "y"}]},
        CALL,
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "https://a"}]},
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "x"}]},
        {"type": "web_search_call", "id": "w", "action": {"type": "search", "queries": ["q"]}},
        {"type": "image_generation_call", "id": "i", "result": "QQ=="},
    ],
}


@given(mutated(EVERYTHING))
def test_anything_at_any_place_is_read_or_refused_by_its_name(request: Any) -> None:
    refusal = None
    try:
        write_responses(read_responses(fields_of(request), STORED), Target("up", "m", 1))
    except RequestError as error:
        refusal = error
    assert refusal is None or (refusal.param and refusal.status == 400)
