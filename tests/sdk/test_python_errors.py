"""What openai-python makes of the gateway's refusals: its own classes, and its own retries only where they can help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from app.accounts.commands import new_id
from domain import api_key
from domain.events import KeyLimits
from tests.support.clients.sdk import ask, ask_chat, debited, error_of, sync
from tests.support.gateway.gateway import ACCOUNT, CREDIT_NANOS, open_account, running


async def test_each_refusal_is_the_sdks_own_class_for_it(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"attempts": 1}) as gateway:
        unknown_key = api_key.make_key(b"\x07" * api_key.RANDOM_BYTES)
        for key in (unknown_key, "sk-proj-abcdefghijklmnop", "nonsense"):
            error = await error_of(gateway, ask, key=key)
            assert type(error) is openai.AuthenticationError
            assert error.code == "invalid_api_key"
        error = await error_of(gateway, lambda client: ask_chat(client, model="gpt-none"))
        assert type(error) is openai.NotFoundError
        assert error.code == "model_not_found"
        error = await error_of(gateway, lambda client: ask(client, model="gpt-none"))
        assert type(error) is openai.BadRequestError
        assert (error.code, error.param) == ("model_not_found", "model")
        error = await error_of(gateway, lambda client: client.models.retrieve("gpt-none"))
        assert type(error) is openai.NotFoundError
        error = await error_of(gateway, lambda client: ask(client, tools=[{"type": "code_interpreter"}]))
        assert type(error) is openai.BadRequestError
        assert error.code == "unsupported_tool"
        error = await error_of(gateway, lambda client: ask(client, "status=429"), retries=0)
        assert type(error) is openai.RateLimitError
        error = await error_of(gateway, lambda client: ask(client, "status=500"), retries=0)
        assert type(error) is openai.InternalServerError
        _, narrow = gateway.new_key(KeyLimits(models=("gpt-5.5",)))
        error = await error_of(gateway, ask, key=narrow)
        assert type(error) is openai.PermissionDeniedError
        assert error.code == "model_not_allowed"
        await gateway.settled()


async def test_an_empty_account_is_a_402_that_the_sdk_does_not_retry(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        open_account(gateway.services.ledger, gateway.services.codec, "acct_empty", 0)
        _, key = gateway.new_key(account_id="acct_empty")
        error = await error_of(gateway, ask, key=key)
        assert type(error) is openai.APIStatusError
        assert (error.status_code, error.code) == (402, "insufficient_quota")
        assert len(await gateway.recorded(1)) == 1
        assert await gateway.settled() == []


async def test_what_may_help_is_retried_by_the_sdk_and_each_try_is_settled(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"attempts": 1}) as gateway:
        error = await error_of(gateway, lambda client: ask(client, "status=503"), retries=1)
        assert error.status_code == 502
        assert len(await gateway.settled()) == 2


async def test_an_idempotency_key_is_used_once_and_the_sdk_does_not_retry_the_409(tmp_path: Path) -> None:
    headers = {"Idempotency-Key": new_id("idem")}
    async with running(tmp_path) as gateway:
        await sync(gateway, lambda client: ask(client, extra_headers=headers))
        error = await error_of(gateway, lambda client: ask(client, extra_headers=headers))
        assert type(error) is openai.ConflictError
        assert error.code == "idempotency_key_used"
        assert len(await gateway.recorded(2)) == 2
        await debited(gateway, 1)


@pytest.mark.parametrize("told", ["fail_at=8", "drop_at=8", "malformed_at=8"])
async def test_a_stream_that_breaks_raises_or_reports_its_failure(tmp_path: Path, told: str) -> None:
    def on_responses(client: OpenAI) -> list[str]:
        return [event.type for event in ask(client, told, stream=True)]

    def on_chat(client: OpenAI) -> list[Any]:
        return list(ask_chat(client, metadata={"simulator": told}, stream=True))

    async with running(tmp_path) as gateway:
        kinds = await sync(gateway, on_responses)
        assert {"error", "response.failed"} & set(kinds)
        assert "response.completed" not in kinds
        with pytest.raises(openai.APIError):
            await sync(gateway, on_chat)
        settled = await gateway.settled()
        assert [event.account_id for event in settled] == [ACCOUNT, ACCOUNT]
        assert gateway.available == CREDIT_NANOS
