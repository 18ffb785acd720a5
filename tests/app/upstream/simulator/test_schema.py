"""Values built for JSON Schemas fit them, use words of the prompt, and are always finite."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.upstream.simulator import schema

STRING = {"type": "string"}


def made(prompt: str, **properties: Any) -> Any:
    return schema.build({"type": "object", "properties": properties, "required": list(properties)}, prompt)


def test_a_name_comes_from_the_prompt() -> None:
    assert made("What is the weather in Toronto?", city=STRING) == {"city": "Toronto"}
    assert made("what is the weather in New York City today?", city=STRING) == {"city": "New York City"}


def test_several_names_are_taken_in_turn() -> None:
    found = made("A flight from Toronto to Paris", origin=STRING, destination=STRING)
    assert found == {"origin": "Toronto", "destination": "Paris"}


def test_a_query_is_the_whole_prompt() -> None:
    assert made("cheap flights to Rome", query=STRING, city=STRING) == {
        "query": "cheap flights to Rome",
        "city": "Rome",
    }


def test_a_whole_number_is_written_without_a_fraction() -> None:
    built = made("Wait for 3 or 2.5 seconds", whole={"type": "number"}, part={"type": "number", "maximum": 2.75})
    assert built == {"whole": 3, "part": 2.5}
    assert [type(value) for value in built.values()] == [int, float]


def test_numbers_come_from_the_prompt_if_they_fit() -> None:
    number = {"type": "integer", "minimum": 1, "maximum": 5}
    assert made("Book a table for 4 on day 17", guests=number) == {"guests": 4}
    assert made("Book a table for 40", guests=number) == {"guests": 1}


@pytest.mark.parametrize(
    ("given_schema", "value"),
    [
        ({"enum": ["celsius", "fahrenheit"]}, "celsius"),
        ({"const": 7}, 7),
        ({"type": "boolean"}, True),
        ({"type": ["null", "integer"]}, 1),
        ({"type": "null"}, None),
        ({"type": "integer", "exclusiveMinimum": 10}, 11),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "minimum": 10, "multipleOf": 7}, 14),
        ({"type": "number", "minimum": 2.5}, 2.5),
        ({"type": "integer", "minimum": 1e308}, 2**53),
        ({"type": "integer", "maximum": -1e308}, -(2**53)),
        ({"type": "integer", "multipleOf": 1e-320}, 1),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "string", "minLength": 5}, "xxxxx"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3}, [1, 1, 1]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, []),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, True),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "boolean"}}}, True),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}}, {"required": ["b"], "properties": {"b": {"const": 2}}}]},
            {"a": 1, "b": 2},
        ),
        (
            {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"const": 1}}}}},
            {"a": {"b": 1}},
        ),
    ],
)
def test_each_kind_of_schema(given_schema: dict[str, Any], value: Any) -> None:
    assert schema.build(given_schema, "") == value


def test_an_enum_takes_the_option_that_the_prompt_mentions() -> None:
    assert schema.build({"enum": ["celsius", "fahrenheit"]}, "in Fahrenheit please") == "fahrenheit"


def test_a_recursive_schema_ends() -> None:
    node: dict[str, Any] = {
        "$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}, "v": STRING}, "required": ["v"]}},
        "$ref": "#/$defs/n",
    }
    assert len(msgspec.json.encode(schema.build(node, "x"))) < 2_000
    assert schema.build({"$ref": "#"}, "x") == "x"
    wide: dict[str, Any] = {
        "$defs": {"n": {"type": "object", "properties": {f"k{at}": {"$ref": "#/$defs/n"} for at in range(40)}}},
        "$ref": "#/$defs/n",
    }
    assert len(msgspec.json.encode(schema.build(wide, "x"))) < 40_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "required",
                    "items",
                    "anyOf",
                    "allOf",
                    "$ref",
                    "enum",
                    "minimum",
                    "multipleOf",
                    "minLength",
                    "minItems",
                    "prefixItems",
                    "format",
                ]
            )
            | st.text(max_size=3),
            inner | st.sampled_from(["object", "array", "string", "integer", "number", "#"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_an_invalid_schema_still_gives_json(nonsense: Any) -> None:
    msgspec.json.encode(schema.build(nonsense, "Tell me about Rome and 5 hills."))
