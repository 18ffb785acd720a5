"""Checks a parsed request against its model: tools, input, service tiers.

Rule 1: everything that the model does not offer is refused by the name of its parameter. Only the first fault is reported, in this
        order: the type of a tool, the content of a tool, the input, the tier, the size.
Rule 2: a tool's type is checked before its content.
Rule 3: a model need not list `namespace` as a tool: the tools inside a namespace are checked instead.
Rule 4: a web search that may only use a cache is left out if the model does not offer web search: the model answers without
        searching. If the tool choice names or requires the search, the request is refused instead.
Rule 5: some models of OpenAI's chat search whether or not the request has a search ("Chat Completions" in
        platform.openai.com/docs/guides/tools-web-search). If such a model is offered with web search, every request has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

import msgspec

from app.wire.content import check_size
from app.wire.exchange import ParsedRequest, RequestError, ToolUse
from app.wire.file_ref import StoredFile
from app.wire.forbidden import check_tools
from app.wire.request import TOOL_ALIASES, raw_member, unsupported


class Offered(Protocol):
    """The properties of a model that requests are checked against."""

    @property
    def id(self) -> str: ...

    @property
    def tools(self) -> frozenset[str]: ...

    @property
    def input_modalities(self) -> tuple[str, ...]: ...

    @property
    def service_tiers(self) -> tuple[str, ...]:
        """The service tiers that a request may name."""
        ...


def check_model_offers(request: ParsedRequest, model: Offered, stored: Mapping[str, StoredFile]) -> ParsedRequest:
    """Check that the model supports the request. Returns it, with the parameters of its tools that hold URLs added to its
    `addresses`. `stored`: the uploaded files that it refers to. Raises RequestError.
    """
    request = _without_unoffered_searches(request, model)
    _check_tools(request, model)
    addresses = check_tools(raw_member(request.fields, "tools"), "tools")
    _check_input(request, model)
    _check_tier(request, model)
    check_size(request.content_bytes + sum(stored[ref.file_id].bytes for ref in request.refs), request.content_param)
    return replace(request, addresses=(*request.addresses, *addresses)) if addresses else request


def always_searches(upstream_model: str) -> bool:
    """Whether a model searches in every answer, such as gpt-4o-search-preview or gpt-5-search-api-2025-10-14."""
    return any(name in upstream_model for name in ("-search-preview", "-search-api"))


def with_implied_search(request: ParsedRequest, model: Offered, upstream_models: Iterable[str]) -> ParsedRequest:
    """The request, with a web search added to its demand if the model always searches. `upstream_models`: its names upstream."""
    if "web_search" not in model.tools or not any(map(always_searches, upstream_models)):
        return request
    demand = msgspec.structs.replace(request.demand, tools=request.demand.tools | {"web_search"})
    return replace(request, demand=demand)


def _without_unoffered_searches(request: ParsedRequest, model: Offered) -> ParsedRequest:
    if "web_search" in model.tools or not any(tool.is_cached_search for tool in request.tools):
        return request
    tools = tuple(tool for tool in request.tools if not tool.is_cached_search)
    if _requires_search(request, tools):
        return request
    demand = msgspec.structs.replace(request.demand, tools=frozenset(tool.name for tool in tools))
    return replace(request, tools=tools, demand=demand, omits_cached_search=True)


def _requires_search(request: ParsedRequest, others: tuple[ToolUse, ...]) -> bool:
    """Whether the tool choice names a search, or requires a call although there is no other tool."""
    raw = raw_member(request.fields, "tool_choice")
    choice = None if raw is None else msgspec.json.decode(raw)
    if not isinstance(choice, dict):
        return choice == "required" and not others
    nested = choice.get("allowed_tools")
    allowed = (nested if isinstance(nested, dict) else choice).get("tools")
    named = [choice, *(allowed if isinstance(allowed, list) else ())]
    kinds = [tool.get("type") for tool in named if isinstance(tool, dict)]
    return any(isinstance(kind, str) and TOOL_ALIASES.get(kind, kind) == "web_search" for kind in kinds)


def _check_tools(request: ParsedRequest, model: Offered) -> None:
    for tool in request.tools:
        if tool.name not in model.tools and tool.name != "namespace":
            supported = ", ".join(sorted(model.tools)) or "none"
            raise RequestError(
                f"The tool type '{tool.type[:100]}' is not supported by the model '{model.id}'. Supported tools: {supported}.",
                param=tool.param,
                code="unsupported_tool",
            )


def _check_input(request: ParsedRequest, model: Offered) -> None:
    for count, modality in ((request.demand.images, "image"), (request.demand.files, "file")):
        if count and modality not in model.input_modalities:
            supported = ", ".join(model.input_modalities)
            raise RequestError(
                f"The model '{model.id}' does not support {modality} input. Supported input: {supported}.",
                param=request.content_param,
                code="unsupported_input",
            )


def _check_tier(request: ParsedRequest, model: Offered) -> None:
    tier = request.demand.service_tier
    if tier is not None and tier not in model.service_tiers:
        supported = ", ".join(model.service_tiers)
        raise unsupported("service_tier", f"The model '{model.id}' is offered in these tiers: {supported}.")
