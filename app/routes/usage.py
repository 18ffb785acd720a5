"""/api/usage: what was used, by hour, day, key or model."""

from __future__ import annotations

import time
from typing import Annotated, Literal

import msgspec
import trio
from quart import Response, request

from app.edge.application import EdgeApplication
from app.read_models.answers import Usage
from app.routes.account import AsOf
from app.routes.bodies import answer, asked_instant, read_query, told_instant, usd
from app.routes.caller import reader
from app.routes.fresh import caught_up
from app.routes.openapi import describe
from app.services import Services
from domain.buckets import MICROS_PER_DAY

DAYS_DEFAULT = 30


class UsageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """`from` and `to` are instants or dates, counted in whole UTC hours; without them, the last 30 days."""

    by: Literal["hour", "day", "key", "model"] = "day"
    from_: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    to: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    key: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    model: Annotated[str, msgspec.Meta(max_length=256)] | None = None


class UsageGroup(msgspec.Struct, frozen=True):
    """Sums of one group: `group` is the start of the hour or day, the key's id, or the model's."""

    group: str
    requests: int
    completed: int
    released: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    web_search_calls: int
    images: int
    cost: str
    cost_nanos: str


class UsageShown(msgspec.Struct, frozen=True):
    """What was used from one instant to before another."""

    by: str
    from_at: str
    to_at: str | None
    data: list[UsageGroup]
    as_of: AsOf


def register(app: EdgeApplication, services: Services) -> None:
    @app.get("/api/usage")
    @describe("Usage", tag="account", query=UsageQuery, answers={200: UsageShown}, errors=(401, 403), caller="reader")
    async def usage() -> Response:
        caller = await reader(services, request)
        asked = read_query(request, UsageQuery)
        from_micros, to_micros = asked_instant(asked.from_, "from"), asked_instant(asked.to, "to")
        if from_micros is None:
            ends = time.time_ns() // 1000 if to_micros is None else to_micros
            from_micros = max(0, ends - DAYS_DEFAULT * MICROS_PER_DAY)  # nothing was recorded before 1970
        await caught_up(services, "usage")
        found = await trio.to_thread.run_sync(
            lambda: services.views.usage(
                caller.account_id,
                by=asked.by,
                from_micros=from_micros,
                to_micros=to_micros,
                key_id=asked.key,
                model=asked.model,
            ),
            limiter=services.lifetime.reading,
        )
        shown = UsageShown(
            asked.by,
            told_instant(from_micros),
            None if to_micros is None else told_instant(to_micros),
            [_group(each) for each in found.value],
            AsOf(found.position),
        )
        return answer(shown)


def _group(sums: Usage) -> UsageGroup:
    return UsageGroup(
        told_instant(sums.group) if isinstance(sums.group, int) else sums.group,
        sums.requests,
        sums.completed,
        sums.released,
        sums.input_tokens,
        sums.cached_tokens,
        sums.output_tokens,
        sums.reasoning_tokens,
        sums.web_search_calls,
        sums.images,
        *usd(sums.cost_nanos),
    )
