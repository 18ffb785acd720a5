"""Which tool the simulator calls, and what it answers."""

from __future__ import annotations

import json

import pytest

from tests.support.upstream.simulated import WEATHER, Json, responses
from tests.support.upstream.simulated_responses import EVERY_KIND, IMAGE, SEARCH, streamed, text_of

BOOK = {
    "type": "function",
    "name": "book_table",
    "parameters": {"type": "object", "properties": {"guests": {"type": "integer"}}, "required": ["guests"]},
}


async def test_a_forced_function_takes_its_argument_from_the_prompt() -> None:
    _, final = await streamed(EVERY_KIND["forced function"])
    (call,) = final["output"]
    assert (call["type"], call["name"], call["status"]) == ("function_call", "get_weather", "completed")
    assert json.loads(call["arguments"]) == {"city": "Toronto"}
    assert call["call_id"].startswith("call_")


async def test_a_result_is_answered_with_text_that_uses_it() -> None:
    _, final = await streamed(EVERY_KIND["result"])
    assert "temperature is 21, sky is clear" in text_of(final)


async def test_calls_are_parallel_only_if_the_client_allows_it() -> None:
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
