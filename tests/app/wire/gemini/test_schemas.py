"""A function's parameters within Google's bounds."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.canonical import FunctionTool
from tests.support.wire.gemini.gemini_requests import body, make_request, refused


def written(parameters: Any) -> Any:
    made = body(make_request(tools=(FunctionTool("f", parameters=parameters),)))
    return made["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]


def test_a_reference_has_no_other_members_beside_it() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}
    labelled = {"$ref": "#/$defs/N", "description": "First."}
    assert written({"type": "object", "properties": {"a": labelled}, "$defs": {"N": node}}) == {
        "type": "object",
        "properties": {"a": {"description": "First.", "anyOf": [{"$ref": "#/$defs/N"}]}},
        "$defs": {"N": node},
    }


def test_the_root_is_an_object() -> None:
    assert written({"properties": {}}) == {"type": "object", "properties": {}}
    assert written({"type": ["object", "null"]}) == {"type": ["object", "null"]}
    referred = {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}}}
    assert written(referred) == referred


@pytest.mark.parametrize("parameters", [{"type": "string"}, {"items": {"$ref": "#/x"}}, {"$ref": "https://a.example"}])
def test_what_gemini_cannot_read_is_named(parameters: Any) -> None:
    refused(make_request(tools=(FunctionTool("f", parameters=parameters, at="tools[0]"),)), "tools[0].parameters")
    refused(make_request(tools=(FunctionTool("f", parameters=parameters),)), "tools")
