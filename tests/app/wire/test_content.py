from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from app.wire.content import (
    FILE_BYTES_MAX,
    INLINE_BYTES_MAX,
    ContentTotals,
    check_file_size,
    check_size,
    measure_content,
)
from app.wire.exchange import RequestError, ToolUse
from app.wire.file_ref import FileRef

PAYLOAD = "QUJD" * 50
URI = f"data:image/png;base64,{PAYLOAD}"


def weight(items: Any, name: str = "input") -> ContentTotals:
    return measure_content(msgspec.Raw(json.dumps(items).encode()), name)


def message(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


@pytest.mark.parametrize(
    ("part", "images", "files", "inline"),
    [
        ({"type": "text", "text": URI}, 0, 0, 0),
        ({"type": "text", "image_url": URI, "file_data": URI}, 0, 0, 0),
        ({"type": "image_url", "image_url": {"url": URI}}, 1, 0, len(PAYLOAD)),
        ({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}, 1, 0, 0),
        ({"type": "image_url", "image_url": {}}, 1, 0, 0),
        ({"type": "image_url", "image_url": 5}, 1, 0, 0),
        ({"type": "image_url"}, 1, 0, 0),
        ({"type": "input_image", "image_url": URI}, 1, 0, len(PAYLOAD)),
        ({"type": "input_image", "image_url": URI.replace("data:", "DATA:")}, 1, 0, len(PAYLOAD)),
        ({"type": "input_image", "image_url": "data:nothing"}, 1, 0, 0),
        ({"type": "input_image", "image_url": "data:" + "x" * 2000 + ",AAAA"}, 1, 0, 0),
        ({"type": "input_file", "file_url": "https://x.example/a.pdf"}, 0, 1, 0),
        ({"type": "input_file", "file_data": 5}, 0, 1, 0),
        ({"type": "input_file", "file_id": "file-1"}, 0, 1, 0),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PAYLOAD}"},
            0,
            1,
            len(PAYLOAD),
        ),
        ({"type": "input_file", "file_data": PAYLOAD}, 0, 1, len(PAYLOAD)),
        ({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PAYLOAD}"}}, 0, 1, len(PAYLOAD)),
        ({"type": "file", "file": {"file_id": "file-1"}}, 0, 1, 0),
        ({"type": "tool_reference", "name": "x"}, 0, 0, 0),
        ({}, 0, 0, 0),
    ],
)
def test_the_content_of_a_part_is_measured(part: Any, images: int, files: int, inline: int) -> None:
    found = weight([message(part)])
    assert (found.items, found.images, found.files, found.inline_bytes) == (1, images, files, inline)
    assert found.content_bytes == inline * 3 // 4


@pytest.mark.parametrize("kind", [["input_image"], {"input_file": 1}, 5, True, None, "video_url", "text2"])
@pytest.mark.parametrize("name", ["image_url", "video_url", "audio_url", "input_audio", "file_data", "url"])
def test_a_part_that_carries_something_without_its_type_is_rejected(kind: Any, name: str) -> None:
    """Some servers look only at a part's members: they would fetch the URL, and the image would not be counted."""
    with pytest.raises(RequestError) as caught:
        weight([message({"type": "input_text", "text": "a"}, {"type": kind, name: "http://169.254.169.254/"})])
    assert (caught.value.param, caught.value.code) == ("input[0].content[1]", "unsupported_input")
    assert weight([message({"type": kind, name: None})]).images == 0


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"role": "user", "Content": [{"type": "input_image", "image_url": URI}]}, "input[0].Content"),
        (message({"type": "input_text", "text": "a", "Image_URL": URI}), "input[0].content[0].Image_URL"),
        (
            message({"type": "image_url", "image_url": {"url": URI, "URL": "http://10.0.0.1/"}}),
            "input[0].content[0].image_url.URL",
        ),
        (
            message({"type": "file", "file": {"file_data": PAYLOAD, "File_ID": "file-1"}}),
            "input[0].content[0].file.File_ID",
        ),
    ],
)
def test_a_name_in_another_case_is_rejected(item: Any, param: str) -> None:
    with pytest.raises(RequestError, match="Did you mean") as caught:
        weight([item])
    assert caught.value.param == param


def test_parts_are_found_wherever_an_item_has_them() -> None:
    image = {"type": "input_image", "image_url": URI}
    items = [
        {"role": "user", "content": "text"},
        {"role": "assistant", "content": None},
        {"role": "assistant"},
        message(image, image),
        {"type": "function_call_output", "output": "text"},
        {"type": "function_call_output", "output": [image]},
        {"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": URI}},
        {"type": "image_generation_call", "result": PAYLOAD},
        {"type": "image_generation_call", "result": None},
    ]
    found = weight(items)
    assert (found.items, found.images, found.inline_bytes) == (9, 5, 5 * len(PAYLOAD))


@pytest.mark.parametrize("size", range(6))
def test_the_decoded_size_of_inline_content_is_exact(size: int) -> None:
    data = base64.b64encode(b"x" * (300 + size)).decode()
    assert weight([message({"type": "input_file", "file_data": data})]).content_bytes == 300 + size
    uri = f"data:image/png;base64,{data}"
    assert weight([message({"type": "input_image", "image_url": uri})]).content_bytes == 300 + size


