"""Tools and tool choices that a vendor would reject."""

from __future__ import annotations

import pytest

from tests.support.upstream.rejected import Wrong, check_rejected
from tests.support.upstream.simulated import WEATHER, chat, responses

WRONG: list[Wrong] = [
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
    ("chat", chat(tools=[{"type": "web_search"}]), 400, "tools[0].type", "invalid_value"),
]


@pytest.mark.parametrize("wrong", WRONG)
async def test_wrong_tools_are_rejected(wrong: Wrong) -> None:
    await check_rejected(wrong)
