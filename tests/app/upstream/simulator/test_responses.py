"""Answers on the Responses protocol: the grammar, openai's own types, and figures that agree with what was streamed."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from app.upstream.simulator import tokens
from tests.support.upstream.simulated import WEATHER, Got, Json, responses, send, with_directives
from tests.support.wire import responses_grammar as grammar

SEARCH = {"type": "web_search"}
IMAGE = {"type": "image_generation", "size": "64x64", "partial_images": 2}
BOOK = {
    "type": "function",
    "name": "book_table",
    "parameters": {"type": "object", "properties": {"guests": {"type": "integer"}}, "required": ["guests"]},
}
SCHEMA = {
    "type": "json_schema",
    "name": "city",
    "schema": {"type": "object", "properties": {"city": {"type": "string"}, "size": {"enum": ["big", "small"]}}},
}
CALLED: list[Json] = [
    {"role": "user", "content": "What is the weather in Toronto?"},
    {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city":"Toronto"}'},
    {"type": "function_call_output", "call_id": "c1", "output": '{"temperature": 21, "sky": "clear"}'},
]

EVERY_KIND: dict[str, Json] = {
    "text": responses(),
    "chinese": responses("Summarize this note in Chinese."),
    "nothing said": responses(""),
    "forced function": responses(
        "What is the weather in Toronto?", tools=[WEATHER], tool_choice={"type": "function", "name": "get_weather"}
    ),
    "two calls": responses("Weather in Toronto and Paris?", tools=[WEATHER]),
    "result": responses(CALLED, tools=[WEATHER]),
    "search": responses("Search the web for news.", tools=[SEARCH], include=["web_search_call.action.sources"]),
    "image": responses("Draw an icon.", tools=[IMAGE]),
    "schema": responses("The city of Rome", text={"format": SCHEMA}),
    "reasoning": responses(
        "Think.",
        reasoning={"effort": "high", "summary": "auto"},
        include=["reasoning.encrypted_content"],
    ),
    "refusal": responses(**with_directives("refuse")),
    "filter": responses(**with_directives("filter")),
    "limit": responses(max_output_tokens=7),
    "limit within arguments": responses("Weather in Toronto?", tools=[WEATHER], max_output_tokens=5),
    "limit within thought": responses("Think.", reasoning={"effort": "high"}, max_output_tokens=20),
    "limit before the second call": responses("Weather in Toronto and Paris?", tools=[WEATHER], max_output_tokens=10),
    "long": responses(**with_directives("tokens=500 chunk_tokens=7")),
    "no usage": responses(**with_directives("no_usage")),
    "instructed": responses(instructions="Be kind.", user="u", prompt_cache_key="k", metadata={"a": "b"}, top_p=0.5),
}
KINDS = pytest.mark.parametrize("name", EVERY_KIND)


@cache
def event_type() -> TypeAdapter[Any]:
    return TypeAdapter(ResponseStreamEvent)


async def streamed(body: Json) -> tuple[Got, Json]:
    got = await send("responses", {**body, "stream": True})
    assert got.status == 200
    assert got.headers["content-type"].startswith("text/event-stream")
    return got, grammar.check(got.body)


def text_of(response: Json) -> str:
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part.get("text", part.get("refusal")) for part in parts)


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
async def test_the_plain_answer_is_the_streams_last_word(name: str) -> None:
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
async def test_usage_is_what_was_streamed(name: str) -> None:
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


async def test_a_forced_function_takes_its_argument_from_the_prompt() -> None:
    _, final = await streamed(EVERY_KIND["forced function"])
    (call,) = final["output"]
    assert (call["type"], call["name"], call["status"]) == ("function_call", "get_weather", "completed")
    assert json.loads(call["arguments"]) == {"city": "Toronto"}
    assert call["call_id"].startswith("call_")


async def test_a_result_is_answered_with_text_that_uses_it() -> None:
    _, final = await streamed(EVERY_KIND["result"])
    assert "temperature is 21, sky is clear" in text_of(final)


async def test_calls_are_parallel_only_where_the_client_allows_it() -> None:
    prompt = "Weather in Toronto and Paris?"
    _, both = await streamed(responses(prompt, tools=[WEATHER]))
    assert [json.loads(call["arguments"])["city"] for call in both["output"]] == ["Toronto", "Paris"]
    _, one = await streamed(responses(prompt, tools=[WEATHER], parallel_tool_calls=False))
    assert len(one["output"]) == 1


@pytest.mark.parametrize(
    ("prompt", "more", "called"),
    [
        ("Book a table for 4", {}, ["book_table"]),
        ("Will the weather be fine?", {}, ["get_weather"]),
        ("Hello", {}, ["get_weather"]),
        ("Hello", {"tool_choice": "none"}, []),
        ("Hello", {"tool_choice": "required"}, ["get_weather"]),
        ("Weather, and book a table", {}, ["get_weather", "book_table"]),
        ("Weather", {"tool_choice": {"type": "function", "name": "book_table"}}, ["book_table"]),
        (
            "Weather",
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "auto",
                    "tools": [{"type": "function", "name": "book_table"}],
                }
            },
            ["book_table"],
        ),
    ],
)
async def test_which_function_is_called(prompt: str, more: Json, called: list[str]) -> None:
    _, final = await streamed(responses(prompt, tools=[WEATHER, BOOK], **more))
    assert [item["name"] for item in final["output"] if item["type"] == "function_call"] == called


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview", "web_search_2025_08_26"])
async def test_a_search_cites_its_sources_where_they_stand(kind: str) -> None:
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


async def test_search_and_image_tools_together_are_chosen_by_the_prompt() -> None:
    tools = [SEARCH, IMAGE]
    for prompt, kind in (("Draw a cat", "image_generation_call"), ("Latest news", "web_search_call")):
        _, final = await streamed(responses(prompt, tools=tools))
        assert final["output"][0]["type"] == kind
    _, final = await streamed(responses("Draw a cat", tools=tools, tool_choice={"type": "web_search"}))
    assert final["output"][0]["type"] == "web_search_call"


async def test_structured_output_fits_its_schema() -> None:
    _, final = await streamed(EVERY_KIND["schema"])
    assert json.loads(text_of(final)) == {"city": "Rome", "size": "big"}
    _, final = await streamed(responses(text={"format": {"type": "json_object"}}))
    assert list(json.loads(text_of(final))) == ["answer"]


async def test_reasoning_is_counted_summarised_and_sealed_where_asked() -> None:
    _, final = await streamed(EVERY_KIND["reasoning"])
    thought = final["output"][0]
    assert thought["type"] == "reasoning"
    assert thought["summary"][0]["text"]
    assert thought["encrypted_content"]
    assert final["usage"]["output_tokens_details"]["reasoning_tokens"] == 64
    _, final = await streamed(responses(reasoning={"effort": "none"}))
    assert final["usage"]["output_tokens_details"]["reasoning_tokens"] == 0


@pytest.mark.parametrize("limit", [1, 2, 7, 16])
async def test_a_limit_cuts_the_answer_at_exactly_that_many_tokens(limit: int) -> None:
    _, final = await streamed(responses(max_output_tokens=limit))
    assert final["status"] == "incomplete"
    assert final["incomplete_details"] == {"reason": "max_output_tokens"}
    assert final["usage"]["output_tokens"] == limit
    assert final["output"][-1]["status"] == "incomplete"


async def test_arguments_that_were_cut_are_an_incomplete_item() -> None:
    _, final = await streamed(EVERY_KIND["limit within arguments"])
    assert final["output"][-1]["status"] == "incomplete"
    assert final["usage"]["output_tokens"] == 5


async def test_ids_follow_from_the_body_and_the_request_id() -> None:
    one, same = await send("responses", responses()), await send("responses", responses())
    other = await send("responses", responses("Else"))
    assert one.json["id"] == same.json["id"] != other.json["id"]
