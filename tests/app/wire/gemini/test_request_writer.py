"""Whole request bodies, and the properties that all of them have."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.wire.answer import AnswerEvent, CallBegun, CallDelta, ImageDone, ReasoningDone, TextDelta
from app.wire.canonical import (
    CanonicalRequest,
    FunctionCall,
    FunctionTool,
    Hints,
    ImageGenerationCall,
    Item,
    Message,
    Reasoning,
    Target,
    Text,
)
from app.wire.exchange import RequestError
from app.wire.gemini.answer_reader import GeminiAnswerReader
from app.wire.gemini.request_writer import write_gemini_request
from tests.support.wire.canonical_requests import any_requests, plain_requests, targets
from tests.support.wire.gemini.gemini_requests import body, make_request

MODELS = st.sampled_from(["gemini-3-pro-preview", "gemini-2.5-flash", "gemini-2.0-flash", "gemma-3-27b-it"])


def test_a_request_is_written_whole() -> None:
    hints = Hints({"a": "b"}, "ann", "s", "key", "24h")
    request = make_request(
        instructions="Be brief.", tools=(FunctionTool("f"),), temperature=1.0, hints=hints, stream=True
    )
    assert body(request) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "generationConfig": {"maxOutputTokens": 512, "temperature": 1.0},
    }


def written_or_refused(request: CanonicalRequest, target: Target) -> dict[str, Any] | RequestError:
    try:
        body = json.loads(write_gemini_request(request, target))
    except RequestError as error:
        return error
    assert isinstance(body, dict)
    return body


@given(any_requests(), targets(MODELS))
def test_any_request_is_written_or_rejected_by_name(request: CanonicalRequest, target: Target) -> None:
    written = written_or_refused(request, target)
    if isinstance(written, RequestError):
        assert written.status == 400
        assert written.param
        assert written.code in ("unsupported_parameter", "invalid_value", "invalid_url")
        return
    roles = [turn["role"] for turn in written["contents"]]
    assert all(before != after for before, after in pairwise(roles))
    assert all(turn["parts"] for turn in written["contents"])
    assert written["generationConfig"]["maxOutputTokens"] == target.max_output_tokens


@given(plain_requests(), targets(MODELS))
def test_a_plain_request_is_written_completely(request: CanonicalRequest, target: Target) -> None:
    written = json.loads(write_gemini_request(request, target))
    parts = [part for turn in written["contents"] for part in turn["parts"]]
    messages = [item for item in request.items if isinstance(item, Message) and item.role in ("user", "assistant")]
    said = [part.text for message in messages for part in message.parts if hasattr(part, "text") and part.text]
    assert [part["text"] for part in parts if part.get("text")] == said


def kept(events: list[AnswerEvent]) -> list[Item]:
    """What a client keeps of an answer and sends back, item by item."""
    items: list[Item] = []
    for event in events:
        match event:
            case TextDelta(text=text):
                items.append(Message("assistant", (Text(text),)))
            case ReasoningDone(sealed=sealed):
                items.append(Reasoning(sealed=sealed))
            case CallBegun(call_id=call_id, name=name):
                items.append(FunctionCall(call_id, name, ""))
            case CallDelta(text=text):
                begun = items.pop()
                assert isinstance(begun, FunctionCall)
                items.append(FunctionCall(begun.call_id, begun.name, text))
            case ImageDone(key=key, data=data):
                items.append(ImageGenerationCall(f"ig_{key}", data))
            case _:
                pass
    return items


signatures = st.fixed_dictionaries({}, optional={"thoughtSignature": st.text("AB", min_size=1, max_size=4)})
said = st.fixed_dictionaries({"text": st.text("xyü", min_size=1, max_size=3)})
calls = st.builds(
    lambda name, args, signed: {"functionCall": {"name": name, "args": args}, **signed},
    st.sampled_from(["f", "g"]),
    st.dictionaries(st.text(max_size=3), st.integers(-9, 9) | st.text(max_size=3), max_size=2),
    signatures,
)
pictures = st.builds(
    lambda signed: {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, **signed},
    signatures,
)


@given(st.lists(said | calls | pictures, min_size=1, max_size=6))
def test_an_answer_goes_back_as_received(parts: list[dict[str, Any]]) -> None:
    answer = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    target = Target("google", "gemini-2.5-flash", 512)
    events = GeminiAnswerReader(make_request(), target).whole(json.dumps(answer).encode())
    written = json.loads(write_gemini_request(make_request(*kept(events)), target))
    _, turn = written["contents"]
    for part in turn["parts"]:
        part.get("functionCall", {}).pop("id", None)
    assert turn == {"role": "model", "parts": parts}


def test_a_signature_of_a_text_goes_back_after_it() -> None:
    parts = [{"text": "A", "thoughtSignature": "SIG"}]
    answer = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    target = Target("google", "gemini-3-pro-preview", 512)
    events = GeminiAnswerReader(make_request(), target).whole(json.dumps(answer).encode())
    written = json.loads(write_gemini_request(make_request(*kept(events)), target))
    assert written["contents"][1:] == [
        {"role": "model", "parts": [{"text": "A"}, {"text": "", "thoughtSignature": "SIG"}]}
    ]
