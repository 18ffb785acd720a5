"""/api/requests/{id}: one request with its events and the lines of its cost, by our ID or by the response's."""

from __future__ import annotations

import msgspec
from quart import Request, Response

from app.accounts.commands import known
from app.faults import NotFound
from app.routes.bodies import answer, format_instant, usd, usd_if
from app.routes.caller import reader
from app.routes.fresh import caught_up
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from domain.decimals import format_scaled
from domain.events import RequestAdmitted, RequestDebited, RequestReleased, request_stream
from domain.pricing import CostLine

ID_LENGTH_MAX = 200
OUR_PREFIX = "req_"
"""An ID with this prefix is looked up in the ledger itself. A response's ID is looked up in a read model."""


class EventShown(msgspec.Struct, frozen=True):
    """An event of the ledger: its position, when it was recorded, and its topic."""

    position: int
    at: str
    topic: str


class CostLineShown(msgspec.Struct, frozen=True):
    """One exact line of the charge: `quantity` times `price` USD is `amount` USD."""

    kind: str
    quantity: int
    price: str
    amount: str


class RequestShown(msgspec.Struct, frozen=True):
    """`state`: open, debited or released. Members that are not known yet are null. Tokens, searches and images are counted as they
    were charged. `delivered`: the value of what the client received free of charge before the request was released."""

    id: str
    state: str
    model: str
    endpoint: str
    key_id: str
    response_id: str | None
    finish: str | None
    outcome: str | None
    reason: str | None
    admitted_at: str
    settled_at: str | None
    price_version: int
    hold: str
    hold_nanos: str
    cost: str | None
    cost_nanos: str | None
    returned: str | None
    returned_nanos: str | None
    overrun: str | None
    overrun_nanos: str | None
    delivered: str | None
    delivered_nanos: str | None
    lines: list[CostLineShown]
    input_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    web_search_calls: int | None
    images: int | None
    service_tier: str | None
    deadline_at: str
    estimated: bool | None
    events: list[EventShown]


async def show_request(services: Services, request: Request, request_id: str) -> Response:
    caller = await reader(services, request)
    if not request_id.startswith(OUR_PREFIX):
        await caught_up(services, "transactions")
    found = await services.in_thread(_find, services, caller.account_id, request_id)
    if found is None:
        raise NotFound(f"There is no request {request_id[:100]} in this account.")
    return answer(found)


ROUTES = (
    Route(
        "GET",
        "/api/requests/<request_id>",
        show_request,
        Operation(
            "One request with its cost",
            tag="account",
            answers={200: RequestShown},
            errors=(401, 403, 404),
            caller="reader",
        ),
    ),
)


def _find(services: Services, account_id: str, name: str) -> RequestShown | None:
    """None if there is no such request in this account."""
    if len(name) > ID_LENGTH_MAX:
        return None
    found = _request(services, account_id, name)
    if found is not None:
        return found
    request_id = services.read_models.request_of_response(account_id, name).value
    return None if request_id is None else _request(services, account_id, request_id)


def _request(services: Services, account_id: str, request_id: str) -> RequestShown | None:
    stored = services.ledger.stream(request_stream(request_id))
    if not stored:
        return None
    events = known(services.codec, stored)
    admitted, settled = events[0], events[1] if len(events) > 1 else None
    if not isinstance(admitted, RequestAdmitted) or admitted.account_id != account_id:
        return None
    shown = [EventShown(row.id, format_instant(row.recorded_at_micros), row.topic) for row in stored]
    debit = settled if isinstance(settled, RequestDebited) else None
    release = settled if isinstance(settled, RequestReleased) else None
    usage = debit.usage if debit is not None else None
    cost = None if settled is None else debit.cost_nanos if debit is not None else 0
    back = None if cost is None else max(0, admitted.hold_nanos - cost)
    return RequestShown(
        admitted.request_id,
        "open" if settled is None else "debited" if debit is not None else "released",
        admitted.model,
        admitted.endpoint,
        admitted.key_id,
        debit.response_id if debit is not None else None,
        debit.finish if debit is not None else None,
        debit.outcome if debit is not None else None,
        release.reason if release is not None else None,
        shown[0].at,
        shown[1].at if len(shown) > 1 else None,
        admitted.price_version,
        *usd(admitted.hold_nanos),
        *usd_if(cost),
        *usd_if(back),
        *usd_if(None if debit is None else debit.overrun_nanos),
        *usd_if(None if release is None else release.delivered_nanos),
        [_line(line) for line in debit.lines] if debit is not None else [],
        usage.input_tokens if usage is not None else None,
        usage.cached_input if usage is not None else None,
        usage.cache_write + usage.cache_write_1h if usage is not None else None,
        usage.output_tokens if usage is not None else None,
        usage.reasoning if usage is not None else None,
        usage.web_search_calls if usage is not None else None,
        sum(image.count for image in usage.images) if usage is not None else None,
        usage.service_tier if usage is not None else None,
        format_instant(admitted.deadline_at_micros),
        usage.estimated if usage is not None else None,
        shown,
    )


def _line(line: CostLine) -> CostLineShown:
    return CostLineShown(
        line.kind, line.quantity, format_scaled(line.unit_picos, 12), format_scaled(line.amount_picos, 12)
    )
