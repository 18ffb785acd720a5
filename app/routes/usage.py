"""/api/usage: usage by hour, day, key or model."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import msgspec
from quart import Request, Response

from app.read_models.answers import Usage
from app.routes.account import AsOf
from app.routes.bodies import answer, format_instant, parse_instant, read_query, usd
from app.routes.caller import reader
from app.routes.fresh import caught_up
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from domain.buckets import MICROS_PER_DAY
from projections.usage import MICROS_PER_HOUR

DAYS_DEFAULT = 30


class UsageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """`from` and `to` are instants or dates, rounded down to the start of their UTC hour; by default, the last 30 days."""

    by: Literal["hour", "day", "key", "model"] = "day"
    from_: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    to: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    key: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    model: Annotated[str, msgspec.Meta(max_length=256)] | None = None


class UsageGroup(msgspec.Struct, frozen=True):
    """The sums of one group: `group` is the start of the hour or day, the key's ID, or the model's ID."""

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
    """Usage from `from_at` (inclusive) to `to_at` (exclusive, null: now). Both are whole UTC hours."""

    by: str
    from_at: str
    to_at: str | None
    data: list[UsageGroup]
    as_of: AsOf


async def usage(services: Services, request: Request) -> Response:
    caller = await reader(services, request)
    query = read_query(request, UsageQuery)
    from_micros, to_micros = parse_instant(query.from_, "from"), parse_instant(query.to, "to")
    if from_micros is None:
        ends = services.now_micros() if to_micros is None else to_micros
        from_micros = max(0, ends - DAYS_DEFAULT * MICROS_PER_DAY)  # nothing was recorded before 1970
    from_micros, to_micros = _hour_of(from_micros), None if to_micros is None else _hour_of(to_micros)
    await caught_up(services, "usage")
    sums = partial(services.read_models.usage, caller.account_id, by=query.by, key_id=query.key, model=query.model)
    found = await services.in_thread(partial(sums, from_micros=from_micros, to_micros=to_micros))
    shown = UsageShown(
        query.by,
        format_instant(from_micros),
        None if to_micros is None else format_instant(to_micros),
        [_group(each) for each in found.value],
        AsOf(found.position),
    )
    return answer(shown)


ROUTES = (
    Route(
        "GET",
        "/api/usage",
        usage,
        Operation(
            "Usage", tag="account", query=UsageQuery, answers={200: UsageShown}, errors=(401, 403), caller="reader"
        ),
    ),
)


def _hour_of(micros: int) -> int:
    """The start of an instant's UTC hour."""
    return micros - micros % MICROS_PER_HOUR


def _group(sums: Usage) -> UsageGroup:
    return UsageGroup(
        format_instant(sums.group) if isinstance(sums.group, int) else sums.group,
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
