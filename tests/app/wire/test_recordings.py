"""Recorded answers of vendors, if present. The expected values were read off the recordings by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.exchange import AnswerError, Relay
from app.wire.responses.passthrough import ResponsesPlainRelay, ResponsesStreamRelay
from app.wire.tags import seal
from domain.usage import CallCount, ImageCount, Usage
from tests.support.paths import RECORDINGS
from tests.support.wire.streams import Outcome, by_byte, cut, payloads, run

# name -> usage, finish, UTF-8 bytes of all text, how many forwarded frames
EXPECTED: dict[str, tuple[Usage, str, int, int]] = {
    "chat/azure-model-router.1.chunks.txt": (Usage(input=15, output=78, reasoning=64), "stop", 19, 6),
    "chat/openai-text.chunks.txt": (Usage(input=16, output=300, service_tier="default"), "stop", 1730, 301),
    "chat/openai-text.json": (Usage(input=16, output=363, service_tier="default"), "stop", 1844, 0),
    "responses/openai-custom-tool.1.chunks.txt": (
        Usage(input=50, output=20, calls=(CallCount("custom", 1),)),
        "completed",
        34,
        7,
    ),
    "responses/openai-custom-tool.1.json": (
        Usage(input=50, output=20, calls=(CallCount("custom", 1),)),
        "completed",
        34,
        0,
    ),
    "responses/openai-image-generation-tool.1.chunks.txt": (
        Usage(
            1021, 1920, output=1249, reasoning=1024, images=(ImageCount("low", "1536x1024", 1),), service_tier="default"
        ),
        "completed",
        0,
        15,
    ),
    "responses/openai-image-generation-tool.1.json": (
        Usage(3151, output=1970, reasoning=1920, images=(ImageCount("low", "1024x1024", 1),), service_tier="default"),
        "completed",
        0,
        0,
    ),
    "responses/openai-pdf-input-file.1.chunks.txt": (
        Usage(input=44, output=4, service_tier="default"),
        "completed",
        14,
        10,
    ),
    "responses/openai-pdf-input-file.1.json": (Usage(input=44, output=4, service_tier="default"), "completed", 14, 0),
    # Four answers in one file: the first of them is the answer, what follows its end is dropped.
    "responses/openai-reasoning-encrypted-content.1.chunks.txt": (
        Usage(input=134, output=28, service_tier="default"),
        "completed",
        188,
        55,
    ),
    "responses/openai-reasoning-encrypted-content.1.json": (
        Usage(input=865, output=163, reasoning=128, service_tier="default"),
        "completed",
        457,
        0,
    ),
    "responses/openai-web-search-tool.1.chunks.txt": (
        Usage(27361, 3712, output=4416, reasoning=3712, web_search_calls=2, service_tier="default"),
        "completed",
        3673,
        184,
    ),
    "responses/openai-web-search-tool.1.json": (
        Usage(15969, 3712, output=3773, reasoning=3136, web_search_calls=1, service_tier="default"),
        "completed",
        3092,
        0,
    ),
}
ERRORS = ["responses/openai-error.1.chunks.txt", "responses/openai-error.1.json"]


def present(names: Any) -> list[str]:
    return [name for name in names if (RECORDINGS / name).exists()]


def recorded(name: str) -> bytes:
    body = (RECORDINGS / name).read_bytes()
    if name.endswith(".json"):
        return body
    return b"".join(b"data: " + line + b"\n\n" for line in body.splitlines())


def relay(name: str) -> Relay:
    if name.startswith("chat/"):
        if name.endswith(".json"):
            return ChatPlainRelay(model="public")
        return ChatStreamRelay(model="public", include_usage=False, choices=1)
    return (
        ResponsesPlainRelay(model="public", upstream="openai")
        if name.endswith(".json")
        else ResponsesStreamRelay(model="public", upstream="openai")
    )


def checked(outcome: Outcome, name: str) -> Outcome:
    usage, finish, size, frames = EXPECTED[name]
    assert outcome.usage == usage
    assert (outcome.finish, outcome.output_bytes, outcome.frames) == (finish, size, frames)
    return outcome


@pytest.mark.parametrize("name", present(EXPECTED))
def test_a_recording_whole_and_byte_by_byte(name: str) -> None:
    whole = checked(run(relay(name), [recorded(name)]), name)
    assert run(relay(name), by_byte(recorded(name))) == whole


@pytest.mark.parametrize("name", present(EXPECTED))
@settings(max_examples=20, deadline=None)
@given(places=st.lists(st.integers(min_value=0), max_size=30))
def test_a_recording_cut_anywhere(name: str, places: list[int]) -> None:
    checked(run(relay(name), cut(recorded(name), places)), name)


@pytest.mark.parametrize("name", [name for name in present(EXPECTED) if name.endswith(".txt")])
def test_only_the_model_and_the_store_of_a_recording_change(name: str) -> None:
    outcome = run(relay(name), [recorded(name)])
    sent = [_sealed(_public(entry)) for entry in payloads(recorded(name)) if entry.get("usage") is None]
    seen = payloads(outcome.forwarded + outcome.tail)
    assert seen[-1] == "[DONE]"
    assert seen[:-1] == sent[: len(seen) - 1]


def _public(raw: dict[str, Any]) -> dict[str, Any]:
    if raw.get("system_fingerprint", "") is None:
        raw = {name: value for name, value in raw.items() if name != "system_fingerprint"}
    if "model" in raw:
        return raw | {"model": "public"}
    return raw | ({"response": raw["response"] | {"model": "public", "store": False}} if "response" in raw else {})


@pytest.mark.parametrize("name", [name for name in present(EXPECTED) if name.endswith(".json")])
def test_only_the_model_and_the_store_of_a_body_change(name: str) -> None:
    changes = {"model": "public"} if name.startswith("chat/") else {"model": "public", "store": False}
    assert json.loads(run(relay(name), [recorded(name)]).tail) == _sealed(json.loads(recorded(name))) | changes


def _sealed(raw: Any) -> Any:
    """What is encrypted comes under the tag of its upstream."""
    if isinstance(raw, dict):
        return {name: seal("openai", v) if name == "encrypted_content" and v else _sealed(v) for name, v in raw.items()}
    return [_sealed(inner) for inner in raw] if isinstance(raw, list) else raw


@pytest.mark.parametrize("name", present(ERRORS))
def test_a_recorded_error_is_reported(name: str) -> None:
    for pieces in ([recorded(name)], by_byte(recorded(name))):
        with pytest.raises(AnswerError) as caught:
            run(relay(name), pieces)
        error = caught.value
        assert (error.malformed, error.type, error.code) == (False, "insufficient_quota", "insufficient_quota")
        assert error.message.startswith("You exceeded your current quota")


@pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not at hand")
def test_every_recording_has_its_expectation() -> None:
    names = {
        f"{path.parent.name}/{path.name}" for kind in ("chat", "responses") for path in (RECORDINGS / kind).iterdir()
    }
    assert names == {*EXPECTED, *ERRORS}
