"""Function names within a vendor's pattern, and back.

Rule: a name that the vendor would refuse is sent under another one, made of its valid characters and a digest of it. It is always
the same, and different for different names. A call in the answer gets the client's name back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from app.wire.canonical import CanonicalRequest, FunctionCall, FunctionTool, Item, Tool, ToolName

_DIGITS: Final = 8
_KEPT_CHARS: Final = 48
_INVALID: Final = re.compile(r"[^a-zA-Z0-9_-]")


def vendor_names(request: CanonicalRequest, valid: re.Pattern[str]) -> dict[str, str]:
    """The client's name of a function -> the vendor's, for those that differ. Earlier calls may name functions not offered now."""
    functions = [tool.name for tool in request.tools if isinstance(tool, FunctionTool)]
    called = [item.name for item in request.items if isinstance(item, FunctionCall)]
    return {name: _substitute(name) for name in (*functions, *called) if not valid.fullmatch(name)}


def client_names(request: CanonicalRequest, valid: re.Pattern[str]) -> dict[str, str]:
    """The vendor's name -> the client's, for those that differ."""
    return {vendor: client for client, vendor in vendor_names(request, valid).items()}


def with_vendor_names(request: CanonicalRequest, valid: re.Pattern[str]) -> CanonicalRequest:
    """The request with the vendor's names of its functions."""
    names = vendor_names(request, valid)
    if not names:
        return request
    choice = request.tool_choice
    if choice is not None:
        only = tuple(ToolName(each.type, names.get(each.name or "", each.name)) for each in choice.only)
        choice = msgspec.structs.replace(choice, only=only)
    return msgspec.structs.replace(
        request,
        tools=tuple(_tool(tool, names) for tool in request.tools),
        items=tuple(_item(item, names) for item in request.items),
        tool_choice=choice,
    )


def _tool(tool: Tool, names: Mapping[str, str]) -> Tool:
    if not isinstance(tool, FunctionTool) or tool.name not in names:
        return tool
    return msgspec.structs.replace(tool, name=names[tool.name])


def _item(item: Item, names: Mapping[str, str]) -> Item:
    if not isinstance(item, FunctionCall) or item.name not in names:
        return item
    return msgspec.structs.replace(item, name=names[item.name])


def _substitute(name: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"f_{_INVALID.sub('_', name)[:_KEPT_CHARS]}_{digest}"
