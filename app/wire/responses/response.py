"""Writes the Response object for clients of /v1/responses, with every member of the protocol, null if it has no value.

Rule 1: members of the request are echoed as sent; omitted ones have the default that OpenAI documents.
Rule 2: the request has already been validated. A member of the wrong form counts as absent here, so that no echo can fail.
Rule 3: usage follows OpenAI's convention: input includes cached and written tokens, output includes reasoning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from app.wire.request import raw_member
from app.wire.splice import Members
from domain.usage import Usage

Json = dict[str, Any]

_ECHOED: Final[dict[str, Any]] = {
    "frequency_penalty": 0.0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "safety_identifier": None,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
_STATELESS: Final[Json] = {"background": False, "previous_response_id": None, "store": False}
_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})
_FUNCTION: Final[Json] = {"description": None, "parameters": None, "strict": None}


class Echo:
    """One response: its constant members, completed by `_at` with those that depend on its status."""

    def __init__(self, *, id: str, model: str, created: int, fields: Members) -> None:
        self._fixed: Json = {
            "id": id,
            "object": "response",
            "created_at": created,
            "model": model,
            **_STATELESS,
            **{
                name: default if raw_member(fields, name) is None else fields[name] for name, default in _ECHOED.items()
            },
            "reasoning": _reasoning(_members(fields, "reasoning")),
            "text": {"format": {"type": "text"}, **_without_none(_members(fields, "text"))},
            "tools": _tools(fields),
        }
        self._tier = _tier(_value(fields, "service_tier")) or "auto"
        self.sources = "web_search_call.action.sources" in _list(fields, "include")
        """Whether the client requested the sources of searches."""

    def begun(self, service_tier: str | None) -> Json:
        """The response at its start."""
        self._tier = _tier(service_tier) or self._tier
        return self._at("in_progress", ())

    def failed(self, error: Json) -> Json:
        return self._at("failed", ()) | {"error": error}

    def closed(
        self, output: Sequence[Json], *, incomplete: str | None, usage: Usage | None, service_tier: str | None
    ) -> Json:
        """The response at its end. `incomplete` is the reason why it was cut off, or None if it is complete."""
        tier_name = service_tier or (usage.service_tier if usage else None)
        closing: Json = {
            "usage": usage and usage_object(usage),
            "service_tier": _tier(tier_name) or (self._tier if self._tier != "auto" else "default"),
            "incomplete_details": {"reason": incomplete} if incomplete else None,
        }
        if usage and usage.web_search_calls:
            closing["tool_usage"] = _tool_usage(usage)
        return self._at("incomplete" if incomplete else "completed", output) | closing

    def _at(self, status: str, output: Sequence[Json]) -> Json:
        return {
            **self._fixed,
            "status": status,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "output": output,
            "service_tier": self._tier,
            "usage": None,
        }


def _tier(name: Any) -> str | None:
    """The tier if OpenAI's protocol knows it: other vendors' names are not shown."""
    return name if isinstance(name, str) and name in _TIERS else None


def _value(fields: Members, name: str) -> Any:
    raw = raw_member(fields, name)
    return None if raw is None else msgspec.json.decode(raw)


def _members(fields: Members, name: str) -> Json:
    value = _value(fields, name)
    return value if isinstance(value, dict) else {}


def _list(fields: Members, name: str) -> list[Any]:
    value = _value(fields, name)
    return value if isinstance(value, list) else []


def _without_none(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not None}


def _reasoning(options: Json) -> Json:
    return {"effort": options.get("effort"), "summary": options.get("summary") or options.get("generate_summary")}


def _tools(fields: Members) -> list[Any]:
    return [
        _FUNCTION | tool if isinstance(tool, dict) and tool.get("type") == "function" else tool
        for tool in _list(fields, "tools")
    ]


def usage_object(usage: Usage) -> Json:
    """The `usage` member of a response."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input,
            "cache_write_tokens": usage.cache_write + usage.cache_write_1h,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total_tokens,
    }


def _tool_usage(usage: Usage) -> Json:
    """The protocol has either both parts or none. Images generated by the model itself are part of the regular usage."""
    nothing = {"image_tokens": 0, "text_tokens": 0}
    return {
        "image_gen": {
            "input_tokens": 0,
            "input_tokens_details": nothing,
            "output_tokens": 0,
            "output_tokens_details": nothing,
            "total_tokens": 0,
        },
        "web_search": {"num_requests": usage.web_search_calls},
    }
