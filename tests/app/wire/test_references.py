"""References in a client's schema."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.references import BadReference, check_references, resolved, subschemas

ROOT: dict[str, Any] = {"$defs": {"a/b": {"type": "string"}, "c~d": {"anyOf": [{"type": "null"}]}}, "title": "T"}


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("#", ROOT),
        ("#/$defs/a~1b", {"type": "string"}),
        ("#/$defs/a~1b".replace("$", "%24"), {"type": "string"}),
        ("#/$defs/c~0d/anyOf/0", {"type": "null"}),
    ],
)
def test_a_reference_is_resolved(reference: str, found: Any) -> None:
    assert resolved(reference, ROOT) == found


@pytest.mark.parametrize(
    "reference",
    [
        "#/$defs/x",
        "#/title",
        "#/title/x",
        "#/$defs/c~0d/anyOf/1",
        "#/$defs/c~0d/anyOf/x",
        "#name",
        "https://a.example/s",
        5,
        None,
    ],
)
def test_a_reference_that_points_nowhere_is_named(reference: Any) -> None:
    with pytest.raises(BadReference, match="its reference"):
        check_references({**ROOT, "properties": {"p": {"items": [{"$ref": reference}]}}})


def test_names_and_values_are_data() -> None:
    schema = {
        "properties": {"$ref": {"type": "string"}, "p": {"default": {"$ref": "x"}, "enum": [{"$ref": "y"}]}},
        "required": ["$ref"],
    }
    check_references(schema)
    assert len(list(subschemas(schema))) == 3
    assert list(subschemas({"properties": 5})) == [{"properties": 5}]
