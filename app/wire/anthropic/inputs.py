"""Writes a function's parameters as Anthropic's `input_schema`.

Rule 1: the root is an object without anyOf, oneOf and allOf: Anthropic rejects all tools of a request together if one has them.
        Their properties are merged into the root's, and the rule itself is told to the model in words.
Rule 2: a property that all alternatives require is required. One that they define differently may have any of these forms.
Rule 3: names of the root's properties must match Anthropic's pattern. Others cannot be mapped, because the model writes them.
Rule 4: a reference at the root is replaced by its definition.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from app.wire.anthropic.schemas import UnsupportedSchema
from app.wire.references import REF, BadReference, check_references, resolved

_UNIONS: Final = {"allOf": "all", "anyOf": "at least one", "oneOf": "exactly one"}
_PROPERTY: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_STEPS_MAX: Final = 256

Schema = dict[str, Any]


def input_schema(parameters: Schema | None) -> tuple[Schema, str]:
    """The schema, and the rules that it cannot express, in words ("" if there are none). Raises UnsupportedSchema."""
    given = parameters or {"properties": {}}
    try:
        check_references(given)
        schema = _Flattener(given).flat(given)
        rules = _rules(given, given)
    except BadReference as error:
        raise UnsupportedSchema(str(error)) from error
    for name in _members(schema):
        if not _PROPERTY.fullmatch(name):
            raise UnsupportedSchema(
                f"the property '{name[:100]}' needs a name of 1 to 64 letters, digits, '_', '.' and '-'"
            )
    return schema, rules


class _Flattener:
    """Flattens one schema. The number of steps is bounded: references may multiply alternatives without end."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._steps = 0

    def flat(self, schema: Schema) -> Schema:
        """An object schema without a union at its root."""
        self._steps += 1
        if self._steps > _STEPS_MAX:
            raise UnsupportedSchema("its alternatives are nested too deeply")
        if REF in schema:
            rest = {name: value for name, value in schema.items() if name != REF}
            return self.flat({**resolved(schema[REF], self._root), **rest})
        if not _is_object(schema):
            raise UnsupportedSchema("a function's parameters must be an object")
        flat = {"type": "object", **{name: value for name, value in schema.items() if name not in _UNIONS}}
        flat["type"] = "object"
        for name in _UNIONS:
            if schema.get(name) is not None:
                _merge(flat, self._branches(schema[name]), name)
        return flat

    def _branches(self, union: Any) -> list[Schema]:
        """The alternatives that are objects."""
        if not isinstance(union, list) or not all(isinstance(branch, dict) for branch in union):
            raise UnsupportedSchema("its alternatives are not a list of schemas")
        return [self.flat(branch) for branch in union if REF in branch or _is_object(branch)]


def _rules(schema: Schema, root: Schema) -> str:
    """The schema's rules, in words. Flatten the schema first: that rejects circular references at its root."""
    while REF in schema:
        schema = {**resolved(schema[REF], root), **{name: value for name, value in schema.items() if name != REF}}
    unions = ((words, schema[name]) for name, words in _UNIONS.items() if schema.get(name) is not None)
    return "\n".join(f"The input must match {words} of these schemas: {_json(union)}" for words, union in unions)


def _is_object(schema: Schema) -> bool:
    kind = schema.get("type", "object")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _merge(flat: Schema, branches: list[Schema], name: str) -> None:
    forms: dict[str, list[Any]] = {}
    for branch in branches:
        for member, form in _members(branch).items():
            known = forms.setdefault(member, [])
            known += [] if form in known else [form]
    own = _members(flat)
    many = "allOf" if name == "allOf" else "anyOf"
    merged = {member: found[0] if len(found) == 1 else {many: found} for member, found in forms.items()}
    if merged:
        flat["properties"] = {**merged, **own}
    required = [_required(branch) for branch in branches]
    shared = [
        member
        for member in dict.fromkeys(member for each in required for member in each)
        if name == "allOf" or all(member in each for each in required)
    ]
    if added := [member for member in shared if member not in _required(flat)]:
        flat["required"] = [*_required(flat), *added]


def _members(schema: Schema) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    if not isinstance(properties, dict):
        raise UnsupportedSchema("its properties are not an object")
    return properties


def _required(schema: Schema) -> list[str]:
    required = schema.get("required") or []
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise UnsupportedSchema("its required members are not a list of names")
    return required


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
