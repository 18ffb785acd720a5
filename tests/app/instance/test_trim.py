from __future__ import annotations

import pytest

from app.edge.body import BodyBudget
from app.instance import trim as memory
from app.instance.trim import LARGE_BYTES, Trimmer, give_back_freed_memory


async def test_memory_is_asked_for_once_after_large_bodies_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(memory, "give_back_freed_memory", lambda: asked.append(1))
    budget = BodyBudget()
    trimmer = Trimmer(budget)
    budget.reserve(LARGE_BYTES - 1).release()
    await trimmer.turn()
    assert asked == []
    large = budget.reserve(LARGE_BYTES)
    await trimmer.turn()
    assert asked == [], "it is still there"
    large.release()
    await trimmer.turn()
    await trimmer.turn()
    assert asked == [1]


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    give_back_freed_memory()
    monkeypatch.setattr("ctypes.CDLL", lambda _name: object())
    give_back_freed_memory()
