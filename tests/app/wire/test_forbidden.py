"""References that a tool may not contain, in any spelling."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.wire.exchange import RequestError
from app.wire.forbidden import check_tools


def judged(*tools: Any) -> tuple[str, ...]:
    return check_tools(msgspec.Raw(json.dumps(tools).encode()), "tools")


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"type": "image_generation", "input_image_mask": {"file_id": "file-1"}}, "tools[0].input_image_mask.file_id"),
        ({"type": "code_interpreter", "container": {"file_ids": ["file-1"]}}, "tools[0].container.file_ids"),
        ({"type": "code_interpreter", "container": "cntr_1"}, "tools[0].container"),
        ({"type": "code_interpreter", "Container": "cntr_1"}, "tools[0].Container"),
        ({"type": "namespace", "tools": [{"file_ids": ["file-1"]}]}, "tools[0].tools[0].file_ids"),
        ({"type": "shell", "environment": {"container_id": "cntr_1"}}, "tools[0].environment.container_id"),
        ({"type": "shell", "environment": {"skills": [{"skill_id": "s"}]}}, "tools[0].environment.skills[0].skill_id"),
        ({"type": "mcp", "tunnel_id": "tunnel_1"}, "tools[0].tunnel_id"),
    ],
)
def test_references_to_a_vendors_own_storage_are_rejected(tool: Any, param: str) -> None:
    with pytest.raises(RequestError) as caught:
        judged(tool)
    assert (caught.value.param, caught.value.code) == (param, "unsupported_parameter")


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"type": "mcp", "server_url": "http://169.254.169.254/"}, "tools[0].server_url"),
        ({"type": "mcp", "Server_URL": "http://localhost/"}, "tools[0].Server_URL"),
        (
            {"type": "image_generation", "input_image_mask": {"image_url": "http://10.0.0.1/a.png"}},
            "tools[0].input_image_mask.image_url",
        ),
    ],
)
def test_a_url_in_a_tool_is_checked_by_its_form(tool: Any, param: str) -> None:
    with pytest.raises(RequestError) as caught:
        judged(tool)
    assert (caught.value.param, caught.value.code) == (param, "invalid_url")


def test_urls_in_tools_are_reported_with_their_paths() -> None:
    mask = {"type": "image_generation", "input_image_mask": {"image_url": "data:image/png;base64,AAAA"}}
    assert judged(mask, {"type": "mcp", "server_url": "https://mcp.example/sse"}) == ("tools[1].server_url",)
    assert judged({"type": "mcp", "server_url": None, "server_label": "url"}) == ()


def test_a_functions_own_parameters_may_have_any_name() -> None:
    schema = {"type": "object", "properties": {"file_id": {"type": "string"}, "url": {"const": "http://localhost/"}}}
    auto = {"type": "code_interpreter", "container": {"type": "auto", "file_ids": []}}
    assert judged({"type": "function", "name": "f", "parameters": schema}, auto, 5) == ()
    assert check_tools(msgspec.Raw(b"[]"), "tools") == ()
    assert check_tools(None, "tools") == ()


def test_a_name_spelled_with_escapes_is_found() -> None:
    with pytest.raises(RequestError):
        check_tools(msgspec.Raw(rb'[{"type": "x", "\u0066ile_id": "file-1"}]'), "tools")


@pytest.mark.parametrize("number", [b"1e400", b"1" * 5_000])
def test_a_tool_with_a_number_that_is_too_large_is_rejected(number: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        check_tools(msgspec.Raw(b'[{"type":"x","file_id":null,"size":%b}]' % number), "tools")
    assert (caught.value.param, caught.value.code) == ("tools", "invalid_value")
