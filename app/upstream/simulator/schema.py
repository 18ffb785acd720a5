"""Builds a JSON value that fits a JSON Schema, using words of the prompt wherever the schema allows.

Supports the keywords that function and output schemas use: types, enum, const, default, $ref, anyOf, oneOf, allOf, bounds, lengths,
formats.
`pattern` is ignored. Depth and size are limited, so that a recursive schema terminates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

DEPTH_MAX = 12
OPTIONAL_DEPTH_MAX = 4
VALUES_MAX = 1_000
ITEMS_MAX = 100
STRING_CHARS_MAX = 4_096
NUMBER_MAX = 2**53
STEP_MIN = 1e-6

_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_WHOLE = re.compile(r"query|text|prompt|question|message|input|content|body|request|description|summary", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?", re.ASCII)
_PLACED = re.compile(
    r"\b(?:in|for|at|of|to|from|about|near|and|or|with|is|by)\s+(?-i:([A-Z][\w'\u2019-]*(?:\s+[A-Z][\w'\u2019-]*){0,3}))",
    re.IGNORECASE,
)
_LISTED = re.compile(r"(?<=,)\s*([A-Z][\w'\u2019-]*(?:\s+[A-Z][\w'\u2019-]*){0,3})")
_QUOTED = re.compile(r"[\"“]([^\"“”]{1,200})[\"”]")
_NAMED = re.compile(r"(?<!^)(?<![.!?]\s)\b([A-Z][\w'\u2019-]+)")


def names(prompt: str) -> list[str]:
    """The distinct names in the prompt, in order: quoted words, words after a preposition, else capitalized words."""
    prompt = prompt[:STRING_CHARS_MAX]
    placed = sorted((match.start(1), match[1]) for rule in (_PLACED, _LISTED) for match in rule.finditer(prompt))
    found = [match[1] for match in _QUOTED.finditer(prompt)] or [each for _, each in placed]
    return list(dict.fromkeys(found or [match[1] for match in _NAMED.finditer(prompt)]))


def build(schema: Any, prompt: str, name: str = "", subjects: list[str] | None = None) -> Any:
    """A value for `schema`. Its strings take the `subjects` in turn, by default the names in the prompt."""
    builder = _Builder(schema, prompt[:STRING_CHARS_MAX], names(prompt) if subjects is None else subjects)
    return builder.value(schema, name, 0)


class _Builder:
    def __init__(self, root: Any, prompt: str, subjects: list[str]) -> None:
        self.root = root
        self.prompt = prompt.strip()
        self.subjects = subjects
        self.used = 0
        self.left = VALUES_MAX
        self.numbers = [float(each) for each in _NUMBER.findall(prompt)]
        self.makers: dict[str, Callable[[Json, str, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": _true,
            "null": _null,
        }

    def value(self, schema: Any, name: str, depth: int) -> Any:
        self.left -= 1
        schema = self._resolved(schema)
        for fixed in ("const", "default"):
            if fixed in schema:
                return schema[fixed]
        options = schema.get("enum")
        if isinstance(options, list) and options:
            return self._picked(options)
        if depth > DEPTH_MAX or self.left <= 0:
            return None
        return self.makers[_kind(schema)](schema, name, depth)

    def _resolved(self, schema: Any) -> Json:
        """The schema with references resolved, the first alternative chosen and allOf merged."""
        for _ in range(DEPTH_MAX):
            if not isinstance(schema, dict):
                return {}
            if isinstance(reference := schema.get("$ref"), str):
                schema = self._referenced(reference)
            elif alternatives := next((schema[key] for key in ("anyOf", "oneOf") if _filled(schema.get(key))), None):
                schema = alternatives[0]
            elif isinstance(parts := schema.get("allOf"), list) and parts:
                schema = _merged([schema | {"allOf": []}, *(self._resolved_part(part) for part in parts)])
            else:
                return schema
        return {}

    def _resolved_part(self, part: Any) -> Json:
        if isinstance(part, dict) and isinstance(reference := part.get("$ref"), str):
            part = self._referenced(reference)
        return part if isinstance(part, dict) else {}

    def _referenced(self, reference: str) -> Any:
        found = self.root
        for key in reference.removeprefix("#").split("/")[1:]:
            found = found.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        return found

    def _picked(self, options: list[Any]) -> Any:
        """The option that the prompt mentions, else the first."""
        prompt = self.prompt.lower()
        return next((each for each in options if isinstance(each, str) and each and each.lower() in prompt), options[0])

    def _object(self, schema: Json, name: str, depth: int) -> Json:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        required = [each for each in required if isinstance(each, str)] if isinstance(required, list) else []
        wanted = list(properties) if depth < OPTIONAL_DEPTH_MAX else []
        result: Json = {}
        for key in dict.fromkeys([*wanted, *required]):
            if self.left > 0 or key in required:
                result[key] = self.value(properties.get(key, {}), key, depth + 1)
        return result

    def _array(self, schema: Json, name: str, depth: int) -> list[Any]:
        prefix = schema.get("prefixItems")
        result = [self.value(each, name, depth + 1) for each in prefix] if isinstance(prefix, list) else []
        low = _whole(schema.get("minItems"), 0 if depth >= OPTIONAL_DEPTH_MAX else 1)
        high = _whole(schema.get("maxItems"), ITEMS_MAX)
        item = schema.get("items", {})
        while item is not False and len(result) < min(low, high, ITEMS_MAX) and self.left > 0:
            result.append(self.value(item, name, depth + 1))
        return result

    def _string(self, schema: Json, name: str, depth: int) -> str:
        known = _FORMATS.get(str(schema.get("format")))
        if known is not None:
            return known
        low = min(_whole(schema.get("minLength"), 0), STRING_CHARS_MAX)
        high = _whole(schema.get("maxLength"), STRING_CHARS_MAX)
        text = self._words(name)
        if len(text) < low:
            text = (text or "x").ljust(low, "x")
        return text[:high]

    def _words(self, name: str) -> str:
        if _WHOLE.search(name) or not self.subjects:
            return self.prompt[:200] or name
        subject = self.subjects[min(self.used, len(self.subjects) - 1)]
        self.used += 1
        return subject

    def _integer(self, schema: Json, name: str, depth: int) -> int:
        low, high, step = _range(schema, 1.0)
        value = self._near(low, high)
        return int(math.ceil(max(low, value) / step) * step) if math.isfinite(low) else int(value // step * step)

    def _number(self, schema: Json, name: str, depth: int) -> float:
        """A whole number has no fraction, as models write it: some clients read it as an integer."""
        low, high, step = _range(schema, 0.0)
        value = self._near(low, high)
        value = math.ceil(value / step) * step if step else value
        return int(value) if value.is_integer() else value

    def _near(self, low: float, high: float) -> float:
        """The prompt's first number within the bounds, else 1, else the bound closest to it."""
        inside = [each for each in self.numbers if low <= each <= high]
        return inside[0] if inside else min(max(1.0, low), high)


