"""A call's arguments as the JSON object that Anthropic and Gemini need.

Rule: what a model wrote comes back as it was, even if it is no object: cut off at the output limit, for example. It is then sent
inside an object, in the form that Anthropic documents for its fine-grained tool streaming.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

INVALID: Final = "INVALID_JSON"


def arguments_object(arguments: str) -> dict[str, Any]:
    """The object, empty for blank text and null. Of members with the same name, which Google rejects, the last one is kept."""
    if not arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(arguments)
    except (ValueError, RecursionError):
        return {INVALID: arguments}
    if value is None:
        return {}
    return value if isinstance(value, dict) else {INVALID: arguments}
