from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.wire.anthropic.request_writer import BUDGETS, output_tool_name, write_anthropic_request
from app.wire.anthropic.seals import seal_redacted, seal_thinking
from app.wire.canonical import (
    FunctionCall,
    FunctionCallOutput,
    FunctionTool,
    Hints,
    Item,
    Message,
    Reasoning,
    Text,
    TextFormat,
    ToolChoice,
    ToolName,
)
from app.wire.tags import seal
from tests.support.wire.anthropic.anthropic_requests import (
    BUDGETED,
    HI,
    LATE,
    LATER,
    LATEST,
    OLD,
    body,
    make_request,
    refused,
    target,
)

TOOL = FunctionTool("f", at="tools[0]")


def test_a_minimal_request() -> None:
    assert msgspec.json.decode(write_anthropic_request(make_request(HI), target(BUDGETED, max_output_tokens=100))) == {
        "model": BUDGETED,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "stream": False,
    }


def test_a_stream_is_requested() -> None:
    assert body(make_request(stream=True))["stream"] is True


@pytest.mark.parametrize(
    ("member", "value", "param"),
    [
        ("choices", 2, "n"),
        ("seed", 0, "seed"),
        ("presence_penalty", 0.1, "presence_penalty"),
        ("frequency_penalty", -1.0, "frequency_penalty"),
        ("logit_bias", {"1": 1.0}, "logit_bias"),
        ("logprobs", 0, "top_logprobs"),
        ("verbosity", "low", "text.verbosity"),
        ("service_tier", "priority", "service_tier"),
        ("service_tier", "flex", "service_tier"),
    ],
)
def test_unsupported_parameters_are_rejected_by_name(member: str, value: Any, param: str) -> None:
    assert refused(make_request(**{member: value})) == param


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("choices", 1),
        ("presence_penalty", 0.0),
        ("frequency_penalty", 0),
        ("logit_bias", {}),
        ("verbosity", "medium"),
        ("service_tier", "auto"),
        ("summary", "auto"),
        ("max_tool_calls", 3),
        ("parallel_tool_calls", False),
        ("hints", Hints(metadata={"a": "b"}, prompt_cache_key="k", prompt_cache_retention="24h")),
        ("format", TextFormat("text")),
    ],
)
def test_values_that_request_the_default_are_left_out(member: str, value: Any) -> None:
    assert body(make_request(**{member: value})) == body(make_request())


def test_the_default_tier_is_requested() -> None:
    assert body(make_request(service_tier="default"))["service_tier"] == "standard_only"


# -- Sampling -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_a_temperature_is_written(temperature: float) -> None:
    assert body(make_request(temperature=temperature))["temperature"] == temperature


@pytest.mark.parametrize("temperature", [1.1, 2.0, -0.1])
def test_a_temperature_above_one_is_rejected(temperature: float) -> None:
    assert refused(make_request(temperature=temperature)) == "temperature"


def test_top_p_is_written() -> None:
    assert body(make_request(top_p=0.5))["top_p"] == 0.5
    assert "top_p" not in body(make_request(top_p=1.0))


def test_models_that_support_temperature_or_top_p() -> None:
    assert refused(make_request(temperature=0.5, top_p=0.5)) == "top_p"
    both = body(make_request(temperature=1.0, top_p=0.5))
    assert "temperature" not in both
    assert both["top_p"] == 0.5
    older = body(make_request(temperature=0.5, top_p=0.5), OLD)
    assert (older["temperature"], older["top_p"]) == (0.5, 0.5)


def test_models_without_sampling_accept_only_the_defaults() -> None:
    made = body(make_request(temperature=1.0, top_p=1.0), LATER)
    assert "temperature" not in made
    assert "top_p" not in made
    assert refused(make_request(temperature=0.5), LATER) == "temperature"
    assert refused(make_request(top_p=0.99), LATER) == "top_p"


@pytest.mark.parametrize("model", [BUDGETED, LATE])
def test_thinking_restricts_sampling(model: str) -> None:
    assert refused(make_request(effort="low", temperature=0.5), model) == "temperature"
    assert refused(make_request(effort="low", top_p=0.9), model) == "top_p"
    assert body(make_request(effort="low", top_p=0.95), model)["top_p"] == 0.95
    assert body(make_request(effort="low", temperature=1.0), model)["temperature"] == 1.0
    assert body(make_request(effort="none", temperature=0.5), model)["temperature"] == 0.5


