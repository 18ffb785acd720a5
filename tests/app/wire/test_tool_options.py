"""Options of tools that a pass-through would carry, and that would cost more than the hold covers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.wire.exchange import RequestError
from app.wire.forbidden import check_tools
from app.wire.tool_options import check_tool_options

IMAGE = {"type": "image_generation"}
CODE = {"type": "code_interpreter"}


@pytest.mark.parametrize(
    ("tool", "path", "code"),
    [
        (IMAGE | {"n": 2}, "n", "integer_above_max_value"),
        (IMAGE | {"N": 10**9}, "n", "integer_above_max_value"),
        (IMAGE | {"n": 0}, "n", "integer_below_min_value"),
        (IMAGE | {"n": "2"}, "n", "invalid_type"),
        (IMAGE | {"n": True}, "n", "invalid_type"),
        (IMAGE | {"n": 2.0}, "n", "invalid_type"),
        (IMAGE | {"partial_images": 4}, "partial_images", "integer_above_max_value"),
        (IMAGE | {"partial_images": -1}, "partial_images", "integer_below_min_value"),
        (IMAGE | {"frame_count": 2}, "frame_count", "unsupported_parameter"),
        (IMAGE | {"svg": {}}, "svg", "unsupported_parameter"),
        (IMAGE | {"complexity": "high"}, "complexity", "unsupported_parameter"),
        (IMAGE | {"reasoning": {"effort": "high"}}, "reasoning", "unsupported_parameter"),
        (IMAGE | {"output_format": "gif"}, "output_format", "unsupported_parameter"),
        (IMAGE | {"output_format": ["gif"]}, "output_format", "unsupported_parameter"),
        (CODE | {"container": {"type": "auto", "memory_limit": "64g"}}, "container.memory_limit", None),
        ({"type": "web_search", "max_uses": 1}, "max_uses", "unsupported_parameter"),
    ],
)
def test_an_option_that_the_price_of_a_call_does_not_cover_is_refused(
    tool: dict[str, Any], path: str, code: str | None
) -> None:
    inside = {"type": "namespace", "name": "n", "tools": [{"type": "function"}, tool]}
    for tools, where in (([tool], "tools[0]"), ([inside], "tools[0].tools[1]")):
        with pytest.raises(RequestError) as caught:
            check_tools(msgspec.Raw(msgspec.json.encode(tools)), "tools")
        assert (caught.value.param, caught.value.code) == (f"{where}.{path}", code or "unsupported_parameter")
        assert caught.value.status == 400


@pytest.mark.parametrize(
    "tool",
    [
        IMAGE | {"n": 1, "partial_images": 3, "quality": "high", "size": "1024x1024", "output_format": "webp"},
        IMAGE | dict.fromkeys(("n", "partial_images", "frame_count", "output_format")),
        CODE | {"container": {"type": "auto", "memory_limit": "1g"}},
        CODE | {"container": {"type": "auto"}},
        {"type": "function", "name": "f", "parameters": {"properties": {"max_uses": {}, "n": {}}}, "n": 5},
        {"type": "web_search", "max_uses": None},
        5,
    ],
)
def test_options_that_are_covered_pass(tool: Any) -> None:
    check_tool_options([tool], "tools")


def test_what_is_no_list_has_no_tools() -> None:
    check_tool_options({"type": "image_generation", "n": 2}, "tools")
