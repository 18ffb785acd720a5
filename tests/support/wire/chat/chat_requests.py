"""Chat requests and what is read from them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.canonical import (
    CanonicalRequest,
    Item,
)
from app.wire.chat.request_reader import read_chat_request
from app.wire.exchange import RequestError
from app.wire.file_ref import StoredFile
from app.wire.request import read_body

USER: dict[str, Any] = {"role": "user", "content": "hi"}
STORED = {"file-1": StoredFile("application/pdf", "a.pdf", "JVBERi0=", 5, 1)}


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER], **members}).encode()


def make_request(**members: Any) -> CanonicalRequest:
    return read_chat_request(read_body(body(**members)), STORED)


def items(*messages: Any) -> list[Item]:
    return list(make_request(messages=list(messages)).items)


def assistant(**members: Any) -> list[Item]:
    return items({"role": "assistant", **members})


def refused(**members: Any) -> tuple[str | None, str | None]:
    with pytest.raises(RequestError) as caught:
        make_request(**members)
    assert caught.value.status == 400
    return caught.value.param, caught.value.code


SCHEMA = {"type": "object", "properties": {"x": {"type": ["string", "null"]}}}
