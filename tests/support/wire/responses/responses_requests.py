"""Short forms for /v1/responses requests, and for reading them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.canonical import CanonicalRequest, Item, bare
from app.wire.exchange import RequestError
from app.wire.file_ref import StoredFile
from app.wire.request import read_body
from app.wire.responses.request_reader import read_responses_request
from app.wire.splice import Members

STORED = {
    "file-1": StoredFile("application/pdf", "told.pdf", "JVBERi0=", 5, 1),
    "file-2": StoredFile("image/png", "a.png", "iVBORw0=", 5, None),
}


def fields_of(members: Any) -> Members:
    return read_body(json.dumps(members).encode())


def read(**members: Any) -> CanonicalRequest:
    return read_responses_request(fields_of({"model": "m", "input": "Hi", **members}), STORED)


def refused(**members: Any) -> tuple[str | None, str | None]:
    with pytest.raises(RequestError) as caught:
        read(**members)
    assert caught.value.status == 400
    assert (caught.value.param or "").split("[")[0].split(".")[0] in caught.value.message
    return caught.value.param, caught.value.code


def item(value: Any) -> Item:
    return read(input=[value]).items[0]


def user(*parts: Any) -> Any:
    return {"role": "user", "content": list(parts)}


def bare_items(*items: Item) -> Any:
    return bare(CanonicalRequest("responses", "m", items))["items"]


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}


TOOLS = [FUNCTION, {"type": "custom", "name": "c"}, {"type": "web_search_preview"}, {"type": "image_generation"}]
UNKNOWN, WRONG, VALUE, MISSING = "unknown_parameter", "invalid_type", "invalid_value", "missing_required_parameter"
LACKING = "unsupported_parameter"
