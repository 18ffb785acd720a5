"""Responses of the simulator, streamed and plain."""

from __future__ import annotations

from tests.support.upstream.simulated import WEATHER, Got, Json, responses, send, with_directives
from tests.support.wire import responses_grammar as grammar

SEARCH = {"type": "web_search"}


IMAGE = {"type": "image_generation", "size": "64x64", "partial_images": 2}


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


async def streamed(body: Json) -> tuple[Got, Json]:
    got = await send("responses", {**body, "stream": True})
    assert got.status == 200
    assert got.headers["content-type"].startswith("text/event-stream")
    return got, grammar.check(got.body)


def text_of(response: Json) -> str:
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part.get("text", part.get("refusal")) for part in parts)
