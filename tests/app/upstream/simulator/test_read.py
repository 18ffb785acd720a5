"""Requests are refused as a vendor refuses them, and files and pictures of the input are acknowledged."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from pypdf import PdfWriter

from app.wire.exchange import Endpoint
from tests.support.upstream.simulated import WEATHER, Got, Json, chat, responses, send, with_directives

PICTURE = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def pdf(pages: int) -> str:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    out = io.BytesIO()
    writer.write(out)
    return base64.b64encode(out.getvalue()).decode()


def said(*parts: Json) -> Json:
    return responses([{"role": "user", "content": list(parts)}])


def chatted(*parts: Json) -> Json:
    return chat([{"role": "user", "content": list(parts)}])


def text(got: Got) -> str:
    assert got.status == 200, got.body
    if got.json["object"] == "chat.completion":
        return str(got.json["choices"][0]["message"]["content"])
    return str(got.json["output"][0]["content"][0]["text"])


@pytest.mark.parametrize("prefix", ["", "data:application/pdf;base64,"])
@pytest.mark.parametrize("pages", [1, 3])
async def test_a_pdf_is_summarised_with_its_pages(prefix: str, pages: int) -> None:
    named = "1 page" if pages == 1 else f"{pages} pages"
    data = prefix + pdf(pages)
    question: Json = {"type": "input_text", "text": "Summarize this PDF."}
    on_responses = said({"type": "input_file", "filename": "note.pdf", "file_data": data}, question)
    assert f"The document note.pdf has {named}." in text(await send("responses", on_responses))
    on_chat = chatted(
        {"type": "file", "file": {"filename": "note.pdf", "file_data": data}}, {**question, "type": "text"}
    )
    assert f"The document note.pdf has {named}." in text(await send("chat", on_chat))


async def test_other_files_and_pictures_are_acknowledged() -> None:
    file = {"type": "input_file", "filename": "a.txt", "file_data": base64.b64encode(b"twelve bytes").decode()}
    assert "a.txt has 12 bytes" in text(await send("responses", said(file)))
    linked = {"type": "input_file", "file_url": "https://example.com/x/b.pdf?c=d"}
    assert "b.pdf was given by its address" in text(await send("responses", said(linked)))
    picture = {"type": "input_image", "image_url": PICTURE}
    assert "has 2 images" in text(await send("responses", said(picture, picture)))
    nested = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    assert "has 1 image." in text(await send("chat", chatted(nested)))


async def test_metadata_and_instructions_are_echoed() -> None:
    got = await send("responses", responses(instructions="Be brief.", metadata={"simulator": "tokens=3", "a": "b"}))
    assert got.json["instructions"] == "Be brief."
    assert got.json["metadata"] == {"simulator": "tokens=3", "a": "b"}


WRONG: list[tuple[Endpoint, Any, int, str | None, str | None]] = [
    ("responses", b"{", 400, None, None),
    ("responses", b"", 400, None, None),
    ("responses", b'{"model": "\xff"}', 400, None, None),
    ("responses", b'"' + b"[" * 100_000, 400, None, None),
    ("responses", b"[" * 100_000, 400, None, None),
    ("responses", b'{"model":"m","input":"a","tools":' + b"[" * 200 + b"]" * 200 + b"}", 400, None, "invalid_value"),
    ("responses", b"[]", 400, None, "invalid_type"),
    ("responses", {"input": "a"}, 400, "model", "missing_required_parameter"),
    ("responses", {"model": 3, "input": "a"}, 400, "model", "invalid_type"),
    ("responses", {"model": "", "input": "a"}, 400, "model", None),
    ("responses", {"model": "m"}, 400, "input", "missing_required_parameter"),
    ("responses", responses(3), 400, "input", "invalid_type"),
    ("responses", responses([3]), 400, "input[0]", "invalid_type"),
    ("responses", responses([{}]), 400, "input[0].type", "missing_required_parameter"),
    ("responses", responses([{"role": "user"}]), 400, "input[0].content", "missing_required_parameter"),
    ("responses", responses([{"role": "king", "content": "a"}]), 400, "input[0].role", "invalid_value"),
    ("responses", said({"type": "text", "text": "a"}), 400, "input[0].content[0].type", "invalid_value"),
    ("responses", said({"type": "input_text"}), 400, "input[0].content[0].text", "missing_required_parameter"),
    ("responses", said({"type": "input_file"}), 400, "input[0].content[0].file_data", "missing_required_parameter"),
    (
        "responses",
        said({"type": "input_file", "file_data": "%"}),
        400,
        "input[0].content[0].file_data",
        "invalid_base64",
    ),
    (
        "responses",
        said({"type": "input_file", "file_data": "AAAA"}),
        400,
        "input[0].content[0].file_data",
        "invalid_file",
    ),
    ("responses", said({"type": "input_file", "file_id": "file-1"}), 404, "input[0].content[0].file_id", None),
    (
        "responses",
        said({"type": "input_image", "image_url": "x"}),
        400,
        "input[0].content[0].image_url",
        "invalid_value",
    ),
    (
        "responses",
        responses([{"type": "function_call_output", "call_id": "c", "output": "x"}]),
        400,
        "input",
        None,
    ),
    ("responses", responses(temperature=3), 400, "temperature", "decimal_above_max_value"),
    ("responses", responses(temperature="1"), 400, "temperature", "invalid_type"),
    ("responses", responses(max_output_tokens=0), 400, "max_output_tokens", "integer_below_min_value"),
    ("responses", responses(max_output_tokens=True), 400, "max_output_tokens", "invalid_type"),
    ("responses", responses(stream="yes"), 400, "stream", "invalid_type"),
    ("responses", responses(previous_response_id="resp_1"), 400, "previous_response_id", "previous_response_not_found"),
    ("responses", responses(background=True), 400, "background", "unsupported_parameter"),
    ("responses", responses(reasoning={"effort": "huge"}), 400, "reasoning.effort", "invalid_value"),
    (
        "responses",
        responses(text={"format": {"type": "json_schema"}}),
        400,
        "text.format.name",
        "missing_required_parameter",
    ),
    ("responses", responses(tools=[{"type": "mcp"}]), 400, "tools[0].type", "invalid_value"),
    ("responses", responses(tools=[{"type": "function"}]), 400, "tools[0].name", "missing_required_parameter"),
    ("responses", responses(tools=[{"type": "function", "name": "a b"}]), 400, "tools[0].name", "invalid_value"),
    ("responses", responses(tools=[WEATHER] * 129), 400, "tools", "array_above_max_length"),
    (
        "responses",
        responses(tools=[{"type": "image_generation", "size": "1x1"}]),
        400,
        "tools[0].size",
        "invalid_value",
    ),
    (
        "responses",
        responses(tools=[{"type": "image_generation", "output_format": "webp"}]),
        400,
        "tools[0].output_format",
        "invalid_value",
    ),
    ("responses", responses(tools=[WEATHER], tool_choice="maybe"), 400, "tool_choice", "invalid_value"),
    (
        "responses",
        responses(tools=[WEATHER], tool_choice={"type": "function", "name": "x"}),
        400,
        "tool_choice",
        "invalid_value",
    ),
    ("responses", responses(metadata={"simulator": 3}), 400, "metadata.simulator", "invalid_type"),
    (
        "responses",
        responses(metadata={str(at): "a" for at in range(17)}),
        400,
        "metadata",
        "object_above_max_properties",
    ),
    ("responses", responses(**with_directives("x" * 513)), 400, "metadata", "string_above_max_length"),
    ("chat", {"model": "m"}, 400, "messages", "missing_required_parameter"),
    ("chat", chat([]), 400, "messages", "empty_array"),
    ("chat", chat([{"content": "a"}]), 400, "messages[0].role", "missing_required_parameter"),
    ("chat", chat([{"role": "user", "content": 3}]), 400, "messages[0].content", "invalid_type"),
    ("chat", chatted({"type": "input_text", "text": "a"}), 400, "messages[0].content[0].type", "invalid_value"),
    ("chat", chat([{"role": "tool", "tool_call_id": "c", "content": "x"}]), 400, "messages[0].role", None),
    ("chat", chat(n=0), 400, "n", "integer_below_min_value"),
    ("chat", chat(n=129), 400, "n", "integer_above_max_value"),
    ("chat", chat(stop=["a"] * 5), 400, "stop", "invalid_value"),
    ("chat", chat(stream_options={"include_usage": True}), 400, "stream_options", None),
    ("chat", chat(tools=[{"type": "web_search"}]), 400, "tools[0].type", "invalid_value"),
    ("chat", chat(response_format={"type": "xml"}), 400, "response_format.type", "invalid_value"),
]


@pytest.mark.parametrize(("endpoint", "request_body", "status", "param", "code"), WRONG)
async def test_what_is_wrong_is_refused_with_an_envelope(
    endpoint: Endpoint, request_body: Any, status: int, param: str | None, code: str | None
) -> None:
    got = await send(endpoint, request_body)
    assert got.status == status, got.body
    error = got.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert error["message"]