# -- Stopping, hints ------------------------------------------------------------------------------------------------------


def test_stop_sequences() -> None:
    assert body(make_request(stop=("END", "\n\nX")))["stop_sequences"] == ["END", "\n\nX"]
    assert refused(make_request(stop=("END", "\n\n"))) == "stop"


@pytest.mark.parametrize(
    ("hints", "user"),
    [
        (Hints(user="u1"), "u1"),
        (Hints(user="u1", safety_identifier="s1"), "s1"),
        (Hints(user="x" * 256), "x" * 256),
        (Hints(user="x" * 257), "15eb95a462ee20bd91a415ae2d4aed341288186ddaa2b37908f7d592f0c3f85f"),
    ],
)
def test_the_end_users_id_is_sent(hints: Hints, user: str) -> None:
    assert body(make_request(hints=hints))["metadata"] == {"user_id": user}


# -- Thinking -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effort", "limit", "budget"),
    [
        ("minimal", 4096, 1024),
        ("low", 4096, 2048),
        ("medium", 4096, 2048),
        ("medium", 20_000, 8192),
        ("high", 128_000, 16_384),
        ("xhigh", 128_000, 32_768),
        ("high", 1025, 1024),
        ("high", 2047, 1024),
        ("high", 2050, 1025),
    ],
)
def test_effort_becomes_a_budget_below_the_limit(effort: str, limit: int, budget: int) -> None:
    made = body(make_request(effort=effort), max_output_tokens=limit)
    assert made["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert "output_config" not in made


def test_no_budget_fits_a_small_limit() -> None:
    assert refused(make_request(effort="low"), max_output_tokens=1024) == "reasoning.effort"


@pytest.mark.parametrize("model", [BUDGETED, LATER, "other"])
def test_no_effort_leaves_thinking_to_the_model_and_none_turns_it_off(model: str) -> None:
    assert "thinking" not in body(make_request(), model)
    assert body(make_request(effort="none"), model)["thinking"] == {"type": "disabled"}


def test_models_that_always_think() -> None:
    assert refused(make_request(effort="none"), LATEST) == "reasoning.effort"
    assert body(make_request(effort="none"), "claude-sonnet-5-5")["thinking"] == {"type": "between_tools"}


@pytest.mark.parametrize("model", [BUDGETED, LATER])
def test_an_unknown_effort_is_rejected(model: str) -> None:
    assert refused(make_request(effort="extreme", endpoint="chat"), model) == "reasoning_effort"


@pytest.mark.parametrize(
    ("model", "effort", "own"),
    [
        (LATE, "minimal", "low"),
        (LATE, "low", "low"),
        (LATE, "medium", "medium"),
        (LATE, "high", "high"),
        (LATE, "xhigh", "max"),
        (LATER, "xhigh", "xhigh"),
        (LATEST, "xhigh", "xhigh"),
    ],
)
def test_effort_is_the_models_own_if_supported(model: str, effort: str, own: str) -> None:
    made = body(make_request(effort=effort), model, max_output_tokens=100)
    assert made["thinking"] == {"type": "adaptive"}
    assert made["output_config"] == {"effort": own}


def test_summaries_are_requested_if_wanted_and_on_chat() -> None:
    shown = {"type": "adaptive", "display": "summarized"}
    assert body(make_request(effort="low", summary="detailed"), LATER)["thinking"] == shown
    assert body(make_request(effort="low", endpoint="chat"), LATER)["thinking"] == shown


def test_summaries_are_requested_from_models_that_think_by_default() -> None:
    shown = {"thinking": {"type": "adaptive", "display": "summarized"}}
    assert body(make_request(summary="auto"), LATEST) == body(make_request(), LATEST) | shown
    assert body(make_request(endpoint="chat"), "claude-opus-5") == body(make_request(), "claude-opus-5") | shown
    assert "thinking" not in body(make_request(summary="auto"), LATER)


def test_budgets_grow_with_effort() -> None:
    assert list(BUDGETS.values()) == sorted(BUDGETS.values())


# -- Forced calls ---------------------------------------------------------------------------------------------------------

REQUIRED = ToolChoice("required")


def test_a_budget_and_a_forced_call_exclude_each_other() -> None:
    assert refused(make_request(tools=(TOOL,), tool_choice=REQUIRED, effort="low")) == "tool_choice"
    made = body(make_request(tools=(TOOL,), tool_choice=REQUIRED, effort="low"), LATE)
    assert made["tool_choice"] == {"type": "any"}


def test_the_latest_models_cannot_be_forced() -> None:
    assert refused(make_request(tools=(TOOL,), tool_choice=REQUIRED), LATEST) == "tool_choice"
    assert (
        refused(make_request(tools=(TOOL,), tool_choice=ToolChoice("required", (ToolName("function", "f"),))), LATEST)
        == "tool_choice"
    )
    assert "tool_choice" not in body(make_request(tools=(TOOL,), tool_choice=ToolChoice("auto")), LATEST)


# -- Structured output within the whole -----------------------------------------------------------------------------------

FORMAT = TextFormat("json_schema", "answer", schema={"type": "object", "properties": {"a": {"type": "string"}}})


def test_a_format_and_an_effort_are_combined() -> None:
    made = body(make_request(format=FORMAT, effort="high"), LATER)
    assert made["output_config"]["effort"] == "high"
    assert made["output_config"]["format"]["type"] == "json_schema"
    assert "tools" not in made


def test_the_output_tool_is_forced() -> None:
    made = body(make_request(format=FORMAT), OLD)
    assert [tool["name"] for tool in made["tools"]] == ["json"]
    assert made["tool_choice"] == {"type": "tool", "name": "json", "disable_parallel_tool_use": True}
    assert output_tool_name(make_request(format=FORMAT), target(OLD)) == "json"
    assert output_tool_name(make_request(format=FORMAT), target(BUDGETED)) is None


def test_the_output_tool_comes_last() -> None:
    made = body(make_request(format=FORMAT, tools=(TOOL,)), OLD)
    assert [tool["name"] for tool in made["tools"]] == ["f", "json"]
    assert made["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


def test_the_output_tool_cannot_be_forced_while_thinking_by_budget() -> None:
    assert refused(make_request(format=FORMAT, effort="low"), OLD) == "text.format"


# -- The end of the conversation ------------------------------------------------------------------------------------------

BEGUN = Message("assistant", (Text("The answer is "),), at="input[1]")


def test_an_assistants_message_at_the_end_is_continued_if_supported() -> None:
    made = body(make_request(HI, BEGUN))
    assert made["messages"][-1] == {"role": "assistant", "content": [{"type": "text", "text": "The answer is"}]}
    assert refused(make_request(HI, BEGUN), LATER) == "input"


def test_a_call_at_the_end_stays() -> None:
    made = body(make_request(HI, Reasoning(sealed=seal_redacted("up", "xyz"))))
    assert made["messages"][-1]["content"] == [{"type": "redacted_thinking", "data": "xyz"}]


def test_a_request_that_is_nested_too_deeply_is_rejected() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(100_000):
        schema = {"type": "object", "not": schema}
    assert refused(make_request(tools=(FunctionTool("f", parameters=schema),))) == "input"


ASKED = Message("user", (Text("Weather?"),), at="input[0]")
CALL, OUTPUT = FunctionCall("c1", "f", "{}", at="input[2]"), FunctionCallOutput("c1", (Text("21"),), at="input[3]")
THOUGHT = Reasoning(sealed=seal_thinking("up", "Look it up.", "sig"), at="input[1]")


@pytest.mark.parametrize(
    ("items", "thinks"),
    [
        ((ASKED, THOUGHT, CALL, OUTPUT), True),
        ((ASKED, CALL, OUTPUT), False),
        ((ASKED, Reasoning(sealed=seal("other", "x"), at="input[1]"), CALL, OUTPUT), False),
        ((ASKED, THOUGHT, CALL, OUTPUT, FunctionCall("c2", "f", "{}"), FunctionCallOutput("c2", (Text("x"),))), True),
        ((ASKED, CALL, OUTPUT, ASKED), False),
        ((ASKED, CALL, OUTPUT, Message("assistant", (Text("21."),)), ASKED), True),
        ((ASKED,), True),
    ],
)
def test_a_turn_of_calls_without_their_reasoning_continues_without_thinking(
    items: tuple[Item, ...], thinks: bool
) -> None:
    made = body(make_request(*items, tools=(TOOL,), effort="low"))
    assert ("thinking" in made) is thinks
