"""Converts JSON Schemas to the subset that Anthropic's structured outputs and strict tools support.

Rule 1: the result accepts nothing that the client's schema excludes by its structure: objects are closed, oneOf becomes anyOf,
        a list of types becomes one alternative per type. An object that must stay open cannot be converted: UnsupportedSchema.
Rule 2: constraints outside the subset (range, pattern, length) are moved into the description, where the model reads them.
Rule 3: no part of a schema is visited twice, so the work is proportional to its size.
Source: Anthropic's documentation of structured outputs, and the conversion in its own SDKs.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

import msgspec

DEPTH_MAX: Final = 64
_KEPT: Final = ("description", "title", "$ref")
_DEFINITIONS: Final = ("$defs", "definitions")
_ALTERNATIVES: Final = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}
_IGNORED: Final = {"additionalProperties", "$schema", "$id"}
_FORMATS: Final = {
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
}
_NUMBER: Final = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_TYPES: Final[dict[str, set[str]]] = {
    "object": {"properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties"},
    "array": {"items", "minItems", "maxItems", "uniqueItems", "prefixItems"},
    "string": {"format", "pattern", "minLength", "maxLength"},
    "integer": _NUMBER,
    "number": _NUMBER,
    "boolean": set(),
    "null": set(),
}
"""Every type, with the keywords that belong to it."""
_OF_SOME: Final = set().union(*_TYPES.values())


class UnsupportedSchema(Exception):
    """The schema cannot be converted to the subset. The message is one clause that says why."""


def supported_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` converted to the subset. Raises UnsupportedSchema."""
    converted = _convert(schema, 0)
    _acyclic(converted)
    return converted


def _convert(schema: Any, depth: int) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise UnsupportedSchema("a schema inside it is not an object")
    if depth > DEPTH_MAX:
        raise UnsupportedSchema("it is nested too deeply")
    kind = schema.get("type")
    if isinstance(kind, list) and not _has_literals(schema) and not schema.keys() & {"$ref", *_ALTERNATIVES}:
        return _one_of_types(schema, kind, depth)
    rest = {name: value for name, value in schema.items() if name not in _IGNORED}
    converted = {name: rest.pop(name) for name in _KEPT if name in rest}
    for name in _DEFINITIONS:
        if name in rest:
            converted[name] = _each(rest.pop(name), depth)
    _convert_kind(rest, converted, schema, depth)
    return _append_rules(converted, rest)


def _convert_kind(rest: dict[str, Any], converted: dict[str, Any], schema: dict[str, Any], depth: int) -> None:
    """Move the keyword that determines the value's kind from `rest` to `converted`: reference, literals, alternatives or type."""
    if "$ref" in converted:
        return
    if _has_literals(schema):
        converted.update({name: rest.pop(name) for name in ("enum", "const") if name in rest})
        rest.pop("type", None)
        return
    for name, own in _ALTERNATIVES.items():
        if name in rest:
            converted[own] = [_convert(variant, depth + 1) for variant in _list(rest.pop(name))]
            rest.pop("type", None)
            return
    kind = rest.pop("type", None)
    if not isinstance(kind, str) or kind not in _TYPES:
        raise UnsupportedSchema("a schema inside it has no supported type")
    converted["type"] = kind
    _convert_members(kind, rest, converted, schema, depth)


def _convert_members(
    kind: str, rest: dict[str, Any], converted: dict[str, Any], schema: dict[str, Any], depth: int
) -> None:
    if kind == "object":
        _check_closable(schema)
        converted["properties"] = _each(rest.pop("properties", {}), depth)
        converted["additionalProperties"] = False
        if "required" in rest:
            converted["required"] = rest.pop("required")
    elif kind == "array":
        if "items" in rest:
            converted["items"] = _convert(rest.pop("items"), depth + 1)
        if rest.get("minItems") in (0, 1):
            converted["minItems"] = rest.pop("minItems")
    elif kind == "string" and isinstance(rest.get("format"), str) and rest["format"] in _FORMATS:
        converted["format"] = rest.pop("format")


def _check_closable(schema: dict[str, Any]) -> None:
    """Raises UnsupportedSchema if closing the object would exclude members that the client wants."""
    extra = schema.get("additionalProperties")
    if (
        isinstance(extra, dict)
        or "patternProperties" in schema
        or (extra is not False and not schema.get("properties"))
    ):
        raise UnsupportedSchema("an object inside it allows members with any name")


def _one_of_types(schema: dict[str, Any], kinds: list[Any], depth: int) -> dict[str, Any]:
    """Convert a list of types such as ["string", "null"]: descriptions stay outside, each type takes its own keywords."""
    outer = {name: schema[name] for name in (*_KEPT, *_DEFINITIONS) if name in schema}
    named = [kind for kind in _TYPES if kind in kinds]
    if len(named) != len(kinds):
        raise UnsupportedSchema("a schema inside it has no supported type")
    apart = {*outer, "type", *_OF_SOME}
    shared = {name: value for name, value in schema.items() if name not in apart}
    own = [{name: schema[name] for name in sorted(_TYPES[kind] & schema.keys())} for kind in named]
    variants = [{**shared, **members, "type": kind} for kind, members in zip(named, own, strict=True)]
    return _convert({**outer, "anyOf": variants}, depth)


def _acyclic(schema: dict[str, Any]) -> None:
    """Raises UnsupportedSchema if a definition refers back to itself or to the whole schema."""
    definitions = {f"#/{kind}/{name}": inner for kind in _DEFINITIONS for name, inner in schema.get(kind, {}).items()}
    try:
        TopologicalSorter({name: _references(inner) for name, inner in definitions.items()}).prepare()
    except CycleError as error:
        raise UnsupportedSchema("it is recursive") from error
    if "#" in _references(schema):
        raise UnsupportedSchema("it is recursive")


def _references(schema: dict[str, Any]) -> set[str]:
    found, todo = set(), [schema]
    while todo:
        value = todo.pop()
        for name, inner in value.items():
            if name == "$ref" and isinstance(inner, str):
                found.add(inner)
            todo += [each for each in (inner if isinstance(inner, list) else [inner]) if isinstance(each, dict)]
    return found


def _has_literals(schema: dict[str, Any]) -> bool:
    enum = schema.get("enum")
    return "const" in schema or (isinstance(enum, list) and bool(enum))


def _each(schemas: Any, depth: int) -> dict[str, Any]:
    if not isinstance(schemas, dict):
        raise UnsupportedSchema("its properties are not an object")
    return {name: _convert(schema, depth + 1) for name, schema in schemas.items()}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise UnsupportedSchema("its alternatives are not a list")
    return value


def _append_rules(converted: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    if rest:
        description = converted.get("description")
        rules = msgspec.json.encode(rest).decode()
        converted["description"] = (
            f"{description}\n\n{rules}" if isinstance(description, str) and description else rules
        )
    return converted
