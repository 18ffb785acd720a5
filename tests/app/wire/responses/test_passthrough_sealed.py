"""Encrypted reasoning that passes through carries the tag of its upstream, so that no other upstream is sent it."""

from __future__ import annotations

import json
from typing import Any

from app.wire.responses.passthrough import ResponsesPlainRelay, ResponsesStreamRelay
from app.wire.tags import seal
from tests.support.wire.streams import RESPONSES_USAGE, event, payloads, response, response_events, run, sse


def reasoning(encrypted: str | None) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": encrypted}


MESSAGE = {"type": "message", "id": "msg_1", "content": []}
PLAIN, SEALED = reasoning("gAAAA"), reasoning(seal("vendor", "gAAAA"))


def test_a_whole_response() -> None:
    body = response("completed", usage=RESPONSES_USAGE, output=[MESSAGE, PLAIN, reasoning(None)])
    relay = ResponsesPlainRelay(model="public", upstream="vendor")
    relay.feed(json.dumps(body).encode())
    relay.end()
    assert json.loads(relay.tail())["output"] == [MESSAGE, SEALED, reasoning(None)]


def test_the_events_of_a_stream() -> None:
    first, *rest = response_events(output=[MESSAGE, PLAIN])
    items = [
        event("response.output_item.added", 1, output_index=0, item=reasoning(None)),
        event("response.output_item.done", 2, output_index=0, item=PLAIN),
    ]
    outcome = run(ResponsesStreamRelay(model="public", upstream="vendor"), [sse(first, *items, *rest)])
    shown = payloads(outcome.forwarded + outcome.tail)
    assert [each["item"] for each in shown if "item" in each] == [reasoning(None), SEALED]
    assert shown[-2]["response"]["output"] == [MESSAGE, SEALED]
