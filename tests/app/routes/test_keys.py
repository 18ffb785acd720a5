"""/api/keys: made, shown once, changed and revoked by the account's owner."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain import api_key
from domain.events import KeyLimitsChanged, KeyRevoked
from tests.support.gateway.customers import customer, with_key
from tests.support.gateway.gateway import MODEL, Json, envelope, responses, running

LIMITS: Json = {
    "models": [MODEL, "vendor/plain:1"],
    "expires_at": "2099-12-31T23:59:59Z",
    "monthly_budget": "25.50",
    "requests_per_minute": 60,
    "tokens_per_minute": 90_000,
    "concurrency": 4,
}
UNLIMITED: Json = dict.fromkeys(LIMITS)


async def test_a_key_is_shown_in_full_once_and_works(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        made = await owner.send("POST", "/api/keys", {"name": "laptop"})
        assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
        secret, key = made.json()["api_key"], made.json()["key"]
        assert api_key.well_formed(secret)
        assert (key["name"], key["hint"], key["state"]) == ("laptop", api_key.hint(secret), "in_use")
        assert (await gateway.post("responses", responses(), key=secret)).status_code == 200
        listed = await owner.shown("/api/keys")
        assert listed["data"][-1] == key
        assert await owner.shown(f"/api/keys/{key['id']}") == key
        for path in ("/api/keys", f"/api/keys/{key['id']}", "/api/account"):
            assert secret not in (await owner.get(path)).text
        await gateway.only_debit()


async def test_a_key_has_the_limits_that_it_was_given(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        made = (await owner.send("POST", "/api/keys", {"name": "ci", "id": "key_ci", **LIMITS})).json()
        key = made["key"]
        assert key["id"] == "key_ci"
        assert {name: key[name] for name in LIMITS} == LIMITS
        assert key["monthly_budget_nanos"] == "25500000000"
        answer = await gateway.post("responses", responses() | {"model": "gpt-5.5"}, key=made["api_key"])
        envelope(answer, 403, "model_not_allowed")


async def test_a_key_without_limits_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        key = (await owner.send("POST", "/api/keys", {"name": "all", **UNLIMITED})).json()["key"]
        assert {name: key[name] for name in UNLIMITED} == UNLIMITED
        assert (key["monthly_budget_nanos"], key["revoked_at"]) == (None, None)


async def test_an_id_is_taken_once_and_a_retry_shows_no_key(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        first = await owner.send("POST", "/api/keys", {"name": "one", "id": "key_one"})
        again = await owner.send("POST", "/api/keys", {"name": "one", "id": "key_one"})
        envelope(again, 409, "already_exists")
        assert api_key.PREFIX not in again.text
        assert again.headers["x-should-retry"] == "false"
        assert (await gateway.post("responses", responses(), key=first.json()["api_key"])).status_code == 200
        await gateway.only_debit()


@pytest.mark.parametrize("name", list(LIMITS))
async def test_a_change_leaves_what_it_does_not_name(tmp_path: Path, name: str) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        await owner.send("POST", "/api/keys", {"name": "ci", "id": "key_ci", **LIMITS})
        changed = (await owner.send("PATCH", "/api/keys/key_ci", {name: None})).json()
        assert {each: changed[each] for each in LIMITS} == LIMITS | {name: None}
        back = (await owner.send("PATCH", "/api/keys/key_ci", {name: LIMITS[name]})).json()
        assert {each: back[each] for each in LIMITS} == LIMITS
        assert await owner.shown("/api/keys/key_ci") == back


async def test_a_change_to_nothing_is_no_event(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        await owner.send("POST", "/api/keys", {"name": "ci", "id": "key_ci", **LIMITS})
        for body in ({}, LIMITS):
            assert (await owner.send("PATCH", "/api/keys/key_ci", body)).status_code == 200
        assert not [event for event in gateway.events() if isinstance(event, KeyLimitsChanged)]


async def test_a_revoked_key_stays_listed_and_opens_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        made = (await owner.send("POST", "/api/keys", {"name": "lost"})).json()
        path = f"/api/keys/{made['key']['id']}"
        revoked, again = await owner.send("DELETE", path), await owner.send("DELETE", path)
        assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
        assert revoked.json()["revoked_at"].endswith("Z")
        assert (again.status_code, again.json()) == (200, revoked.json())
        assert [event.key_id for event in gateway.events() if isinstance(event, KeyRevoked)] == [made["key"]["id"]]
        assert (await owner.shown("/api/keys"))["data"][-1] == revoked.json()
        envelope(await owner.send("PATCH", path, {"concurrency": 1}), 400, "invalid_value")
        envelope(await gateway.post("responses", responses(), key=made["api_key"]), 401, "invalid_api_key")
        assert (await owner.shown("/api/account"))["keys"] == 1


async def test_a_key_whose_time_is_over_is_expired(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        body = {"name": "brief", "expires_at": "2020-01-01T00:00:00Z"}
        made = (await owner.send("POST", "/api/keys", body)).json()
        assert (made["key"]["state"], made["key"]["expires_at"]) == ("expired", "2020-01-01T00:00:00Z")
        envelope(await with_key(gateway, "/api/balance", made["api_key"]), 401, "invalid_api_key")


async def test_keys_are_their_own_accounts(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        other = await customer(gateway, "acct_other", email="other@example.org")
        assert (await other.shown("/api/keys"))["data"] == []
        path = f"/api/keys/{gateway.key_id}"
        envelope(await other.get(path), 404, "not_found")
        envelope(await other.send("PATCH", path, {"concurrency": 1}), 404, "not_found")
        refused = envelope(await other.send("DELETE", path), 404, "not_found")
        assert "`" not in refused["message"], "no command of the operator's helps a client of the API"
        assert (await with_key(gateway, "/api/balance")).status_code == 200


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "name", "missing_required_parameter"),
        ({"name": ""}, "name", "invalid_value"),
        ({"name": "two\nlines"}, "name", "invalid_value"),
        ({"name": "x", "colour": "red"}, "colour", "unknown_parameter"),
        ({"name": "x", "id": ""}, "id", "invalid_value"),
        ({"name": "x", "id": "../key"}, "id", "invalid_value"),
        ({"name": "x", "models": []}, "models", "invalid_value"),
        ({"name": "x", "models": ["gpt-none"]}, "models", "invalid_value"),
        ({"name": "x", "expires_at": "soon"}, "expires_at", "invalid_value"),
        ({"name": "x", "expires_at": "1969-07-20"}, "expires_at", "invalid_value"),
        ({"name": "x", "monthly_budget": "-1"}, "monthly_budget", "invalid_value"),
        ({"name": "x", "monthly_budget": "0"}, "monthly_budget", "invalid_value"),
        ({"name": "x", "monthly_budget": "1.0000000001"}, "monthly_budget", "invalid_value"),
        ({"name": "x", "monthly_budget": 5}, "monthly_budget", "invalid_type"),
        ({"name": "x", "requests_per_minute": 0}, "requests_per_minute", "invalid_value"),
        ({"name": "x", "tokens_per_minute": 1.5}, "tokens_per_minute", "invalid_type"),
        ({"name": "x", "concurrency": 10**10}, "concurrency", "invalid_value"),
        ({"name": "x\ud800"}, None, None),
    ],
)
async def test_what_makes_no_key_is_refused_by_name(
    tmp_path: Path, body: Json, param: str | None, code: str | None
) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        error = envelope(await owner.send("POST", "/api/keys", body), 400, code)
        assert error["param"] == param
        assert len((await owner.shown("/api/keys"))["data"]) == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"models": ["gpt-none"]}, "models"),
        ({"models": []}, "models"),
        ({"expires_at": "1969-07-20"}, "expires_at"),
        ({"monthly_budget": "0"}, "monthly_budget"),
        ({"concurrency": 0}, "concurrency"),
        ({"name": "another"}, "name"),
    ],
)
async def test_what_is_no_limit_changes_nothing(tmp_path: Path, body: Json, param: str) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        before = await owner.shown("/api/keys")
        answer = await owner.send("PATCH", f"/api/keys/{gateway.key_id}", {"requests_per_minute": 5, **body})
        assert envelope(answer, 400, answer.json()["error"]["code"])["param"] == param
        assert await owner.shown("/api/keys") == before


async def test_a_page_of_another_origin_makes_no_key(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        cross = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        for method, path in (("POST", "/api/keys"), ("DELETE", f"/api/keys/{gateway.key_id}")):
            answer = await owner.send(method, path, {"name": "x"} if method == "POST" else None, cross)
            envelope(answer, 403, "cross_origin")
        [key] = (await owner.shown("/api/keys"))["data"]
        assert key["state"] == "in_use"


async def test_a_key_makes_no_key(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        headers = {"authorization": f"Bearer {gateway.key}"}
        envelope(await owner.send("POST", "/api/keys", {"name": "x"}, headers), 403, "session_required")
        path = f"/api/keys/{gateway.key_id}"
        envelope(await owner.send("PATCH", path, {"concurrency": None}, headers), 403, "session_required")
        envelope(await owner.send("DELETE", path, None, headers), 403, "session_required")
