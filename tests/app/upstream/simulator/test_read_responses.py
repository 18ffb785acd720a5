"""Responses requests: what is echoed, and what is rejected as a vendor would."""

from __future__ import annotations

import pytest

from tests.support.upstream.rejected import Wrong, check_rejected, with_parts
from tests.support.upstream.simulated import responses, send

WRONG: list[Wrong] = [
    ("responses", b'"' + b"[" * 100_000, 400, None, None),
    ("responses", b"[" * 100_000, 400, None, None),
    ("responses", b'{"model":"m","input":"a","tools":' + b"[" * 200 + b"]" * 200 + b"}", 400, None, "invalid_value"),
    ("responses", {"model": "m"}, 400, "input", "missing_required_parameter"),
    ("responses", responses(3), 400, "input", "invalid_type"),
    ("responses", responses([3]), 400, "input[0]", "invalid_type"),
    ("responses", responses([{}]), 400, "input[0].type", "missing_required_parameter"),
    ("responses", responses([{"role": "user"}]), 400, "input[0].content", "missing_required_parameter"),
    ("responses", responses([{"role": "king", "content": "a"}]), 400, "input[0].role", "invalid_value"),
    ("responses", with_parts({"type": "text", "text": "a"}), 400, "input[0].content[0].type", "invalid_value"),
    ("responses", with_parts({"type": "input_text"}), 400, "input[0].content[0].text", "missing_required_parameter"),
    (
        "responses",
        responses([{"type": "function_call_output", "call_id": "c", "output": "x"}]),
        400,
        "input",
        None,
    ),
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
]


async def test_metadata_and_instructions_are_echoed() -> None:
    got = await send("responses", responses(instructions="Be brief.", metadata={"simulator": "tokens=3", "a": "b"}))
    assert got.json["instructions"] == "Be brief."
    assert got.json["metadata"] == {"simulator": "tokens=3", "a": "b"}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_responses_request_is_rejected(wrong: Wrong) -> None:
    await check_rejected(wrong)
