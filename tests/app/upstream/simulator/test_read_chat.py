"""Chat requests that a vendor would reject."""

from __future__ import annotations

import pytest

from tests.support.upstream.rejected import Wrong, chat_with_parts, check_rejected
from tests.support.upstream.simulated import chat

WRONG: list[Wrong] = [
    ("chat", {"model": "m"}, 400, "messages", "missing_required_parameter"),
    ("chat", chat([]), 400, "messages", "empty_array"),
    ("chat", chat([{"content": "a"}]), 400, "messages[0].role", "missing_required_parameter"),
    ("chat", chat([{"role": "user", "content": 3}]), 400, "messages[0].content", "invalid_type"),
    ("chat", chat_with_parts({"type": "input_text", "text": "a"}), 400, "messages[0].content[0].type", "invalid_value"),
    ("chat", chat([{"role": "tool", "tool_call_id": "c", "content": "x"}]), 400, "messages[0].role", None),
    ("chat", chat(stop=["a"] * 5), 400, "stop", "invalid_value"),
    ("chat", chat(stream_options={"include_usage": True}), 400, "stream_options", None),
    ("chat", chat(response_format={"type": "xml"}), 400, "response_format.type", "invalid_value"),
]


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_chat_request_is_rejected(wrong: Wrong) -> None:
    await check_rejected(wrong)
