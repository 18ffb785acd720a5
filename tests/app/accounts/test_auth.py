"""Authentication: missing, foreign, wrong, revoked, expired and new keys, and an unreachable store."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trio

from app.accounts.auth import Key, KeyCache, authenticate
from app.faults import Unauthorized
from app.ledger.codec import Codec
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import StoreUnavailable
from domain import api_key
from domain.errors import KeyIsExpired, KeyIsRevoked
from domain.events import KeyLimits
from tests.support.gateway.gateway import (
    ACCOUNT,
    CREDIT_NANOS,
    check_envelope,
    envelope,
    make_key,
    open_account,
    responses,
    running,
)

UNKNOWN = api_key.make_key(b"\x01" * api_key.RANDOM_BYTES)


@pytest.fixture
def ledger(tmp_path: Path) -> SQLiteLedger:
    ledger = SQLiteLedger(str(tmp_path / "keys.db"))
    ledger.migrate()
    open_account(ledger, Codec(), ACCOUNT, CREDIT_NANOS)
    return ledger


async def judged(cache: KeyCache, authorization: str | None, *, now_micros: int = 0) -> Key:
    return await authenticate(cache, authorization, now_micros=now_micros)


async def test_a_key_that_was_made_after_the_last_look_is_found(ledger: SQLiteLedger) -> None:
    cache = KeyCache(ledger, Codec())
    await cache.load()
    assert len(cache) == 0
    key_id, secret = make_key(ledger, Codec())
    key = await judged(cache, f"Bearer {secret}")
    assert (key.key_id, key.account_id) == (key_id, ACCOUNT)
    assert len(cache) == 1
    assert secret not in repr(key)


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
async def test_the_scheme_is_read_as_http_reads_it(ledger: SQLiteLedger, prefix: str) -> None:
    _, secret = make_key(ledger, Codec())
    assert (await judged(KeyCache(ledger, Codec()), prefix + secret)).account_id == ACCOUNT


@pytest.mark.parametrize(
    ("authorization", "kind"),
    [
        (None, "missing"),
        ("", "missing"),
        ("Bearer ", "missing"),
        ("Basic dXNlcjpwYXNz", "malformed"),
        ("Bearer sk-rr-short", "malformed"),
        (f"Bearer {UNKNOWN[:-1]}0", "malformed"),
        ("Bearer " + "x" * 100_000, "malformed"),
        ("Bearer sk-proj-abcdefghijklmnopqrstuvwx", "foreign"),
        ("Bearer sk-ant-abc", "foreign"),
        (f"Bearer {UNKNOWN}", "unknown"),
        ("Bearer \u00e9\u00e8", "malformed"),
    ],
)
async def test_what_is_wrong_with_a_key_is_said(ledger: SQLiteLedger, authorization: str | None, kind: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        await judged(KeyCache(ledger, Codec()), authorization)
    assert refused.value.kind == kind


async def test_a_mistyped_key_never_reaches_the_store(ledger: SQLiteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("the checksum tells a typo")

    monkeypatch.setattr(ledger, "read_keys", asked)
    with pytest.raises(Unauthorized):
        await judged(KeyCache(ledger, Codec()), f"Bearer {UNKNOWN[:-1]}0")


async def test_a_revoked_key_and_an_expired_one(ledger: SQLiteLedger) -> None:
    from app.accounts.commands import on_account

    key_id, secret = make_key(ledger, Codec())
    on_account(ledger, Codec(), ACCOUNT, partial(api_key.revoke_key, key_id=key_id))
    _, expiring = make_key(ledger, Codec(), limits=KeyLimits(expires_at_micros=1000))
    cache = KeyCache(ledger, Codec())
    with pytest.raises(KeyIsRevoked):
        await judged(cache, f"Bearer {secret}")
    assert (await judged(cache, f"Bearer {expiring}", now_micros=999)).account_id == ACCOUNT
    with pytest.raises(KeyIsExpired):
        await judged(cache, f"Bearer {expiring}", now_micros=1000)


async def test_limits_that_were_changed_are_those_of_the_key(ledger: SQLiteLedger) -> None:
    from app.accounts.commands import on_account

    key_id, secret = make_key(ledger, Codec())
    cache = KeyCache(ledger, Codec())
    assert (await judged(cache, f"Bearer {secret}")).limits == KeyLimits()
    limits = KeyLimits(requests_per_minute=3)
    on_account(ledger, Codec(), ACCOUNT, partial(api_key.change_limits, key_id=key_id, limits=limits))
    await cache.load()
    assert (await judged(cache, f"Bearer {secret}")).limits == limits


async def test_a_store_out_of_reach_is_no_verdict_on_a_key(
    ledger: SQLiteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = make_key(ledger, Codec())
    cache = KeyCache(ledger, Codec())
    await cache.load()

    def down(*_: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(ledger, "read_keys", down)
    assert (await judged(cache, f"Bearer {secret}")).account_id == ACCOUNT  # known already
    with pytest.raises(StoreUnavailable):
        await judged(cache, f"Bearer {UNKNOWN}")


async def test_many_who_ask_for_an_unknown_key_share_their_looks(
    ledger: SQLiteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    read_keys = ledger.read_keys

    def counted(after: int, limit: int) -> object:
        nonlocal looks
        looks += 1
        return read_keys(after, limit)

    monkeypatch.setattr(ledger, "read_keys", counted)
    cache = KeyCache(ledger, Codec())

    async def ask() -> None:
        with pytest.raises(Unauthorized):
            await judged(cache, f"Bearer {UNKNOWN}")

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(ask)
    assert looks <= 2


# -- Over a socket ----------------------------------------------------------------------------------------------------


async def test_every_bad_key_is_a_401_with_an_envelope_that_says_what_to_do(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        for key, says in (
            ("sk-proj-abcdefghijklmnop", "realrouter key create"),
            (UNKNOWN, "does not exist on this server"),
            ("garbage", "sk-rr-"),
        ):
            answer = await gateway.post("responses", responses(), key=key)
            error = envelope(answer, 401, "invalid_api_key")
            assert says in error["message"]
            assert error["type"] == "invalid_request_error"
            assert key not in error["message"]
            assert answer.headers["www-authenticate"] == "Bearer"
        bare = await gateway.http.post(f"{gateway.base_url}/responses", json=responses())
        assert "No API key was sent" in envelope(bare, 401, "invalid_api_key")["message"]
        assert await gateway.settled() == []


async def test_a_key_is_judged_before_a_byte_of_the_body_is_there(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        client = await gateway.connect()
        await client.send(
            b"POST /v1/responses HTTP/1.1\r\nhost: t\r\nauthorization: Bearer nonsense\r\n"
            b"content-type: application/json\r\ncontent-length: 10000000\r\n\r\n"
        )
        status, headers, body = await client.answer()
        assert status == 401
        check_envelope(body, "invalid_api_key", headers)


async def test_a_key_that_another_process_made_a_moment_ago_works_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        path = gateway.settings.store.sqlite_path
        other = SQLiteLedger(str(path))
        try:
            _, secret = make_key(other, Codec())
            answer = await gateway.post("responses", responses(), key=secret)
        finally:
            other.close()
        assert answer.status_code == 200
        await gateway.only_debit()


async def test_a_revoked_key_is_refused_even_before_the_cache_has_seen_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as gateway:
        assert (await gateway.post("responses", responses())).status_code == 200
        monkeypatch.setattr(gateway.services.accounts.keys, "_load_page", never_new)
        gateway.decide(partial(api_key.revoke_key, key_id=gateway.key_id))
        answer = await gateway.post("responses", responses())
        envelope(answer, 401, "invalid_api_key")
        assert gateway.request_logs[-1].refused_by == "revoked"
        await gateway.only_debit()


async def never_new() -> int:
    return 0


async def test_an_expired_key_is_a_401(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, secret = gateway.new_key(KeyLimits(expires_at_micros=1))
        error = envelope(await gateway.post("responses", responses(), key=secret), 401, "invalid_api_key")
        assert "expired" in error["message"]


async def test_a_store_out_of_reach_is_a_503_for_a_key_that_is_not_known_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise StoreUnavailable("down")

    async with running(tmp_path) as gateway:
        _, secret = gateway.new_key()
        monkeypatch.setattr(gateway.services.accounts.keys._ledger, "read_keys", down)
        for key in (secret, UNKNOWN):
            answer = await gateway.post("responses", responses(), key=key)
            envelope(answer, 503, "store_unavailable")
            assert answer.headers["retry-after"] == "1"
