"""JSON Schemas in the subset that Anthropic's structured outputs and strict tools take.

Rule 1: what is made here allows nothing that the client's schema forbids by shape: objects are closed, oneOf becomes anyOf, a list
        of types becomes one alternative each. An object that must stay open cannot be made, and is Unshaped.
Rule 2: a constraint that the subset lacks (a range, a pattern, a length) is told to the model in the description.
Rule 3: no part of a schema is read twice, so that the work is in proportion to its size.
Source: Anthropic's documentation of structured outputs, and what its own SDKs make of a schema.
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
"""Every type, and the keywords that only some types have."""
_OF_SOME: Final = set().union(*_TYPES.values())


class Unshaped(Exception):
    """The subset has no such schema; the message says why in one clause."""


def shaped(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` in the subset. Raises Unshaped."""
    made = _shaped(schema, 0)
    _acyclic(made)
    return made


def _shaped(schema: Any, depth: int) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise Unshaped("a schema inside it is not an object")
    if depth > DEPTH_MAX:
        raise Unshaped("it is nested too deep")
    kind = schema.get("type")
    if isinstance(kind, list) and not _has_literals(schema) and not schema.keys() & {"$ref", *_ALTERNATIVES}:
        return _one_of_types(schema, kind, depth)
    rest = {name: value for name, value in schema.items() if name not in _IGNORED}
    made = {name: rest.pop(name) for name in _KEPT if name in rest}
    for name in _DEFINITIONS:
        if name in rest:
            made[name] = _each(rest.pop(name), depth)
    _take_kind(rest, made, schema, depth)
    return _described(made, rest)


def _take_kind(rest: dict[str, Any], made: dict[str, Any], schema: dict[str, Any], depth: int) -> None:
    """Moves from `rest` into `made` what says the kind of value: a reference, literals, alternatives, or a type."""
    if "$ref" in made:
        return
    if _has_literals(schema):
        made.update({name: rest.pop(name) for name in ("enum", "const") if name in rest})
        rest.pop("type", None)
        return
    for name, own in _ALTERNATIVES.items():
        if name in rest:
            made[own] = [_shaped(variant, depth + 1) for variant in _list(rest.pop(name))]
            rest.pop("type", None)
            return
    kind = rest.pop("type", None)
    if not isinstance(kind, str) or kind not in _TYPES:
        raise Unshaped("a schema inside it names no type")
    made["type"] = kind
    _take_members(kind, rest, made, schema, depth)


def _take_members(kind: str, rest: dict[str, Any], made: dict[str, Any], schema: dict[str, Any], depth: int) -> None:
    if kind == "object":
        _close(schema)
        made["properties"] = _each(rest.pop("properties", {}), depth)
        made["additionalProperties"] = False
        if "required" in rest:
            made["required"] = rest.pop("required")
    elif kind == "array":
        if "items" in rest:
            made["items"] = _shaped(rest.pop("items"), depth + 1)
        if rest.get("minItems") in (0, 1):
            made["minItems"] = rest.pop("minItems")
    elif kind == "string" and isinstance(rest.get("format"), str) and rest["format"] in _FORMATS:
        made["format"] = rest.pop("format")


def _close(schema: dict[str, Any]) -> None:
    """Raises Unshaped where closing the object would leave out what the client wants in it."""
    extra = schema.get("additionalProperties")
    if (
        isinstance(extra, dict)
        or "patternProperties" in schema
        or (extra is not False and not schema.get("properties"))
    ):
        raise Unshaped("an object inside it has members without names")


def _one_of_types(schema: dict[str, Any], kinds: list[Any], depth: int) -> dict[str, Any]:
    """["string", "null"] and the like: what describes the value stays outside, each type takes its own keywords."""
    outer = {name: schema[name] for name in (*_KEPT, *_DEFINITIONS) if name in schema}
    named = [kind for kind in _TYPES if kind in kinds]
    if len(named) != len(kinds):
        raise Unshaped("a schema inside it names no type")
    apart = {*outer, "type", *_OF_SOME}
    shared = {name: value for name, value in schema.items() if name not in apart}
    own = [{name: schema[name] for name in sorted(_TYPES[kind] & schema.keys())} for kind in named]
    variants = [{**shared, **members, "type": kind} for kind, members in zip(named, own, strict=True)]
    return _shaped({**outer, "anyOf": variants}, depth)


def _acyclic(schema: dict[str, Any]) -> None:
    """Raises Unshaped where a definition leads back to itself, or to the whole."""
    definitions = {f"#/{kind}/{name}": inner for kind in _DEFINITIONS for name, inner in schema.get(kind, {}).items()}
    try:
        TopologicalSorter({name: _references(inner) for name, inner in definitions.items()}).prepare()
    except CycleError as error:
        raise Unshaped("it is recursive") from error
    if "#" in _references(schema):
        raise Unshaped("it is recursive")


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
        raise Unshaped("its properties are not an object")
    return {name: _shaped(schema, depth + 1) for name, schema in schemas.items()}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise Unshaped("its alternatives are not a list")
    return value


def _described(made: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    if rest:
        said = made.get("description")
        rules = msgspec.json.encode(rest).decode()
        made["description"] = f"{said}\n\n{rules}" if isinstance(said, str) and said else rules
    return made
