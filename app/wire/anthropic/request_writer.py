"""Writes a request for Anthropic's Messages API, version API_VERSION.

Rule 1: max_tokens is always written and equals the limit that the hold covers.
Rule 2: unsupported parameters are rejected by name. Values that request the default behaviour are left out.
Rule 3: reasoning effort becomes thinking: by effort if the model supports it, otherwise by a budget from BUDGETS, which is limited
        to half of max_tokens, but at least BUDGET_MIN, and always below max_tokens. Effort "none" turns thinking off; without an
        effort the model decides. With thinking, a temperature other than 1 and a top_p below 0.95 are rejected. With a budget,
        forced calls are rejected too. A budget is also left out of a turn whose calls came back without their reasoning (from
        another upstream, for example), because Anthropic would reject it.
Rule 4: summaries are requested if the client wants them, and always on chat, which has no other reasoning. There is only one kind.
Rule 5: of `Hints`, only the end user's id is sent (hashed if it is too long). The rest is not supported.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from app.wire.anthropic.caching import cache_member, settle_breakpoints
from app.wire.anthropic.models import Model, model_of
from app.wire.anthropic.output import forced_choice, output_of
from app.wire.anthropic.tools import FORCING, NAME, choice_of, tools_of
from app.wire.anthropic.turns import Turns, turns_of
from app.wire.canonical import CanonicalRequest, Target, unsupported_field
from app.wire.tool_names import with_vendor_names

Body = dict[str, Any]

API_VERSION: Final = "2023-06-01"
"""The `anthropic-version` header that these bodies are written for: the last version with sampling parameters."""

BUDGETS: Final = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768}
BUDGET_MIN: Final = 1024
_TOP_P_THINKING_MIN: Final = 0.95
_USER_CHARS_MAX: Final = 256
_TIERS: Final = {"default": "standard_only"}

_UNSUPPORTED: Final[tuple[tuple[str, tuple[Any, ...], str], ...]] = (
    ("choices", (1,), "This model returns a single choice."),
    ("seed", (None,), "This model does not support a seed."),
    ("presence_penalty", (None, 0), "This model does not support penalties."),
    ("frequency_penalty", (None, 0), "This model does not support penalties."),
    ("logit_bias", (None, {}), "This model does not support logit_bias."),
    ("logprobs", (None,), "This model does not return log probabilities."),
    ("verbosity", (None, "medium"), "This model supports 'medium' only."),
    ("service_tier", (None, "auto", "default"), "This model supports 'auto' and 'default'."),
)
"""Field of CanonicalRequest, its accepted values, and why others are rejected. None of them has to be written."""


def write_anthropic_request(request: CanonicalRequest, target: Target) -> bytes:
    """The body of the upstream request. Raises RequestError for anything that Anthropic does not support."""
    try:
        return msgspec.json.encode(request_body(request, target))
    except RecursionError as error:
        raise unsupported_field(request, "items", "It, or the schema of a tool, is nested too deeply.") from error


def request_body(request: CanonicalRequest, target: Target) -> Body:
    """The same body as plain data."""
    for field, accepted, why in _UNSUPPORTED:
        if getattr(request, field) not in accepted:
            raise unsupported_field(request, field, why)
    request = with_vendor_names(request, NAME)
    model = model_of(target.model)
    turns = turns_of(request, target, request.items)
    thinking = _thinking(request, target, model)
    if thinking.get("thinking", {}).get("type") == "enabled" and _resumes_without_reasoning(turns.messages):
        thinking = {}
    body = {
        "model": target.model,
        "max_tokens": target.max_output_tokens,
        "messages": _messages(request, model, turns),
        **({"system": turns.system} if turns.system else {}),
        "stream": request.stream,
        **_sampling(request, model, "thinking" in thinking and request.effort != "none"),
        **_stop(request),
        **_hints(request),
        **_tools_and_output(request, target, model, thinking),
        **cache_member(request.cache),
    }
    settle_breakpoints(body)
    return body


def _messages(request: CanonicalRequest, model: Model, turns: Turns) -> list[Body]:
    """The messages. If the last one is the assistant's, the model continues it, provided that it can."""
    messages = turns.messages
    last = messages[-1]
    if last["role"] == "user":
        return messages
    if not model.prefill:
        raise unsupported_field(
            request, "items", "This model needs a user message or a tool output at the end of the conversation."
        )
    block = last["content"][-1]
    if block["type"] == "text":
        last["content"][-1] = {**block, "text": block["text"].rstrip()}
    return messages


