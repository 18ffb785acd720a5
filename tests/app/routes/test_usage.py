"""/api/usage: sums by hour, day, key and model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.events import RequestDebited
from tests.support.gateway.customers import caught_up, customer, with_key
from tests.support.gateway.gateway import MODEL, chat, envelope, responses, running


async def test_usage_sums_what_requests_used_in_every_grouping(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        other_id, other = gateway.new_key()
        await gateway.post("responses", responses())
        await gateway.post("chat/completions", chat() | {"model": "gpt-5.5"}, key=other)
        assert (await gateway.post("responses", responses(simulator="error=500"))).status_code >= 400
        events = await gateway.settled()
        head = await caught_up(gateway)
        debits = [event for event in events if isinstance(event, RequestDebited)]
        cost = {event.model: event.cost_nanos for event in debits}
        for by, groups in {
            "key": {gateway.key_id: (2, 1, 1), other_id: (1, 1, 0)},
            "model": {MODEL: (2, 1, 1), "gpt-5.5": (1, 1, 0)},
        }.items():
            shown = await owner.shown("/api/usage", by=by)
            assert (shown["by"], shown["as_of"]) == (by, {"position": head})
            found = {each["group"]: (each["requests"], each["completed"], each["released"]) for each in shown["data"]}
            assert found == groups
        for by in ("hour", "day"):
            shown = await owner.shown("/api/usage", by=by)
            assert sum(int(each["cost_nanos"]) for each in shown["data"]) == sum(cost.values())
            assert sum(each["output_tokens"] for each in shown["data"]) == sum(
                event.usage.output_tokens for event in debits
            )
            assert all(each["group"].endswith(":00:00Z") for each in shown["data"])
        by_key = await with_key(gateway, "/api/usage", by="day")
        assert by_key.json()["data"] == (await owner.shown("/api/usage", by="day"))["data"]
        [only] = (await owner.shown("/api/usage", by="model", key=other_id))["data"]
        assert (only["group"], only["cost_nanos"]) == ("gpt-5.5", str(cost["gpt-5.5"]))
        [only] = (await owner.shown("/api/usage", by="key", model="gpt-5.5"))["data"]
        assert only["group"] == other_id
        assert (await owner.shown("/api/usage", key=other_id, model=MODEL))["data"] == []


async def test_usage_is_by_day_for_the_last_thirty_days_by_default(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        await caught_up(gateway)
        shown = await owner.shown("/api/usage")
        assert (shown["by"], shown["to_at"], shown["data"]) == ("day", None, [])
        began = datetime.now(UTC) - datetime.fromisoformat(shown["from_at"])
        assert timedelta(days=30) <= began < timedelta(days=30, hours=1, minutes=5)
        assert shown["from_at"].endswith(":00:00Z")


async def test_usage_has_whole_hours_between_two_instants(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        await gateway.post("responses", responses())
        await gateway.only_debit()
        await caught_up(gateway)
        [hour] = (await owner.shown("/api/usage", by="hour"))["data"]
        start = datetime.fromisoformat(hour["group"])

        async def asked(from_: datetime, to: datetime) -> int:
            query = {"from": from_.isoformat(), "to": to.isoformat()}
            return sum(each["requests"] for each in (await owner.shown("/api/usage", **query))["data"])

        within, hour_long = timedelta(minutes=20), timedelta(hours=1)
        assert await asked(start, start + hour_long) == 1
        assert await asked(start + within, start + hour_long + within) == 1
        assert await asked(start + within, start + 2 * within) == 0
        assert await asked(start - hour_long, start) == 0
        assert await asked(start + hour_long, start + 2 * hour_long) == 0


@pytest.mark.parametrize("zone", ["+05:30", "+05:45", "-03:30", "+00:00"])
async def test_neighbouring_windows_add_up_and_show_what_they_count(tmp_path: Path, zone: str) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        await gateway.post("responses", responses())
        await gateway.only_debit()
        await caught_up(gateway)
        [hour] = (await owner.shown("/api/usage", by="hour"))["data"]
        start = datetime.fromisoformat(hour["group"])
        for minute in (0, 1, 30, 59):
            cut = (start + timedelta(minutes=minute)).astimezone(
                datetime.fromisoformat(f"2026-01-01T00:00:00{zone}").tzinfo
            )
            day = timedelta(days=1)
            before = await owner.shown("/api/usage", **{"from": (cut - day).isoformat(), "to": cut.isoformat()})
            after = await owner.shown("/api/usage", **{"from": cut.isoformat(), "to": (cut + day).isoformat()})
            assert before["to_at"] == after["from_at"] == hour["group"]
            assert [sum(each["requests"] for each in one["data"]) for one in (before, after)] == [0, 1]


async def test_usage_is_of_one_account(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        other = await customer(gateway, "acct_other", email="other@example.org")
        await gateway.post("responses", responses())
        await gateway.only_debit()
        await caught_up(gateway)
        assert (await other.shown("/api/usage", key=gateway.key_id))["data"] == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("by=week", "by"),
        ("by=", "by"),
        ("from=then", "from"),
        ("to=99999-01-01", "to"),
        ("colour=red", "colour"),
        ("key=" + "k" * 129, "key"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_by_name(tmp_path: Path, query: str, param: str) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        answer = await owner.get(f"/api/usage?{query}")
        assert envelope(answer, 400, answer.json()["error"]["code"])["param"] == param


@pytest.mark.parametrize(
    ("instant", "status"),
    [
        ("0001-01-01", 200),
        ("0001-01-01T00:00:00+14:00", 400),
        ("1960-01-01", 200),
        ("1970-01-01", 200),
        ("9999-12-31T23:59:59.999999Z", 200),
        ("9999-12-31T23:59:59-14:00", 400),
    ],
)
async def test_any_instant_in_the_range_of_utc_is_accepted(tmp_path: Path, instant: str, status: int) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        await caught_up(gateway)
        for query in ({"to": instant}, {"from": instant}, {"from": instant, "to": instant}):
            answer = await owner.get("/api/usage", **query)
            assert answer.status_code == status, answer.text
