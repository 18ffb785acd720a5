"""Cache breakpoints in requests to Anthropic.

Rule 1: a request may have BREAKPOINTS_MAX of them, the one on top included. Of more, the last ones are kept: each covers all that
        comes before it, in the order tools, system, messages.
Rule 2: the one on top marks the last block. If that block has a mark of its own, the one on top is left out.
Rule 3: an hour may not come after five minutes: such a breakpoint gets five minutes too.
Rule 4: blank texts and thinking carry none. A mark inside a tool's output is put on the whole output, because only the blocks of a
        message can be marked.
Source: Anthropic's documentation of prompt caching.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.wire.cache_control import NAME
from app.wire.canonical import CacheControl

BREAKPOINTS_MAX: Final = 4
_LONG: Final = "1h"

Block = dict[str, Any]


def cache_member(cache: CacheControl | None) -> Block:
    """The member of a block, empty without a mark."""
    if cache is None:
        return {}
    return {NAME: {"type": "ephemeral", **({"ttl": cache.ttl} if cache.ttl else {})}}


def settle_breakpoints(body: Block) -> None:
    """Bring the breakpoints of a whole request within Anthropic's rules, in place."""
    marked = [block for block in _blocks(body) if NAME in block]
    if NAME in body and NAME in body["messages"][-1]["content"][-1]:
        del body[NAME]
    room = BREAKPOINTS_MAX - (NAME in body)
    for block in marked[:-room]:
        del block[NAME]
    short = False
    for holder in (*marked[-room:], *([body] if NAME in body else [])):
        if holder[NAME].get("ttl") != _LONG:
            short = True
        elif short:
            holder[NAME] = {"type": "ephemeral"}


def _blocks(body: Block) -> Iterator[Block]:
    yield from body.get("tools", ())
    if isinstance(system := body.get("system"), list):
        yield from system
    for message in body["messages"]:
        yield from message["content"]
