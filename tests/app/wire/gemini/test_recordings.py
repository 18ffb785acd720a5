"""Recorded answers of Gemini, if present. The expected values were read off the recordings by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    AnswerEvent,
    CallBegun,
    CallDelta,
    ChoiceFinished,
    ReasoningDone,
    TextDelta,
)
from app.wire.gemini.answer_reader import GeminiAnswerReader
from app.wire.gemini.errors import answer_error, translate_error
from app.wire.sse import FrameSplitter
from app.wire.tags import unseal
from domain.usage import Usage
from tests.support import paths
from tests.support.wire.gemini.gemini_answers import ASK, TARGET
from tests.support.wire.streams import by_byte, cut

RECORDINGS = paths.RECORDINGS / "gemini"
pytestmark = pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not at hand")

STRAWBERRY = "There are **3** {} in strawberry.\n\n{}st**r**awbe**rr**y{}"
HERE = "Here is the breakdown: "
WEATHER = ("weather", {"location": "San Francisco"})

# name -> id, text, call, length and end of the signature, finish, usage
EXPECTED: dict[str, tuple[str, str, Any, tuple[int, str], str, Usage]] = {
    "google-reasoning.chunks.txt": (
        "dX6LadKVC7SZ28oPr9yJoQs",
        STRAWBERRY.format('"r"s', HERE, "."),
        None,
        (1216, "6H981zw5xogUmwAj/uUJKN"),
        "stop",
        Usage(input=9, output=285, reasoning=256),
    ),
    "google-reasoning.json": (
        "YH6LaZT7ENmPxN8P-r2J8Aw",
        STRAWBERRY.format('"r"s', HERE, "."),
        None,
        (100, "2CkdRKCCVVn/cqmSjH"),
        "stop",
        Usage(input=9, output=311, reasoning=282),
    ),
    "google-text.chunks.txt": (
        "bH6LaZW8Fp_3nsEPqtaSwQ4",
        STRAWBERRY.format('"r"s', "", ""),
        None,
        (916, "w3FwAG37eeWcow="),
        "stop",
        Usage(input=9, output=208, reasoning=185),
    ),
    "google-text.json": (
        "Un6LacrVMcjUxs0PmJfWoQc",
        STRAWBERRY.format("r's", HERE, "."),
        None,
        (100, "aWagqbBrV45fc97olcg"),
        "stop",
        Usage(input=9, output=272, reasoning=244),
    ),
    "google-tool-call.chunks.txt": (
        "b36LacjwM668nsEP2tbsgQQ",
        "",
        WEATHER,
        (396, "bPG5JUtm2yAMkHj4="),
        "tool_calls",
        Usage(input=29, output=60, reasoning=45),
    ),
    "google-tool-call.json": (
        "m36LaZGyCLz1xs0PtNSB-QU",
        "",
        WEATHER,
        (100, "u9fAebJ2cvfaEyBahEt5"),
        "tool_calls",
        Usage(input=29, output=908, reasoning=893),
    ),
}
ERRORS = {"google-429-retry-info.json": ("rate_limit_error", "rate_limit_exceeded", 34.4)}
STREAMS = sorted(name for name in EXPECTED if name.endswith(".txt"))


def recorded(name: str) -> bytes:
    return (RECORDINGS / name).read_bytes()


def framed(name: str) -> bytes:
    return b"".join(b"data: %s\r\n\r\n" % line for line in recorded(name).splitlines() if line)


def streamed(pieces: list[bytes]) -> list[AnswerEvent]:
    reader, splitter = GeminiAnswerReader(ASK, TARGET), FrameSplitter()
    frames = [frame for piece in pieces for frame in splitter.feed(piece)]
    events = [event for frame in frames for event in reader.frame(frame.event, frame.data or b"")]
    return events + reader.end()


def checked(events: list[AnswerEvent], name: str) -> None:
    upstream_id, text, call, (length, ending), finish, usage = EXPECTED[name]
    assert events[0] == AnswerBegun(upstream_id, "gemini-3-pro-preview")
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == text
    names = [event.name for event in events if isinstance(event, CallBegun)]
    arguments = [json.loads(event.text) for event in events if isinstance(event, CallDelta)]
    assert list(zip(names, arguments, strict=True)) == ([call] if call else [])
    (sealed,) = [event.sealed or "" for event in events if isinstance(event, ReasoningDone)]
    signature = unseal(sealed, "google") or ""
    assert (len(signature), signature[-len(ending) :]) == (length, ending)
    assert [event.reason for event in events if isinstance(event, ChoiceFinished)] == [finish]
    assert events[-1] == AnswerEnded(usage)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_recording_is_read_as_expected(name: str) -> None:
    if name in STREAMS:
        checked(streamed([framed(name)]), name)
        checked(streamed(by_byte(framed(name))), name)
    else:
        checked(GeminiAnswerReader(ASK, TARGET).whole(recorded(name)), name)


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 10**6), max_size=6))
def test_a_recording_cut_anywhere(name: str, places: list[int]) -> None:
    checked(streamed(cut(framed(name), places)), name)


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_a_recorded_error_is_reported(name: str) -> None:
    body = json.loads(recorded(name))
    assert translate_error(body) == ERRORS[name]
    error = answer_error(body)
    assert error is not None
    assert error.message == "You exceeded your current quota, please check your plan."


def test_every_recording_has_its_expectation() -> None:
    assert {path.name for path in RECORDINGS.iterdir()} == {*EXPECTED, *ERRORS}
