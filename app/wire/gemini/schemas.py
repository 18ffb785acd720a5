"""Brings a client's JSON Schema within the bounds that Google documents for it.

Rule 1: next to a `$ref`, Gemini accepts only members that begin with `$`. Others keep their place, with the reference in an `anyOf`
        of one.
Rule 2: a function's parameters are an object. If the type is absent, it is added.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.references import REF, BadReference, check_references, subschemas

Json = dict[str, Any]


def object_schema(schema: Json) -> Json:
    """A function's parameters. Raises BadReference for a schema that Gemini cannot read."""
    check_references(schema)
    mixed = any(REF in inner and _plain(inner) for inner in subschemas(schema))
    written = _apart(schema) if mixed else schema
    if "type" not in written and REF not in written:
        return {"type": "object", **written}
    kind = written.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise BadReference("a function's parameters must be an object")
    return written


def _apart(schema: Json) -> Json:
    """A copy in which no reference has other members next to it."""
    copy: Json = msgspec.json.decode(msgspec.json.encode(schema))
    for inner in list(subschemas(copy)):
        if REF in inner and _plain(inner) and "anyOf" not in inner:
            inner["anyOf"] = [{REF: inner.pop(REF)}]
    return copy


def _plain(schema: Json) -> bool:
    return any(not name.startswith("$") for name in schema)
