"""Reads figures out of an upstream's usage object: which spellings are known, and what is a count.

Rule 1: a count is a whole number from 0 to FIGURE_MAX, in any JSON form (100 and 100.0 are the same). null and absent are the same.
        Anything else (a fraction, a negative number, text, a boolean) is a contradiction: it is not read, and `faulty` is set.
Rule 2: details that are null, an empty list or an empty text are absent.
Rule 3: of several known spellings of one figure, the first in its row counts: OpenAI's own, then those next to it.
Rule 4: figures only grow. Of several reports, the greatest value of each member counts (`grown`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

FIGURE_MAX = 10**9
_DEPTH_MAX: Final = 3
_INDEX_LENGTH_MAX: Final = 9

Path = tuple[str, ...]
_IN_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details")
_OUT_DETAILS: Final = ("completion_tokens_details", "output_tokens_details")


def _inside(holders: Iterable[str], *names: str) -> tuple[Path, ...]:
    return tuple((holder, name) for name in names for holder in holders)


SPELLINGS: Final[Mapping[str, tuple[tuple[Path, ...], ...]]] = {
    "input": (
        (("prompt_tokens",), ("input_tokens",)),  # OpenAI: chat, Responses
        (("prompt_eval_count",),),  # Ollama, /api/chat
    ),
    "output": (
        (("completion_tokens",), ("output_tokens",)),  # OpenAI: chat, Responses
        (("eval_count",),),  # Ollama, /api/chat
    ),
    "cached_input": (
        _inside(
            _IN_DETAILS, "cached_tokens"
        ),  # OpenAI; also xAI, Groq, Fireworks, vLLM, Zhipu, MiniMax, DashScope, OpenRouter
        (("cached_tokens",),),  # Moonshot, platform.kimi.ai/docs/api/chat; Together
        (("prompt_cache_hit_tokens",),),  # DeepSeek, api-docs.deepseek.com/guides/kv_cache
        (("cache_read_input_tokens",),),  # Anthropic's name, in chat servers and proxies such as LiteLLM
        _inside(_IN_DETAILS, "cache_read_input_tokens", "cache_read_tokens", "cached_read_tokens"),  # proxies; Bifrost
        (("num_cached_tokens",), ("cache_read_tokens",), ("cached_input_tokens",)),  # Mistral; proxies
    ),
    "cache_write": (
        _inside(_IN_DETAILS, "cache_write_tokens"),  # OpenAI since GPT-5.6, ResponseUsage of openai-python; OpenRouter
        (("cache_write_tokens",),),  # the same, next to the details
        (("cache_creation_input_tokens",),),  # Anthropic's name, in chat servers and proxies such as LiteLLM
        _inside(_IN_DETAILS, "cache_creation_input_tokens"),  # DashScope's explicit cache
        _inside(
            _IN_DETAILS, "cache_creation_tokens", "cached_creation_tokens", "cached_write_tokens"
        ),  # LiteLLM; new-api
        (("cache_creation_tokens",), ("cache_write_input_tokens",)),  # proxies
    ),
    "cache_write_5m": (
        (("cache_creation", "ephemeral_5m_input_tokens"),),  # Anthropic, Usage.cache_creation
        tuple((holder, "cache_creation", "ephemeral_5m_input_tokens") for holder in _IN_DETAILS),  # DashScope
        tuple(
            (holder, "cache_creation_token_details", "ephemeral_5m_input_tokens") for holder in _IN_DETAILS
        ),  # LiteLLM
        (("claude_cache_creation_5_m_tokens",),),  # new-api
        _inside(_IN_DETAILS, "claude_cache_creation_5_m_tokens"),
    ),
    "cache_write_1h": (
        (("cache_creation", "ephemeral_1h_input_tokens"),),  # Anthropic, Usage.cache_creation
        tuple((holder, "cache_creation", "ephemeral_1h_input_tokens") for holder in _IN_DETAILS),  # DashScope
        tuple(
            (holder, "cache_creation_token_details", "ephemeral_1h_input_tokens") for holder in _IN_DETAILS
        ),  # LiteLLM
        (("claude_cache_creation_1_h_tokens",),),  # new-api
        _inside(_IN_DETAILS, "claude_cache_creation_1_h_tokens"),
    ),
    "reasoning": (
        _inside(
            _OUT_DETAILS, "reasoning_tokens"
        ),  # OpenAI; xAI does not count them in completion_tokens, total_tokens shows it
        (("reasoning_tokens",),),  # Perplexity, docs.perplexity.ai
        _inside(_OUT_DETAILS, "thinking_tokens"),  # Anthropic's name
    ),
    "total": ((("total_tokens",),),),  # OpenAI; Gemini's OpenAI endpoint includes thinking that no other member names
}
"""Figure -> its known spellings, one source a row, the standard one first."""

_PATHS: Final = {name: tuple(path for row in rows for path in row) for name, rows in SPELLINGS.items()}
_FIRST_NAMES: Final = {name: tuple((path[0], path) for path in paths) for name, paths in _PATHS.items()}
"""Each path with its first member: most usage objects have few of them."""


class Figures:
    """One usage object, read figure by figure. `faulty`: a member that was needed is not a count."""

    def __init__(self, reported: Any) -> None:
        self._reported: dict[str, Any] = reported if isinstance(reported, dict) else {}
        self.faulty = bool(reported) and not isinstance(reported, dict)

    def named(self, figure: str) -> int | None:
        """The figure under the first of its known spellings that is present."""
        reported = self._reported
        for first, path in _FIRST_NAMES[figure]:
            if first in reported and (found := self.at(*path)) is not None:
                return found
        return None

    def at(self, *path: str) -> int | None:
        """The count at a path of members, or None if it is absent or not a count."""
        holder: Any = self._reported
        for name in path[:-1]:
            holder = holder.get(name)
            if not isinstance(holder, dict):
                self.faulty = self.faulty or bool(holder)
                return None
        value = holder.get(path[-1])
        if value is None:
            return None
        found = count(value)
        self.faulty = self.faulty or found is None
        return found

    def objects(self, name: str) -> list[dict[str, Any]]:
        """The objects of a list member. Other entries are contradictions."""
        value = self._reported.get(name)
        entries = value if isinstance(value, list) else []
        found = [entry for entry in entries if isinstance(entry, dict)]
        self.faulty = self.faulty or len(found) < len(entries) or (bool(value) and not isinstance(value, list))
        return found


def count(value: Any) -> int | None:
    """The value as a count, or None if it is not one."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= FIGURE_MAX else None


def place(value: Any) -> int | None:
    """An index as a count, which some servers write as text, or None if it is not one."""
    if isinstance(value, str) and len(value) <= _INDEX_LENGTH_MAX and value.isascii() and value.isdigit():
        value = int(value)
    return count(value)


def grown(earlier: dict[str, Any], later: Any, depth: int = 0) -> dict[str, Any]:
    """Two reports of one answer as one: the greater of each count, the members of both."""
    if not isinstance(later, dict) or depth > _DEPTH_MAX:
        return earlier
    if not earlier:
        return later
    both = dict(earlier)
    for name, value in later.items():
        known = both.get(name)
        if type(value) is int and type(known) is int and 0 <= known <= value <= FIGURE_MAX:
            both[name] = value
        elif isinstance(known, dict):
            both[name] = grown(known, value, depth + 1)
        elif (before := count(known)) is None:
            both[name] = known if value is None or value == [] else value
        elif (after := count(value)) is not None:
            both[name] = max(before, after)
    return both
