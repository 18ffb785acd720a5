"""/api/signup, /api/session and /api/password through a whole gateway: signing up, in and out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import argon2
import httpx
import pytest
import trio

from app.accounts.passwords import PARAMETERS
from app.accounts.sessions import SESSION_DAYS, digest
from app.accounts.throttle import PASSWORD_OF_ACCOUNT
from app.services import open_services
from tests.support.gateway.signing_in import (
    ANOTHER,
    COOKIE,
    EMAIL,
    PASSWORD,
    House,
    change,
    house,
    refusal,
    settings_of,
    sign_in,
    sign_up,
)

# -- The way in and out ------------------------------------------------------------------------------------------------


async def test_a_stranger_signs_up_in_out_and_in_again(home: House, client: httpx.AsyncClient) -> None:
    made = await sign_up(client, "Ada@Example.com")
    assert (made.status_code, made.json()) == (201, {"email": EMAIL})
    assert "set-cookie" not in made.headers
    assert refusal(await client.get("/api/session")) == (401, "not_signed_in", None)
    for _ in range(2):
        entered = await sign_in(client, "ADA@example.com")
        assert entered.status_code == 200
        [opened] = home.opened()
        assert entered.json() == {"account_id": opened.account_id, "email": EMAIL}
        assert entered.headers["cache-control"] == "no-store"
        shown = await client.get("/api/session")
        assert (shown.status_code, shown.json()) == (200, entered.json())
        left = await client.delete("/api/session")
        assert (left.status_code, left.content) == (204, b"")
        assert COOKIE not in client.cookies
        assert refusal(await client.get("/api/session")) == (401, "not_signed_in", None)
    assert not home.rows("sessions")
    assert (await client.delete("/api/session")).status_code == 204


async def test_signing_out_ends_the_session_and_not_only_the_cookie(home: House, client: httpx.AsyncClient) -> None:
    await home.sign_up()
    await sign_in(client)
    token = client.cookies[COOKIE]
    await client.delete("/api/session")
    async with home.client(cookie=f"{COOKIE}={token}") as thief:
        assert (await thief.get("/api/session")).status_code == 401


async def test_signing_in_again_ends_the_session_before(home: House, client: httpx.AsyncClient) -> None:
    await home.sign_up()
    await sign_in(client)
    before = client.cookies[COOKIE]
    await sign_in(client)
    assert client.cookies[COOKIE] != before
    assert [row[0] for row in home.rows("sessions")] == [digest(client.cookies[COOKIE])]


async def test_a_cookie_on_loopback_is_for_http_and_for_nothing_else(home: House, client: httpx.AsyncClient) -> None:
    await home.sign_up()
    given = (await sign_in(client)).headers["set-cookie"]
    name, _, value = given.split("; ")[0].partition("=")
    assert name == COOKIE
    assert re.fullmatch(r"[\w-]{43}", value)
    attributes = {part for part in given.split("; ")[1:] if not part.startswith("Expires=")}
    assert attributes == {f"Max-Age={SESSION_DAYS * 86_400}", "HttpOnly", "Path=/", "SameSite=Lax"}
    taken = (await client.delete("/api/session")).headers["set-cookie"]
    assert taken.startswith(f"{COOKIE}=; ")
    assert {"Max-Age=0", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(taken.split("; "))


@pytest.mark.parametrize("public_url", ["https://api.example", "http://api.example", "https://127.0.0.1:8000"])
async def test_a_cookie_is_secure_and_of_this_host_alone_everywhere_else(tmp_path: Path, public_url: str) -> None:
    async with house(settings_of(tmp_path, public_url=public_url)) as home, home.client() as client:
        account_id = await home.sign_up()
        given = (await sign_in(client)).headers["set-cookie"]
        assert given.startswith("__Host-realrouter=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(given.split("; "))
        assert "Domain" not in given
        token = given.split("; ")[0].partition("=")[2]
        shown = await client.get("/api/session", headers={"cookie": f"__Host-realrouter={token}"})
        assert shown.json() == {"account_id": account_id, "email": EMAIL}
        other_name = await client.get("/api/session", headers={"cookie": f"{COOKIE}={token}"})
        assert other_name.status_code == 401


async def test_a_row_of_the_table_is_no_cookie(home: House, client: httpx.AsyncClient) -> None:
    await home.sign_up()
    await sign_in(client)
    [row] = home.rows("sessions")
    assert client.cookies[COOKIE] not in row
    for stolen in [*map(str, row), "", "x" * 5000, "\xff" * 43, f'"{row[0]}"']:
        answer = await client.get("/api/session", headers=[(b"cookie", f"{COOKIE}={stolen}".encode("latin-1"))])
        assert answer.status_code == 401


async def test_a_session_that_ends_in_one_process_is_over_in_the_others(tmp_path: Path, postgres_url: str) -> None:
    settings = settings_of(tmp_path, postgres_url)
    async with house(settings) as here, house(settings, fresh=False) as there:
        account_id = await here.sign_up()
        async with here.client() as client:
            await sign_in(client)
            cookie = f"{COOKIE}={client.cookies[COOKIE]}"
            async with there.client(cookie=cookie) as other:
                assert (await other.get("/api/session")).json()["account_id"] == account_id
                await client.delete("/api/session")
                assert (await other.get("/api/session")).status_code == 401
            await sign_in(client)
            async with there.client(cookie=f"{COOKIE}={client.cookies[COOKIE]}") as other:
                assert (await other.get("/api/session")).status_code == 200
                here.services.accounts.people.set_password(account_id, "whatever the operator says")
                assert (await other.get("/api/session")).status_code == 401


# -- Signing up --------------------------------------------------------------------------------------------------------


async def test_sign_up_is_off_unless_the_operator_says_so(tmp_path: Path) -> None:
    async with house(settings_of(tmp_path, signup=False)) as home, home.client() as client:
        assert refusal(await sign_up(client)) == (403, "signup_disabled", None)
        assert home.hasher.work == (0, 0)
        assert not home.rows("people")


async def test_two_who_sign_up_at_once_make_one_person_and_one_account(home: House, client: httpx.AsyncClient) -> None:
    statuses: list[int] = []

    async def ask() -> None:
        statuses.append((await sign_up(client)).status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(ask)
    await home.idle()
    assert statuses == [201] * 8
    assert len(home.rows("people")) == len(home.opened()) == 1


async def test_an_event_says_only_what_an_account_is_called(home: House, client: httpx.AsyncClient) -> None:
    await sign_up(client)
    await sign_up(client, "grace@example.com", name="Research")
    await home.idle()
    assert sorted(event.name for event in home.opened()) == ["Personal", "Research"]


async def test_an_account_whose_opening_was_lost_is_opened_by_signing_in(
    home: House, client: httpx.AsyncClient
) -> None:
    hashed = await home.services.accounts.passwords.hash(PASSWORD)
    account_id = home.services.accounts.people.claim(EMAIL, hashed, "Research")
    assert home.opened() == []
    assert (await sign_in(client)).json()["account_id"] == account_id
    [opened] = home.opened()
    assert (opened.account_id, opened.name) == (account_id, "Research")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"password": PASSWORD}, "email", "missing_required_parameter"),
        ({"email": EMAIL}, "password", "missing_required_parameter"),
        ({"email": "ada", "password": PASSWORD}, "email", "invalid_value"),
        ({"email": EMAIL, "password": "short"}, "password", "invalid_value"),
        ({"email": EMAIL, "password": "x" * 1025}, "password", "invalid_value"),
        ({"email": EMAIL, "password": 12345678}, "password", "invalid_type"),
        ({"email": EMAIL, "password": PASSWORD, "name": EMAIL}, "name", "invalid_value"),
        ({"email": EMAIL, "password": PASSWORD, "admin": True}, "admin", "unknown_parameter"),
        ([], None, "invalid_type"),
    ],
)
async def test_what_cannot_be_signed_up_with_is_refused_by_name(
    home: House, client: httpx.AsyncClient, body: Any, param: str | None, code: str
) -> None:
    answer = await client.post("/api/signup", json=body)
    assert refusal(answer) == (400, code, param)
    assert PASSWORD not in answer.text
    assert home.hasher.work == (0, 0)
    assert not home.rows("throttles")


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"email": "\\ud800"}', "application/json", 400),
        (b'{"email":' + b"[" * 5000, "application/json", 400),
        (b"email=ada", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b'{"email": "' + b"x" * 70_000 + b'"}', "application/json", 413),
    ],
)
async def test_what_is_no_small_json_body_is_refused(
    client: httpx.AsyncClient, content: bytes, media: str, status: int
) -> None:
    for path in ("/api/signup", "/api/session"):
        answer = await client.post(path, content=content, headers={"content-type": media})
        assert answer.status_code == status
        refusal(answer)


# -- Changing a password -----------------------------------------------------------------------------------------------


async def test_a_changed_password_ends_all_sessions_but_this_one_which_gets_another_token(
    home: House, client: httpx.AsyncClient
) -> None:
    await home.sign_up()
    async with home.client() as elsewhere:
        await sign_in(elsewhere)
        await sign_in(client)
        before = client.cookies[COOKIE]
        changed = await client.post("/api/password", json=change())
        assert (changed.status_code, changed.content) == (204, b"")
        assert client.cookies[COOKIE] != before
        assert (await client.get("/api/session")).status_code == 200
        assert (await elsewhere.get("/api/session")).status_code == 401
        async with home.client(cookie=f"{COOKIE}={before}") as thief:
            assert (await thief.get("/api/session")).status_code == 401
        assert (await sign_in(elsewhere)).status_code == 401
        assert (await sign_in(elsewhere, password=ANOTHER)).status_code == 200


async def test_a_password_can_be_changed_only_by_someone_who_knows_it(home: House, client: httpx.AsyncClient) -> None:
    assert refusal(await client.post("/api/password", json=change())) == (401, "not_signed_in", None)
    await home.sign_up()
    await sign_in(client)
    [before] = home.rows("people")
    too_short = await client.post("/api/password", json=change(new="short"))
    assert refusal(too_short) == (400, "invalid_value", "new_password")
    for _ in range(PASSWORD_OF_ACCOUNT.attempts):
        wrong = await client.post("/api/password", json=change(current=ANOTHER))
        assert refusal(wrong) == (401, "invalid_credentials", None)
    assert refusal(await client.post("/api/password", json=change())) == (429, "too_many_attempts", None)
    assert home.rows("people") == [before]
    assert (await client.get("/api/session")).status_code == 200


async def test_a_password_that_was_reset_while_it_was_checked_signs_no_one_in(
    home: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = await home.sign_up()
    checked = home.services.accounts.passwords.verify

    async def verify_then_reset(stored: str | None, password: str) -> bool:
        right = await checked(stored, password)
        home.services.accounts.people.set_password(account_id, "what the operator set meanwhile")
        return right

    monkeypatch.setattr(home.services.accounts.passwords, "verify", verify_then_reset)
    assert refusal(await sign_in(client)) == (401, "invalid_credentials", None)
    assert not home.rows("sessions")


async def test_a_hash_with_old_parameters_is_recomputed_at_sign_in(home: House, client: httpx.AsyncClient) -> None:
    account_id = await home.sign_up()
    old = argon2.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    home.services.accounts.people.set_password(account_id, old)
    assert (await sign_in(client)).status_code == 200
    person = home.services.accounts.people.by_email(EMAIL)
    assert person is not None
    assert person.password_hash not in (None, old)
    assert not home.services.accounts.passwords.is_outdated(person.password_hash or "")
    assert (await client.get("/api/session")).status_code == 200
    assert (await sign_in(client)).status_code == 200


async def test_a_gateway_hashes_with_the_standard_parameters(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    async with house(settings):
        pass
    async with open_services(settings) as services:
        assert argon2.extract_parameters(await services.accounts.passwords.hash(PASSWORD)) == PARAMETERS
