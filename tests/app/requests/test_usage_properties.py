"""For any answer that completes, whatever its usage says: text is never free, what is billed is what the client is shown, and
inferred figures never exceed the bounds of the hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.accounts.auth import Key
from app.requests.attempts import Offer
from app.requests.plan import Offering, Plan, make_plan
from app.requests.settlement import usage_of
from app.wire.dialects import parse
from app.wire.exchange import AnswerError, Relay
from domain.events import KeyLimits
from domain.usage import Usage
from tests.support.requests.scripted import CATALOG, VERSIONS
from tests.support.wire.streams import cut

Json = dict[str, Any]
TEXT = "The answer is here."
Endpoint = Literal["responses", "chat"]
DIALECTS: Mapping[tuple[str, Endpoint], str] = {
    ("openai", "chat"): "chat",
    ("openai", "responses"): "responses",
    ("openai-chat", "chat"): "chat",
    ("openai-chat", "responses"): "chat",
    ("anthropic", "chat"): "anthropic",
    ("anthropic", "responses"): "anthropic",
    ("gemini", "chat"): "gemini",
    ("gemini", "responses"): "gemini",
}
FIGURES = (
    st.none()
    | st.integers(0, 30)
    | st.sampled_from([0, 5.0, 900, 10**6, 10**9, 10**9 + 1, -1, 0.5, "7", True, [], {}, "", [3]])
)
NAMES: Mapping[str, tuple[str, ...]] = {
    "chat": (
        *("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens"),
        *("prompt_cache_hit_tokens", "cache_creation_input_tokens", "cache_write_tokens", "input_tokens"),
    ),
    "responses": ("input_tokens", "output_tokens", "total_tokens", "cached_tokens", "reasoning_tokens"),
    "anthropic": ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
    "gemini": (
        *("promptTokenCount", "candidatesTokenCount", "totalTokenCount", "cachedContentTokenCount"),
        *("thoughtsTokenCount", "toolUsePromptTokenCount"),
    ),
}
DETAILS: Mapping[str, tuple[str, ...]] = {
    "chat": ("prompt_tokens_details", "completion_tokens_details"),
    "responses": ("input_tokens_details", "output_tokens_details"),
    "anthropic": ("cache_creation", "output_tokens_details"),
    "gemini": (),
}
INNER = ("cached_tokens", "cache_write_tokens", "reasoning_tokens", "thinking_tokens", "ephemeral_1h_input_tokens")
NOT_EXPLICIT = ("total_tokens", "totalTokenCount")
"""A total, and for chat and Responses a part of the input, must not raise what is billed above the bounds."""


def usages(dialect: str) -> st.SearchStrategy[Any]:
    whole = st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(NAMES[dialect], FIGURES),
            **dict.fromkeys(DETAILS[dialect], FIGURES | st.dictionaries(st.sampled_from(INNER), FIGURES, max_size=3)),
        },
    )
    return whole | FIGURES


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, Endpoint, bool, bool, Json]:
    """Protocol, client's endpoint, whether each side streams, and what the upstream reports."""
    (protocol, endpoint), dialect = draw(st.sampled_from(list(DIALECTS.items())))
    reported = {
        "text": draw(st.sampled_from(["", TEXT])),
        "unknown": draw(st.sampled_from(["", TEXT])),
        "usages": draw(st.lists(usages(dialect), max_size=2)),
        "in_choice": draw(st.none() | usages(dialect)),
        "timings": draw(st.none() | st.dictionaries(st.sampled_from(["prompt_n", "cache_n", "predicted_n"]), FIGURES)),
        "done": draw(st.booleans()),
        "cuts": draw(st.lists(st.integers(0, 2000), max_size=3)),
    }
    return protocol, endpoint, draw(st.booleans()), draw(st.booleans()), reported


