"""Topics unknown to this version: the number of events and the first position. Nothing is silently dropped."""

from __future__ import annotations

from collections.abc import Sequence

from domain.events import UnknownEvent
from projections.contract import Fact, Read
from projections.tables import Change, Table, integer, text

UNKNOWN_TOPICS = Table("unknown_topics", 1, (text("topic"), integer("events"), integer("first_position")))


class UnknownTopics:
    name = "unknown_topics"
    version = 1
    tables = (UNKNOWN_TOPICS,)
    families: frozenset[str] | None = frozenset()

    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]:
        found = [(fact.event.topic, fact.position) for fact in facts if isinstance(fact.event, UnknownEvent)]
        if not found:
            return []
        rows = dict(read(UNKNOWN_TOPICS, {(topic,) for topic, _ in found}))
        for topic, position in found:
            _, events, first = rows.get((topic,), (topic, 0, position))
            rows[(topic,)] = (topic, events + 1, first)
        return [Change(UNKNOWN_TOPICS, "put", list(rows.values()))]
