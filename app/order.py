"""A parsed request against what is on offer: the model, the tools, what it can cost at most, the upstream's body.

Rule: everything that can be refused without the ledger is refused here, before money moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.auth import Key
from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.chat.request import chat_body, parse_chat
from app.wire.exchange import ParsedRequest, Relay, RequestError
from app.wire.responses.passthrough import ResponsesPlainRelay, ResponsesStreamRelay
from app.wire.responses.request import parse_responses, responses_body
from domain.catalog import Catalog, Model
from domain.pricing import Bounds
from domain.request import TOOL_CALLS_DEFAULT, TOOL_CALLS_MAX, bounds_of, check_key


@dataclass(frozen=True, slots=True)
class Order:
    """What will be asked of an upstream, and at most used. `upstream_body` is the same for every upstream of the model.

    `request` has lost its fields: they keep the client's whole body alive, and are in `upstream_body` now.
    """

    request: ParsedRequest
    model: Model
    bounds: Bounds
    upstream_body: bytes

    def relay(self) -> Relay:
        """A fresh relay for one attempt at an answer."""
        request = self.request
        if request.endpoint == "chat":
            if request.stream:
                return ChatStreamRelay(
                    model=self.model.id, include_usage=request.include_usage, choices=request.choices
                )
            return ChatPlainRelay(model=self.model.id)
        if request.stream:
            return ResponsesStreamRelay(model=self.model.id)
        return ResponsesPlainRelay(model=self.model.id)


def parse(endpoint: str, body: bytes) -> ParsedRequest:
    """The request of a body. Raises RequestError."""
    return parse_chat(body) if endpoint == "chat" else parse_responses(body)


def make_order(
    request: ParsedRequest, *, key: Key, catalog: Catalog, default_max_output_tokens: int, now_micros: int
) -> Order:
    """Raises ModelNotFound, ModelNotAllowed, KeyIsExpired, RequestError."""
    model = catalog.model(request.model)
    check_key(key.limits, model.id, now_micros)
    _check_tools(request, model)
    _check_input(request, model)
    output_tokens = request.max_output_tokens or min(default_max_output_tokens, model.max_output_tokens)
    tools = frozenset(tool.name for tool in request.tools)
    tool_calls = _tool_calls(request)
    bounds = bounds_of(
        model,
        text_bytes=request.text_bytes,
        images=request.images,
        files=request.files,
        output_tokens=output_tokens,
        choices=request.choices,
        tool_calls=tool_calls,
        tools=tools,
    )
    return Order(
        replace(request, fields={}),
        model,
        bounds,
        _upstream_body(request, model, output_tokens, tool_calls if bounds.tool_calls else None),
    )


def _upstream_body(request: ParsedRequest, model: Model, output_tokens: int, tool_calls: int | None) -> bytes:
    if request.endpoint == "chat":
        return chat_body(request, model=model.upstream_model, max_output_tokens=output_tokens)
    return responses_body(
        request, model=model.upstream_model, max_output_tokens=output_tokens, max_tool_calls=tool_calls
    )


def _tool_calls(request: ParsedRequest) -> int:
    asked = request.max_tool_calls
    if asked is not None and asked > TOOL_CALLS_MAX:
        raise RequestError(f"max_tool_calls is at most {TOOL_CALLS_MAX}.", param="max_tool_calls", code="invalid_value")
    return TOOL_CALLS_DEFAULT if asked is None else asked


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
            param = "messages" if request.endpoint == "chat" else "input"
            raise RequestError(
                f"The model '{model.id}' takes no {modality} input. It takes: {', '.join(model.input_modalities)}.",
                param=param,
                code="unsupported_input",
            )