def plan_of(protocol: str, endpoint: Endpoint, stream: bool) -> Plan:
    body: Json = {"model": "gpt-5.4-mini", "stream": stream}
    if endpoint == "chat":
        body |= {"messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 50}
        body |= {"stream_options": {"include_usage": True}} if stream else {}
    else:
        body |= {"input": "hi", "max_output_tokens": 50}
    return make_plan(
        parse(endpoint, json.dumps(body).encode()),
        key=Key("acct", "key", "digest", KeyLimits()),
        offering=Offering(CATALOG, VERSIONS, {name: Offer(protocol, 2**20, fetches_urls=True) for name in "ab"}, 10),
        stored={},
        request_id="req_1",
        now_micros=0,
    )


def frames(*events: Any) -> bytes:
    written = []
    for event in events:
        name = f"event: {event['type']}\n" if isinstance(event, dict) and isinstance(event.get("type"), str) else ""
        written.append(f"{name}data: {event if isinstance(event, str) else json.dumps(event)}\n\n")
    return "".join(written).encode()


def chat_answer(stream: bool, reported: Json) -> bytes:
    part = "delta" if stream else "message"
    text = {"role": "assistant", "content": reported["text"]} | (
        {"musings": reported["unknown"]} if reported["unknown"] else {}
    )
    choice: Json = {"index": 0, part: text, "finish_reason": None if stream else "stop"}
    head = {"id": "c", "object": "chat.completion.chunk" if stream else "chat.completion", "created": 1, "model": "m"}
    end: Json = {"index": 0, part: {}, "finish_reason": "stop"} if stream else choice
    if reported["in_choice"] is not None:
        end["usage"] = reported["in_choice"]
    timings = {} if reported["timings"] is None else {"timings": reported["timings"]}
    if not stream:
        usage = {"usage": reported["usages"][-1]} if reported["usages"] else {}
        return json.dumps(head | {"choices": [choice]} | usage | timings).encode()
    reports = [head | {"choices": [], "usage": each} for each in reported["usages"]]
    done = ["[DONE]"] if reported["done"] else []
    return frames(head | {"choices": [choice]}, head | {"choices": [end]} | timings, *reports, *done)


def responses_answer(stream: bool, reported: Json) -> bytes:
    part = {"type": "output_text", "text": reported["text"], "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    strange = {"id": "x_1", "type": "strange", "status": "completed", "text": reported["unknown"]}
    output = [item] if reported["text"] else []
    output += [strange] if reported["unknown"] else []
    usage = {"usage": reported["usages"][-1]} if reported["usages"] else {}
    response = {"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": output} | usage
    if not stream:
        return json.dumps(response).encode()
    begun = response | {"status": "in_progress", "output": [], "usage": None}
    return frames(
        {"type": "response.created", "sequence_number": 0, "response": begun},
        {"type": "response.completed", "sequence_number": 1, "response": response},
    )


def anthropic_answer(stream: bool, reported: Json) -> bytes:
    message: Json = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    first, last = [*reported["usages"], None, None][:2]
    text = {"type": "text", "text": reported["text"]}
    if not stream:
        return json.dumps(
            message | {"content": [text] if reported["text"] else [], "stop_reason": "end_turn", "usage": first}
        ).encode()
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": reported["text"]}}
    block = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        delta,
        {"type": "content_block_stop", "index": 0},
    ]
    return frames(
        {"type": "message_start", "message": message | {"stop_reason": None, "usage": first}},
        *(block if reported["text"] else []),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last},
        {"type": "message_stop"},
    )


def gemini_answer(stream: bool, reported: Json) -> bytes:
    parts = [{"text": reported["text"]}] if reported["text"] else []
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    whole = [{"candidates": [candidate]}, *({"usageMetadata": each} for each in reported["usages"])]
    if stream:
        return frames(*whole)
    body: Json = {}
    for each in whole:
        body |= each
    return json.dumps(body).encode()


WRITERS = {"chat": chat_answer, "responses": responses_answer, "anthropic": anthropic_answer, "gemini": gemini_answer}


def completed(relay: Relay, data: bytes, cuts: list[int]) -> bytes | None:
    """What was forwarded of an answer that is complete, or None if it is at fault."""
    try:
        forwarded = b"".join(relay.feed(piece) for piece in cut(data, cuts))
        if not relay.finished:
            relay.end()
    except AnswerError:
        return None
    return forwarded if relay.finished else None


