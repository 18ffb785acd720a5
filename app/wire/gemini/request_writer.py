"""Writes a request for Gemini's generateContent and streamGenerateContent (v1beta). The model is part of the URL, not of the body.

Rule: features that Gemini does not support are rejected by name. Only `Hints` and the exceptions listed in contents.py are left
        out.
"""

from __future__ import annotations

import msgspec

from app.wire.canonical import CanonicalRequest, Target
from app.wire.gemini.config import generation_config
from app.wire.gemini.contents import write_contents
from app.wire.gemini.tools import NAME, select_tools, write_tools
from app.wire.tool_names import with_vendor_names


def write_gemini_request(request: CanonicalRequest, target: Target) -> bytes:
    """The upstream's body. Raises RequestError for anything that this model does not support."""
    request = with_vendor_names(request, NAME)
    selected = select_tools(request)
    body = write_contents(request, target) | write_tools(request, selected)
    return msgspec.json.encode(body | {"generationConfig": generation_config(request, target, selected)})
