"""Parameters written as generationConfig."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.canonical import FunctionTool, TextFormat, WebSearchTool
from tests.support.wire.gemini.gemini_requests import NEWEST, OLDER, config, make_request, refused, target

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"temperature": 0.0, "top_p": 0.5}, {"temperature": 0.0, "topP": 0.5}),
        ({"presence_penalty": -1.5, "frequency_penalty": 0.0}, {"presencePenalty": -1.5, "frequencyPenalty": 0.0}),
        ({"seed": -7}, {"seed": -7}),
        ({"stop": ("a", "b")}, {"stopSequences": ["a", "b"]}),
        ({"logprobs": 0}, {"responseLogprobs": True}),
        ({"logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"logit_bias": {}, "verbosity": "medium", "service_tier": "auto", "max_tool_calls": 3}, {}),
        ({"format": TextFormat("text")}, {}),
        ({"format": TextFormat("json_object")}, {"responseMimeType": "application/json"}),
        ({"format": TextFormat("json_schema", "n")}, {"responseMimeType": "application/json"}),
        (
            {"format": TextFormat("json_schema", "n", schema=SCHEMA, strict=True)},
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        ),
    ],
)
def test_a_field_has_its_place(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert config(**fields) == expected


def test_a_formats_description_becomes_part_of_the_schema() -> None:
    form = TextFormat("json_schema", "n", description="An answer.", schema=SCHEMA)
    assert config(format=form)["responseJsonSchema"] == SCHEMA | {"description": "An answer."}
    form = TextFormat("json_schema", "n", description="An answer.", schema=SCHEMA | {"description": "Own."})
    assert config(format=form)["responseJsonSchema"]["description"] == "An answer.\n\nOwn."
    assert "description" not in SCHEMA


@pytest.mark.parametrize("tool", [FunctionTool("f"), WebSearchTool()])
def test_only_the_newest_models_support_json_with_tools(tool: FunctionTool | WebSearchTool) -> None:
    fields: dict[str, Any] = {"format": TextFormat("json_object"), "tools": (tool,)}
    assert config(**fields) == {"responseMimeType": "application/json"}
    refused(make_request(**fields), "text.format", target(OLDER))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"logit_bias": {"1": 2.0}}, "logit_bias"),
        ({"verbosity": "low"}, "text.verbosity"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"stop": ("a", "b", "c", "d", "e", "f")}, "stop"),
        ({"seed": 2**31}, "seed"),
        ({"choices": 2, "stream": True}, "n"),
        ({"choices": 9}, "n"),
    ],
)
def test_unsupported_parameters_are_named(fields: dict[str, Any], param: str) -> None:
    refused(make_request(**fields), param, target(OLDER))


def test_only_plain_answers_of_older_models_have_several_choices() -> None:
    assert config(target(OLDER), choices=8) == {"candidateCount": 8}
    refused(make_request(choices=2), "n", target(NEWEST))


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        (NEWEST, {"effort": "minimal"}, {"thinkingLevel": "minimal"}),
        ("gemini-3-pro-preview", {"effort": "medium"}, {"thinkingLevel": "high"}),
        (NEWEST, {"effort": "high", "summary": "auto"}, {"thinkingLevel": "high", "includeThoughts": True}),
        (NEWEST, {"summary": "detailed"}, {"includeThoughts": True}),
        (OLDER, {"effort": "medium", "summary": "concise"}, {"thinkingBudget": 8192, "includeThoughts": True}),
        (OLDER, {"effort": "none", "summary": "auto"}, {"thinkingBudget": 0}),
    ],
)
def test_an_effort_is_a_level_or_a_budget(model: str, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert config(target(model), **fields) == {"thinkingConfig": expected}


@pytest.mark.parametrize(
    ("model", "effort", "supported"),
    [
        (NEWEST, "xhigh", "minimal, low, medium, high"),
        (NEWEST, "none", "minimal, low, medium, high"),
        ("gemini-2.5-pro", "none", "minimal, low, medium, high"),
        (OLDER, "xhigh", "minimal, low, medium, high, none"),
        ("gemini-2.0-flash", "low", "no reasoning effort"),
    ],
)
def test_an_unsupported_effort_is_rejected_with_the_supported_ones(model: str, effort: str, supported: str) -> None:
    assert f"supports {supported}." in refused(make_request(effort=effort), "reasoning.effort", target(model))


def test_a_model_that_does_not_think_has_no_summary() -> None:
    refused(make_request(summary="auto"), "reasoning.summary", target("gemma-3-27b-it"))
