"""/api/transactions: the statement in pages, and its filters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain import account as accounts
from domain.decimals import NANOS_PER_USD
from domain.events import RequestDebited
from tests.support.gateway.customers import Customer, caught_up, customer, with_key
from tests.support.gateway.gateway import CREDIT_NANOS, MODEL, Gateway, Json, chat, envelope, responses, running


def grant(gateway: Gateway, number: int, account_id: str) -> None:
    gateway.decide(
        lambda account: list(
            accounts.post_adjustment(
                account,
                adjustment_id=f"adj_{number}",
                kind="grant",
                amount_nanos=number * NANOS_PER_USD,
                reason=f"grant {number}",
                reference=None,
            )
        ),
        account_id,
    )


async def granted(gateway: Gateway, count: int) -> Customer:
    """An account whose statement is `count` grants of 1, 2, 3... USD."""
    owner = await customer(gateway, "acct_pages", email="pages@example.org")
    for number in range(1, count + 1):
        grant(gateway, number, "acct_pages")
    await caught_up(gateway)
    return owner


async def pages(owner: Customer, **query: Any) -> list[Json]:
    """All pages, from the newest row on."""
    found, cursor = [await owner.shown("/api/transactions", **query)], None
    while found[-1]["has_more"]:
        cursor = found[-1]["next_cursor"]
        found.append(await owner.shown("/api/transactions", cursor=cursor, **query))
    return found


def ids(page: Json) -> list[str]:
    return [row["id"] for row in page["data"]]


async def test_a_statement_has_a_row_for_a_credit_and_for_what_was_used(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        answer = await gateway.post("responses", responses())
        event = await gateway.only_debit()
        head = await caught_up(gateway)
        page = await owner.shown("/api/transactions")
        debit, credit = page["data"]
        assert (page["has_more"], page["next_cursor"], page["as_of"]) == (False, None, {"position": head})
        assert credit["kind"] == "grant"
        assert credit["amount"] == credit["balance_after"] == "10.00"
        assert (credit["reason"], credit["key_id"], credit["model"]) == ("test credit", None, None)
        assert (debit["kind"], debit["id"], debit["response_id"]) == ("debit", event.request_id, answer.json()["id"])
        assert (debit["key_id"], debit["model"], debit["endpoint"]) == (gateway.key_id, MODEL, "responses")
        assert debit["amount_nanos"] == str(-event.cost_nanos)
        assert debit["balance_after_nanos"] == str(CREDIT_NANOS - event.cost_nanos)
        assert debit["hold_nanos"] == str(event.hold_nanos)
        assert debit["output_tokens"] == event.usage.output_tokens > 0
        assert debit["at"].endswith("Z")
        assert (await with_key(gateway, "/api/transactions")).json() == page


async def test_who_the_upstream_is_stays_the_operators(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        await gateway.post("responses", responses())
        event = await gateway.only_debit()
        await caught_up(gateway)
        assert event.upstream == "simulator"
        assert "simulator" not in (await owner.get("/api/transactions")).text


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
async def test_pages_are_the_statement_with_nothing_twice_and_nothing_left_out(tmp_path: Path, limit: int) -> None:
    async with running(tmp_path) as gateway:
        owner = await granted(gateway, 7)
        found = await pages(owner, limit=limit)
        assert [name for page in found for name in ids(page)] == [f"adj_{number}" for number in range(7, 0, -1)]
        assert [len(page["data"]) for page in found[:-1]] == [limit] * (len(found) - 1)
        balances = [row["balance_after"] for page in found for row in page["data"]]
        assert balances == ["28.00", "21.00", "15.00", "10.00", "6.00", "3.00", "1.00"]


async def test_what_comes_meanwhile_does_not_move_the_next_page(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await granted(gateway, 4)
        first = await owner.shown("/api/transactions", limit=2)
        grant(gateway, 5, owner.account_id)
        await caught_up(gateway)
        second = await owner.shown("/api/transactions", limit=2, cursor=first["next_cursor"])
        assert ids(first) + ids(second) == ["adj_4", "adj_3", "adj_2", "adj_1"]


async def test_a_statement_is_filtered_by_kind_key_and_model(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        other_id, other = gateway.new_key()
        await gateway.post("responses", responses())
        await gateway.post("chat/completions", chat() | {"model": "gpt-5.5"}, key=other)
        assert (await gateway.post("responses", responses(simulator="error=500"))).status_code >= 400
        events = await gateway.settled()
        await caught_up(gateway)
        debits = [event.request_id for event in events if isinstance(event, RequestDebited)]

        async def asked(**query: Any) -> list[str]:
            return [row["kind"] for row in (await owner.shown("/api/transactions", **query))["data"]]

        assert sorted(await asked()) == ["debit", "debit", "grant", "release"]
        assert await asked(kind="release") == ["release"]
        assert sorted(await asked(kind=["grant", "release"])) == ["grant", "release"]
        assert await asked(kind="top_up") == []
        assert await asked(key=other_id) == ["debit"]
        assert await asked(key=other_id, model=MODEL) == []
        assert await asked(model="gpt-5.5") == ["debit"]
        assert sorted(await asked(model=MODEL)) == ["debit", "release"]
        found = await owner.shown("/api/transactions", kind="debit")
        assert sorted(ids(found)) == sorted(debits)


async def test_a_statement_is_bounded_by_instants_the_second_not_included(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await granted(gateway, 3)
        at = [row["at"] for row in (await owner.shown("/api/transactions"))["data"]]

        async def asked(**query: str) -> list[str]:
            return ids(await owner.shown("/api/transactions", **query))

        assert await asked(**{"from": at[1]}) == ["adj_3", "adj_2"]
        assert await asked(to=at[1]) == ["adj_1"]
        assert await asked(**{"from": at[1], "to": at[0]}) == ["adj_2"]
        assert await asked(**{"from": at[0], "to": at[0]}) == []
        assert await asked(to="2020-01-01") == []
        assert await asked(**{"from": "2020-01-01"}) == ["adj_3", "adj_2", "adj_1"]
        assert await asked(**{"from": "9999-12-31T23:59:59.999999Z"}) == []


async def test_a_statement_is_of_one_account(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await granted(gateway, 2)
        other = await customer(gateway, "acct_other", email="other@example.org")
        cursor = (await owner.shown("/api/transactions", limit=1))["next_cursor"]
        assert ids(await other.shown("/api/transactions")) == []
        assert ids(await other.shown("/api/transactions", cursor=cursor)) == []


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("limit=0", "limit", "invalid_value"),
        ("limit=1001", "limit", "invalid_value"),
        ("limit=ten", "limit", None),
        ("limit=", "limit", None),
        ("cursor=", "cursor", "invalid_value"),
        ("cursor=zzz", "cursor", "invalid_value"),
        ("cursor=%F0%9F%92%A9", "cursor", "invalid_value"),
        ("cursor=" + "A" * 65, "cursor", "invalid_value"),
        ("from=yesterday", "from", "invalid_value"),
        ("to=2026-13-01", "to", "invalid_value"),
        ("from=0001-01-01T00:00:00%2B14:00", "from", "invalid_value"),
        ("color=red", "color", "unknown_parameter"),
        ("kind=grant&kind=a%00b", "kind", "invalid_value"),
        ("key=%00", "key", "invalid_value"),
        ("&".join(f"kind=k{number}" for number in range(17)), "kind", "invalid_value"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused_by_name(
    tmp_path: Path, query: str, param: str, code: str | None
) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        await caught_up(gateway)
        answer = await owner.get(f"/api/transactions?{query}")
        error = envelope(answer, 400, code or answer.json()["error"]["code"])
        assert error["param"] == param


async def test_a_row_is_found_by_any_of_its_ids(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        answer = await gateway.post("responses", responses())
        event = await gateway.only_debit()
        gateway.decide(
            lambda state: accounts.post_adjustment(
                state,
                adjustment_id="fix_1",
                kind="correction",
                amount_nanos=event.cost_nanos,
                reason="a late charge",
                reference=event.request_id,
            )
        )
        await caught_up(gateway)
        for name, found in (
            (answer.headers["x-request-id"], ["fix_1", event.request_id]),
            (answer.json()["id"], [event.request_id]),
            ("fix_1", ["fix_1"]),
            ("req_none", []),
        ):
            assert ids(await owner.shown("/api/transactions", id=name)) == found
        assert ids(await owner.shown("/api/transactions", id=event.request_id, kind="debit")) == [event.request_id]
        other = await customer(gateway, "acct_other", email="other@example.org")
        assert ids(await other.shown("/api/transactions", id=event.request_id)) == []
        envelope(await owner.get("/api/transactions", id=""), 400, "invalid_value")
        envelope(await owner.get("/api/transactions", id="x" * 257), 400, "invalid_value")