def _true(_schema: Json, _name: str, _depth: int) -> bool:
    return True


def _null(_schema: Json, _name: str, _depth: int) -> None:
    return None


def _filled(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _kind(schema: Json) -> str:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = next((each for each in kinds if each != "null"), "null")
    if kinds in ("object", "array", "string", "integer", "number", "boolean", "null"):
        return str(kinds)
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _merged(parts: list[Json]) -> Json:
    merged: Json = {}
    for part in parts:
        for key, value in part.items():
            if key == "allOf" and not value:
                continue
            if key == "properties" and isinstance(value, dict):
                merged[key] = {**merged.get(key, {}), **value}
            elif key == "required" and isinstance(value, list):
                merged[key] = [*merged.get(key, []), *value]
            else:
                merged[key] = value
    return merged


def _whole(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default


def _range(schema: Json, unit: float) -> tuple[float, float, float]:
    """Lowest and highest allowed value, and the step. An exclusive bound moves by the unit or by a half."""
    low = _real(schema.get("minimum"), -math.inf)
    high = _real(schema.get("maximum"), math.inf)
    low = max(low, _real(schema.get("exclusiveMinimum"), -math.inf) + (unit or 0.5))
    high = min(high, _real(schema.get("exclusiveMaximum"), math.inf) - (unit or 0.5))
    step = _real(schema.get("multipleOf"), unit)
    return low, high, step if step >= STEP_MIN else unit


def _real(value: Any, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return float(min(max(value, -NUMBER_MAX), NUMBER_MAX))
