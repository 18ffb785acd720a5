"""Recorded answers of vendors, translated to both client protocols, if the recordings are present."""

from __future__ import annotations

import base64
import json
from typing import Final, cast

import pytest

from app.wire import tags
from app.wire.exchange import AnswerError
from tests.protocols.translated import sdk_types
from tests.protocols.translated.expected import ANY, Case, Dialect
from tests.protocols.translated.harness import UPSTREAM, Client, feedings, streamed, whole
from tests.protocols.translated.recorded_table import RECORDED, Recorded
from tests.protocols.translated.test_translated import check_billed, check_calls, check_usage, understood
from tests.protocols.translated.understood import payloads
from tests.support.paths import RECORDINGS
from tests.support.wire import responses_grammar

CLIENTS: Final[tuple[Client, ...]] = ("responses", "chat")
PRESENT: Final = [name for name in RECORDED if (RECORDINGS / name).exists()]
STREAMS: Final = [name for name in PRESENT if name.endswith(".txt")]
BODIES: Final = [name for name in PRESENT if name.endswith(".json")]


def dialect_of(name: str) -> Dialect:
    return cast(Dialect, name.partition("/")[0])


def stream_of(name: str) -> bytes:
    lines = (RECORDINGS / name).read_bytes().splitlines()
    return b"".join(b"data: " + line + b"\n\n" for line in lines if line.strip())


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream(name: str, client: Client) -> None:
    wanted = RECORDED[name]
    case = Case(name)
    first, *others = (
        streamed(dialect_of(name), client, case, [pieces]) for _, pieces in feedings(stream_of(name), name)
    )
    if wanted.fault:
        check_fault(wanted, first.error)
    else:
        assert first.error is None
        actual = understood(client, first.sent)
        (said,) = actual.choices
        check_usage(wanted.usage, first.usage, actual.usage)
        assert (wanted.text, wanted.finish) == (said.text, said.finish)
        assert said.thought == wanted.thought
        check_calls(wanted.calls, said.calls)
        assert tuple((citation.start, citation.end) for citation in said.citations) == wanted.spans
        if client == "responses":
            assert (actual.searches, actual.queries) == (wanted.searches, wanted.queries)
            assert len(actual.previews) == wanted.previews
        if client == "responses" or wanted.calls:
            check_seals(wanted, actual.sealed)
        assert all(map(str.startswith, actual.images, wanted.images))
        assert len(actual.images) == len(wanted.images)
    for other in others:
        assert (other.sent, other.usage, other.output_bytes) == (first.sent, first.usage, first.output_bytes)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_is_written_in_order_and_in_type(name: str, client: Client) -> None:
    outcome = streamed(dialect_of(name), client, Case(name), [[stream_of(name)]])
    actual = [data for data in payloads(outcome.sent) if data != "[DONE]"]
    if client == "responses":
        responses_grammar.check(outcome.sent)
        for data in actual:
            sdk_types.check_event(data)
    else:
        for data in actual[:-1] if outcome.error else actual:
            sdk_types.check_chunk(data)


def check_fault(wanted: Recorded, error: AnswerError | None) -> None:
    assert error is not None
    assert wanted.fault is not None
    assert not error.malformed
    assert error.code == wanted.fault.code
    assert wanted.fault.type in (ANY, error.type)
    assert error.message.startswith("You exceeded your current quota")


def check_seals(wanted: Recorded, raw: tuple[str, ...]) -> None:
    assert len(raw) == len(wanted.seals)
    for end, tag in zip(wanted.seals, raw, strict=True):
        own = tags.unseal(tag, UPSTREAM)
        assert own is not None
        assert end in own or end.encode() in base64.b64decode(own)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", BODIES)
def test_a_recorded_body(name: str, client: Client) -> None:
    wanted = RECORDED[name]
    body = (RECORDINGS / name).read_bytes()
    if wanted.fault:
        with pytest.raises(AnswerError) as caught:
            whole(dialect_of(name), client, Case(name), body)
        check_fault(wanted, caught.value)
        return
    answer, usage = whole(dialect_of(name), client, Case(name), body)
    check_billed(wanted.usage, usage)
    if client == "responses":
        check_response(wanted, answer)
    else:
        check_completion(wanted, answer)


def check_response(wanted: Recorded, answer: bytes) -> None:
    sdk_types.check_response(answer)
    output = json.loads(answer)["output"]
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    assert wanted.text == "".join(part["text"] for part in parts)
    spans = tuple((note["start_index"], note["end_index"]) for part in parts for note in part["annotations"])
    assert spans == wanted.spans
    thought = tuple(part["text"] for item in output if item["type"] == "reasoning" for part in item["summary"])
    assert thought == wanted.thought
    names = [item["name"] for item in output if "call_id" in item]
    assert names == [call.name for call in wanted.calls]
    assert sum(item["type"] == "web_search_call" for item in output) == wanted.searches
    sealed = tuple(item["encrypted_content"] for item in output if item.get("encrypted_content"))
    check_seals(wanted, sealed)


def check_completion(wanted: Recorded, answer: bytes) -> None:
    sdk_types.check_completion(answer)
    (choice,) = json.loads(answer)["choices"]
    message = choice["message"]
    assert wanted.text == (message["content"] or "")
    assert choice["finish_reason"] == wanted.finish
    assert message.get("reasoning_content", "") == "\n\n".join(wanted.thought)
    notes = [note["url_citation"] for note in message["annotations"]]
    assert tuple((note["start_index"], note["end_index"]) for note in notes) == wanted.spans
    assert len(message.get("tool_calls", ())) == len(wanted.calls)


@pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not at hand")
def test_every_recording_has_its_expectation() -> None:
    kinds = ("anthropic", "chat", "gemini", "responses")
    assert {f"{kind}/{path.name}" for kind in kinds for path in (RECORDINGS / kind).iterdir()} == set(RECORDED)
