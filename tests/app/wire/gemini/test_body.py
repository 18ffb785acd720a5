"""A whole body."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.wire.canonical import Ask, FunctionTool, Hints, Message, Target
from app.wire.exchange import RequestError
from app.wire.gemini.body import write_gemini
from tests.app.wire.asks import asks, plain_asks, targets
from tests.app.wire.gemini.gemini_asks import asked, body

MODELS = st.sampled_from(["gemini-3-pro-preview", "gemini-2.5-flash", "gemini-2.0-flash", "gemma-3-27b-it"])


def test_a_request_is_written_whole() -> None:
    hints = Hints({"a": "b"}, "ann", "s", "key", "24h")
    ask = asked(instructions="Be brief.", tools=(FunctionTool("f"),), temperature=1.0, hints=hints, stream=True)
    assert body(ask) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "generationConfig": {"maxOutputTokens": 512, "temperature": 1.0},
    }


def written_or_refused(ask: Ask, target: Target) -> dict[str, Any] | RequestError:
    try:
        body = json.loads(write_gemini(ask, target))
    except RequestError as error:
        return error
    assert isinstance(body, dict)
    return body


@given(asks(), targets(MODELS))
def test_any_request_is_written_or_refused_by_name(ask: Ask, target: Target) -> None:
    written = written_or_refused(ask, target)
    if isinstance(written, RequestError):
        assert written.status == 400
        assert written.param
        assert written.code in ("unsupported_parameter", "invalid_value", "invalid_url")
        return
    roles = [turn["role"] for turn in written["contents"]]
    assert all(before != after for before, after in pairwise(roles))
    assert all(turn["parts"] for turn in written["contents"])
    assert written["generationConfig"]["maxOutputTokens"] == target.max_output_tokens


@given(plain_asks(), targets(MODELS))
def test_what_every_vendor_takes_is_written_with_all_its_words(ask: Ask, target: Target) -> None:
    written = json.loads(write_gemini(ask, target))
    parts = [part for turn in written["contents"] for part in turn["parts"]]
    messages = [item for item in ask.items if isinstance(item, Message) and item.role in ("user", "assistant")]
    said = [part.text for message in messages for part in message.parts if hasattr(part, "text") and part.text]
    assert [part["text"] for part in parts if part.get("text")] == said
