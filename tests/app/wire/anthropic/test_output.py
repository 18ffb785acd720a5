from __future__ import annotations

from typing import Any

import pytest

from app.wire.canonical import FunctionTool, TextFormat, ToolChoice
from tests.support.wire.anthropic.anthropic_requests import BUDGETED, LATEST, OLD, body, make_request, refused

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
OPEN = {"type": "object", "additionalProperties": {"type": "string"}}
F = FunctionTool("f", at="tools[0]")


def wanted(schema: Any = CLOSED, **members: Any) -> TextFormat:
    return TextFormat("json_schema", **{"name": "answer", "schema": schema, **members})


def test_a_schema_is_an_output_format() -> None:
    made = body(make_request(format=wanted(description="Say it.", strict=True)))
    assert made["output_config"] == {
        "format": {"type": "json_schema", "schema": {**CLOSED, "title": "answer", "description": "Say it."}}
    }


def test_the_schemas_own_title_and_description_are_kept() -> None:
    schema = {**CLOSED, "title": "Own", "description": "Own."}
    assert (
        body(make_request(format=wanted(schema, description="Say it.")))["output_config"]["format"]["schema"] == schema
    )


def test_objects_are_closed_in_a_format_that_is_not_strict() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    made = body(make_request(format=wanted(schema, name=None)))["output_config"]["format"]["schema"]
    assert made == {**schema, "additionalProperties": False}


@pytest.mark.parametrize("model", [OLD, BUDGETED, "other"])
def test_a_schema_outside_the_subset_becomes_a_tools_input(model: str) -> None:
    made = body(make_request(format=wanted(OPEN, description="Say it.")), model)
    assert "output_config" not in made
    (tool,) = made["tools"]
    assert tool["name"] == "json"
    assert tool["input_schema"] == OPEN
    assert tool["description"].endswith("\n\nSay it.")
    assert made["tool_choice"]["name"] == "json"


def test_the_output_tools_name_is_unique() -> None:
    made = body(make_request(format=wanted(OPEN), tools=(FunctionTool("json"), FunctionTool("json_"))))
    assert [tool["name"] for tool in made["tools"]] == ["json", "json_", "json__"]


def test_the_output_tool_is_forced_if_no_other_may_be_called() -> None:
    made = body(make_request(format=wanted(OPEN), tools=(F,), tool_choice=ToolChoice("none")))
    assert made["tool_choice"] == {"type": "tool", "name": "json", "disable_parallel_tool_use": True}


def test_the_output_tool_is_not_offered_if_a_call_is_required() -> None:
    made = body(make_request(format=wanted(OPEN), tools=(F,), tool_choice=ToolChoice("required")))
    assert [tool["name"] for tool in made["tools"]] == ["f"]
    assert made["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize("format", [TextFormat("json_object"), TextFormat("json_schema", "answer")])
def test_json_without_a_schema_is_rejected(format: TextFormat) -> None:
    assert refused(make_request(format=format)) == "text.format"
    assert refused(make_request(format=format, endpoint="chat")) == "response_format"


def test_a_schema_that_neither_way_supports_is_rejected() -> None:
    assert refused(make_request(format=wanted(OPEN)), LATEST) == "text.format"
    assert refused(make_request(format=wanted({"type": "array", "items": {}}))) == "text.format"
    assert refused(make_request(format=wanted({"type": "string"})), OLD) == "text.format"
