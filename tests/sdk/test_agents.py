"""openai-agents' runner on the gateway: run and streamed, with one tool, on both of its models, whoever answers.

Rule: the runner lives on asyncio, in a thread of its own; nothing of it is changed but the client that it is given. Tracing, which
would report to OpenAI, is off.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import trio
from openai import AsyncOpenAI

from domain.events import RequestDebited
from tests.support.gateway.gateway import Gateway
from tests.support.upstream.vendors import answering

KINDS = {"responses": "OpenAIResponsesModel", "chat": "OpenAIChatCompletionsModel"}
QUESTION = "What is the weather in Toronto?"


async def run(gateway: Gateway, model: str, kind: str, *, stream: bool) -> tuple[str, list[str], str]:
    """The final output, the cities that the tool was asked for, and the text that was streamed."""
    import agents  # two seconds, which who runs other tests should not wait for

    asked: list[str] = []
    quiet = agents.RunConfig(tracing_disabled=True)

    @agents.function_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return json.dumps({"city": city, "celsius": 21}, separators=(",", ":"))

    async def main() -> tuple[str, str]:
        async with AsyncOpenAI(api_key=gateway.key, base_url=gateway.base_url, max_retries=0) as client:
            spoken: agents.Model = getattr(agents, KINDS[kind])(model, client)
            agent = agents.Agent(name="Weather", instructions="Use your tool.", tools=[get_weather], model=spoken)
            if not stream:
                result = await agents.Runner.run(agent, QUESTION, run_config=quiet)
                return str(result.final_output), ""
            streamed = agents.Runner.run_streamed(agent, QUESTION, run_config=quiet)
            return await _heard(streamed)

    final, deltas = await trio.to_thread.run_sync(lambda: asyncio.run(main()))
    return final, asked, deltas


async def _heard(streamed: Any) -> tuple[str, str]:
    deltas = ""
    async for event in streamed.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            deltas += event.data.delta
    return str(streamed.final_output), deltas


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vendor", ["simulator", "openai", "anthropic", "gemini"])
async def test_the_runner_calls_its_tool_and_ends_with_an_answer(
    tmp_path: Path, vendor: str, kind: str, stream: bool
) -> None:
    async with answering(tmp_path, vendor) as (gateway, model):
        final, asked, deltas = await run(gateway, model, kind, stream=stream)
        assert asked == ["Toronto"]
        assert final
        if vendor != "simulator":
            assert final == 'The weather: {"city":"Toronto","celsius":21}'
        assert deltas == (final if stream else "")
        settled = await gateway.settled()
        assert [type(event) for event in settled] == [RequestDebited] * 2
