"""GET /api/events: refusals, limits, and every way in which a stream ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from app.feed.feed import ACCOUNT_STREAMS_MAX, WAITING_MAX, Bounds
from app.ledger.store import BATCH_MAX, Append
from domain import account as accounts
from domain import api_key
from domain.events import (
    AdjustmentPosted,
    KeyLimits,
    RequestAdmitted,
    RequestDebited,
    request_stream,
)
from domain.events import Event as Fact
from tests.support.clients.listening import Listening, connect, grant, listen
from tests.support.gateway.customers import customer
from tests.support.gateway.gateway import ACCOUNT, Gateway, check_envelope, responses, running
from tests.support.gateway.processes import PATIENCE_SECONDS, eventually

OTHER = "acct_other"
LONG = 5_000


async def test_a_key_of_the_account_may_listen_until_it_is_revoked(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        key_id, key = gateway.new_key()
        client = await connect(gateway, {"authorization": f"Bearer {key}"})
        assert (await client.head())[0] == 200
        stream = Listening(client)
        assert (await stream.next()).name == "balance"
        gateway.decide(lambda state: api_key.revoke_key(state, key_id=key_id))
        assert b": the key is no longer valid" in await stream.rest()
        assert gateway.services.feed.streams == 0


async def test_a_key_that_expires_ends_its_stream(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        key_id, key = gateway.new_key()
        client = await connect(gateway, {"authorization": f"Bearer {key}"})
        assert (await client.head())[0] == 200
        over = KeyLimits(expires_at_micros=1)
        gateway.decide(lambda state: api_key.change_limits(state, key_id=key_id, limits=over))
        assert b": the key is no longer valid" in await Listening(client).rest()


@pytest.mark.parametrize("ending", ["sign-out", "password", "expiry", "forgotten"])
async def test_a_session_that_ends_ends_its_streams_and_no_others(tmp_path: Path, ending: str) -> None:
    async with running(tmp_path) as gateway:
        services = gateway.services
        owner = await customer(gateway)
        other = await listen(await customer(gateway, OTHER, email="other@example.org"))
        stream = await listen(owner)
        await stream.next()
        if ending == "sign-out":
            assert (await owner.send("DELETE", "/api/session")).status_code == 204
        elif ending == "password":
            services.accounts.people.set_password(ACCOUNT, "a hash")
        elif ending == "forgotten":
            services.accounts.people.forget(ACCOUNT)
        else:
            services.ledger.change(("UPDATE sessions SET expires_at_micros = 1 WHERE account_id = ?", (ACCOUNT,)))
        assert (await stream.rest()).endswith(b": the session has ended\n\n\r\n0\r\n\r\n")
        grant(gateway, OTHER)
        assert (await other.until("account"))[0].data
        assert services.feed.streams == 1


async def test_a_reader_that_does_not_read_is_cut_off_and_others_are_not_affected(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        services = gateway.services
        before = services.ledger.head().position
        await trio.to_thread.run_sync(fill, gateway, 2_000)
        other = await listen(await customer(gateway, OTHER, email="other@example.org"))
        slow = await listen(await customer(gateway), last=before, receive_buffer=4096)
        [listener] = services.feed._listeners[ACCOUNT]
        for number in range(WAITING_MAX // 1_000 + 1):
            await trio.to_thread.run_sync(grants, gateway, 1_000, number)
        await eventually(lambda: services.feed.streams == 1, PATIENCE_SECONDS)
        assert (await listener.take()).ended == "too slow"
        assert len(await slow.client.read_to_end()) < 2_000 * LONG
        grant(gateway, OTHER, name="after")
        assert (await other.until("account"))[0].id == services.ledger.head().position


def fill(gateway: Gateway, count: int) -> None:
    """This many requests of the account, each of which takes LONG bytes to send: more than any socket buffers."""
    commands = [
        Append(
            f"cmd_{number}",
            request_stream(f"req_{number}"),
            0,
            (RequestAdmitted(f"req_{number}", ACCOUNT, "key", "m" * LONG, "responses", 1, 1, 1, "inst", 2**50),),
        )
        for number in range(count)
    ]
    for start in range(0, count, BATCH_MAX):
        gateway.services.ledger.append(commands[start : start + BATCH_MAX])


def grants(gateway: Gateway, count: int, name: int) -> None:
    """This many events together."""

    def decide(state: accounts.Account) -> list[Fact]:
        return [AdjustmentPosted(ACCOUNT, f"adj_{name}_{each}", "grant", 1, "credit", None) for each in range(count)]

    gateway.decide(decide)


async def test_streams_are_bounded_for_an_account_and_for_the_process(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        for _ in range(ACCOUNT_STREAMS_MAX):
            await listen(owner)
        status, headers, body = await (await connect(gateway, owner.cookie)).answer()
        assert status == 429
        check_envelope(body, "too_many_streams", headers)
        assert headers["retry-after"] == "1"
        other = await customer(gateway, OTHER, email="other@example.org")
        gateway.services.feed._bounds = Bounds(streams_max=ACCOUNT_STREAMS_MAX + 1)
        await listen(other)
        status, headers, body = await (await connect(gateway, other.cookie)).answer()
        assert status == 503
        check_envelope(body, "overloaded", headers)
        metrics = (await gateway.http.get(f"{gateway.origin}/metrics")).text
        assert f"realrouter_event_streams {ACCOUNT_STREAMS_MAX + 1}.0" in metrics


async def test_streams_take_no_place_of_a_request_and_give_theirs_back(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"concurrency": 1, "key_concurrency": 1}) as gateway:
        owner = await customer(gateway)
        streams = [await listen(owner) for _ in range(3)]
        assert (await gateway.post("responses", responses())).status_code == 200
        assert isinstance((await gateway.settled())[0], RequestDebited)
        await streams[0].client.close()
        streams[1].client.reset()
        await eventually(lambda: gateway.services.feed.streams == 1, PATIENCE_SECONDS)


async def test_an_idle_stream_gets_comments(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"keepalive_comment": 0.05}) as gateway:
        stream = await listen(await customer(gateway))
        await stream.next()
        assert [await stream.frame() for _ in range(2)] == [b": keep-alive"] * 2


async def test_shutting_down_ends_streams_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"grace": 120}) as gateway:
        owner = await customer(gateway)
        stream = await listen(owner)
        await stream.next()
        stuck = await listen(owner, receive_buffer=4096)
        with trio.fail_after(60):
            gateway.shutdown.set()
            assert b": the server is shutting down\n\n" in await stream.client.read_to_end()
            await stuck.client.read_to_end()
    assert gateway.services.feed.streams == 0


async def test_an_unauthorized_listener_gets_an_error_and_a_head_request_ends(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        for headers, code in (({}, "not_signed_in"), ({"authorization": "Bearer sk-rr-none"}, "invalid_api_key")):
            status, got, body = await (await connect(gateway, headers)).answer()
            assert status == 401
            check_envelope(body, code, got)
        status, got = await (await connect(gateway, owner.cookie, method="HEAD")).head()
        assert (status, got["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert gateway.services.feed.streams == 0
