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
from app.wire.canonical import CanonicalRequest, Target, refusal

Body = dict[str, Any]

API_VERSION: Final = "2023-06-01"
"""The header `anthropic-version` that these bodies are written for: the last version with sampling parameters."""

BUDGETS: Final = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768}
BUDGET_MIN: Final = 1024
_TOP_P_THINKING_MIN: Final = 0.95
_USER_CHARS_MAX: Final = 256
_TIERS: Final = {"default": "standard_only"}

_NO_PLACE: Final[tuple[tuple[str, tuple[Any, ...], str], ...]] = (
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


def write_anthropic(ask: CanonicalRequest, target: Target) -> bytes:
    """The body of the upstream request. Raises RequestError for what cannot be carried over."""
    try:
        return msgspec.json.encode(request_of(ask, target))
    except RecursionError as error:
        raise refusal(ask, "items", "It is nested too deep, or a tool's schema is.") from error


def request_of(ask: CanonicalRequest, target: Target) -> Body:
    """The same as plain data."""
    for field, fine, why in _NO_PLACE:
        if getattr(ask, field) not in fine:
            raise refusal(ask, field, why)
    model = model_of(target.model)
    turns = turns_of(ask, target, ask.items)
    thinking = _thinking(ask, target, model)
    if thinking.get("thinking", {}).get("type") == "enabled" and _resumes_without_reasoning(turns.messages):
        thinking = {}
    return {
        "model": target.model,
        "max_tokens": target.max_output_tokens,
        "messages": _ending(ask, model, turns),
        **({"system": turns.system} if turns.system else {}),
        "stream": ask.stream,
        **_sampling(ask, model, "thinking" in thinking and ask.effort != "none"),
        **_stop(ask),
        **_hints(ask),
        **_offers(ask, target, model, thinking),
    }


def _ending(ask: CanonicalRequest, model: Model, turns: Turns) -> list[Body]:
    """The messages. One of the assistant at the end is gone on with, where the model does that."""
    messages = turns.messages
    last = messages[-1]
    if last["role"] == "user":
        return messages
    if not model.prefill:
        raise refusal(ask, "items", "This model answers a user's message or an output: it cannot stand last.")
    block = last["content"][-1]
    if block["type"] == "text":
        last["content"][-1] = {**block, "text": block["text"].rstrip()}
    return messages


def _resumes_without_reasoning(messages: list[Body]) -> bool:
    """Whether the conversation stands inside a turn of calls in which no reasoning came back."""
    kinds = [(message["role"], {block["type"] for block in message["content"]}) for message in messages]
    asked = [index for index, (role, blocks) in enumerate(kinds) if role == "user" and "tool_result" not in blocks]
    turn = set().union(*(blocks for _, blocks in kinds[max(asked, default=-1) + 1 :]))
    return "tool_result" in turn and turn.isdisjoint(("thinking", "redacted_thinking"))


def _thinking(ask: CanonicalRequest, target: Target, model: Model) -> Body:
    told = {"display": "summarized"} if ask.summary or ask.endpoint == "chat" else {}
    if ask.effort is None:
        return {"thinking": {"type": "adaptive", **told}} if model.thinks and told else {}
    if ask.effort == "none":
        if model.off is None:
            raise refusal(ask, "effort", "This model always reasons.")
        return {"thinking": {"type": model.off}}
    if model.adaptive:
        effort = model.efforts.get(ask.effort)
        if effort is None:
            raise refusal(ask, "effort", f"This model knows {', '.join(model.efforts)} and none.")
        return {"thinking": {"type": "adaptive", **told}, "output_config": {"effort": effort}}
    return {"thinking": {"type": "enabled", "budget_tokens": _budget(ask, target)}}


def _budget(ask: CanonicalRequest, target: Target) -> int:
    budget = BUDGETS.get(ask.effort or "")
    if budget is None:
        raise refusal(ask, "effort", f"This model knows {', '.join(BUDGETS)} and none.")
    if target.max_output_tokens <= BUDGET_MIN:
        raise refusal(ask, "effort", f"Reasoning needs an output limit above {BUDGET_MIN} tokens on this model.")
    return min(budget, max(BUDGET_MIN, target.max_output_tokens // 2))


def _sampling(ask: CanonicalRequest, model: Model, thinks: bool) -> Body:
    made: Body = {}
    if ask.temperature is not None:
        if not 0 <= ask.temperature <= 1:
            raise refusal(ask, "temperature", "This model takes 0 to 1.")
        if ask.temperature != 1 and (thinks or not model.sampling):
            raise refusal(ask, "temperature", "This model takes 1 only, here.")
        made["temperature"] = ask.temperature
    if ask.top_p is not None and ask.top_p != 1:
        if not model.sampling or (thinks and ask.top_p < _TOP_P_THINKING_MIN):
            raise refusal(ask, "top_p", "This model takes 1 only, here." if not model.sampling else _ABOVE)
        if made.get("temperature", 1) != 1 and not model.both:
            raise refusal(ask, "top_p", "This model takes either a temperature or top_p.")
        made = {"top_p": ask.top_p} if not model.both else {**made, "top_p": ask.top_p}
    return made if model.sampling else {}


_ABOVE: Final = f"While it reasons, this model takes {_TOP_P_THINKING_MIN} to 1."


def _stop(ask: CanonicalRequest) -> Body:
    if any(not text.strip() for text in ask.stop):
        raise refusal(ask, "stop", "This model cannot stop at blanks.")
    return {"stop_sequences": list(ask.stop)} if ask.stop else {}


def _hints(ask: CanonicalRequest) -> Body:
    made: Body = {}
    user = ask.hints.safety_identifier or ask.hints.user
    if user:
        if len(user) > _USER_CHARS_MAX:
            user = hashlib.sha256(user.encode()).hexdigest()
        made["metadata"] = {"user_id": user}
    if ask.service_tier in _TIERS:
        made["service_tier"] = _TIERS[ask.service_tier]
    return made


def _offers(ask: CanonicalRequest, target: Target, model: Model, thinking: Body) -> Body:
    """Thinking, tools, the choice among them, and the form of the output: these hang together."""
    output = output_of(ask, model)
    tools = tools_of(ask, target, model)
    choice = choice_of(ask, tools)
    field = "tool_choice"
    if output.tool is not None:
        choice, field = forced_choice(output.tool, tools, choice), "format"
        tools = [*tools, output.tool]
    if choice and choice["type"] in FORCING:
        if not model.forced:
            raise refusal(ask, field, "This model cannot be made to call a tool.")
        if thinking.get("thinking", {}).get("type") == "enabled":
            raise refusal(ask, field, "This model cannot be made to call a tool while it reasons.")
    made: Body = dict(thinking)
    if tools:
        made["tools"] = tools
    if choice:
        made["tool_choice"] = choice
    if output.format is not None:
        made["output_config"] = {**made.get("output_config", {}), "format": output.format}
    return made


def output_tool_of(ask: CanonicalRequest, target: Target) -> str | None:
    """The name of the tool that stands for the answer's text in the request, None where none does."""
    tool = output_of(ask, model_of(target.model)).tool
    return None if tool is None else str(tool["name"])
