"""Short forms for canonical requests, and for writing them for Gemini."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.wire.canonical import CanonicalRequest, Item, Message, Target, Text
from app.wire.exchange import RequestError
from app.wire.gemini.request_writer import write_gemini_request

OLDER = "gemini-2.5-flash"
NEWEST = "gemini-3-flash-preview"

HELLO = Message("user", (Text("Hello", "input[0].content[0]"),), at="input[0]")


def target(model: str = NEWEST, **fields: Any) -> Target:
    return msgspec.structs.replace(Target("google", model, 512), **fields)


def make_request(*items: Item, **fields: Any) -> CanonicalRequest:
    return msgspec.structs.replace(CanonicalRequest("responses", "public", items or (HELLO,)), **fields)


def body(request: CanonicalRequest, to: Target | None = None) -> dict[str, Any]:
    written = json.loads(write_gemini_request(request, to or target()))
    assert isinstance(written, dict)
    return written


def contents(*items: Item, to: Target | None = None) -> list[dict[str, Any]]:
    written = body(make_request(*items), to)["contents"]
    assert isinstance(written, list)
    return written


def config(to: Target | None = None, **fields: Any) -> dict[str, Any]:
    """The generationConfig, without what is always in it."""
    written = body(make_request(**fields), to)["generationConfig"]
    assert written.pop("maxOutputTokens") == 512
    assert isinstance(written, dict)
    return written


def refused(
    request: CanonicalRequest, param: str, to: Target | None = None, code: str = "unsupported_parameter"
) -> str:
    """The message of the refusal that must come, and name `param`."""
    with pytest.raises(RequestError) as caught:
        write_gemini_request(request, to or target())
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)
    return caught.value.message
