"""openai-python where scripted vendors of every protocol answer: the same tests for each, unmodified but for base URL and key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses.response_output_text import AnnotationURLCitation
from pydantic import BaseModel

from domain.events import RequestDebited
from tests.fakes.vendor_story import SEARCH_TEXT, SEARCH_URL, TEXT
from tests.support.clients.sdk import sync
from tests.support.gateway.gateway import Gateway
from tests.support.upstream.vendors import SOLD, VENDORS, answering, selling

QUESTION: Any = {"role": "user", "content": "What is the weather in Toronto and in Oslo?"}
TOLD = 'The weather: {"celsius":21}; {"celsius":21}'
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTION: dict[str, Any] = {"name": "get_weather", "description": "The weather of a city.", "parameters": PARAMETERS}
CHAT_TOOLS: Any = [{"type": "function", "function": {**FUNCTION, "strict": True}}]
TOOLS: Any = [{"type": "function", **FUNCTION, "strict": True}]


class Event(BaseModel):
    name: str
    day: int
    people: list[str]


async def debited(gateway: Gateway, vendor: str, count: int) -> None:
    settled = await gateway.settled()
    assert [type(event) for event in settled] == [RequestDebited] * count
    assert {event.upstream for event in settled} == {vendor}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_chat(tmp_path: Path, vendor: str) -> None:
    hello: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}]

    def work(client: OpenAI) -> None:
        plain = client.chat.completions.create(model=SOLD, messages=hello)
        assert plain.choices[0].message.content == TEXT
        assert plain.model == SOLD
        with client.chat.completions.stream(model=SOLD, messages=hello, stream_options={"include_usage": True}) as told:
            deltas = "".join(event.delta for event in told if event.type == "content.delta")
            final = told.get_final_completion()
        assert deltas == final.choices[0].message.content == TEXT
        assert final.usage == plain.usage
        parsed = client.chat.completions.parse(model=SOLD, messages=hello, response_format=Event)
        assert isinstance(parsed.choices[0].message.parsed, Event)

    async with selling(tmp_path, vendor) as (gateway, _):
        await sync(gateway, work)
        await debited(gateway, vendor, 3)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_parallel_calls_and_their_results_on_chat(tmp_path: Path, vendor: str) -> None:
    def calls_of(client: OpenAI, stream: bool) -> Any:
        if stream:
            with client.chat.completions.stream(model=SOLD, messages=[QUESTION], tools=CHAT_TOOLS) as told:
                return told.get_final_completion().choices[0].message
        return client.chat.completions.create(model=SOLD, messages=[QUESTION], tools=CHAT_TOOLS).choices[0].message

    def work(client: OpenAI) -> None:
        for stream in (False, True):
            message = calls_of(client, stream)
            called = [json.loads(call.function.arguments) for call in message.tool_calls]
            assert called == [{"city": "Toronto"}, {"city": "Oslo"}]
            kept = message.model_dump(exclude_none=True, exclude={"parsed": True, "tool_calls": {"__all__": {"index"}}})
            for call in kept["tool_calls"]:
                call["function"].pop("parsed_arguments", None)
            results: Any = [
                {"role": "tool", "tool_call_id": call.id, "content": '{"celsius":21}'} for call in message.tool_calls
            ]
            history: Any = [QUESTION, kept, *results]
            final = client.chat.completions.create(model=SOLD, messages=history, tools=CHAT_TOOLS)
            assert final.choices[0].message.content == TOLD

    async with selling(tmp_path, vendor) as (gateway, _):
        await sync(gateway, work)
        await debited(gateway, vendor, 4)


@pytest.mark.parametrize("vendor", ["simulator", *VENDORS])
async def test_the_legacy_functions_are_answered_in_kind(tmp_path: Path, vendor: str) -> None:
    functions: Any = [FUNCTION]

    def work(client: OpenAI, model: str) -> None:
        first = client.chat.completions.create(model=model, messages=[QUESTION], functions=functions)
        [choice] = first.choices
        assert choice.finish_reason == "function_call"
        assert choice.message.tool_calls is None
        assert choice.message.function_call is not None
        assert json.loads(choice.message.function_call.arguments) == {"city": "Toronto"}
        arguments = ""
        for chunk in client.chat.completions.create(
            model=model, messages=[QUESTION], functions=functions, function_call={"name": "get_weather"}, stream=True
        ):
            for told in chunk.choices:
                arguments += (told.delta.function_call.arguments or "") if told.delta.function_call else ""
        assert json.loads(arguments) == {"city": "Toronto"}
        kept: Any = {"role": "assistant", "content": None, "function_call": choice.message.function_call.model_dump()}
        result: Any = {"role": "function", "name": "get_weather", "content": '{"celsius":21}'}
        final = client.chat.completions.create(model=model, messages=[QUESTION, kept, result], functions=functions)
        assert "21" in (final.choices[0].message.content or "")

    async with answering(tmp_path, vendor) as (gateway, model):
        await sync(gateway, lambda client: work(client, model))
        await debited(gateway, vendor, 3)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_responses(tmp_path: Path, vendor: str) -> None:
    def work(client: OpenAI) -> None:
        plain = client.responses.create(model=SOLD, instructions="Be brief.", input="Hello.")
        assert plain.output_text == TEXT
        with client.responses.stream(model=SOLD, instructions="Be brief.", input="Hello.") as told:
            final = told.get_final_response()
        assert final.output_text == TEXT
        assert final.usage == plain.usage
        parsed = client.responses.parse(model=SOLD, input="Hello.", text_format=Event)
        assert isinstance(parsed.output_parsed, Event)
        first = client.responses.create(model=SOLD, input=[QUESTION], tools=TOOLS)
        calls: Any = [item for item in first.output if item.type == "function_call"]
        assert [json.loads(call.arguments)["city"] for call in calls] == ["Toronto", "Oslo"]
        outputs: Any = [
            {"type": "function_call_output", "call_id": call.call_id, "output": '{"celsius":21}'} for call in calls
        ]
        history: Any = [QUESTION, *first.output, *outputs]
        last = client.responses.create(model=SOLD, input=history, tools=TOOLS)
        assert last.output_text == TOLD

    async with selling(tmp_path, vendor) as (gateway, _):
        await sync(gateway, work)
        await debited(gateway, vendor, 5)


@pytest.mark.parametrize("vendor", [name for name in VENDORS if "web_search" in VENDORS[name].tools])
async def test_web_search(tmp_path: Path, vendor: str) -> None:
    def work(client: OpenAI) -> None:
        response = client.responses.create(model=SOLD, input="What is new?", tools=[{"type": "web_search"}])
        assert response.output_text == SEARCH_TEXT
        [message] = [item for item in response.output if item.type == "message"]
        [cited] = message.content[0].annotations  # type: ignore[union-attr]
        assert isinstance(cited, AnnotationURLCitation)
        assert cited.url == SEARCH_URL

    async with selling(tmp_path, vendor) as (gateway, _):
        await sync(gateway, work)
        await debited(gateway, vendor, 1)


@pytest.mark.parametrize("vendor", ["anthropic"])
async def test_a_model_without_output_formats_keeps_to_a_schema_all_the_same(tmp_path: Path, vendor: str) -> None:
    """An older model is made to call a tool that takes the schema; the client sees text."""

    def work(client: OpenAI) -> None:
        plain = client.responses.parse(model=SOLD, input="Hello.", text_format=Event)
        assert isinstance(plain.output_parsed, Event)
        assert [item.type for item in plain.output] == ["message"]
        with client.responses.stream(model=SOLD, input="Hello.", text_format=Event) as told:
            assert told.get_final_response().output_parsed == plain.output_parsed
        messages: Any = [{"role": "user", "content": "Hello."}]
        completion = client.chat.completions.parse(model=SOLD, messages=messages, response_format=Event)
        assert completion.choices[0].message.parsed == plain.output_parsed
        assert completion.choices[0].finish_reason == "stop"

    async with selling(tmp_path, vendor, model="claude-sonnet-4-20250514") as (gateway, served):
        await sync(gateway, work)
        assert all("output_config" not in request.json() for request in served[vendor].requests)
        await debited(gateway, vendor, 3)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_what_needs_a_memory_is_refused_by_its_name(tmp_path: Path, vendor: str) -> None:
    def work(client: OpenAI) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(model=SOLD, input="Hello.", previous_response_id="resp_1")
        assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "previous_response_id")

    await unasked(tmp_path, vendor, work)


@pytest.mark.parametrize("vendor", ["openai-responses", "anthropic", "gemini"])
async def test_what_a_vendor_cannot_do_is_refused_by_its_name(tmp_path: Path, vendor: str) -> None:
    """Biases of tokens exist in OpenAI's chat completions only."""
    hello: Any = [{"role": "user", "content": "Hello."}]

    def work(client: OpenAI) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model=SOLD, messages=hello, logit_bias={"1": 5})
        assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "logit_bias")

    await unasked(tmp_path, vendor, work)


async def unasked(tmp_path: Path, vendor: str, work: Callable[[OpenAI], None]) -> None:
    """The vendor hears nothing of it, and the ledger neither."""
    async with selling(tmp_path, vendor) as (gateway, served):
        await sync(gateway, work)
        assert served[vendor].requests == []
        assert await gateway.settled() == []
