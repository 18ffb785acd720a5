"""The simulator's answers in the Responses protocol: grammar, types, usage."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from app.upstream.simulator import tokens
from tests.support.upstream.simulated import Json, responses, send
from tests.support.upstream.simulated_responses import EVERY_KIND, streamed, text_of
from tests.support.wire import responses_grammar as grammar

KINDS = pytest.mark.parametrize("name", EVERY_KIND)


@cache
def event_type() -> TypeAdapter[Any]:
    return TypeAdapter(ResponseStreamEvent)


def output_tokens(response: Json) -> int:
    """What the usage must say, counted from the items alone; hidden reasoning is taken from the usage itself."""
    calls = [item for item in response["output"] if item["type"] == "function_call"]
    visible = tokens.count(text_of(response)) + sum(
        tokens.count(call["name"]) + tokens.count(call["arguments"]) for call in calls
    )
    hidden: int = response["usage"]["output_tokens_details"]["reasoning_tokens"]
    return visible + hidden


@KINDS
async def test_a_stream_keeps_the_grammar_and_openais_types(name: str) -> None:
    got, _ = await streamed(EVERY_KIND[name])
    for event in grammar.events(got.body):
        parsed = event_type().validate_json(json.dumps(event), strict=True)
        assert parsed.type == event["type"]


@KINDS
async def test_the_plain_answer_is_the_streams_closing_event(name: str) -> None:
    _, final = await streamed(EVERY_KIND[name])
    plain = await send("responses", EVERY_KIND[name])
    assert plain.headers["content-type"] == "application/json"
    assert plain.headers["content-length"] == str(len(plain.body))
    Response.model_validate_json(plain.body, strict=True)
    # Ids follow from the body, and the two bodies differ in `stream`.
    assert _without_ids(plain.json) == _without_ids(final)


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        hidden = ("id", "call_id", "encrypted_content")
        return {key: _without_ids(each) for key, each in value.items() if key not in hidden}
    return [_without_ids(each) for each in value] if isinstance(value, list) else value


@KINDS
async def test_the_same_request_gives_the_same_bytes(name: str) -> None:
    body = {**EVERY_KIND[name], "stream": True}
    assert (await send("responses", body)).received == (await send("responses", body)).received


@pytest.mark.parametrize("name", [name for name in EVERY_KIND if name != "no usage"])
async def test_usage_matches_the_stream(name: str) -> None:
    _, final = await streamed(EVERY_KIND[name])
    usage = final["usage"]
    assert usage["output_tokens"] == output_tokens(final)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert 1 <= usage["input_tokens"] <= len(json.dumps(EVERY_KIND[name]))
    limit = EVERY_KIND[name].get("max_output_tokens")
    assert limit is None or usage["output_tokens"] <= limit


async def test_every_key_of_the_response_object_is_there() -> None:
    _, final = await streamed(responses())
    keys = """id object created_at completed_at status incomplete_details model previous_response_id instructions output
    error tools tool_choice truncation parallel_tool_calls text top_p presence_penalty frequency_penalty top_logprobs
    temperature reasoning usage max_output_tokens max_tool_calls store background service_tier metadata
    safety_identifier prompt_cache_key"""
    assert set(keys.split()) <= set(final)
    assert final["id"].startswith("resp_")
    assert final["store"] is False


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview", "web_search_2025_08_26"])
async def test_a_search_cites_its_sources_at_their_positions(kind: str) -> None:
    body = responses("Search the web for ledger news — now.", tools=[{"type": kind}])
    _, final = await streamed({**body, "include": ["web_search_call.action.sources"]})
    search, message = final["output"]
    assert (search["type"], search["status"], search["action"]["type"]) == ("web_search_call", "completed", "search")
    (part,) = message["content"]
    sources = [each["url"] for each in search["action"]["sources"]]
    assert [each["url"] for each in part["annotations"]] == sources
    for each in part["annotations"]:
        cited = part["text"][each["start_index"] : each["end_index"]]
        assert cited.startswith("([")
        assert cited.endswith(f"]({each['url']}))")
    assert final["tool_usage"]["web_search"]["num_requests"] == 1


async def test_an_image_comes_in_stages_and_is_a_png() -> None:
    got, final = await streamed(EVERY_KIND["image"])
    picture, message = final["output"]
    assert base64.b64decode(picture["result"]).startswith(b"\x89PNG\r\n\x1a\n")
    assert (picture["status"], picture["output_format"], picture["size"]) == ("completed", "png", "64x64")
    partials = [each for each in grammar.events(got.body) if each["type"].endswith("partial_image")]
    assert [each["partial_image_index"] for each in partials] == [0, 1]
    assert final["tool_usage"]["image_gen"]["output_tokens"] > 0
    assert message["content"][0]["text"]


async def test_reasoning_is_counted_summarized_and_sealed_on_request() -> None:
    _, final = await streamed(EVERY_KIND["reasoning"])
    thought = final["output"][0]
    assert thought["type"] == "reasoning"
    assert thought["summary"][0]["text"]
    assert thought["encrypted_content"]
    assert final["usage"]["output_tokens_details"]["reasoning_tokens"] == 64
    _, final = await streamed(responses(reasoning={"effort": "none"}))
    assert final["usage"]["output_tokens_details"]["reasoning_tokens"] == 0