def _resumes_without_reasoning(messages: list[Body]) -> bool:
    """Whether the conversation ends inside a turn of calls whose reasoning was not sent back."""
    kinds = [(message["role"], {block["type"] for block in message["content"]}) for message in messages]
    user_turns = [index for index, (role, blocks) in enumerate(kinds) if role == "user" and "tool_result" not in blocks]
    turn = set().union(*(blocks for _, blocks in kinds[max(user_turns, default=-1) + 1 :]))
    return "tool_result" in turn and turn.isdisjoint(("thinking", "redacted_thinking"))


def _thinking(request: CanonicalRequest, target: Target, model: Model) -> Body:
    display = {"display": "summarized"} if request.summary or request.endpoint == "chat" else {}
    if request.effort is None:
        return {"thinking": {"type": "adaptive", **display}} if model.thinks and display else {}
    if request.effort == "none":
        if model.off is None:
            raise unsupported_field(request, "effort", "This model always reasons: 'none' is not supported.")
        return {"thinking": {"type": model.off}}
    if model.adaptive:
        effort = model.efforts.get(request.effort)
        if effort is None:
            raise unsupported_field(request, "effort", f"This model supports {', '.join(model.efforts)} and none.")
        return {"thinking": {"type": "adaptive", **display}, "output_config": {"effort": effort}}
    return {"thinking": {"type": "enabled", "budget_tokens": _budget(request, target)}}


def _budget(request: CanonicalRequest, target: Target) -> int:
    budget = BUDGETS.get(request.effort or "")
    if budget is None:
        raise unsupported_field(request, "effort", f"This model supports {', '.join(BUDGETS)} and none.")
    if target.max_output_tokens <= BUDGET_MIN:
        raise unsupported_field(
            request, "effort", f"On this model, reasoning needs an output limit above {BUDGET_MIN} tokens."
        )
    return min(budget, max(BUDGET_MIN, target.max_output_tokens // 2))


def _sampling(request: CanonicalRequest, model: Model, thinks: bool) -> Body:
    members: Body = {}
    if request.temperature is not None:
        if not 0 <= request.temperature <= 1:
            raise unsupported_field(request, "temperature", "This model supports 0 to 1.")
        if request.temperature != 1 and (thinks or not model.sampling):
            raise unsupported_field(request, "temperature", "With these settings, this model supports only 1.")
        members["temperature"] = request.temperature
    if request.top_p is not None and request.top_p != 1:
        if not model.sampling or (thinks and request.top_p < _TOP_P_THINKING_MIN):
            raise unsupported_field(
                request,
                "top_p",
                "With these settings, this model supports only 1." if not model.sampling else _TOP_P_WHILE_REASONING,
            )
        if members.get("temperature", 1) != 1 and not model.both:
            raise unsupported_field(request, "top_p", "This model supports either temperature or top_p, not both.")
        members = {"top_p": request.top_p} if not model.both else {**members, "top_p": request.top_p}
    return members if model.sampling else {}


_TOP_P_WHILE_REASONING: Final = f"While reasoning, this model supports {_TOP_P_THINKING_MIN} to 1."


def _stop(request: CanonicalRequest) -> Body:
    if any(not text.strip() for text in request.stop):
        raise unsupported_field(request, "stop", "This model does not support blank stop sequences.")
    return {"stop_sequences": list(request.stop)} if request.stop else {}


def _hints(request: CanonicalRequest) -> Body:
    members: Body = {}
    user = request.hints.safety_identifier or request.hints.user
    if user:
        if len(user) > _USER_CHARS_MAX:
            user = hashlib.sha256(user.encode()).hexdigest()
        members["metadata"] = {"user_id": user}
    if request.service_tier in _TIERS:
        members["service_tier"] = _TIERS[request.service_tier]
    return members


def _tools_and_output(request: CanonicalRequest, target: Target, model: Model, thinking: Body) -> Body:
    """Thinking, tools, tool choice and output format. They depend on one another."""
    output = output_of(request, model)
    tools = tools_of(request, target, model)
    choice = choice_of(request, tools)
    field = "tool_choice"
    if output.tool is not None:
        choice, field = forced_choice(output.tool, tools, choice), "format"
        tools = [*tools, output.tool]
    if choice and choice["type"] in FORCING:
        if not model.forced:
            raise unsupported_field(request, field, "This model cannot be forced to call a tool.")
        if thinking.get("thinking", {}).get("type") == "enabled":
            raise unsupported_field(request, field, "This model cannot be forced to call a tool while reasoning.")
    members: Body = dict(thinking)
    if tools:
        members["tools"] = tools
    if choice:
        members["tool_choice"] = choice
    if output.format is not None:
        members["output_config"] = {**members.get("output_config", {}), "format": output.format}
    return members


def output_tool_name(request: CanonicalRequest, target: Target) -> str | None:
    """The name of the request's output tool, whose input is the answer's text, or None if it has none."""
    tool = output_of(request, model_of(target.model)).tool
    return None if tool is None else str(tool["name"])
