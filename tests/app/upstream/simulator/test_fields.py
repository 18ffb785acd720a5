"""Bodies and fields of the wrong form are rejected with a vendor's errors."""

from __future__ import annotations

import pytest

from tests.support.upstream.rejected import Wrong, check_rejected
from tests.support.upstream.simulated import chat, responses, with_directives

WRONG: list[Wrong] = [
    ("responses", b"{", 400, None, None),
    ("responses", b"", 400, None, None),
    ("responses", b'{"model": "\xff"}', 400, None, None),
    ("responses", b"[]", 400, None, "invalid_type"),
    ("responses", {"input": "a"}, 400, "model", "missing_required_parameter"),
    ("responses", {"model": 3, "input": "a"}, 400, "model", "invalid_type"),
    ("responses", {"model": "", "input": "a"}, 400, "model", None),
    ("responses", responses(temperature=3), 400, "temperature", "decimal_above_max_value"),
    ("responses", responses(temperature="1"), 400, "temperature", "invalid_type"),
    ("responses", responses(max_output_tokens=0), 400, "max_output_tokens", "integer_below_min_value"),
    ("responses", responses(max_output_tokens=True), 400, "max_output_tokens", "invalid_type"),
    ("responses", responses(stream="yes"), 400, "stream", "invalid_type"),
    ("responses", responses(metadata={"simulator": 3}), 400, "metadata.simulator", "invalid_type"),
    (
        "responses",
        responses(metadata={str(at): "a" for at in range(17)}),
        400,
        "metadata",
        "object_above_max_properties",
    ),
    ("responses", responses(**with_directives("x" * 513)), 400, "metadata", "string_above_max_length"),
    ("chat", chat(n=0), 400, "n", "integer_below_min_value"),
    ("chat", chat(n=129), 400, "n", "integer_above_max_value"),
]


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_body_or_field_is_rejected(wrong: Wrong) -> None:
    await check_rejected(wrong)
