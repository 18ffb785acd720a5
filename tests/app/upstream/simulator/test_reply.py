"""Ids of the simulator's answers."""

from __future__ import annotations

from tests.support.upstream.simulated import responses, send


async def test_ids_follow_from_the_body_and_the_request_id() -> None:
    one, same = await send("responses", responses()), await send("responses", responses())
    other = await send("responses", responses("Else"))
    assert one.json["id"] == same.json["id"] != other.json["id"]
