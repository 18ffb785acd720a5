"""Sign-up and sign-in reveal nothing about other people, and attempts are limited."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import pytest
import trio

from app.accounts.throttle import SIGN_IN_FROM_ADDRESS, SIGN_IN_OF_EMAIL, SIGN_UP_FROM_ADDRESS
from app.telemetry import logs
from tests.support.gateway.signing_in import (
    ANOTHER,
    COOKIE,
    EMAIL,
    PASSWORD,
    House,
    house,
    refusal,
    settings_of,
    sign_in,
    sign_up,
)

# -- Nothing is revealed -----------------------------------------------------------------------------------------------


async def test_signing_up_does_not_reveal_who_is_known(home: House, client: httpx.AsyncClient) -> None:
    answers, work = [], []
    for password in (PASSWORD, ANOTHER):
        before = home.hasher.work
        answers.append(await client.post("/api/signup", json={"email": EMAIL, "password": password}))
        work.append((home.hasher.hashed - before[0], home.hasher.verified - before[1]))
    unknown, known = answers
    assert (
        (unknown.status_code, unknown.content)
        == (known.status_code, known.content)
        == (201, b'{"email":"%s"}' % EMAIL.encode())
    )
    assert set(unknown.headers) == set(known.headers)
    assert work == [(1, 0), (1, 0)]
    await home.idle()
    assert len(home.opened()) == 1
    assert (await sign_in(client)).status_code == 200
    assert refusal(await sign_in(client, password=ANOTHER)) == (401, "invalid_credentials", None)


async def test_signing_in_does_not_reveal_who_is_known(home: House, client: httpx.AsyncClient) -> None:
    await home.sign_up()
    home.services.accounts.people.set_email("acct_test", "no-password@example.com")
    answers = []
    for email in (EMAIL, "unknown@example.com", "no-password@example.com", "no e-mail at all"):
        before = home.hasher.work
        answers.append(await sign_in(client, email, ANOTHER))
        assert home.hasher.work == (before[0], before[1] + 1), email
    assert {refusal(answer) for answer in answers} == {(401, "invalid_credentials", None)}
    assert len({answer.content for answer in answers}) == 1
    assert not home.rows("sessions")


async def test_an_unknown_email_is_throttled_as_a_known_one(home: House, client: httpx.AsyncClient) -> None:
    await home.sign_up()
    for email in (EMAIL, "unknown@example.com"):
        statuses = [(await sign_in(client, email, ANOTHER)).status_code for _ in range(12)]
        assert statuses == [401] * 10 + [429] * 2


async def test_nothing_secret_of_a_person_is_logged(
    home: House, client: httpx.AsyncClient, logging_restored: None
) -> None:
    written = io.StringIO()
    logs.configure(written)
    await sign_up(client)
    await sign_in(client, password=ANOTHER)
    await sign_in(client)
    secrets = {PASSWORD, ANOTHER, EMAIL, client.cookies[COOKIE]}
    await client.post("/api/password", json={"current_password": PASSWORD, "new_password": ANOTHER})
    await client.post("/api/session", json={"email": EMAIL, "password": PASSWORD, "also": ANOTHER})
    await client.post("/api/session", content=f'{{"email": "{EMAIL}", "password": "{PASSWORD}"'.encode())
    secrets.add(client.cookies[COOKIE])
    home.hasher.broken = True
    assert (await sign_in(client)).status_code == 500
    [(_account, _email, kept, *_rest)] = home.rows("people")
    secrets |= {kept, *(row[0] for row in home.rows("sessions"))}
    await home.idle()
    log = written.getvalue()
    assert "hashing failed" in log
    assert [secret for secret in secrets if secret in log] == []


# -- Attempts ----------------------------------------------------------------------------------------------------------


async def test_fifty_guesses_at_once_try_ten_passwords(tmp_path: Path, postgres_url: str) -> None:
    settings = settings_of(tmp_path, postgres_url)
    async with house(settings) as here, house(settings, fresh=False) as there:
        await here.sign_up()
        statuses: list[int] = []

        async def guess(client: httpx.AsyncClient, number: int) -> None:
            statuses.append((await sign_in(client, password=f"guess number {number}")).status_code)

        async with here.client() as one, there.client() as two, trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(guess, (one, two)[number % 2], number)
        assert here.hasher.verified + there.hasher.verified == SIGN_IN_OF_EMAIL.attempts
        assert sorted(statuses) == [401] * 10 + [429] * 40
        async with here.client() as client:
            assert refusal(await sign_in(client)) == (429, "too_many_attempts", None)


async def test_a_refusal_says_when_to_retry(home: House, client: httpx.AsyncClient) -> None:
    await home.sign_up()
    for _ in range(SIGN_IN_OF_EMAIL.attempts):
        await sign_in(client, password=ANOTHER)
    refused = await sign_in(client)
    assert refusal(refused) == (429, "too_many_attempts", None)
    assert 0 < int(refused.headers["retry-after"]) <= SIGN_IN_OF_EMAIL.seconds
    home.services.ledger.change(("UPDATE throttles SET ends_at_micros = 0", ()))
    assert (await sign_in(client)).status_code == 200


async def test_getting_in_makes_wrong_guesses_good_for_that_email_alone(home: House, client: httpx.AsyncClient) -> None:
    await home.sign_up()
    for _ in range(3):
        for _ in range(SIGN_IN_OF_EMAIL.attempts - 1):
            assert (await sign_in(client, password=ANOTHER)).status_code == 401
        assert (await sign_in(client)).status_code == 200
    [(attempts,)] = home.services.ledger.select("SELECT attempts FROM throttles")
    assert attempts == 3 * SIGN_IN_OF_EMAIL.attempts  # by address, which a success does not forgive


async def test_an_address_has_a_limited_number_of_tries_for_all_accounts_together(
    home: House, client: httpx.AsyncClient
) -> None:
    await home.sign_up()
    limit = SIGN_IN_FROM_ADDRESS.attempts
    for number in range(limit):
        assert (await sign_in(client, f"nobody-{number}@example.com", ANOTHER)).status_code == 401
    assert refusal(await sign_in(client)) == (429, "too_many_attempts", None)
    assert home.hasher.verified == limit
    assert len(home.rows("throttles")) == limit + 1  # attempts refused to an address do not count against an e-mail


async def test_an_address_signs_up_so_many(home: House, client: httpx.AsyncClient) -> None:
    limit = SIGN_UP_FROM_ADDRESS.attempts
    for number in range(limit):
        assert (await sign_up(client, f"nobody-{number}@example.com")).status_code == 201
    assert refusal(await sign_up(client)) == (429, "too_many_attempts", None)
    assert home.hasher.hashed == limit
    assert len(home.rows("people")) == limit


@pytest.mark.parametrize(("trusted", "clients"), [((), 1), (("127.0.0.1",), 2)])
async def test_only_a_trusted_proxy_says_whose_address_it_is(
    tmp_path: Path, trusted: tuple[str, ...], clients: int
) -> None:
    async with house(settings_of(tmp_path, trusted_proxies=trusted)) as home, home.client() as client:
        for address in ("198.51.100.1", "198.51.100.1:81", "2001:db8::1"):
            body = {"email": f"{len(address)}@example.com", "password": PASSWORD}
            await client.post("/api/signup", json=body, headers={"x-forwarded-for": address})
        assert len(home.rows("throttles")) == clients
