"""openai-python against the gateway, unmodified but for base URL and key: sync, on Trio and on asyncio, over real sockets.

Rule: a test that asks for n answers ends with n settlements in the ledger; what the SDK raised never left a hold.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel
from pypdf import PdfWriter

from tests.support.clients.sdk import HALF_READ, LOOPS, PROMPT, debited, sync
from tests.support.gateway.gateway import MODEL, running

pytestmark = pytest.mark.filterwarnings(HALF_READ)

PNG = b"\x89PNG\r\n\x1a\n"
WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Event(BaseModel):
    name: str
    day: int
    people: list[str]


# -- Plain and streamed, on both endpoints, in all three ways ---------------------------------------------------------


async def test_sync_responses(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        response = await sync(gateway, lambda client: client.responses.create(model=MODEL, input=PROMPT))
        assert response.output_text
        assert response.status == "completed"
        assert response.model == MODEL
        [event] = await debited(gateway, 1)
        assert event.response_id == response.id
        assert response.usage is not None
        assert event.usage.output_tokens == response.usage.output_tokens


async def test_sync_responses_streamed(tmp_path: Path) -> None:
    def work(client: OpenAI) -> tuple[list[str], Any]:
        kinds: list[str] = []
        final = None
        for event in client.responses.create(model=MODEL, input=PROMPT, stream=True):
            kinds.append(event.type)
            if event.type == "response.completed":
                final = event.response
        return kinds, final

    async with running(tmp_path) as gateway:
        kinds, final = await sync(gateway, work)
        assert kinds[0] == "response.created"
        assert kinds[-1] == "response.completed"
        assert "response.output_text.delta" in kinds
        [event] = await debited(gateway, 1)
        assert event.usage.output_tokens == final.usage.output_tokens


async def test_sync_responses_stream_helper_gathers_the_answer(tmp_path: Path) -> None:
    def work(client: OpenAI) -> tuple[str, str]:
        with client.responses.stream(model=MODEL, input=PROMPT) as stream:
            text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
            return text, stream.get_final_response().output_text

    async with running(tmp_path) as gateway:
        streamed, final = await sync(gateway, work)
        assert streamed == final != ""
        await debited(gateway, 1)


async def test_sync_chat(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        completion = await sync(
            gateway,
            lambda client: client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": PROMPT}], n=2
            ),
        )
        assert len(completion.choices) == 2
        assert completion.choices[0].message.content
        assert completion.usage is not None
        [event] = await debited(gateway, 1)
        assert event.usage.output_tokens == completion.usage.completion_tokens


async def test_sync_chat_streamed_with_usage(tmp_path: Path) -> None:
    def work(client: OpenAI) -> tuple[str, Any]:
        text, usage = "", None
        for chunk in client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": PROMPT}],
            stream=True,
            stream_options={"include_usage": True},
        ):
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            usage = chunk.usage or usage
        return text, usage

    async with running(tmp_path) as gateway:
        text, usage = await sync(gateway, work)
        assert text
        [event] = await debited(gateway, 1)
        assert (event.usage.input_tokens, event.usage.output_tokens) == (usage.prompt_tokens, usage.completion_tokens)


@pytest.mark.parametrize("loop", LOOPS)
async def test_async_plain_and_streamed_on_both_endpoints(tmp_path: Path, loop: str) -> None:
    async def work(client: AsyncOpenAI) -> list[str]:
        texts = []
        plain = await client.responses.create(model=MODEL, input=PROMPT)
        texts.append(plain.output_text)
        text = ""
        async for event in await client.responses.create(model=MODEL, input=PROMPT, stream=True):
            text += event.delta if event.type == "response.output_text.delta" else ""
        texts.append(text)
        completion = await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": PROMPT}])
        texts.append(completion.choices[0].message.content or "")
        text = ""
        async for chunk in await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": PROMPT}], stream=True
        ):
            text += chunk.choices[0].delta.content or "" if chunk.choices else ""
        texts.append(text)
        return texts

    async with running(tmp_path) as gateway:
        texts = await LOOPS[loop](gateway, work)
        assert all(texts)
        await debited(gateway, 4)


@pytest.mark.parametrize("loop", LOOPS)
async def test_an_async_client_that_breaks_off_its_stream_pays_nothing(tmp_path: Path, loop: str) -> None:
    async def work(client: AsyncOpenAI) -> None:
        stream = await client.responses.create(
            model=MODEL, input=PROMPT, stream=True, metadata={"simulator": "stall_at=7"}
        )
        async with stream:
            async for event in stream:
                if event.type == "response.output_text.delta":
                    break

    async with running(tmp_path) as gateway:
        await LOOPS[loop](gateway, work)
        await gateway.recorded(1)
        await gateway.only_release("cancelled")


# -- Tools and structured output --------------------------------------------------------------------------------------


async def test_a_function_call_round_trip_on_responses(tmp_path: Path) -> None:
    def work(client: OpenAI) -> tuple[str, dict[str, Any]]:
        tools: Any = [{"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}]
        question: Any = {"role": "user", "content": "What is the weather in Toronto?"}
        first = client.responses.create(
            model="gpt-5.5", input=[question], tools=tools, tool_choice={"type": "function", "name": "get_weather"}
        )
        call: Any = next(item for item in first.output if item.type == "function_call")
        result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": '{"celsius": 21}'}
        final = client.responses.create(model="gpt-5.5", input=[question, call, result], tools=tools)
        return final.output_text, json.loads(call.arguments)

    async with running(tmp_path) as gateway:
        text, arguments = await sync(gateway, work)
        assert arguments == {"city": "Toronto"}
        assert text
        await debited(gateway, 2)


async def test_streamed_arguments_of_a_function_call_are_all_delivered(tmp_path: Path) -> None:
    tools: Any = [{"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}]

    def work(client: OpenAI) -> tuple[str, str]:
        deltas, whole = "", ""
        for event in client.responses.create(model=MODEL, input="Weather in Oslo?", tools=tools, stream=True):
            deltas += event.delta if event.type == "response.function_call_arguments.delta" else ""
            whole = event.arguments if event.type == "response.function_call_arguments.done" else whole
        return deltas, whole

    async with running(tmp_path) as gateway:
        deltas, whole = await sync(gateway, work)
        assert deltas == whole
        assert json.loads(whole) == {"city": "Oslo"}
        await debited(gateway, 1)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_call_round_trip_on_chat(tmp_path: Path, stream: bool) -> None:
    tools: Any = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]
    question: Any = {"role": "user", "content": "What is the weather in Toronto?"}

    def call_of(client: OpenAI) -> Any:
        if stream:
            with client.chat.completions.stream(model=MODEL, messages=[question], tools=tools) as events:
                return events.get_final_completion().choices[0].message
        return client.chat.completions.create(model=MODEL, messages=[question], tools=tools).choices[0].message

    def work(client: OpenAI) -> tuple[str, str | None]:
        message = call_of(client)
        [call] = message.tool_calls
        asked: Any = {"role": "assistant", "tool_calls": [call.model_dump(include={"id", "type", "function"})]}
        asked["tool_calls"][0]["function"].pop("parsed_arguments", None)
        result: Any = {"role": "tool", "tool_call_id": call.id, "content": '{"celsius": 21}'}
        final = client.chat.completions.create(model=MODEL, messages=[question, asked, result], tools=tools)
        return call.function.arguments, final.choices[0].message.content

    async with running(tmp_path) as gateway:
        arguments, text = await sync(gateway, work)
        assert json.loads(arguments) == {"city": "Toronto"}
        assert text
        await debited(gateway, 2)


async def test_web_search_is_answered_with_citations_and_billed_per_call(tmp_path: Path) -> None:
    def work(client: OpenAI) -> Any:
        return client.responses.create(
            model="gpt-5.3-codex-spark", input="Search the web for AI news.", tools=[{"type": "web_search"}]
        )

    async with running(tmp_path) as gateway:
        response = await sync(gateway, work)
        assert [item.type for item in response.output] == ["web_search_call", "message"]
        annotations = response.output[1].content[0].annotations
        assert [annotation.type for annotation in annotations] == ["url_citation"] * len(annotations)
        assert annotations
        [event] = await debited(gateway, 1)
        assert event.usage.web_search_calls == 1
        assert [line.amount_picos for line in event.lines if line.kind == "web_search_call"] == [10_000_000_000]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_image_is_a_real_png_and_billed(tmp_path: Path, stream: bool) -> None:
    def work(client: OpenAI) -> Any:
        asked: Any = {
            "model": MODEL,
            "input": "Generate a small product icon.",
            "tools": [{"type": "image_generation", "size": "1024x1024", "quality": "low"}],
        }
        if not stream:
            return client.responses.create(**asked)
        final = None
        for event in client.responses.create(**asked, stream=True):
            final = event.response if event.type == "response.completed" else final
        return final

    async with running(tmp_path) as gateway:
        response = await sync(gateway, work)
        [image] = [item for item in response.output if item.type == "image_generation_call"]
        assert base64.b64decode(image.result).startswith(PNG)
        [event] = await debited(gateway, 1)
        assert [(image.quality, image.size, image.count) for image in event.usage.images] == [("low", "1024x1024", 1)]
        assert event.cost_nanos >= 40_000_000


async def test_structured_output_is_parsed_on_both_endpoints(tmp_path: Path) -> None:
    def work(client: OpenAI) -> tuple[Any, Any, Any]:
        prompt = "Alice and Bob meet on day 12."
        first = client.responses.parse(model=MODEL, input=prompt, text_format=Event).output_parsed
        messages: Any = [{"role": "user", "content": prompt}]
        second = client.chat.completions.parse(model=MODEL, messages=messages, response_format=Event)
        with client.responses.stream(model=MODEL, input=prompt, text_format=Event) as stream:
            third = stream.get_final_response().output_parsed
        return first, second.choices[0].message.parsed, third

    async with running(tmp_path) as gateway:
        for parsed in await sync(gateway, work):
            assert isinstance(parsed, Event)
        await debited(gateway, 3)


async def test_a_pdf_inline_is_read(tmp_path: Path) -> None:
    writer = PdfWriter()
    for _ in range(3):
        writer.add_blank_page(width=72, height=72)
    written = io.BytesIO()
    writer.write(written)
    data = "data:application/pdf;base64," + base64.b64encode(written.getvalue()).decode()
    file: Any = {"type": "input_file", "filename": "document.pdf", "file_data": data}
    text: Any = {"type": "input_text", "text": "Summarize this PDF."}
    chat_file: Any = {"type": "file", "file": {"filename": "document.pdf", "file_data": data}}

    def work(client: OpenAI) -> list[str | None]:
        response = client.responses.create(model=MODEL, input=[{"role": "user", "content": [file, text]}])
        messages: Any = [{"role": "user", "content": [chat_file, {"type": "text", "text": "Summarize this PDF."}]}]
        completion = client.chat.completions.create(model=MODEL, messages=messages)
        return [response.output_text, completion.choices[0].message.content]

    async with running(tmp_path) as gateway:
        for answer in await sync(gateway, work):
            assert "3 pages" in (answer or "")
        await debited(gateway, 2)


# -- Models and headers -----------------------------------------------------------------------------------------------


async def test_models_are_listed_and_retrieved(tmp_path: Path) -> None:
    def work(client: OpenAI) -> tuple[list[str], Any, Any]:
        listed = [model.id for model in client.models.list()]
        return listed, client.models.retrieve(MODEL), client.models.retrieve("vendor/plain:1")

    async with running(tmp_path) as gateway:
        listed, model, with_slash = await sync(gateway, work)
        assert listed == sorted(["gpt-5.4-mini", "gpt-5.3-codex-spark", "gpt-5.5", "vendor/plain:1"])
        assert (model.id, model.object, model.owned_by) == (MODEL, "model", "realrouter")
        assert model.created > 1_700_000_000
        assert model.pricing["prompt"] == "0.00000025"
        assert with_slash.id == "vendor/plain:1"


async def test_raw_responses_show_our_request_id_and_the_clients_own(tmp_path: Path) -> None:
    def work(client: OpenAI) -> tuple[Any, Any]:
        raw = client.responses.with_raw_response.create(
            model=MODEL, input=PROMPT, extra_headers={"X-Client-Request-Id": "mine-17"}
        )
        return raw.headers, raw.parse()

    async with running(tmp_path) as gateway:
        headers, response = await sync(gateway, work)
        assert headers["x-client-request-id"] == "mine-17"
        assert response._request_id == headers["x-request-id"]
        [event] = await debited(gateway, 1)
        assert event.request_id == headers["x-request-id"]
