"""/api/requests/{id}: a request with its events, its hold and its cost, by either of its ids."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from domain.events import RequestDebited
from domain.money import parse_usd
from tests.support.gateway.customers import caught_up, customer, with_key
from tests.support.gateway.gateway import MODEL, chat, envelope, responses, running
from tests.support.gateway.processes import PATIENCE_SECONDS, eventually


@pytest.mark.parametrize("endpoint", ["responses", "chat/completions"])
async def test_a_request_shows_its_events_and_every_line_of_its_cost(tmp_path: Path, endpoint: str) -> None:
    body = responses() if endpoint == "responses" else chat()
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        answer = await gateway.post(endpoint, body)
        event = await gateway.only_debit()
        await caught_up(gateway)
        shown = await owner.shown(f"/api/requests/{answer.headers['x-request-id']}")
        assert (shown["id"], shown["state"]) == (event.request_id, "debited")
        assert (shown["model"], shown["key_id"]) == (MODEL, gateway.key_id)
        assert shown["response_id"] == answer.json()["id"]
        assert (shown["cost_nanos"], shown["hold_nanos"]) == (str(event.cost_nanos), str(event.hold_nanos))
        assert shown["returned_nanos"] == str(event.hold_nanos - event.cost_nanos)
        assert (shown["overrun"], shown["reason"], shown["outcome"]) == ("0.00", None, "completed")
        assert shown["output_tokens"] == event.usage.output_tokens
        assert (shown["web_search_calls"], shown["images"], shown["cache_write_tokens"]) == (0, 0, 0)
        assert (shown["delivered"], shown["service_tier"]) == (None, event.usage.service_tier)
        assert shown["deadline_at"] > shown["settled_at"]
        for line in shown["lines"]:
            assert line["quantity"] * Decimal(line["price"]) == Decimal(line["amount"])
        exact = sum(Decimal(line["amount"]) for line in shown["lines"])
        assert 0 <= Decimal(shown["cost"]) - exact < Decimal("0.000000001")
        assert parse_usd(shown["cost"]) == event.cost_nanos
        admitted, debited = shown["events"]
        assert admitted["position"] < debited["position"]
        assert (shown["admitted_at"], shown["settled_at"]) == (admitted["at"], debited["at"])
        assert ("admitted" in admitted["topic"].lower(), "debited" in debited["topic"].lower()) == (True, True)


async def test_a_request_is_found_by_the_id_of_its_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        answer = await gateway.post("responses", responses())
        event = await gateway.only_debit()
        await caught_up(gateway)
        shown = await owner.shown(f"/api/requests/{answer.json()['id']}")
        assert shown["id"] == event.request_id
        assert (await with_key(gateway, f"/api/requests/{answer.json()['id']}")).json() == shown


async def test_a_released_request_cost_nothing_and_says_why(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        answer = await gateway.post("responses", responses(simulator="error=500"))
        [event] = await gateway.settled()
        shown = await owner.shown(f"/api/requests/{answer.headers['x-request-id']}")
        assert not isinstance(event, RequestDebited)
        assert (shown["state"], shown["reason"], shown["cost"]) == ("released", event.reason, "0.00")
        assert shown["returned_nanos"] == shown["hold_nanos"]
        assert (shown["lines"], shown["output_tokens"], shown["finish"]) == ([], None, None)
        assert not isinstance(event, RequestDebited)
        assert shown["delivered_nanos"] == str(event.delivered_nanos)


async def test_an_open_request_has_no_cost_yet(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        client = await gateway.connect()
        body = responses(simulator="stall_at=2", stream=True)
        await client.send(gateway.request_bytes("responses", body))
        await eventually(lambda: bool(gateway.by_request()), PATIENCE_SECONDS)
        [request_id] = gateway.by_request()
        shown = await owner.shown(f"/api/requests/{request_id}")
        assert (shown["state"], shown["cost"], shown["settled_at"]) == ("open", None, None)
        assert shown["returned"] is None
        assert len(shown["events"]) == 1


async def test_the_upstreams_name_and_its_id_are_the_operators(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        answer = await gateway.post("responses", responses())
        await gateway.only_debit()
        text = (await owner.get(f"/api/requests/{answer.headers['x-request-id']}")).text
        assert "simulator" not in text
        assert "upstream" not in text


async def test_another_accounts_request_is_not_found(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        other = await customer(gateway, "acct_other", email="other@example.org")
        answer = await gateway.post("responses", responses())
        await gateway.only_debit()
        await caught_up(gateway)
        for name in (answer.headers["x-request-id"], answer.json()["id"]):
            found = envelope(await other.get(f"/api/requests/{name}"), 404, "not_found")
            never = envelope(await other.get("/api/requests/req_never"), 404, "not_found")
            assert found["message"].replace(name, "") == never["message"].replace("req_never", "")


@pytest.mark.parametrize("name", ["req_" + "x" * 300, "%F0%9F%92%A9", "a%20b", "'; DROP TABLE x"])
async def test_any_other_text_as_an_id_is_not_found(tmp_path: Path, name: str) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        await caught_up(gateway)
        envelope(await owner.get(f"/api/requests/{name}"), 404, "not_found")


async def test_searches_and_images_are_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        tools = [{"type": "web_search"}, {"type": "image_generation"}]
        answer = await gateway.post("responses", responses("Draw what is new in Rust.", tools=tools))
        event = await gateway.only_debit()
        shown = await owner.shown(f"/api/requests/{answer.headers['x-request-id']}")
        assert shown["web_search_calls"] == event.usage.web_search_calls
        assert shown["images"] == sum(image.count for image in event.usage.images)
        assert shown["web_search_calls"] + shown["images"] > 0
