"""GET /api/events over real sockets: an account's own events in order, where a client left off, and every way in which it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.accounts.commands import on_account
from app.feed.feed import Bounds
from app.routes.caller import COOKIE_ON_LOOPBACK
from app.routes.events import last_event_id
from domain import account as accounts
from domain.events import (
    RequestReleased,
)
from tests.support.clients.listening import connect, grant, listen, listen_at
from tests.support.gateway.customers import customer
from tests.support.gateway.gateway import ACCOUNT, CREDIT_NANOS, MODEL, Gateway, responses, running
from tests.support.gateway.signing_in import House, house, settings_of

OTHER = "acct_other"
LONG = 5_000


def admitted(gateway: Gateway) -> list[str]:
    return list(gateway.by_request())


async def test_a_stream_begins_with_the_balance_and_is_not_to_be_kept(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        stream = await listen(owner)
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-cache, no-transform"
        assert stream.headers["x-accel-buffering"] == "no"
        assert await stream.frame() == b"retry: 2000"
        first = await stream.next()
        assert (first.name, first.data) == ("balance", await owner.shown("/api/balance"))
        assert first.id == gateway.services.ledger.head().position


async def test_a_request_is_open_and_then_debited_and_the_balance_follows(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        stream = await listen(await customer(gateway))
        answer = await gateway.post("responses", responses())
        debit = await gateway.only_debit()
        opened, before = await stream.until("request")
        assert [event.name for event in before] == ["balance"]
        assert opened.data == {
            "request_id": answer.headers["x-request-id"],
            "state": "open",
            "model": MODEL,
            "endpoint": "responses",
            "key_id": gateway.key_id,
            "hold": opened.data["hold"],
            "hold_nanos": str(debit.hold_nanos),
            "cost": None,
            "cost_nanos": None,
            "returned": None,
            "returned_nanos": None,
            "reason": None,
            "response_id": None,
            "at": opened.data["at"],
            "position": opened.id,
        }
        debited, _ = await stream.until("request", state="debited")
        assert debited.id > opened.id
        assert debited.data["response_id"] == answer.json()["id"]
        assert debited.data["cost_nanos"] == str(debit.cost_nanos)
        assert debited.data["returned_nanos"] == str(debit.hold_nanos - debit.cost_nanos)
        available = str(CREDIT_NANOS - debit.cost_nanos)
        balance = await stream.balance(available_nanos=available, held_nanos="0")
        assert (
            balance.data["as_of"]["position"] >= opened.id
        )  # or a few more: the position is the least that it includes


async def test_a_released_request_says_why_and_gives_all_back(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        stream = await listen(await customer(gateway))
        await gateway.post("responses", responses(simulator="error=500"))
        [event] = await gateway.settled()
        assert isinstance(event, RequestReleased)
        told, before = await stream.until("request", state="released")
        assert [each.data["state"] for each in before if each.name == "request"] == ["open"]
        assert (told.data["reason"], told.data["cost"], told.data["cost_nanos"]) == (event.reason, "0.00", "0")
        assert told.data["returned_nanos"] == told.data["hold_nanos"] == str(event.hold_nanos)


async def test_an_account_gets_no_events_of_other_accounts(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        mine = await listen(await customer(gateway))
        theirs = await listen(await customer(gateway, OTHER, email="other@example.org", credit_nanos=10**9))
        _, key = gateway.new_key(account_id=OTHER)
        ours = await gateway.post("responses", responses())
        other = await gateway.post("responses", responses(), key=key)
        assert other.status_code == 200
        await gateway.settled()
        grant(gateway, name="last")
        grant(gateway, OTHER, name="last")
        for stream, answer, account_id in ((mine, ours, ACCOUNT), (theirs, other, OTHER)):
            told = [await stream.next()]
            while told[-1].name != "account" or told[-1].id < gateway.services.ledger.head().position - 1:
                told.append(await stream.next())
            requests = [event.data for event in told if event.name == "request"]
            assert {event["request_id"] for event in requests} == {answer.headers["x-request-id"]}
            assert [event["state"] for event in requests] == ["open", "debited"]
            assert {event.data["account_id"] for event in told if event.name == "balance"} == {account_id}


async def test_other_events_of_an_account_are_announced_without_their_content(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        stream = await listen(await customer(gateway))
        await stream.next()
        for change in (
            lambda: grant(gateway),
            gateway.new_key,
            lambda: gateway.decide(lambda state: accounts.freeze(state, reason="a question")),
        ):
            change()
            position = gateway.services.ledger.head().position
            told, _ = await stream.until("account", position=position)
            assert told.data == {"position": told.id}
        frozen = await stream.balance(frozen=True)
        assert frozen.data["available_nanos"] == str(CREDIT_NANOS + 10**9)


async def test_a_client_that_reconnects_misses_nothing_and_gets_nothing_twice(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        stream = await listen(owner)
        await gateway.post("responses", responses())
        seen, _ = await stream.until("request", state="open")
        await stream.client.close()
        await gateway.post("responses", responses())
        grant(gateway)
        await gateway.settled()
        again = await listen(owner, last=seen.id)
        first = await again.next()
        assert (first.name, first.id) == ("balance", seen.id)
        await gateway.post("responses", responses())
        third = admitted(gateway)[2]
        _, told = await again.until("request", state="debited", request_id=third)
        requests = [(event.data["request_id"], event.data["state"]) for event in told if event.name == "request"]
        one, two, _ = admitted(gateway)
        assert requests == [(one, "debited"), (two, "open"), (two, "debited"), (third, "open")]
        assert sum(event.name == "account" for event in told) == 1
        assert "reset" not in {event.name for event in told}


@pytest.mark.parametrize("last", ["999999", "not a position", "1" * 50, "-3"])
async def test_an_invalid_last_event_id_causes_a_reset(tmp_path: Path, last: str) -> None:
    async with running(tmp_path) as gateway:
        stream = await listen(await customer(gateway), last=last)
        assert (await stream.next()).name == "balance"
        head = gateway.services.ledger.head().position
        reset = await stream.next()
        assert (reset.name, reset.id, reset.data) == ("reset", head, {"position": head})
        grant(gateway)
        assert (await stream.until("account"))[0].id == head + 1


async def test_too_much_that_was_missed_is_a_reset(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        head = gateway.services.ledger.head().position
        gateway.services.feed._bounds = Bounds(missed_max=2)
        for missed, expected in ((2, "account"), (3, "reset")):
            stream = await listen(owner, last=head - missed)
            await stream.next()
            assert (await stream.next()).name == expected


async def test_pages_that_the_operator_allows_may_listen(tmp_path: Path) -> None:
    async with running(tmp_path, server={"cors_origins": ["https://app.example"]}) as gateway:
        owner = await customer(gateway)
        client = await connect(
            gateway, {**owner.cookie, "origin": "https://app.example", "sec-fetch-site": "same-site"}
        )
        status, headers = await client.head()
        assert (status, headers["access-control-allow-origin"]) == (200, "https://app.example")
        assert headers["access-control-allow-credentials"] == "true"


async def test_another_processs_commits_are_sent_and_a_stream_resumes_in_another_process(
    tmp_path: Path, postgres_url: str
) -> None:
    settings = settings_of(tmp_path, postgres_url)
    async with house(settings) as here, house(settings, fresh=False) as there:
        account_id = await here.sign_up()
        cookie = {"cookie": f"{COOKIE_ON_LOOPBACK}={here.services.accounts.sessions.begin(account_id)}"}
        stream = await listen_at(here, cookie)
        assert (await stream.next()).name == "balance"
        credit(there, account_id, "adj_1")
        first = await stream.next()
        assert (first.name, (await stream.next()).data["available"]) == ("account", "1.00")
        await stream.client.close()
        credit(here, account_id, "adj_2")
        again = await listen_at(there, cookie, last=first.id)
        balance, account = await again.next(), await again.next()
        assert [(event.name, event.id) for event in (balance, account)] == [
            ("balance", first.id),
            ("account", first.id + 1),
        ]
        assert balance.data["available"] == "2.00"
        await again.client.close()


def credit(home: House, account_id: str, name: str) -> None:
    services = home.services
    on_account(
        services.ledger,
        services.codec,
        account_id,
        lambda state: accounts.post_adjustment(
            state, adjustment_id=name, kind="grant", amount_nanos=10**9, reason="credit", reference=None
        ),
    )


@pytest.mark.parametrize(("sent", "position"), [(None, None), ("", None), ("0", 0), ("17", 17)])
def test_a_place_is_a_position(sent: str | None, position: int | None) -> None:
    assert last_event_id(sent) == position
