from __future__ import annotations

import pytest

from app.wire.anthropic.models import model_of

BUDGET = [
    "claude-3-7-sonnet-20250219",
    "claude-opus-4-20250514",
    "claude-opus-4-1-20250805",
    "claude-haiku-4-5@20251001",
]
EFFORT = ["us.anthropic.claude-opus-4-6-v1", "anthropic/claude-opus-4.7", "claude-fable-5", "claude-mythos-preview"]


@pytest.mark.parametrize("name", [*BUDGET, "claude-3-opus-20240229", "some-other-model", "llama-4-8"])
def test_before_4_6_and_elsewhere_thinking_has_a_budget(name: str) -> None:
    assert not model_of(name).adaptive


@pytest.mark.parametrize("name", EFFORT)
def test_since_4_6_thinking_has_an_effort(name: str) -> None:
    assert model_of(name).adaptive


@pytest.mark.parametrize(
    ("name", "structured"),
    [
        ("claude-opus-4-1-20250805", False),
        ("claude-sonnet-4-5-20250929", True),
        ("CLAUDE-HAIKU-5-5", True),
        ("other", False),
    ],
)
def test_structured_outputs_came_with_4_5(name: str, structured: bool) -> None:
    assert model_of(name).structured is structured


@pytest.mark.parametrize(
    ("name", "sampling", "forced", "highest"),
    [
        ("claude-sonnet-4-6", True, True, "max"),
        ("claude-opus-4-7", False, True, "xhigh"),
        ("claude-sonnet-5", False, True, "xhigh"),
        ("claude-fable-5-1", False, False, "xhigh"),
        ("claude-opus-5-5-20260922", False, False, "xhigh"),
        ("claude-next", False, False, "xhigh"),
    ],
)
def test_later_models_support_fewer_parameters(name: str, sampling: bool, forced: bool, highest: str) -> None:
    model = model_of(name)
    assert (model.sampling, model.forced, model.efforts["xhigh"]) == (sampling, forced, highest)


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("claude-sonnet-4-5", "disabled"),
        ("claude-opus-5", "disabled"),
        ("claude-haiku-5-5", "disabled"),
        ("claude-sonnet-5-5-20260928", "between_tools"),
        ("claude-opus-5-5", None),
        ("claude-fable-5", None),
        ("sonnet-of-another", "disabled"),
    ],
)
def test_thinking_cannot_always_be_turned_off(name: str, off: str | None) -> None:
    assert model_of(name).off == off


@pytest.mark.parametrize(
    ("name", "thinks"), [("claude-opus-4-8", False), ("claude-opus-5", True), ("claude-haiku-5-5", True)]
)
def test_since_5_models_think_by_default(name: str, thinks: bool) -> None:
    assert model_of(name).thinks is thinks
