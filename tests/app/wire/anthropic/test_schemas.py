from __future__ import annotations

from typing import Any

import pytest

from app.wire.anthropic.schemas import DEPTH_MAX, UnsupportedSchema, supported_schema


def test_a_schema_in_the_subset_stays_as_it_is() -> None:
    schema = {
        "type": "object",
        "title": "Weather",
        "description": "What it is like.",
        "properties": {
            "place": {"type": "string", "format": "uri"},
            "days": {"type": "array", "items": {"$ref": "#/$defs/Day"}, "minItems": 1},
            "kind": {"enum": ["dry", None]},
            "version": {"const": 2},
            "either": {"anyOf": [{"type": "number"}, {"type": "boolean"}]},
        },
        "required": ["place"],
        "additionalProperties": False,
        "$defs": {"Day": {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}},
    }
    assert supported_schema(schema) == schema


def test_objects_are_closed() -> None:
    assert supported_schema({"$schema": "x", "type": "object", "properties": {"a": {"type": "null"}}}) == {
        "type": "object",
        "properties": {"a": {"type": "null"}},
        "additionalProperties": False,
    }
    assert supported_schema({"type": "object", "additionalProperties": False}) == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"type": "integer", "minimum": 1}, {"type": "integer", "description": '{"minimum":1}'}),
        (
            {"type": "integer", "description": "n", "minimum": 1},
            {"type": "integer", "description": 'n\n\n{"minimum":1}'},
        ),
        ({"type": "string", "format": "color"}, {"type": "string", "description": '{"format":"color"}'}),
        ({"type": "array", "minItems": 2}, {"type": "array", "description": '{"minItems":2}'}),
        ({"type": "array", "minItems": 0}, {"type": "array", "minItems": 0}),
        ({"type": "string", "enum": []}, {"type": "string", "description": '{"enum":[]}'}),
        ({"oneOf": [{"type": "null"}], "type": "null"}, {"anyOf": [{"type": "null"}]}),
        ({"allOf": [{"type": "null"}]}, {"allOf": [{"type": "null"}]}),
        ({"type": ["string", "null"], "enum": ["a", None]}, {"enum": ["a", None]}),
        (
            {"type": ["string", "null"], "maxLength": 3, "description": "d", "default": None},
            {
                "description": "d",
                "anyOf": [
                    {"type": "string", "description": '{"default":null,"maxLength":3}'},
                    {"type": "null", "description": '{"default":null}'},
                ],
            },
        ),
        (
            {"type": ["array", "object"], "items": {"type": "null"}, "properties": {"a": {"type": "null"}}},
            {
                "anyOf": [
                    {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": False},
                    {"type": "array", "items": {"type": "null"}},
                ]
            },
        ),
        ({"type": ["null", "string"], "anyOf": [{"type": "null"}]}, {"anyOf": [{"type": "null"}]}),
    ],
)
def test_other_keywords_are_converted_or_described(schema: dict[str, Any], made: dict[str, Any]) -> None:
    assert supported_schema(schema) == made


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "null"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({}, "has no supported type"),
        ({"type": "text"}, "has no supported type"),
        ({"type": 3}, "has no supported type"),
        ({"type": ["string", "text"]}, "has no supported type"),
        ({"type": [{}]}, "has no supported type"),
        ({"type": "object"}, "allows members with any name"),
        ({"type": "object", "additionalProperties": True}, "allows members with any name"),
        (
            {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": {}},
            "allows members with any name",
        ),
        ({"type": "object", "patternProperties": {}, "additionalProperties": False}, "allows members with any name"),
        ({"type": "object", "properties": [1]}, "properties are not an object"),
        ({"type": "object", "properties": {"a": True}}, "not an object"),
        ({"type": "array", "items": [1]}, "not an object"),
        ({"anyOf": []}, "not a list"),
        ({"anyOf": {}}, "not a list"),
        ({"type": "null", "$defs": 1}, "properties are not an object"),
        (nested(DEPTH_MAX + 1), "too deep"),
        ({"type": "array", "items": {"$ref": "#"}}, "recursive"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/A"}}}}, "recursive"),
        (
            {
                "$ref": "#/$defs/A",
                "$defs": {"A": {"anyOf": [{"$ref": "#/definitions/B"}]}},
                "definitions": {"B": {"type": "array", "items": {"$ref": "#/$defs/A"}}},
            },
            "recursive",
        ),
    ],
)
def test_a_schema_outside_the_subset_is_unsupported(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(UnsupportedSchema, match=why):
        supported_schema(schema)


def test_a_schema_may_be_nested_as_deep_as_allowed() -> None:
    assert supported_schema(nested(DEPTH_MAX)) == nested(DEPTH_MAX)


def test_a_propertys_name_is_not_a_keyword() -> None:
    schema = {"type": "object", "properties": {"$ref": {"type": "string"}}, "additionalProperties": False}
    assert supported_schema(schema) == schema
