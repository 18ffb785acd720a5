"""A request as Anthropic's Messages API takes it, in API_VERSION.

Rule 1: max_tokens is always written, and is what was held for.
Rule 2: what has no place here is refused by name; a value that asks for what happens anyway is left out.
Rule 3: reasoning effort is thinking: by effort where the model knows it, else by a budget of BUDGETS, at most half of max_tokens
        where that is a thousand or more, and always below it. Effort none turns it off; none said leaves it to the model.
        Thinking refuses a temperature other than 1 and a top_p below 0.95, by budget a forced call too. By budget it is also left
        out of a turn whose calls came back without their reasoning (another upstream's, say), which would be refused.
Rule 4: summaries are told where they are asked for, and always on chat, which knows no other reasoning. There is one kind of them.
Rule 5: of what Hints lists, the end user's id is carried (hashed where it is too long), the rest has no place here.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from app.wire.anthropic.models import Model, model_of
from app.wire.anthropic.output import forced_choice, output_of
from app.wire.anthropic.tools import FORCING, choice_of, tools_of
from app.wire.anthropic.turns import Turns, turns_of
from app.wire.canonical import CanonicalRequest, Target, unsupported_field

Body = dict[str, Any]

API_VERSION: Final = "2023-06-01"
"""The header `anthropic-version` that these bodies are written for: the last version with sampling parameters."""

BUDGETS: Final = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768}
BUDGET_MIN: Final = 1024
_TOP_P_THINKING_MIN: Final = 0.95
_USER_CHARS_MAX: Final = 256
_TIERS: Final = {"default": "standard_only"}

_UNSUPPORTED: Final[tuple[tuple[str, tuple[Any, ...], str], ...]] = (
    ("choices", (1,), "This model gives one choice."),
    ("seed", (None,), "This model knows no seed."),
    ("presence_penalty", (None, 0), "This model knows no penalties."),
    ("frequency_penalty", (None, 0), "This model knows no penalties."),
    ("logit_bias", (None, {}), "This model knows no bias."),
    ("logprobs", (None,), "This model tells no log probabilities."),
    ("verbosity", (None, "medium"), "This model knows medium only."),
    ("service_tier", (None, "auto", "default"), "This model knows auto and default."),
)
"""Field of CanonicalRequest, the values that need no place, and why others are refused."""


def write_anthropic_request(request: CanonicalRequest, target: Target) -> bytes:
    """The body of the upstream request. Raises RequestError for what cannot be carried over."""
    try:
        return msgspec.json.encode(request_body(request, target))
    except RecursionError as error:
        raise unsupported_field(request, "items", "It is nested too deep, or a tool's schema is.") from error


def request_body(request: CanonicalRequest, target: Target) -> Body:
    """The same as plain data."""
    for field, accepted, why in _UNSUPPORTED:
        if getattr(request, field) not in accepted:
            raise unsupported_field(request, field, why)
    model = model_of(target.model)
    turns = turns_of(request, target, request.items)
    thinking = _thinking(request, target, model)
    if thinking.get("thinking", {}).get("type") == "enabled" and _resumes_without_reasoning(turns.messages):
        thinking = {}
    return {
        "model": target.model,
        "max_tokens": target.max_output_tokens,
        "messages": _messages(request, model, turns),
        **({"system": turns.system} if turns.system else {}),
        "stream": request.stream,
        **_sampling(request, model, "thinking" in thinking and request.effort != "none"),
        **_stop(request),
        **_hints(request),
        **_tools_and_output(request, target, model, thinking),
    }


def _messages(request: CanonicalRequest, model: Model, turns: Turns) -> list[Body]:
    """The messages. One of the assistant at the end is gone on with, where the model does that."""
    messages = turns.messages
    last = messages[-1]
    if last["role"] == "user":
        return messages
    if not model.prefill:
        raise unsupported_field(
            request, "items", "This model answers a user's message or an output: it cannot stand last."
        )
    block = last["content"][-1]
    if block["type"] == "text":
        last["content"][-1] = {**block, "text": block["text"].rstrip()}
    return messages


def _resumes_without_reasoning(messages: list[Body]) -> bool:
    """Whether the conversation stands inside a turn of calls in which no reasoning came back."""
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
            raise unsupported_field(request, "effort", "This model always reasons.")
        return {"thinking": {"type": model.off}}
    if model.adaptive:
        effort = model.efforts.get(request.effort)
        if effort is None:
            raise unsupported_field(request, "effort", f"This model knows {', '.join(model.efforts)} and none.")
        return {"thinking": {"type": "adaptive", **display}, "output_config": {"effort": effort}}
    return {"thinking": {"type": "enabled", "budget_tokens": _budget(request, target)}}


def _budget(request: CanonicalRequest, target: Target) -> int:
    budget = BUDGETS.get(request.effort or "")
    if budget is None:
        raise unsupported_field(request, "effort", f"This model knows {', '.join(BUDGETS)} and none.")
    if target.max_output_tokens <= BUDGET_MIN:
        raise unsupported_field(
            request, "effort", f"Reasoning needs an output limit above {BUDGET_MIN} tokens on this model."
        )
    return min(budget, max(BUDGET_MIN, target.max_output_tokens // 2))


def _sampling(request: CanonicalRequest, model: Model, thinks: bool) -> Body:
    members: Body = {}
    if request.temperature is not None:
        if not 0 <= request.temperature <= 1:
            raise unsupported_field(request, "temperature", "This model takes 0 to 1.")
        if request.temperature != 1 and (thinks or not model.sampling):
            raise unsupported_field(request, "temperature", "This model takes 1 only, here.")
        members["temperature"] = request.temperature
    if request.top_p is not None and request.top_p != 1:
        if not model.sampling or (thinks and request.top_p < _TOP_P_THINKING_MIN):
            raise unsupported_field(
                request, "top_p", "This model takes 1 only, here." if not model.sampling else _TOP_P_WHILE_REASONING
            )
        if members.get("temperature", 1) != 1 and not model.both:
            raise unsupported_field(request, "top_p", "This model takes either a temperature or top_p.")
        members = {"top_p": request.top_p} if not model.both else {**members, "top_p": request.top_p}
    return members if model.sampling else {}


_TOP_P_WHILE_REASONING: Final = f"While it reasons, this model takes {_TOP_P_THINKING_MIN} to 1."


def _stop(request: CanonicalRequest) -> Body:
    if any(not text.strip() for text in request.stop):
        raise unsupported_field(request, "stop", "This model cannot stop at blanks.")
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
    """Thinking, tools, the choice among them, and the form of the output: these hang together."""
    output = output_of(request, model)
    tools = tools_of(request, target, model)
    choice = choice_of(request, tools)
    field = "tool_choice"
    if output.tool is not None:
        choice, field = forced_choice(output.tool, tools, choice), "format"
        tools = [*tools, output.tool]
    if choice and choice["type"] in FORCING:
        if not model.forced:
            raise unsupported_field(request, field, "This model cannot be made to call a tool.")
        if thinking.get("thinking", {}).get("type") == "enabled":
            raise unsupported_field(request, field, "This model cannot be made to call a tool while it reasons.")
    members: Body = dict(thinking)
    if tools:
        members["tools"] = tools
    if choice:
        members["tool_choice"] = choice
    if output.format is not None:
        members["output_config"] = {**members.get("output_config", {}), "format": output.format}
    return members


def output_tool_name(request: CanonicalRequest, target: Target) -> str | None:
    """The name of the tool that stands for the answer's text in the request, None where none does."""
    tool = output_of(request, model_of(target.model)).tool
    return None if tool is None else str(tool["name"])