@pytest.mark.parametrize("payload", ["=", "==", "A=="])
def test_padding_without_content_counts_as_nothing(payload: str) -> None:
    part = {"type": "image_url", "image_url": {"url": f"data:,{payload}"}}
    assert weight([message(part)]).content_bytes == 0


def test_files_are_reported_with_their_paths() -> None:
    inline = f"data:application/pdf;base64,{PAYLOAD}"
    found = weight(
        [
            message({"type": "input_file", "file_id": "file-1"}, {"type": "file", "file": {"file_id": "file-2"}}),
            message({"type": "input_file", "file_data": PAYLOAD}, {"type": "file", "file": {"file_data": inline}}),
        ]
    )
    assert found.addresses == []
    linked = weight([message({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}})])
    assert linked.addresses == ["input[0].content[0].image_url.url"]
    assert found.refs == [
        FileRef("file-1", "input[0].content[0].file_id"),
        FileRef("file-2", "input[0].content[1].file.file_id"),
    ]
    assert [(json.loads(bytes(file.raw)), file.param) for file in found.inline_files] == [
        (PAYLOAD, "input[1].content[0].file_data"),
        (inline, "input[1].content[1].file.file_data"),
    ]


@pytest.mark.parametrize(
    ("items", "param", "code"),
    [
        ([{"type": "item_reference", "id": "msg_1"}], "input[0].type", "unsupported_parameter"),
        ([{"id": "msg_1"}], "input[0].type", "unsupported_parameter"),
        ([{"type": None, "id": "rs_1"}], "input[0].type", "unsupported_parameter"),
        ([{"role": "assistant", "audio": {"id": "audio_1"}}], "input[0].audio", "unsupported_parameter"),
        (
            [{"type": "additional_tools", "tools": [{"type": "code_interpreter", "container": "cntr_1"}]}],
            "input[0].tools[0].container",
            "unsupported_parameter",
        ),
        (
            [message({"type": "input_image", "file_id": "file-1"})],
            "input[0].content[0].file_id",
            "unsupported_parameter",
        ),
        (
            [{"type": "computer_call_output", "output": {"type": "computer_screenshot", "file_id": "file-1"}}],
            "input[0].output.file_id",
            "unsupported_parameter",
        ),
        (
            [message({"type": "input_image", "image_url": "file:///etc/passwd"})],
            "input[0].content[0].image_url",
            "invalid_url",
        ),
        (
            [message({"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}})],
            "input[0].content[0].image_url.url",
            "invalid_url",
        ),
        (
            [message({"type": "input_file", "file_url": "http://localhost/a"})],
            "input[0].content[0].file_url",
            "invalid_url",
        ),
    ],
)
def test_references_beyond_the_gateway_are_rejected(items: Any, param: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        weight(items)
    assert (caught.value.param, caught.value.code, caught.value.status) == (param, code, 400)


def test_a_file_of_25_mb_is_accepted_and_one_byte_more_is_not() -> None:
    check_file_size(FILE_BYTES_MAX, "file")
    data = base64.b64encode(b"x" * (FILE_BYTES_MAX + 1)).decode()
    with pytest.raises(RequestError) as caught:
        weight([message({"type": "input_file", "file_data": data})])
    assert (caught.value.status, caught.value.code) == (413, "file_too_large")
    assert weight([message({"type": "input_file", "file_data": data[:-4]})]).content_bytes == FILE_BYTES_MAX - 1


def test_content_of_50_mb_is_accepted_and_one_byte_more_is_not() -> None:
    check_size(INLINE_BYTES_MAX, "input")
    with pytest.raises(RequestError) as caught:
        check_size(INLINE_BYTES_MAX + 1, "input")
    assert (caught.value.status, caught.value.code, caught.value.param) == (413, "request_too_large", "input")


def test_tools_defined_by_an_item_are_reported() -> None:
    items = [
        {"type": "tool_search_output", "tools": [{"type": "function"}, {"type": "web_search_preview"}]},
        {"type": "mcp_list_tools", "tools": [{"name": "x", "input_schema": {}}]},
        {"type": "message", "tools": "none"},
    ]
    assert weight(items).tools == (
        ToolUse("function", "function", "input[0].tools[0].type"),
        ToolUse("web_search_preview", "web_search", "input[0].tools[1].type"),
    )


@pytest.mark.parametrize(
    ("items", "param"),
    [
        (5, "input"),
        ({}, "input"),
        (["text"], "input[0]"),
        ([{"content": 5}], "input[0].content"),
        ([{"content": {"type": "text"}}], "input[0].content"),
        ([{}, {"content": ["text"]}], "input[1].content[0]"),
        ([{"output": True}], "input[0].output"),
        ([{"output": [1]}], "input[0].output[0]"),
    ],
)
def test_anything_but_a_list_of_items_is_rejected(items: Any, param: str) -> None:
    with pytest.raises(RequestError) as caught:
        weight(items)
    assert (caught.value.param, caught.value.code) == (param, "invalid_type")
