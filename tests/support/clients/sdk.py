"""openai-python at work on a gateway: sync in a thread, on Trio, and on asyncio in a thread."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import openai
import pytest
import trio
from openai import AsyncOpenAI, OpenAI

from domain.events import RequestDebited
from tests.support.gateway.gateway import MODEL, Gateway

T = TypeVar("T")
PROMPT = "Summarize this note in Chinese."
HALF_READ = "ignore:Async generator .*(openai|httpx2|httpcore2):ResourceWarning"
"""The SDK and its transport leave generators half-read when a stream ends. asyncio says nothing of it, Trio warns."""


async def sync(gateway: Gateway, work: Callable[[OpenAI], T], *, key: str | None = None, retries: int = 2) -> T:
    """`work` in a thread, with the synchronous client."""

    def inside() -> T:
        with OpenAI(api_key=key or gateway.key, base_url=gateway.base_url, max_retries=retries) as client:
            return work(client)

    return await trio.to_thread.run_sync(inside)


async def on_trio(gateway: Gateway, work: Callable[[AsyncOpenAI], Awaitable[T]]) -> T:
    async with AsyncOpenAI(api_key=gateway.key, base_url=gateway.base_url) as client:
        result = await work(client)
    gc.collect()  # what the SDK left half-read goes while its test's filter stands
    return result


async def on_asyncio(gateway: Gateway, work: Callable[[AsyncOpenAI], Awaitable[T]]) -> T:
    async def main() -> T:
        async with AsyncOpenAI(api_key=gateway.key, base_url=gateway.base_url) as client:
            return await work(client)

    return await trio.to_thread.run_sync(lambda: asyncio.run(main()))


LOOPS: dict[str, Any] = {"trio": on_trio, "asyncio": on_asyncio}


async def debited(gateway: Gateway, count: int) -> list[RequestDebited]:
    settled = await gateway.settled()
    found = [event for event in settled if isinstance(event, RequestDebited)]
    assert len(found) == len(settled) == count
    return found


def ask(client: OpenAI, told: str = "", **more: Any) -> Any:
    return client.responses.create(
        **{"model": MODEL, "input": PROMPT, "metadata": {"simulator": told} if told else None, **more}
    )


def ask_chat(client: OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(**{"model": MODEL, "messages": [{"role": "user", "content": PROMPT}], **more})


async def error_of(gateway: Gateway, work: Callable[[OpenAI], Any], **more: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        await sync(gateway, work, **more)
    assert caught.value.request_id is not None
    assert caught.value.request_id.startswith("req_")
    return caught.value
