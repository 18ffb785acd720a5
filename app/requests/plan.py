"""Plans a parsed request: finds its model, computes the most that it can cost, and prepares the bodies for its upstreams.

Rule 1: everything that can be refused without the ledger is refused here, before money moves.
Rule 2: the hold and the upstreams' bodies are made from the same Bounds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from app.accounts.auth import Key
from app.documents.inline import pages_of
from app.requests.attempts import Attempts, Offer
from app.wire.exchange import Endpoint, ParsedRequest
from app.wire.file_ref import StoredFile
from app.wire.model_check import check_model_offers, with_implied_search
from app.wire.spending import check_budgets, check_limits, unknown_members
from domain.buckets import MICROS_PER_SECOND
from domain.catalog import Catalog
from domain.demand import TOOL_CALLS_MAX, Demand
from domain.request import Quote, bounds_of, check_key


@dataclass(frozen=True, slots=True)
class Offering:
    """The offering of this process, the same for every request: the models, their price versions, and the upstreams by name."""

    catalog: Catalog
    price_versions: Mapping[str, int]
    upstreams: Mapping[str, Offer]
    default_max_output_tokens: int


@dataclass(slots=True)
class Plan:
    """One request, ready for admission: the model, the bounds on its usage, and the key that pays for it.

    `unknown_members`: whether its first upstream is sent members that the gateway does not know, and therefore cannot bound.
    It keeps no part of the client's body. The bodies for upstreams are in `attempts`. `take_attempts` removes them from the plan,
    so that they are freed as soon as an upstream has received one.
    """

    endpoint: Endpoint
    stream: bool
    demand: Demand
    payer: Key
    quote: Quote
    attempts: Attempts | None
    unknown_members: bool = False

    def take_attempts(self) -> Attempts:
        """The attempts. May be called only once."""
        attempts, self.attempts = self.attempts, None
        assert attempts is not None, "a plan is carried out once"
        return attempts


def make_plan(
    request: ParsedRequest,
    *,
    request_id: str,
    key: Key,
    offering: Offering,
    stored: Mapping[str, StoredFile],
    now_micros: int,
) -> Plan:
    """`stored` are the uploaded files that the request refers to.

    Raises ModelNotFound, ModelNotAllowed, KeyIsExpired, RequestError.
    """
    model = offering.catalog.model(request.model)
    check_key(key.limits, model.id, now_micros)
    request = check_model_offers(request, model, stored)
    request = with_implied_search(request, model, map(model.name_at, model.upstreams))
    check_limits(request, output_tokens_max=model.max_output_tokens, tool_calls_max=TOOL_CALLS_MAX)
    demand = msgspec.structs.replace(request.demand, pages=pages_of(request, stored))
    output_tokens = demand.max_output_tokens or min(offering.default_max_output_tokens, model.max_output_tokens)
    bounds = bounds_of(model, msgspec.structs.replace(demand, max_output_tokens=output_tokens))
    check_budgets(request.fields, request.endpoint, bounds.output_tokens)
    attempts = Attempts(
        request,
        model,
        offering.upstreams,
        stored,
        bounds,
        seed=hashlib.sha256(request_id.encode()).hexdigest()[:32],
        created=now_micros // MICROS_PER_SECOND,
    )
    quote = Quote(model, offering.price_versions[model.id], bounds)
    unknown = attempts.first.dialect == request.endpoint and bool(unknown_members(request.fields, request.endpoint))
    return Plan(request.endpoint, request.stream, demand, key, quote, attempts, unknown)
