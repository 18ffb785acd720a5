"""Who may call /api: our own pages and listed origins, a signed-in person, and a key on the routes that accept one."""

from __future__ import annotations

import httpx
import pytest

from tests.support.gateway.gateway import make_key
from tests.support.gateway.signing_in import (
    EMAIL,
    LISTED,
    PASSWORD,
    House,
    change,
    refusal,
    sign_in,
)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
async def test_another_sites_page_can_do_nothing_for_a_signed_in_person(
    home: House, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    await home.sign_up()
    await sign_in(client)
    rows = [home.rows(table) for table in ("people", "sessions")]
    sent: list[tuple[str, str, dict[str, str] | None]] = [
        ("POST", "/api/signup", {"email": "grace@example.com", "password": PASSWORD}),
        ("POST", "/api/session", {"email": EMAIL, "password": PASSWORD}),
        ("DELETE", "/api/session", None),
        ("POST", "/api/password", change()),
    ]
    for method, path, body in sent:
        answer = await client.request(method, path, json=body, headers=headers)
        assert refusal(answer) == (403, "cross_origin", None), path
        assert "set-cookie" not in answer.headers
    assert [home.rows(table) for table in ("people", "sessions")] == rows
    assert (await client.get("/api/session", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-site", "origin": LISTED},
        {"origin": LISTED},
        {"origin": "http://127.0.0.1:8000"},
        {},
    ],
)
async def test_our_own_pages_and_those_on_the_list_may(
    home: House, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    await home.sign_up()
    entered = await client.post("/api/session", json={"email": EMAIL, "password": PASSWORD}, headers=headers)
    assert entered.status_code == 200
    assert (await client.delete("/api/session", headers=headers)).status_code == 204


async def test_a_key_is_not_a_session_even_if_one_is_sent_too(home: House, client: httpx.AsyncClient) -> None:
    account_id = await home.sign_up()
    await sign_in(client)
    services = home.services
    _id, key = make_key(services.ledger, services.codec, account_id)
    for authorization in (f"Bearer {key}", "Bearer sk-rr-nonsense", "Basic YTpi"):
        headers = {"authorization": authorization}
        for answer in (
            await client.get("/api/session", headers=headers),
            await client.post("/api/password", json=change(), headers=headers),
        ):
            assert refusal(answer) == (403, "session_required", None)


async def test_where_both_are_sent_the_key_says_who_asks(home: House, client: httpx.AsyncClient) -> None:
    await home.sign_up()
    await sign_in(client)
    services = home.services
    _id, key = make_key(services.ledger, services.codec)
    mine = (await client.get("/api/balance")).json()
    theirs = (await client.get("/api/balance", headers={"authorization": f"Bearer {key}"})).json()
    assert (mine["available_nanos"], theirs["available_nanos"]) == ("0", str(10 * 10**9))
    wrong = await client.get("/api/balance", headers={"authorization": "Bearer sk-rr-nonsense"})
    assert refusal(wrong)[:2] == (401, "invalid_api_key")


async def test_a_forgotten_person_is_signed_out_and_may_not_come_back(home: House, client: httpx.AsyncClient) -> None:
    account_id = await home.sign_up()
    await sign_in(client)
    home.services.accounts.people.forget(account_id)
    assert (await client.get("/api/session")).status_code == 401
    assert refusal(await sign_in(client)) == (401, "invalid_credentials", None)
