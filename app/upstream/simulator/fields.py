"""Typed access to a request's fields. Missing, mistyped and out-of-range values are rejected with a vendor's messages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from app.upstream.simulator.directives import DirectiveError, Directives, for_upstream, parse
from app.upstream.simulator.request import Json, Rejected

METADATA_KEYS_MAX = 16
METADATA_KEY_CHARS_MAX = 64
METADATA_VALUE_CHARS_MAX = 512
MODEL_CHARS_MAX = 256
NESTING_MAX = 128

_NAMES = {bool: "boolean", int: "integer", float: "decimal", str: "string", list: "array", dict: "object"}

T = TypeVar("T")


def decode(body: bytes) -> Json:
    """The JSON object of a request's body."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Rejected(
            "We could not parse the JSON body of your request. The API expects a JSON payload, but what was sent was "
            "not valid JSON."
        ) from None
    if _too_deep(body, value):
        raise Rejected(f"Invalid body: nested deeper than {NESTING_MAX} levels.", code="invalid_value")
    if not isinstance(value, dict):
        raise Rejected(f"Invalid body: expected an object, but got {_article(value)} instead.", code="invalid_type")
    return value


def _too_deep(body: bytes, value: Any) -> bool:
    """Whether the body is too deep to be encoded again in an echo. Checked level by level: recursion would hit the same limit."""
    if body.count(b"[") + body.count(b"{") <= NESTING_MAX:
        return False
    level = [value]
    for _ in range(NESTING_MAX):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [leaf for each in inner for leaf in each]
        if not level:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Fields:
    """One object of a request and its path, which errors need."""

    data: Json
    path: str = ""

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def require(self, name: str) -> Any:
        value = self.data.get(name)
        if value is None:
            where = self.at(name)
            raise Rejected(f"Missing required parameter: '{where}'.", param=where, code="missing_required_parameter")
        return value

    def text(self, name: str, default: T) -> str | T:
        return self._typed(name, str, default)

    def flag(self, name: str, default: T) -> bool | T:
        return self._typed(name, bool, default)

    def array(self, name: str) -> list[Any]:
        return self._typed(name, list, [])

    def table(self, name: str) -> Fields:
        """The object called `name`, empty if absent or null."""
        return Fields(self._typed(name, dict, {}), self.at(name))

    def items(self, name: str) -> list[Fields]:
        """An array whose elements are objects."""
        return [self._item(name, at, value) for at, value in enumerate(self.array(name))]

    def integer(self, name: str, low: int, high: int) -> int | None:
        value = self._typed(name, int, None)
        return None if value is None else int(self._bounded(name, value, low, high))

    def number(self, name: str, low: float, high: float) -> float | None:
        value = self.data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.mistyped(name, "a decimal", value)
        return self._bounded(name, value, low, high)

    def one_of(self, name: str, values: Collection[str], default: T) -> str | T:
        value = self.text(name, default)
        if name in self.data and self.data[name] is not None and value not in values:
            raise self.unsupported(name, value, values)
        return value

    def mistyped(self, name: str, expected: str, value: object) -> Rejected:
        where = self.at(name)
        message = f"Invalid type for '{where}': expected {expected}, but got {_article(value)} instead."
        return Rejected(message, param=where, code="invalid_type")

    def unsupported(self, name: str, value: object, values: Collection[str]) -> Rejected:
        where = self.at(name)
        supported = ", ".join(f"'{each}'" for each in sorted(values))
        message = f"Invalid value: '{str(value)[:64]}'. Supported values are: {supported}."
        return Rejected(message, param=where, code="invalid_value")

    def _item(self, name: str, at: int, value: object) -> Fields:
        where = f"{name}[{at}]"
        if not isinstance(value, dict):
            raise self.mistyped(where, "an object", value)
        return Fields(value, self.at(where))

    def _typed(self, name: str, kind: type[Any], default: T) -> Any | T:
        value = self.data.get(name)
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.mistyped(name, _indefinite(_NAMES[kind]), value)
        return value

    def _bounded(self, name: str, value: float, low: float, high: float) -> float:
        if low <= value <= high:
            return value
        side, bound, code = (
            (">=", low, "integer_below_min_value") if value < low else ("<=", high, "integer_above_max_value")
        )
        if isinstance(low, float):
            code = code.replace("integer", "decimal")
        where = self.at(name)
        message = f"Invalid '{where}': expected a value {side} {bound}, but got {value} instead."
        raise Rejected(message, param=where, code=code)


def model(fields: Fields) -> str:
    fields.require("model")
    name = fields.text("model", "")
    if not name or len(name) > MODEL_CHARS_MAX:
        raise Rejected("you must provide a model parameter", param="model")
    return name


def directives(fields: Fields, upstream: str) -> Directives:
    """The directives in `metadata.simulator` for the upstream called `upstream`. Metadata has a vendor's limits."""
    metadata = fields.table("metadata")
    if len(metadata.data) > METADATA_KEYS_MAX:
        raise Rejected(
            f"Invalid 'metadata': too many properties. Expected at most {METADATA_KEYS_MAX}.",
            param="metadata",
            code="object_above_max_properties",
        )
    for key in metadata.data:
        if len(key) > METADATA_KEY_CHARS_MAX or len(str(metadata.text(key, ""))) > METADATA_VALUE_CHARS_MAX:
            raise Rejected("Invalid 'metadata': string too long.", param="metadata", code="string_above_max_length")
    try:
        return for_upstream(parse(metadata.text("simulator", "")), upstream)
    except DirectiveError as error:
        raise Rejected(str(error), param="metadata.simulator", code="invalid_value") from None


def _article(value: object) -> str:
    return "null" if value is None else _indefinite(_NAMES.get(type(value), type(value).__name__))


def _indefinite(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"
