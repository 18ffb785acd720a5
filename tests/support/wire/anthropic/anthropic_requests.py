"""Short forms for canonical requests, and for writing them for Anthropic."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.wire.anthropic.request_writer import write_anthropic_request
from app.wire.canonical import CanonicalRequest, Item, Message, Target, Text
from app.wire.exchange import Endpoint, RequestError

OLD = "claude-sonnet-4-20250514"
BUDGETED = "claude-sonnet-4-5"
LATE = "claude-opus-4-6"
LATER = "claude-opus-4-8"
LATEST = "claude-opus-5-5"
HI = Message("user", (Text("Hi", at="input[0]"),), at="input[0]")


def make_request(*items: Item, endpoint: Endpoint = "responses", **members: Any) -> CanonicalRequest:
    return CanonicalRequest(endpoint=endpoint, model="m", items=items or (HI,), **members)


def target(model: str = BUDGETED, **members: Any) -> Target:
    return Target(**{"upstream": "up", "model": model, "max_output_tokens": 4096, **members})


def body(request: CanonicalRequest, model: str = BUDGETED, **members: Any) -> dict[str, Any]:
    made = msgspec.json.decode(write_anthropic_request(request, target(model, **members)))
    assert isinstance(made, dict)
    return made


def refused(request: CanonicalRequest, model: str = BUDGETED, **members: Any) -> str:
    """The parameter that the refusal names."""
    with pytest.raises(RequestError) as caught:
        write_anthropic_request(request, target(model, **members))
    error = caught.value
    assert error.status == 400
    assert error.code in {"unsupported_parameter", "invalid_value"}
    assert error.param is not None
    assert f"'{error.param}'" in error.message
    return error.param
