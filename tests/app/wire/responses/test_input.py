"""The input of a Responses request: every kind of item and part, and every error with its path."""

from __future__ import annotations

import json
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
    Reasoning,
    Refusal,
    Text,
    WebSearchCall,
    bare,
)
from app.wire.responses.answer_writer import ResponsesAnswerWriter
from app.wire.tags import seal
from tests.support.wire.responses.answer_events import ANSWERS
from tests.support.wire.responses.responses_requests import (
    LACKING,
    MISSING,
    TOOLS,
    UNKNOWN,
    VALUE,
    WRONG,
    bare_items,
    fields_of,
    item,
    read,
    refused,
    user,
)


def test_messages() -> None:
    request = read(
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
    assert bare(request)["items"] == bare_items(
        Message("system", (Text("S"),)),
        Message("developer", (Text("D"),)),
        Message("user", (Text("U"),)),
        Message("assistant", (Text("A"),)),
        Message("assistant", (Text("B"), Refusal("No."))),
    )
    assert [each.at for each in request.items] == [f"input[{index}]" for index in range(5)]
    last = request.items[4]
    assert isinstance(last, Message)
    assert last.parts[1].at == "input[4].content[1]"


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
    ("raw", "expected"),
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
                "encrypted_content": seal("up", "x"),
            },
            Reasoning(("S",), ("C",), seal("up", "x")),
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
def test_other_items(raw: Any, expected: Item) -> None:
    assert bare_items(item(raw)) == bare_items(expected)


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_may_be_sent_back(name: str) -> None:
    """A client sends the items of an answer, and its echo of the tools, back as they are."""
    first = {"tools": [*TOOLS, {"type": "web_search", "filters": None}], "tool_choice": "auto", "metadata": {}}
    wrote = ResponsesAnswerWriter(seed="0" * 32, model="m", created=1, fields=fields_of(first), stream=False)
    answer = json.loads([wrote.write(event) for event in ANSWERS[name]][-1])
    request = read(input=[{"role": "user", "content": "Hi"}, *answer["output"]], tools=answer["tools"])
    assert len(request.items) == 1 + len(answer["output"])
    assert len(request.tools) == 5


ASSISTANT = {"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"input": ["x"]}, "input[0]", WRONG),
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
            {"input": [user({"type": "input_image", "image_url": "data:,x"})]},
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
        ({"input": [CALL | {"namespace": 1}]}, "input[0].namespace", WRONG),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id", MISSING),
        ({"input": [{"type": "reasoning", "summary": "x"}]}, "input[0].summary", WRONG),
        ({"input": [{"type": "web_search_call", "action": 1}]}, "input[0].action", WRONG),
        ({"input": [{"type": "image_generation_call", "id": "x", "result": 5}]}, "input[0].result", WRONG),
    ],
)
def test_errors_name_the_path(members: Any, param: str, code: str) -> None:
    assert refused(**members) == (param, code)


LEFT_OUT: list[Any] = [
    {"type": "mcp_call", "id": "mcp_1", "name": "x", "arguments": "{}", "server_label": "s", "output": "1"},
    {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "code": "1",
        "container_id": "c",
        "outputs": [],
        "status": "completed",
    },
    {"type": "file_search_call", "id": "fs_1", "queries": [], "results": None, "status": "completed"},
    {"type": "unheard_of_call", "id": "x_1", "call_id": None},
    {"type": "mcp_list_tools", "id": "m_1", "server_label": "s", "tools": []},
    {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {}},
    {"type": "tool_search_output", "call_id": "c", "execution": "client", "status": "completed", "tools": []},
    {"type": "mcp_approval_request", "id": "a_1", "server_label": "s", "name": "x", "arguments": "{}"},
    {"type": "mcp_approval_response", "approval_request_id": "a_1", "approve": True},
    {"type": "image_generation_call", "id": "ig_1", "result": None, "status": "failed"},
    {"type": "message", "role": "assistant", "content": []},
    {"role": "assistant", "content": None},
    {"role": "assistant", "content": [{"type": "reasoning_text", "text": "t"}]},
]


@pytest.mark.parametrize("value", LEFT_OUT)
def test_items_that_change_no_answer_are_left_out(value: Any) -> None:
    assert len(read(input=[value, {"role": "user", "content": "a"}]).items) == 1


@pytest.mark.parametrize("kind", ["shell_call", "apply_patch_call", "local_shell_call", "compaction", "x_call"])
def test_items_that_would_be_missed_are_rejected(kind: str) -> None:
    assert refused(input=[{"type": kind, "call_id": "c"}]) == ("input[0].type", LACKING)


LABELS: dict[str, Any] = {
    "id": "x",
    "created_by": "u",
    "internal_chat_message_metadata_passthrough": {"turn_id": "t"},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {
                "type": "message",
                "role": "assistant",
                "status": "x",
                "phase": "new",
                "content": [{"type": "output_text", "text": "a", "annotations": None, "logprobs": None, "parsed": 1}],
            },
            Message("assistant", (Text("a"),)),
        ),
        (
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "parsed_arguments": None},
            FunctionCall("c", "f", "{}"),
        ),
        (
            {"type": "function_call", "call_id": "c", "name": "f", "namespace": "n", "arguments": "{}"},
            FunctionCall("c", "n__f", "{}"),
        ),
        (
            {"type": "custom_tool_call", "call_id": "c", "name": "f", "namespace": "n", "input": "x"},
            CustomCall("c", "n__f", "x"),
        ),
        (
            {"type": "function_call_output", "call_id": "c", "name": "f", "namespace": "n", "output": "x"},
            FunctionCallOutput("c", (Text("x"),)),
        ),
        ({"type": "reasoning", "content": [{"type": "text", "text": "t"}, {"type": "x"}]}, Reasoning((), ("t",))),
        ({"type": "web_search_call", "action": {"type": "click", "x": 1}}, WebSearchCall("x")),
        ({"type": "web_search_call", "action": {"query": 1, "queries": ["q", 2, ""]}}, WebSearchCall("x", ("q",))),
        ({"role": "user", "content": "a"}, Message("user", (Text("a"),))),
    ],
)
def test_items_come_back_as_any_server_wrote_them(value: Any, expected: Item) -> None:
    assert bare_items(item(value | LABELS)) == bare_items(expected)


def test_a_search_without_an_id_is_read() -> None:
    assert bare_items(item({"type": "web_search_call"})) == bare_items(WebSearchCall(""))


@pytest.mark.parametrize(
    ("part", "param", "code"),
    [
        ({"type": "output_text"}, "input[0].content[0].text", WRONG),
        ({"type": "refusal", "refusal": 1}, "input[0].content[0].refusal", WRONG),
        ({"type": "output_audio"}, "input[0].content[0].type", VALUE),
    ],
)
def test_an_assistants_part_must_be_readable(part: Any, param: str, code: str) -> None:
    assert refused(input=[{"role": "assistant", "content": [part]}]) == (param, code)


def test_unknown_members_of_the_clients_own_items_are_rejected() -> None:
    output = {"type": "function_call_output", "call_id": "c", "output": "x", "logprobs": []}
    assert refused(input=[output]) == ("input[0].logprobs", UNKNOWN)
    assert refused(input=[{"role": "user", "content": "x", "parsed": 1}]) == ("input[0].parsed", UNKNOWN)
