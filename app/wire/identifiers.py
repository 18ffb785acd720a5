"""Identifiers within the length that OpenAI accepts.

Rule: a longer one is replaced by a digest of it, always the same, so that a call and its output still agree.
"""

from __future__ import annotations

import hashlib
from typing import Final

LENGTH_MAX: Final = 64
BOUNDED: Final = ("user", "safety_identifier", "prompt_cache_key")
"""The hints that OpenAI limits to this length."""


def bounded(identifier: str) -> str:
    if len(identifier) <= LENGTH_MAX:
        return identifier
    return hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()
