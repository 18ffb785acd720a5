"""What each member of a request may do to its cost, and the checks that keep it within the hold.

Rule 1: every member that this gateway knows is in MEMBERS, as harmless, bounded or refused. Nested members that can raise the cost
        are in it by their path.
Rule 2: a member that is not in MEMBERS passes only in a pass-through, because translated requests reject unknown members. It is
        counted, and nothing inside it may have the name of a limit.
Rule 3: a limit above the one that applies is refused with the limit in the message. It is never lowered silently.

Sources: OpenAI's API reference; the extra parameters that vLLM, SGLang, llama.cpp, Ollama, OpenRouter, DashScope, Moonshot and
Mistral document for their chat endpoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

from app.wire.exchange import Endpoint, ParsedRequest, RequestError
from app.wire.request import FOREIGN, NAME_LENGTH_MAX, bounded, count, decode, raw_member, unsupported
from app.wire.splice import Members


class Member(msgspec.Struct, frozen=True, gc=False):
    """`why`: what bounds a bounded member, or why a member is refused. It is empty for harmless ones."""

    handling: Literal["harmless", "bounded", "refused"]
    why: str = ""


LIMITS: Final[Mapping[Endpoint, tuple[str, ...]]] = {
    "responses": ("max_output_tokens",),
    "chat": ("max_tokens", "max_completion_tokens"),
}
"""The names of the output limit."""
BUDGETS: Final = (
    *("min_tokens", "thinking_budget", "thinking_budget_tokens", "thinking_token_budget", "reasoning_budget"),
    *("thinking.budget_tokens", "reasoning.max_tokens", "reasoning.budget_tokens"),
    *("chat_template_kwargs.thinking_budget", "chat_template_kwargs.reasoning_budget"),
)
"""Members of other servers that set a number of tokens to write or to think. Each must be within the output limit."""
_OPEN: Final = ("reasoning", "thinking", "chat_template_kwargs")
"""Members that hold budgets, and to which servers add members of their own. Any other name of a limit inside them is refused."""
_SHARED_HARMLESS = (
    *("model", "stream", "stream_options", "store", "tool_choice", "parallel_tool_calls", "temperature", "top_p"),
    *("top_logprobs", "metadata", "user", "safety_identifier", "moderation", "top_k", "min_p", "seed", "stop"),
    *("presence_penalty", "frequency_penalty", "repetition_penalty", "logit_bias", "reasoning", "prompt_cache_key"),
    "cache_control",  # the hold is computed from the highest input price, a cache write's included
)
_RESPONSES_HARMLESS = (
    *("include", "text", "truncation", "client_metadata", "image", "background"),
    *("previous_response_id", "conversation", "prompt"),
)
_CHAT_HARMLESS = (
    *("logprobs", "verbosity", "reasoning_effort", "function_call", "top_a", "typical_p", "length_penalty"),
    *("early_stopping", "stop_token_ids", "bad_words", "include_stop_str_in_output", "skip_special_tokens"),
    *("spaces_between_special_tokens", "truncate_prompt_tokens", "prompt_logprobs", "return_token_ids", "echo"),
    *("add_generation_prompt", "continue_final_message", "add_special_tokens", "include_reasoning", "cache_salt"),
    *("enable_thinking", "thinking", "chat_template_kwargs", "reasoning_format", "safe_prompt", "random_seed"),
    *("prompt_mode", "cache_prompt", "n_probs", "n_keep", "dynatemp_range", "dynatemp_exponent", "samplers"),
    *("mirostat", "mirostat_tau", "mirostat_eta", "keep_alive", "usage", "transforms", "session_id"),
)
_INPUT: Final = "the input: a token is at least one byte of the body"
_OUTPUT: Final = "the output limit, which is always written"
_DEAREST: Final = "the most expensive kind of input token"
_CALLS: Final = "the number of tool calls that is held for"
_SHARED_BOUNDED: Final[Mapping[str, str]] = {
    **dict.fromkeys(BUDGETS, "a value above the output limit is refused"),
    "ignore_eos": _OUTPUT,
    "tools": _CALLS,
    "service_tier": "the prices of the requested and of the default tier; without a choice, those of every tier",
    "prompt_cache_retention": _DEAREST,
    "prompt_cache_options": _DEAREST,
}
_BOUNDED: Final[Mapping[Endpoint, Mapping[str, str]]] = {
    "responses": {
        "input": _INPUT,
        "instructions": _INPUT,
        "max_output_tokens": "a value above the model's limit is refused",
        "max_tool_calls": "a value above the most that can be held for is refused",
        "context_management": "two context windows of input",
        "tools[].n": "an image call makes one image: a higher value is refused",
        "tools[].partial_images": "the price of the image: a value above 3 is refused",
        "tools[].quality": "the most expensive price of an image",
        "tools[].size": "the most expensive price of an image",
        "tools[].model": "the price of an image, whichever model makes it",
    },
    "chat": {
        **dict.fromkeys(("messages", "functions", "response_format", "documents"), _INPUT),
        **dict.fromkeys(("guided_json", "guided_regex", "guided_choice", "guided_grammar"), _INPUT),
        **dict.fromkeys(("structured_outputs", "json_schema", "grammar"), _INPUT),
        **dict.fromkeys(("max_tokens", "max_completion_tokens"), "a value above the model's limit is refused"),
        "n": "it multiplies the output; a value above 128 is refused",
        "web_search_options": _CALLS,
        "modalities": "text only: any other value is refused",
    },
}
_NO_PRICE: Final = "It has no price."
_SHARED_REFUSED: Final[Mapping[str, str]] = {
    **FOREIGN,
    **dict.fromkeys(("speed", "inference_geo", "performance_config"), _NO_PRICE),
    "audio": "Audio output is not offered.",
    "tools[].max_uses": "To limit calls, use 'max_tool_calls' in the Responses API.",
    "tools[].container.memory_limit": "Only containers of '1g' are offered.",
}
_REFUSED: Final[Mapping[Endpoint, Mapping[str, str]]] = {
    "responses": {
        **dict.fromkeys(("max_tokens", "max_completion_tokens"), "Use 'max_output_tokens'."),
        "n": "This endpoint returns one answer per request: send the request several times.",
        "web_search_options": "Request a search as a tool.",
        "modalities": "Only text output is offered.",
        "reasoning.mode": "Only 'standard' is offered.",
        **dict.fromkeys(("tools[].frame_count", "tools[].svg", "tools[].complexity", "tools[].reasoning"), _NO_PRICE),
        "tools[].output_format": "Only 'png', 'webp' and 'jpeg' are offered.",
    },
    "chat": {
        "max_output_tokens": "Use 'max_completion_tokens'.",
        "max_tool_calls": "The searches of this endpoint cannot be limited.",
    },
}


def _members(harmless: Iterable[str], endpoint: Endpoint) -> Mapping[str, Member]:
    return {
        **dict.fromkeys((*_SHARED_HARMLESS, *harmless), Member("harmless")),
        **{name: Member("bounded", why) for name, why in {**_SHARED_BOUNDED, **_BOUNDED[endpoint]}.items()},
        **{name: Member("refused", why) for name, why in {**_SHARED_REFUSED, **_REFUSED[endpoint]}.items()},
    }


MEMBERS: Final[Mapping[Endpoint, Mapping[str, Member]]] = {
    "responses": _members(_RESPONSES_HARMLESS, "responses"),
    "chat": _members(_CHAT_HARMLESS, "chat"),
}


# -- Checks of the body alone


_LIMIT_NAMES: Final = frozenset(
    {
        *("maxtokens", "maxcompletiontokens", "maxoutputtokens", "maxnewtokens", "maxlength", "maxgenlen"),
        *("maxtokenstosample", "maxgeneratedtokens", "maxthinkingtokens", "maxreasoningtokens", "maxcompletionlength"),
        *("npredict", "numpredict", "bestof", "usebeamsearch", "beamwidth", "numbeams", "numreturnsequences"),
        *("candidatecount", "numchoices", "numcompletions", "thinkingbudget", "budgettokens", "reasoningbudget"),
        *("thinkingbudgettokens", "thinkingtokenbudget", "reasoningbudgettokens", "reasoningtokens", "thinkingtokens"),
        *("mintokens", "minnewtokens", "numgenerations", "numsamples", "numresponses"),
        *("maxtoolcalls", "maxuses", "maxsearches", "servicetier"),
    }
)
"""Names of limits in the APIs of vendors and servers, folded: without case, underscores and hyphens."""
_LIMIT_WHY: Final = "Limit the output with this API's own parameters."
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def check_members(fields: Members, endpoint: Endpoint) -> None:
    """Raises RequestError for a member that can raise the cost and cannot be bounded, at the top level or in an unknown member."""
    known = MEMBERS[endpoint]
    for name in fields:
        raw = raw_member(fields, name)
        member = known.get(name)
        if raw is not None and name in _OPEN:
            _check_inside(name, raw)
        if raw is None or (member is not None and member.handling != "refused"):
            continue
        if member is not None:
            raise unsupported(name, member.why)
        if (other := name.casefold()) in known:
            raise RequestError(f"Unknown parameter: '{name[:NAME_LENGTH_MAX]}'. Did you mean '{other}'?", param=other)
        _check_unknown(name, raw)


def unknown_members(fields: Members, endpoint: Endpoint) -> tuple[str, ...]:
    """The members that are not in the table, except null ones."""
    known = MEMBERS[endpoint]
    return tuple(name for name in fields if name not in known and raw_member(fields, name) is not None)


def _check_unknown(name: str, raw: msgspec.Raw) -> None:
    """An unknown member may not have the name of a limit, and neither may anything inside it."""
    if _folded(name) in _LIMIT_NAMES:
        raise unsupported(name[:NAME_LENGTH_MAX], _LIMIT_WHY)
    _check_inside(name, raw)


def _check_inside(name: str, raw: msgspec.Raw) -> None:
    """Nothing inside the member may have the name of a limit, except once in BUDGETS: parsers differ in which of two counts."""
    if bytes(memoryview(raw)[:1]) not in (b"{", b"["):
        return
    decode(raw, _any, name[:NAME_LENGTH_MAX])
    waiting: list[tuple[str, Any]] = [(name, json.loads(bytes(raw), object_pairs_hook=_Pairs))]
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, _Pairs):
            _check_limits_in(value, where)
            waiting.extend((f"{where}.{inner_name}", inner) for inner_name, inner in value if _has_members(inner))
        else:
            waiting.extend((f"{where}[{index}]", inner) for index, inner in enumerate(value) if _has_members(inner))


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, repeated ones included."""