def shown_usage(raw: bytes, stream: bool) -> Json | None:
    """The last usage that the client sees."""
    if not stream:
        raw = b"data: " + raw
    found: Json | None = None
    for line in raw.decode().splitlines():
        if line.startswith("data: {"):
            event = json.loads(line.removeprefix("data: "))
            found = event.get("response", event).get("usage") or found
    return found


def figures_of(shown: Json, endpoint: Endpoint) -> tuple[int, ...]:
    read, wrote = ("prompt", "completion") if endpoint == "chat" else ("input", "output")
    inside, outside = (shown.get(f"{name}_tokens_details") or {} for name in (read, wrote))
    return (
        shown[f"{read}_tokens"],
        shown[f"{wrote}_tokens"],
        shown.get("total_tokens") or shown[f"{read}_tokens"] + shown[f"{wrote}_tokens"],
        inside.get("cached_tokens") or 0,
        inside.get("cache_write_tokens") or 0,
        outside.get("reasoning_tokens") or 0,
    )


def explicit(value: Any, dialect: str, side: str) -> int:
    """The sum of all figures of one side, each of which is billed as reported."""
    if isinstance(value, list):
        return sum(explicit(each, dialect, side) for each in value)
    if not isinstance(value, dict):
        return 0
    total = 0
    for name, each in value.items():
        is_output = any(
            word in name for word in ("completion", "output_tok", "candidates", "thoughts", "reasoning", "predicted")
        )
        if isinstance(each, dict):
            total += explicit(each, dialect, side)
        elif name not in NOT_EXPLICIT and type(each) in (int, float) and is_output == (side == "output"):
            total += 0 if dialect in ("chat", "responses") and "cache" in name else int(each)
    return total


def check(answer: tuple[str, Endpoint, bool, bool, Json]) -> bool:
    """Check one answer. Returns whether it was complete."""
    protocol, endpoint, stream, upstream_streams, reported = answer
    dialect = DIALECTS[protocol, endpoint]
    plan = plan_of(protocol, endpoint, stream)
    attempt = plan.take_attempts().first
    relay = attempt.relay() if stream == upstream_streams else attempt.other_form()
    forwarded = completed(relay, WRITERS[dialect](upstream_streams, reported), reported["cuts"])
    if forwarded is None:
        return False
    usage = usage_of(plan, relay).usage
    assert type(usage) is Usage
    kinds = ("input", "cached_input", "cache_write", "cache_write_1h", "image_input", "image_output", "output")
    assert min(getattr(usage, kind) for kind in kinds) >= 0
    assert 0 <= usage.reasoning <= usage.output
    assert usage.input_tokens > 0
    unknown = reported["unknown"] if dialect in ("chat", "responses") else ""
    assert usage.output_tokens > 0 or not (reported["text"] or unknown)
    shown = shown_usage(forwarded + relay.tail(usage), stream)
    assert shown is not None
    assert figures_of(shown, endpoint) == (
        usage.input_tokens,
        usage.output_tokens,
        usage.total_tokens,
        usage.cached_input,
        usage.cache_write + usage.cache_write_1h,
        usage.reasoning,
    )
    bounds = plan.quote.bounds
    figures = [reported["usages"], reported["in_choice"]]
    if explicit(figures, dialect, "input") <= bounds.input_tokens:
        assert usage.input_tokens <= bounds.input_tokens
    if explicit(figures, dialect, "output") <= bounds.output_tokens:
        assert usage.output_tokens <= bounds.output_tokens
    return True


@given(answers())
@settings(max_examples=300, deadline=None)
def test_every_complete_answer_is_billed_as_it_is_shown_and_within_its_bounds(
    answer: tuple[str, Endpoint, bool, bool, Json],
) -> None:
    check(answer)


@pytest.mark.long
def test_every_complete_answer_is_billed_as_it_is_shown_at_full_size() -> None:
    complete: list[bool] = []

    @given(answers())
    @settings(max_examples=20_000, deadline=None)
    def run(answer: tuple[str, Endpoint, bool, bool, Json]) -> None:
        complete.append(check(answer))

    run()
    print(f"{sum(complete)} of {len(complete)} answers were complete")
    assert sum(complete) > len(complete) // 2
