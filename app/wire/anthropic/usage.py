"""Usage of Anthropic's answers: reported at the start and the end of each turn, summed over the turns of one answer.

Rule 1: within a turn, the largest value of each count is used: later reports are cumulative and may omit counts.
Rule 2: input_tokens exclude cache reads and writes, output_tokens include thinking, so the kinds are disjoint as reported.
Rule 3: a turn's missing count is 0. If there is one turn, the settlement replaces it by an estimate; if one of several turns lacks
        its input or its output count, the sum is partial: the answer is billed at least as much, and at least the estimate.
Rule 4: `iterations` lists the model calls of one turn, such as a compaction before the message. Each is billed, and the top level
        may leave out all but the messages (platform.claude.com/docs, "Compaction"): the greater of it and their sum counts.
Rule 5: a figure that is not a count is not read, and the usage is marked `estimated` (app/wire/figures.py).
"""

from __future__ import annotations

from typing import Any, Final

from app.wire.figures import Figures
from app.wire.usage import judged, tier
from domain.usage import Usage

_COUNTS: Final = (
    ("input_tokens",),
    ("output_tokens",),
    ("cache_creation_input_tokens",),
    ("cache_read_input_tokens",),
    ("cache_creation", "ephemeral_1h_input_tokens"),
    ("cache_creation", "ephemeral_5m_input_tokens"),
    ("output_tokens_details", "thinking_tokens"),
    ("server_tool_use", "web_search_requests"),
)
_TIERS: Final = {"standard": "default"}
"""Anthropic's name of a tier -> OpenAI's, if they differ."""


class Tally:
    """The counts of one answer as they arrive. `searched` is the number of searches seen in its own blocks."""

    def __init__(self) -> None:
        self.searched = 0
        self.service_tier: str | None = None
        self._faulty = False
        self._turn: dict[str, int] = {}
        self._turns: list[dict[str, int]] = []

    def add(self, reported: Any) -> None:
        """Add one usage object, which may be anything."""
        figures = Figures(reported)
        iterations = [Figures(each) for each in figures.objects("iterations")]
        for path in _COUNTS:
            self._greatest(path[-1], figures.at(*path))
            parts = [part for each in iterations if (part := each.at(*path)) is not None]
            self._greatest(path[-1], sum(parts) if parts else None)
        self._faulty = self._faulty or any(each.faulty for each in (figures, *iterations))
        named = tier(reported.get("service_tier")) if isinstance(reported, dict) else None
        self.service_tier = _TIERS.get(named, named) if named else self.service_tier

    def close_turn(self) -> None:
        self._turns.append(self._turn)
        self._turn = {}

    @property
    def output_tokens(self) -> int:
        return self._sum("output_tokens")

    @property
    def input_tokens(self) -> int:
        """Input tokens of any kind in all closed turns."""
        return sum(map(_read, self._turns))

    @property
    def last_input_tokens(self) -> int:
        """Input tokens of any kind in the last closed turn."""
        return _read(self._turns[-1])

    @property
    def searches(self) -> int:
        """The vendor's count of searches, else the number seen in the blocks."""
        reported = any("web_search_requests" in turn for turn in self._turns)
        return self._sum("web_search_requests") if reported else self.searched

    @property
    def usage(self) -> Usage | None:
        """Usage of all closed turns."""
        needed = {"input_tokens", "output_tokens"}
        if not any(needed & turn.keys() for turn in self._turns):
            return None
        writes = [_cache_writes(turn) for turn in self._turns]
        output = self.output_tokens
        usage = Usage(
            input=self._sum("input_tokens"),
            cached_input=self._sum("cache_read_input_tokens"),
            cache_write=sum(short for short, _ in writes),
            cache_write_1h=sum(long for _, long in writes),
            output=output,
            reasoning=min(self._sum("thinking_tokens"), output),
            web_search_calls=self.searches,
            estimated=self._faulty,
            service_tier=self.service_tier,
        )
        return judged(usage, partial=len(self._turns) > 1 and not all(needed <= turn.keys() for turn in self._turns))

    def _greatest(self, name: str, value: int | None) -> None:
        if value is not None:
            self._turn[name] = max(value, self._turn.get(name, 0))

    def _sum(self, name: str) -> int:
        return sum(turn.get(name, 0) for turn in self._turns)


def _read(turn: dict[str, int]) -> int:
    plain = turn.get("input_tokens", 0) + turn.get("cache_read_input_tokens", 0)
    return plain + sum(_cache_writes(turn))


def _cache_writes(turn: dict[str, int]) -> tuple[int, int]:
    """Tokens cached for five minutes and for an hour. The breakdown may be missing, or come without the total."""
    long, short = turn.get("ephemeral_1h_input_tokens", 0), turn.get("ephemeral_5m_input_tokens", 0)
    total = turn.get("cache_creation_input_tokens", long + short)
    long = min(long, total)
    return total - long, long
