"""Top-level request members that both protocols share and validate in the same way."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from app.wire.canonical import Hints
from app.wire.request import raw_member, text
from app.wire.splice import Members
from app.wire.strict import invalid, strict

METADATA_MAX = 16
METADATA_NAME_MAX = 64
METADATA_VALUE_MAX = 512

T = TypeVar("T")

_float = msgspec.json.Decoder(float)
_metadata = msgspec.json.Decoder(dict[str, str])


def optional(fields: Members, name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
    """A member decoded by `decoder`, or None if it is absent or null. Raises RequestError."""
    raw = raw_member(fields, name)
    return None if raw is None else strict(raw, decoder, name)


def number(fields: Members, name: str, least: float, most: float) -> float | None:
    """A number from `least` to `most`."""
    value = optional(fields, name, _float)
    if value is not None and not least <= value <= most:
        raise invalid(name, f"Expected a number from {least} to {most}.")
    return value


def hints(fields: Members) -> Hints:
    """The members that do not change the answer."""
    return Hints(
        metadata=_metadata_of(fields),
        user=text(fields, "user"),
        safety_identifier=text(fields, "safety_identifier"),
        prompt_cache_key=text(fields, "prompt_cache_key"),
        prompt_cache_retention=text(fields, "prompt_cache_retention"),
    )


def _metadata_of(fields: Members) -> dict[str, str] | None:
    metadata = optional(fields, "metadata", _metadata)
    if metadata is None:
        return None
    if len(metadata) > METADATA_MAX:
        raise invalid("metadata", f"Expected at most {METADATA_MAX} pairs.")
    if any(len(name) > METADATA_NAME_MAX or len(value) > METADATA_VALUE_MAX for name, value in metadata.items()):
        raise invalid(
            "metadata", f"Names may have at most {METADATA_NAME_MAX} characters, values at most {METADATA_VALUE_MAX}."
        )
    return metadata
