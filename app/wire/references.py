"""References (`$ref`) in a client's JSON Schema.

Rule 1: a reference must point into the same schema: "#", or a JSON Pointer after it (RFC 6901). No vendor reads any other.
Rule 2: names of properties and literal values (enum, const, default, examples) are data, never keywords.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

REF: Final = "$ref"
_NAMED: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LITERAL: Final = ("enum", "const", "default", "examples", "example")

Schema = dict[str, Any]


class BadReference(Exception):
    """A reference that cannot be resolved. The message is one clause that says which."""


def subschemas(schema: Any) -> Iterator[Schema]:
    """The schema and every schema inside it."""
    todo = [schema]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value
        elif isinstance(value, dict):
            yield value
            for name, inner in value.items():
                if name in _NAMED and isinstance(inner, dict):
                    todo += inner.values()
                elif name not in _LITERAL:
                    todo.append(inner)


def check_references(schema: Schema) -> None:
    """Raises BadReference for a reference that points nowhere."""
    for inner in subschemas(schema):
        if REF in inner:
            resolved(inner[REF], schema)


def resolved(reference: Any, root: Schema) -> Schema:
    """The schema that a reference points to. Raises BadReference."""
    shown = str(reference)[:100]
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise BadReference(f"its reference '{shown}' does not point into the schema itself")
    place: Any = root
    for step in unquote(reference[2:]).split("/") if len(reference) > 1 else ():
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, list) and name.isdecimal() and len(name) < 6 and int(name) < len(place):
            place = place[int(name)]
        elif isinstance(place, dict) and name in place:
            place = place[name]
        else:
            place = None
    if not isinstance(place, dict):
        raise BadReference(f"its reference '{shown}' points nowhere")
    return place
