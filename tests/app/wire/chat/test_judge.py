"""Pass-through and translation give the same judgement of the same bytes, however the bytes are cut."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire.canonical import CanonicalRequest, Target, WebSearchTool
from app.wire.chat.answer_reader import ChatAnswerReader
from app.wire.chat.answer_writer import ChatAnswerWriter
from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.exchange import AnswerError, Relay
from app.wire.translate import PlainTranslation, StreamTranslation
from tests.support.paths import RECORDINGS
from tests.support.wire.chat.nearly_openai import BODIES, BOMS, ENDS, FRAMES
from tests.support.wire.streams import by_byte, cut, payloads

TARGET = Target(upstream="up", model="vendor", max_output_tokens=100)
Frames = list[tuple[str, Any]]
RECORDED = sorted(path.name for path in (RECORDINGS / "chat").glob("*") if path.suffix in (".txt", ".json"))


def pair(*, stream: bool, choices: int, searches: bool) -> tuple[Relay, Relay, ChatAnswerReader]:
    tools = (WebSearchTool(),) if searches else ()
    request = CanonicalRequest(endpoint="chat", model="m", items=(), choices=choices, tools=tools, stream=stream)
    reader = ChatAnswerReader(request, TARGET)
    writer = ChatAnswerWriter(seed="0", model="public", created=5, fields={}, stream=stream)
    if stream:
        relay = ChatStreamRelay(model="public", include_usage=False, choices=choices, searches=searches)
        return relay, StreamTranslation(reader, writer, choices=choices), reader
    plain = ChatPlainRelay(model="public", choices=choices, searches=searches)
    return plain, PlainTranslation(reader, writer, choices=choices), reader


def step(relay: Relay, piece: bytes | None) -> tuple[bytes, tuple[Any, ...] | None]:
    """Feed a piece, or end the answer; the bytes for the client, and the error."""
    try:
        if piece is not None:
            return relay.feed(piece), None
        relay.end()
        return relay.tail(), None
    except AnswerError as error:
        return b"", (error.message, error.malformed, error.type, error.code, error.param)


def state(relay: Relay) -> tuple[Any, ...]:
    return (
        relay.closing,
        relay.finished,
        relay.finish,
        relay.usage,
        relay.items,
        relay.delivered.output_bytes,
    )


def judge(pieces: Sequence[bytes], *, stream: bool, choices: int, searches: bool) -> tuple[bytes, bytes] | None:
    """Drive both relays with the same pieces. The answers that they give, or None if both report the same error."""
    passing, translating, reader = pair(stream=stream, choices=choices, searches=searches)
    passed, translated = [], []
    for piece in (*pieces, None):
        (one, fault), (other, other_fault) = step(passing, piece), step(translating, piece)
        assert fault == other_fault
        if fault is not None:
            return None
        assert state(passing) == state(translating)
        passed.append(one)
        translated.append(other)
    assert passing.response_id == reader.upstream_id
    return b"".join(passed), b"".join(translated)


def understood(chunks: list[Any], part: str) -> dict[int, tuple[Any, ...]]:
    """What a client that trusts every index makes of the answer: for each choice its calls and its finish."""
    calls: dict[int, dict[int, list[str]]] = {}
    finishes: dict[int, str] = {}
    for choice in (choice for chunk in chunks if chunk != "[DONE]" for choice in chunk["choices"]):
        index = choice["index"]
        found = calls.setdefault(index, {})
        for position, entry in enumerate(choice[part].get("tool_calls") or ()):
            call = found.setdefault(entry["index"] if part == "delta" else position, ["", "", ""])
            inner = entry.get("custom") or entry.get("function") or {}
            call[0] = call[0] or entry.get("id") or ""
            call[1] = call[1] or inner.get("name") or ""
            call[2] += inner.get("arguments") or inner.get("input") or ""
        if choice["finish_reason"] is not None:
            assert finishes.setdefault(index, choice["finish_reason"]) == choice["finish_reason"]
    return {
        index: (sorted((one, name, text or "{}") for one, name, text in found.values()), finishes.get(index))
        for index, found in calls.items()
    }


def check_understood(passed: list[Any], translated: list[Any], part: str) -> None:
    assert all(chunk.get("system_fingerprint", "") is not None for chunk in passed if chunk != "[DONE]")
    if "function_call" not in json.dumps(passed):
        assert understood(passed, part) == understood(translated, part)


def check_stream(frames: Frames, bom: bytes, places: list[int], choices: int, searches: bool) -> None:
    data = bom + b"".join(
        (f"event: {name}\n" if name else "").encode()
        + b"data: %s\n\n" % (chunk if isinstance(chunk, str) else json.dumps(chunk)).encode()
        for name, chunk in frames
    )
    options: dict[str, Any] = {"stream": True, "choices": choices, "searches": searches}
    answers = judge(cut(data, places), **options)
    whole = judge([data], **options)
    assert (answers is None) == (whole is None)
    if answers is not None and whole is not None:
        assert answers[0] == whole[0]
        check_understood(payloads(answers[0]), payloads(answers[1]), "delta")


def check_body(body: dict[str, Any], bom: bytes, choices: int, searches: bool) -> None:
    data = bom + json.dumps(body).encode()
    answers = judge([data], stream=False, choices=choices, searches=searches)
    if answers is not None:
        check_understood([json.loads(answers[0])], [json.loads(answers[1])], "message")


PLACES = st.lists(st.integers(min_value=0), max_size=6)
STREAM = (
    st.builds(lambda frames, end: frames + end, FRAMES, ENDS),
    BOMS,
    PLACES,
    st.sampled_from([1, 1, 2]),
    st.booleans(),
)
BODY = (BODIES, BOMS, st.sampled_from([1, 2]), st.booleans())


@given(*STREAM)
def test_a_stream_is_judged_alike(frames: Frames, bom: bytes, places: list[int], choices: int, searches: bool) -> None:
    check_stream(frames, bom, places, choices, searches)


@given(*BODY)
def test_a_body_is_judged_alike(body: dict[str, Any], bom: bytes, choices: int, searches: bool) -> None:
    check_body(body, bom, choices, searches)


@pytest.mark.long
@settings(max_examples=20_000, deadline=None)
@given(*STREAM)
def test_many_streams_are_judged_alike(
    frames: Frames, bom: bytes, places: list[int], choices: int, searches: bool
) -> None:
    check_stream(frames, bom, places, choices, searches)


@pytest.mark.long
@settings(max_examples=20_000, deadline=None)
@given(*BODY)
def test_many_bodies_are_judged_alike(body: dict[str, Any], bom: bytes, choices: int, searches: bool) -> None:
    check_body(body, bom, choices, searches)


def recorded(name: str) -> bytes:
    body = (RECORDINGS / "chat" / name).read_bytes()
    return body if name.endswith(".json") else b"".join(b"data: %s\n\n" % line for line in body.splitlines())


@pytest.mark.parametrize("name", RECORDED)
@settings(max_examples=10, deadline=None)
@given(places=st.lists(st.integers(min_value=0), max_size=20))
def test_a_recording_is_judged_alike(name: str, places: list[int]) -> None:
    data = recorded(name)
    stream = not name.endswith(".json")
    assert judge(cut(data, places), stream=stream, choices=1, searches=True) is not None


@pytest.mark.parametrize("name", [name for name in RECORDED if not name.endswith(".json")])
@settings(max_examples=10, deadline=None)
@given(end=st.integers(min_value=0))
def test_a_recording_that_breaks_off_is_judged_alike(name: str, end: int) -> None:
    data = recorded(name)
    judge(by_byte(data[: end % len(data)][-3000:]), stream=True, choices=1, searches=False)
