from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.wire.content import Weight, weigh
from app.wire.exchange import RequestError, ToolUse

PAYLOAD = "QUJD" * 50
URI = f"data:image/png;base64,{PAYLOAD}"


def weight(items: Any, name: str = "input") -> Weight:
    return weigh(msgspec.Raw(json.dumps(items).encode()), name)


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
        ({"type": "input_image", "file_id": "file-1"}, 1, 0, 0),
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
        ({"type": "input_audio", "input_audio": {"data": PAYLOAD}}, 0, 0, 0),
        ({}, 0, 0, 0),
    ],
)
def test_what_a_part_weighs(part: Any, images: int, files: int, inline: int) -> None:
    assert weight([message(part)]) == Weight(items=1, images=images, files=files, inline_bytes=inline)


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
    assert weight(items) == Weight(items=9, images=6, inline_bytes=5 * len(PAYLOAD))


def test_tools_that_an_item_brings_along_are_told() -> None:
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
def test_what_is_no_list_of_items_is_refused(items: Any, param: str) -> None:
    with pytest.raises(RequestError) as caught:
        weight(items)
    assert (caught.value.param, caught.value.code) == (param, "invalid_type")
