"""A canonical request as the body of Gemini's generateContent and streamGenerateContent (v1beta). The model stands in the address.

Rule: what Gemini has no place for is refused by name. Left out are only `Hints`, and what contents.py lists.
"""

from __future__ import annotations

import msgspec

from app.wire.canonical import CanonicalRequest, Target
from app.wire.gemini.config import generation_config
from app.wire.gemini.contents import write_contents
from app.wire.gemini.tools import select_tools, write_tools


def write_gemini_request(request: CanonicalRequest, target: Target) -> bytes:
    """Raises RequestError for what this upstream's model cannot take."""
    selected = select_tools(request)
    body = write_contents(request, target) | write_tools(selected)
    return msgspec.json.encode(body | {"generationConfig": generation_config(request, target, selected)})
