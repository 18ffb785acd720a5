"""The form of an answer, by its first bytes."""

from __future__ import annotations

import pytest

from app.wire.canonical import CanonicalRequest, Target
from app.wire.dialects import other_form_relay
from app.wire.exchange import Relay
from app.wire.form import BOM, Form, form_of
from tests.support.wire.streams import by_byte, payloads, response, response_events, run, sse


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"", None),
        (b" \r\n", None),
        (BOM[:2], None),
        (BOM, None),
        (b"dat", None),
        (b"{", "body"),
        (BOM + b"\n{", "body"),
        (b"[", "body"),
        (b"data:x", "stream"),
        (b"\nevent: a", "stream"),
        (BOM + b": keep", "stream"),
        (b"id:1", "stream"),
        (b"retry:1", "stream"),
    ],
)
def test_the_first_bytes_decide(head: bytes, form: Form | None) -> None:
    assert form_of(head, "stream") == form_of(head, "body") == form


@pytest.mark.parametrize("requested", ["stream", "body"])
@pytest.mark.parametrize("head", [b"<html>", b"data\n", b"de"])
def test_anything_else_is_taken_for_what_was_requested(head: bytes, requested: Form) -> None:
    assert form_of(head, requested) == requested


def relay(*, stream: bool) -> Relay:
    request = CanonicalRequest("responses", "public", (), stream=stream)
    target = Target("up", "vendor-model", 100)
    return other_form_relay(request, "responses", target, model="public", seed="0" * 32, created=1, fields={})


def test_a_body_as_a_stream_and_a_stream_as_a_body() -> None:
    events = response_events(output=[{"type": "message", "content": [{"type": "output_text", "text": "abcdef"}]}])
    whole = run(relay(stream=False), by_byte(sse(*events)))
    assert (whole.forwarded, whole.frames, whole.finish) == (b"", 0, "stop")
    assert whole.tail.startswith(b"{")
    assert whole.tail.endswith(b"}")
    body = relay(stream=True)
    streamed = run(body, by_byte(whole.tail))
    assert (streamed.forwarded, streamed.frames, streamed.usage) == (b"", 0, whole.usage)
    assert [each for each in payloads(streamed.tail) if each != "[DONE]"][-1]["type"] == "response.completed"
    assert streamed.tail.endswith(b"data: [DONE]\n\n")
    assert payloads(body.failure(message="Broken.", type="server_error", code=None))[0]["type"] == "error"


def test_a_stream_for_a_plain_client_that_fails_is_an_error_body() -> None:
    started = relay(stream=False)
    assert started.feed(sse({"type": "response.created", "response": response()})) == b""
    assert started.failure(message="Broken.", type="server_error", code=None).startswith(b'{"error":')
