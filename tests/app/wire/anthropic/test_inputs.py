"""A function's parameters as Anthropic's input_schema."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.anthropic.inputs import input_schema
from app.wire.anthropic.schemas import UnsupportedSchema
from app.wire.canonical import FunctionTool
from tests.support.wire.anthropic.anthropic_requests import body, make_request, refused

STRING = {"type": "string"}
NUMBER = {"type": "number"}


def test_a_union_at_the_root_is_told_in_words() -> None:
    parameters = {
        "type": "object",
        "properties": {"a": STRING, "b": STRING},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    rule = 'The input must match at least one of these schemas: [{"required":["a"]},{"required":["b"]}]'
    schema = {"type": "object", "properties": {"a": STRING, "b": STRING}}
    assert input_schema(parameters) == (schema, rule)
    made = body(make_request(tools=(FunctionTool("f", "Does.", parameters), FunctionTool("g", None, parameters))))
    assert made["tools"] == [
        {"name": "f", "description": f"Does.\n\n{rule}", "input_schema": schema},
        {"name": "g", "description": rule, "input_schema": schema},
    ]


def test_alternatives_are_merged() -> None:
    one = {
        "type": "object",
        "properties": {"kind": {"const": "a"}, "x": STRING, "own": NUMBER},
        "required": ["kind", "x"],
    }
    two = {"properties": {"kind": {"const": "b"}, "x": STRING}, "required": ["kind"]}
    union = {"oneOf": [one, two, {"type": "null"}], "properties": {"own": STRING}, "required": ["own"]}
    schema, rules = input_schema(union)
    assert schema == {
        "type": "object",
        "properties": {"kind": {"anyOf": [{"const": "a"}, {"const": "b"}]}, "x": STRING, "own": STRING},
        "required": ["own", "kind"],
    }
    assert rules.startswith("The input must match exactly one of these schemas: [{")


def test_all_of_several_schemas() -> None:
    parameters = {
        "allOf": [
            {"$ref": "#/$defs/A"},
            {"properties": {"a": {"maxLength": 3}, "b": NUMBER}, "required": ["b"]},
            {"anyOf": [{"required": ["b"]}]},
        ],
        "$defs": {"A": {"type": ["object", "null"], "properties": {"a": STRING}, "required": ["a"]}},
    }
    assert input_schema(parameters)[0] == {
        "type": "object",
        "$defs": parameters["$defs"],
        "properties": {"a": {"allOf": [STRING, {"maxLength": 3}]}, "b": NUMBER},
        "required": ["a", "b"],
    }


def test_a_reference_at_the_root_is_replaced() -> None:
    definition = {"type": "object", "properties": {"a": {"$ref": "#/$defs/B"}}, "anyOf": [{"required": ["a"]}]}
    parameters = {"$ref": "#/$defs/A", "$defs": {"A": definition, "B": STRING}}
    schema, rules = input_schema(parameters)
    assert schema["properties"] == {"a": {"$ref": "#/$defs/B"}}
    assert ("anyOf" in schema, "$ref" in schema, rules[:40]) == (
        False,
        False,
        "The input must match at least one of the",
    )


@pytest.mark.parametrize("parameters", [None, {}, {"type": ["object", "null"]}, {"anyOf": None}])
def test_a_root_without_a_rule_is_an_object(parameters: Any) -> None:
    schema, rules = input_schema(parameters)
    assert (schema["type"], rules, "anyOf" in schema) == ("object", "", False)


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "string"},
        {"type": ["string", "null"]},
        {"$ref": "#"},
        {"$ref": "https://a.example"},
        {"properties": {"a": {"$ref": "#/$defs/x"}}},
        {"properties": {"a b": STRING}},
        {"properties": {"a" * 65: STRING}},
        {"properties": {"": STRING}},
        {"anyOf": [{"properties": {"é": STRING}}]},
        {"anyOf": {}},
        {"anyOf": [5]},
        {"anyOf": [{"properties": [1]}]},
        {"properties": 5},
        {"anyOf": [{"required": 5}]},
        {"anyOf": [{"$ref": "#"}] * 20},
    ],
)
def test_what_cannot_be_expressed_is_named(parameters: Any) -> None:
    with pytest.raises(UnsupportedSchema):
        input_schema(parameters)
    tools = FunctionTool("f", at="tools[0].function"), FunctionTool("g", None, parameters, at="tools[1].function")
    assert refused(make_request(tools=tools)) == "tools[1].function.parameters"
