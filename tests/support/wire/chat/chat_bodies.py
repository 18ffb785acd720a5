"""Canonical requests and the chat bodies that are written for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.canonical import (
    CanonicalRequest,
    Item,
    Message,
    Target,
    Text,
)
from app.wire.chat.request_writer import write_chat_request
from app.wire.exchange import Endpoint, RequestError

TARGET = Target(upstream="up", model="vendor", max_output_tokens=100)
HI = Message("user", (Text("hi"),))


def make_request(*items: Item, endpoint: Endpoint = "responses", **members: Any) -> CanonicalRequest:
    return CanonicalRequest(endpoint=endpoint, model="m", items=items or (HI,), **members)


def written(raw: CanonicalRequest, target: Target = TARGET) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(write_chat_request(raw, target))
    return fields


def refused(raw: CanonicalRequest, target: Target = TARGET) -> str | None:
    with pytest.raises(RequestError) as caught:
        write_chat_request(raw, target)
    assert (caught.value.code, caught.value.status) == ("unsupported_parameter", 400)
    return caught.value.param
