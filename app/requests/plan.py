"""A parsed request against what is on offer: the model, the tools, what it can cost at most, how its upstreams are asked.

Rule: everything that can be refused without the ledger is refused here, before money moves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.accounts.auth import Key
from app.documents.inline import pages_of
from app.requests.attempts import Attempts, Offer
from app.wire.content import check_size
from app.wire.exchange import ParsedRequest, RequestError
from app.wire.file_ref import StoredFile
from app.wire.forbidden import check_tools
from app.wire.request import raw_member, unsupported
from domain.buckets import MICROS_PER_SECOND
from domain.catalog import Catalog, Model
from domain.pricing import Bounds, tier_is_priced, tiers_on_offer
from domain.request import TOOL_CALLS_DEFAULT, TOOL_CALLS_MAX, bounds_of, check_key


@dataclass(slots=True)
class Plan:
    """What will be asked of an upstream, and at most used.

    `request` has lost its fields: they keep the client's whole body alive. What is sent upstream is in `attempts`, which their
    user takes out of here (`take_attempts`), to let go of the bodies as soon as an upstream has one.
    """

    request: ParsedRequest
    model: Model
    bounds: Bounds
    pages: int | None
    attempts: Attempts | None

    def take_attempts(self) -> Attempts:
        """Once."""
        attempts, self.attempts = self.attempts, None
        assert attempts is not None, "an order is carried out once"
        return attempts


def make_plan(
    request: ParsedRequest,
    *,
    request_id: str,
    key: Key,
    catalog: Catalog,
    offers: Mapping[str, Offer],
    stored: Mapping[str, StoredFile],
    default_max_output_tokens: int,
    now_micros: int,
) -> Plan:
    """`stored` are the uploaded files that the request names. Raises ModelNotFound, ModelNotAllowed, KeyIsExpired, RequestError."""
    model = catalog.model(request.model)
    check_key(key.limits, model.id, now_micros)
    _check_tools(request, model)
    told = check_tools(
        raw_member(request.fields, "tools"), "tools"
    )  # what the model does not have is refused by its type first
    request = replace(request, addresses=(*request.addresses, *told))
    _check_input(request, model)
    _check_tier(request, model)
    check_size(request.content_bytes + sum(stored[ref.file_id].bytes for ref in request.refs), _content_param(request))
    pages = pages_of(request, stored)
    output_tokens = request.max_output_tokens or min(default_max_output_tokens, model.max_output_tokens)
    tool_calls = _tool_calls(request)
    bounds = bounds_of(
        model,
        text_bytes=request.text_bytes,
        images=request.images,
        files=request.files,
        output_tokens=output_tokens,
        choices=request.choices,
        tool_calls=tool_calls,
        tools=frozenset(tool.name for tool in request.tools),
        pages=pages,
        service_tier=request.service_tier,
        shaped=any(raw_member(request.fields, name) is not None for name in ("text", "response_format")),
    )
    attempts = Attempts(
        request,
        model,
        offers,
        stored,
        max_output_tokens=output_tokens,
        max_tool_calls=tool_calls if bounds.tool_calls else None,
        seed=hashlib.sha256(request_id.encode()).hexdigest()[:32],
        created=now_micros // MICROS_PER_SECOND,
        max_input_tokens=bounds.input_tokens,
    )
    return Plan(replace(request, fields={}, inline_files=()), model, bounds, pages, attempts)


def _tool_calls(request: ParsedRequest) -> int:
    asked = request.max_tool_calls
    if asked is not None and asked > TOOL_CALLS_MAX:
        raise RequestError(f"max_tool_calls is at most {TOOL_CALLS_MAX}.", param="max_tool_calls", code="invalid_value")
    # Chat sells a search with each choice that cites, and cannot be told a bound.
    return max(TOOL_CALLS_DEFAULT, request.choices) if asked is None else asked


def _check_tools(request: ParsedRequest, model: Model) -> None:
    for tool in request.tools:
        if tool.name not in model.tools:
            takes = ", ".join(sorted(model.tools)) or "none"
            raise RequestError(
                f"The tool type '{tool.type[:100]}' is not supported by the model '{model.id}'. Supported tools: {takes}.",
                param=tool.param,
                code="unsupported_tool",
            )


def _check_input(request: ParsedRequest, model: Model) -> None:
    for count, modality in ((request.images, "image"), (request.files, "file")):
        if count and modality not in model.input_modalities:
            raise RequestError(
                f"The model '{model.id}' takes no {modality} input. It takes: {', '.join(model.input_modalities)}.",
                param=_content_param(request),
                code="unsupported_input",
            )


def _check_tier(request: ParsedRequest, model: Model) -> None:
    if not tier_is_priced(model.prices, request.service_tier):
        offered = ", ".join(tiers_on_offer(model.prices))
        raise unsupported("service_tier", f"The model '{model.id}' is offered in these tiers: {offered}.")


def _content_param(request: ParsedRequest) -> str:
    return "messages" if request.endpoint == "chat" else "input"
