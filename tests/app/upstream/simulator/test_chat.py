"""The simulator's chat answers: chunks add up to the plain answer, both validate against openai's types, usage matches."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from app.upstream.simulator import tokens
from tests.support.upstream.simulated import CHAT_WEATHER, Got, Json, chat, send, with_directives

USAGE = {"stream_options": {"include_usage": True}}
RESULT: list[Json] = [
    {"role": "user", "content": "What is the weather in Toronto?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": '{"temperature": 21}'},
]
FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"properties": {"city": {"type": "string"}}}}}

EVERY_KIND: dict[str, Json] = {
    "text": chat(),
    "three": chat(n=3),
    "parts": chat(
        [{"role": "system", "content": "Be kind."}, {"role": "user", "content": [{"type": "text", "text": "a"}]}]
    ),
    "call": chat("What is the weather in Toronto?", tools=[CHAT_WEATHER]),
    "calls": chat("Weather in Toronto and Paris?", tools=[CHAT_WEATHER], n=2),
    "result": chat(RESULT, tools=[CHAT_WEATHER]),
    "schema": chat("The city of Rome", response_format=FORMAT),
    "search": chat("News?", web_search_options={}),
    "reasoning": chat(reasoning_effort="low"),
    "stop": chat(stop=["simulated"]),
    "limit": chat(max_completion_tokens=5),
    "old limit": chat(max_tokens=5, n=2),
    "limit within arguments": chat("Weather in Toronto?", tools=[CHAT_WEATHER], max_tokens=5),
    "refusal": chat(**with_directives("refuse")),
    "filter": chat(**with_directives("filter")),
    "long": chat(**with_directives("tokens=500 chunk_tokens=9")),
}
KINDS = pytest.mark.parametrize("name", EVERY_KIND)


def gathered(chunks: list[Json]) -> list[Json]:
    """The choices that a client builds from the chunks, with the order of each checked on the way."""
    choices: dict[int, Json] = {}
    for chunk in chunks:
        for part in chunk["choices"]:
            delta = part["delta"]
            if part["index"] not in choices:
                assert delta == {"role": "assistant", "content": "", "refusal": None}
                choices[part["index"]] = {"content": "", "refusal": "", "calls": [], "annotations": [], "finish": None}
                continue
            choice = choices[part["index"]]
            assert choice["finish"] is None
            assert "role" not in delta
            choice["finish"] = part["finish_reason"]
            choice["content"] += delta.get("content", "")
            choice["refusal"] += delta.get("refusal", "")
            choice["annotations"] += delta.get("annotations", [])
            for call in delta.get("tool_calls", []):
                _add_call(choice["calls"], call)
    assert all(choice["finish"] for choice in choices.values())
    return [choices[at] for at in range(len(choices))]


def _add_call(calls: list[Json], call: Json) -> None:
    if call["index"] == len(calls):
        assert call["id"].startswith("call_")
        calls.append({"id": call["id"], "type": call["type"], "function": dict(call["function"])})
        return
    assert set(call) == {"index", "function"}
    assert set(call["function"]) == {"arguments"}
    calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]


async def streamed(body: Json) -> Got:
    got = await send("chat", {**body, "stream": True})
    assert got.status == 200
    return got


def counted(choice: Any) -> int:
    message = choice["message"]
    calls = [call["function"] for call in message.get("tool_calls", [])]
    texts = [message["content"] or "", message["refusal"] or "", *(each[key] for each in calls for key in each)]
    return sum(map(tokens.count, texts))


@KINDS
async def test_chunks_and_answers_are_of_openais_types(name: str) -> None:
    for chunk in (await streamed({**EVERY_KIND[name], **USAGE})).chunks:
        ChatCompletionChunk.model_validate_json(json.dumps(chunk), strict=True)
    ChatCompletion.model_validate_json((await send("chat", EVERY_KIND[name])).body, strict=True)


@KINDS
async def test_the_chunks_add_up_to_the_plain_answer(name: str) -> None:
    plain = (await send("chat", EVERY_KIND[name])).json
    built = gathered((await streamed(EVERY_KIND[name])).chunks)
    assert len(built) == len(plain["choices"]) == EVERY_KIND[name].get("n", 1)
    for choice, given in zip(built, plain["choices"], strict=True):
        message = given["message"]
        assert choice["content"] == (message["content"] or "")
        assert choice["refusal"] == (message["refusal"] or "")
        assert choice["annotations"] == message["annotations"]
        assert choice["finish"] == given["finish_reason"]
        wanted = [call["function"] for call in message.get("tool_calls", [])]
        assert [call["function"] for call in choice["calls"]] == wanted
        for call in choice["calls"]:
            assert call["type"] == "function"


@KINDS
async def test_usage_matches_the_answer(name: str) -> None:
    plain = (await send("chat", EVERY_KIND[name])).json
    usage = plain["usage"]
    hidden = usage["completion_tokens_details"]["reasoning_tokens"]
    assert usage["completion_tokens"] == sum(map(counted, plain["choices"])) + hidden
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 1 <= usage["prompt_tokens"] <= len(json.dumps(EVERY_KIND[name]))
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0


@KINDS
async def test_requested_usage_comes_last_and_alone(name: str) -> None:
    *others, last = (await streamed({**EVERY_KIND[name], **USAGE})).chunks
    assert last["choices"] == []
    assert last["usage"] == (await send("chat", EVERY_KIND[name])).json["usage"]
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in others)
    assert not any("usage" in chunk for chunk in (await streamed(EVERY_KIND[name])).chunks)


@KINDS
async def test_the_same_request_gives_the_same_bytes(name: str) -> None:
    assert (await streamed(EVERY_KIND[name])).received == (await streamed(EVERY_KIND[name])).received


async def choices(body: Json) -> list[Any]:
    found: list[Any] = (await send("chat", body)).json["choices"]
    return found


async def test_choices_differ_and_take_turns() -> None:
    given = await choices(chat(n=3))
    assert len({each["message"]["content"] for each in given}) == 3
    order = [chunk["choices"][0]["index"] for chunk in (await streamed(chat(n=3))).chunks]
    assert order[:6] == [0, 1, 2, 0, 1, 2]


async def test_a_call_takes_its_argument_from_the_prompt_and_a_result_is_used() -> None:
    (called,) = await choices(EVERY_KIND["call"])
    assert called["finish_reason"] == "tool_calls"
    assert called["message"]["content"] is None
    assert json.loads(called["message"]["tool_calls"][0]["function"]["arguments"]) == {"city": "Toronto"}
    (answered,) = await choices(EVERY_KIND["result"])
    assert answered["finish_reason"] == "stop"
    assert "temperature is 21" in answered["message"]["content"]


async def test_call_ids_differ_across_calls_and_choices() -> None:
    given = await choices(EVERY_KIND["calls"])
    assert len({call["id"] for each in given for call in each["message"]["tool_calls"]}) == 4


async def test_a_forced_function_and_none() -> None:
    force = {"type": "function", "function": {"name": "get_weather"}}
    (called,) = await choices(chat("Hello", tools=[CHAT_WEATHER], tool_choice=force))
    assert called["finish_reason"] == "tool_calls"
    (silent,) = await choices(chat("Weather?", tools=[CHAT_WEATHER], tool_choice="none"))
    assert "tool_calls" not in silent["message"]


async def test_a_stop_sequence_ends_the_text_before_it() -> None:
    (whole,) = await choices(chat())
    (cut,) = await choices(chat(stop="simulated"))
    assert cut["finish_reason"] == "stop"
    assert cut["message"]["content"] == whole["message"]["content"].partition("simulated")[0]


@pytest.mark.parametrize("name", ["limit", "old limit", "limit within arguments"])
async def test_a_limit_holds_for_each_choice(name: str) -> None:
    for choice in await choices(EVERY_KIND[name]):
        assert choice["finish_reason"] == "length"
        assert counted(choice) == 5


async def test_structured_output_search_refusal_and_filter() -> None:
    (structured,) = await choices(EVERY_KIND["schema"])
    assert json.loads(structured["message"]["content"]) == {"city": "Rome"}
    (searched,) = await choices(EVERY_KIND["search"])
    assert searched["message"]["annotations"][0]["type"] == "url_citation"
    (refused,) = await choices(EVERY_KIND["refusal"])
    assert refused["message"]["content"] is None
    assert refused["message"]["refusal"]
    (filtered,) = await choices(EVERY_KIND["filter"])
    assert filtered["finish_reason"] == "content_filter"


FUNCTION: Json = CHAT_WEATHER["function"]
QUESTION: Json = {"role": "user", "content": "What is the weather in Toronto and Paris?"}


async def test_legacy_functions_get_legacy_answers_one_at_a_time() -> None:
    plain = (await send("chat", chat([QUESTION], functions=[FUNCTION]))).json
    [choice] = plain["choices"]
    assert choice["finish_reason"] == "function_call"
    assert "tool_calls" not in choice["message"]
    call = choice["message"]["function_call"]
    assert json.loads(call["arguments"]) == {"city": "Toronto"}
    ChatCompletion.model_validate(plain, strict=True)

    chunks = (await send("chat", chat([QUESTION], functions=[FUNCTION], stream=True))).chunks
    deltas = [chunk["choices"][0]["delta"].get("function_call", {}) for chunk in chunks]
    assert [delta["name"] for delta in deltas if "name" in delta] == [call["name"]]
    assert "".join(delta.get("arguments", "") for delta in deltas) == call["arguments"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "function_call"


async def test_a_legacy_result_is_used_in_the_answer() -> None:
    called = {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": "{}"}}
    result = {"role": "function", "name": "get_weather", "content": "21 degrees"}
    got = (await send("chat", chat([QUESTION, called, result], functions=[FUNCTION]))).json
    assert "get_weather says: 21 degrees" in got["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("choice", "calls"), [("none", False), ("auto", True), ({"name": "get_weather"}, True), (None, True)]
)
async def test_a_legacy_choice_is_respected(choice: Any, calls: bool) -> None:
    got = (await send("chat", chat([QUESTION], functions=[FUNCTION], function_call=choice))).json
    assert ("function_call" in got["choices"][0]["message"]) == calls


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"function_call": "sometimes"}, "function_call"),
        ({"function_call": {"name": "other"}}, "function_call"),
        ({"functions": [{"parameters": {}}]}, "functions[0].name"),
        ({"functions": [FUNCTION] * 129}, "functions"),
        ({"messages": [QUESTION, {"role": "function", "content": "x"}]}, "messages[1].name"),
    ],
)
async def test_an_invalid_legacy_request_is_rejected(more: Json, param: str) -> None:
    got = await send("chat", chat([QUESTION], functions=[FUNCTION]) | more)
    assert got.status == 400
    assert got.json["error"]["param"] == param
