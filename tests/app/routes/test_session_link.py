"""POST /api/session/link through a whole gateway: a link signs in once, and says no more than that it does not work."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import trio

from app.accounts.throttle import SIGN_IN_FROM_ADDRESS
from tests.support.gateway.signing_in import (
    ANOTHER,
    COOKIE,
    EMAIL,
    LISTED,
    House,
    change,
    house,
    refusal,
    settings_of,
    sign_in,
)


async def made(home: House, account_id: str) -> str:
    return await trio.to_thread.run_sync(home.services.accounts.links.make, account_id)


async def use(client: httpx.AsyncClient, token: str, **headers: str) -> httpx.Response:
    return await client.post("/api/session/link", json={"token": token}, headers=headers)


async def test_a_link_signs_in_once_and_its_session_is_like_any_other(home: House, client: httpx.AsyncClient) -> None:
    account_id = await home.sign_up()
    token = await made(home, account_id)
    entered = await use(client, token)
    assert (entered.status_code, entered.json()) == (200, {"account_id": account_id, "email": EMAIL})
    assert entered.headers["cache-control"] == "no-store"
    assert (await client.get("/api/session")).json() == entered.json()
    async with home.client() as thief:
        assert refusal(await use(thief, token)) == (401, "invalid_link", None)
        assert COOKIE not in thief.cookies
    assert (await client.delete("/api/session")).status_code == 204
    assert refusal(await client.get("/api/session")) == (401, "not_signed_in", None)


async def test_a_link_ends_the_session_that_was_there(home: House, client: httpx.AsyncClient) -> None:
    account_id = await home.sign_up()
    await sign_in(client)
    before = client.cookies[COOKIE]
    await use(client, await made(home, account_id))
    assert client.cookies[COOKIE] != before
    assert len(home.rows("sessions")) == 1


async def test_a_change_of_password_voids_the_link(home: House, client: httpx.AsyncClient) -> None:
    account_id = await home.sign_up()
    await sign_in(client)
    token = await made(home, account_id)
    assert (await client.post("/api/password", json=change(new=ANOTHER))).status_code == 204
    assert refusal(await use(client, token)) == (401, "invalid_link", None)


async def test_what_a_link_refuses_says_what_to_do(home: House, client: httpx.AsyncClient) -> None:
    for token in ("made-up", "", "x" * 10_000, "\0", "é"):
        answer = await use(client, token)
        assert refusal(answer) == (401, "invalid_link", None)
        assert "Request a new one" in answer.json()["error"]["message"]
    assert (await client.post("/api/session/link", json={})).json()["error"]["param"] == "token"
    assert refusal(await client.post("/api/session/link", json={"token": 1}))[0] == 400


async def test_links_are_guessed_at_as_often_as_passwords(home: House, client: httpx.AsyncClient) -> None:
    account_id = await home.sign_up()
    token = await made(home, account_id)
    for _ in range(SIGN_IN_FROM_ADDRESS.attempts):
        home.services.accounts.throttle.attempt(SIGN_IN_FROM_ADDRESS, "127.0.0.1")
    answer = await use(client, token)
    assert refusal(answer) == (429, "too_many_attempts", None)
    assert int(answer.headers["retry-after"]) > 0
    assert len(home.rows("sign_in_links")) == 1


@pytest.mark.parametrize(("origin", "status"), [("https://evil.example", 403), (LISTED, 200)])
async def test_pages_of_another_origin_sign_no_one_in(tmp_path: Path, origin: str, status: int) -> None:
    async with house(settings_of(tmp_path, cors_origins=(LISTED,))) as home, home.client() as client:
        token = await made(home, await home.sign_up())
        answer = await use(client, token, origin=origin, **{"sec-fetch-site": "cross-site"})
        assert answer.status_code == status, answer.text
        assert len(home.rows("sign_in_links")) == (1 if status == 403 else 0)


async def test_a_link_of_one_process_works_in_another(tmp_path: Path, postgres_url: str) -> None:
    settings = settings_of(tmp_path, postgres_url)
    async with house(settings) as home, house(settings, fresh=False) as other, other.client() as client:
        token = await made(home, await home.sign_up())
        assert (await use(client, token)).status_code == 200
        async with home.client() as late:
            assert refusal(await use(late, token)) == (401, "invalid_link", None)