def _check_limits_in(members: _Pairs, where: str) -> None:
    seen: set[str] = set()
    for name, value in members:
        path = f"{where}.{name}"
        if value is None or not (name == "n" or _folded(name) in _LIMIT_NAMES):
            continue
        if path not in BUDGETS:
            raise unsupported(path[-NAME_LENGTH_MAX:], _LIMIT_WHY)
        if path in seen:
            raise RequestError(f"Duplicate parameter: '{path}' appears more than once.", param=path)
        seen.add(path)


def _has_members(value: Any) -> bool:
    return isinstance(value, list)


def _folded(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")


# -- Checks against what is allowed


def check_limits(request: ParsedRequest, *, output_tokens_max: int, tool_calls_max: int) -> None:
    """Raises RequestError for a limit above the model's, or above the most that can be held for."""
    for name in LIMITS[request.endpoint]:
        count(request.fields, name, output_tokens_max)
    if request.endpoint == "responses":
        count(request.fields, "max_tool_calls", tool_calls_max)


def check_budgets(fields: Members, endpoint: Endpoint, output_tokens: int) -> None:
    """Raises RequestError for a budget outside 0 to `output_tokens`, or a reasoning mode whose cost is not bounded."""
    for path in BUDGETS:
        outer, _, inner = path.partition(".")
        raw = raw_member(fields, outer)
        if raw is None or (inner and bytes(memoryview(raw)[:1]) != b"{"):
            continue
        value = decode(raw, _any, outer)
        budget = value.get(inner) if inner else value
        if budget is not None:
            bounded(budget, path, least=0, most=output_tokens)
    if endpoint == "responses":
        _check_reasoning_mode(fields)


def _check_reasoning_mode(fields: Members) -> None:
    raw = raw_member(fields, "reasoning")
    options = None if raw is None else decode(raw, _any, "reasoning")
    if isinstance(options, dict) and options.get("mode") not in (None, "standard"):
        raise unsupported("reasoning.mode", MEMBERS["responses"]["reasoning.mode"].why)
