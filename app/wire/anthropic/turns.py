"""Writes the items of a conversation as Anthropic's `system` and alternating user and assistant messages.

Rule 1: roles alternate and the user comes first: if the assistant begins the conversation, OPENING is put before it. So it is
        if there are only instructions, or only a blank message. After an answer, a blank message of the user is BLANK.
Rule 2: system and developer messages, at any place, are joined in order into `system`, after the instructions.
Rule 3: all results of a turn's calls come first in the user's next turn. A call without an output, or an output without a call, is
        rejected by its path.
Rule 4: blank texts are left out: they carry nothing, and Anthropic rejects them.
Rule 5: an assistant's turn cannot contain images: a generated image is placed at the start of the user's next turn.
Rule 6: a participant's name becomes a text before the message. Searches of earlier turns are left out, because the text that
        follows contains their findings. So is reasoning that this upstream did not seal.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Set
from typing import Any, Final

from app.wire import tags
from app.wire.anthropic.caching import cache_member
from app.wire.anthropic.ids import anthropic_call_id
from app.wire.anthropic.parts import blocks_of, image_block, text_blocks
from app.wire.anthropic.seals import thinking_block
from app.wire.arguments import arguments_object
from app.wire.cache_control import NAME
from app.wire.canonical import (
    CanonicalRequest,
    CustomCall,
    CustomCallOutput,
    FunctionCall,
    FunctionCallOutput,
    Image,
    ImageGenerationCall,
    Item,
    Message,
    Reasoning,
    Target,
    ends_with_the_user,
    unsupported_field,
)

Block = dict[str, Any]
OPENING: Final = "(The conversation begins.)"
BLANK: Final = "(An empty message.)"
IMAGE_NOTE: Final = "(The image that you made:)"
_ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_SYSTEM_ROLES: Final = {"system", "developer"}


class Turns:
    """The conversation as it is built. `messages` and `system` are complete after close()."""

    def __init__(self, request: CanonicalRequest, target: Target) -> None:
        self._request = request
        self._target = target
        self._system: list[Block] = []
        if request.instructions and request.instructions.strip():
            self._system.append({"type": "text", "text": request.instructions})
        self._turns: list[tuple[str, list[Block], list[Block]]] = []
        self._pending_images: list[Block] = []
        self._unanswered: dict[str, tuple[FunctionCall, str]] = {}
        self._calls: dict[str, int] = {}
        self._call_ids = {item.call_id for item in request.items if isinstance(item, FunctionCall)}

    @property
    def system(self) -> str | list[Block]:
        """One text, or blocks if one of them ends a cached prefix."""
        if any(NAME in block for block in self._system):
            return self._system
        return "\n\n".join(block["text"] for block in self._system)

    @property
    def messages(self) -> list[dict[str, Any]]:
        turns = [{"role": role, "content": [*results, *blocks]} for role, results, blocks in self._turns]
        if not turns or turns[0]["role"] == "assistant":
            turns.insert(0, {"role": "user", "content": [{"type": "text", "text": OPENING}]})
        return turns

    def take(self, item: Item) -> None:
        match item:
            case Message(role=role) if role in _SYSTEM_ROLES:
                self._system.extend(text_blocks(self._request, item))
            case Message(role="user"):
                self._user(blocks_of(self._request, self._target, item))
            case Message():
                self._assistant(text_blocks(self._request, item))
            case FunctionCall():
                self._call(item)
            case FunctionCallOutput():
                self._output(item)
            case Reasoning():
                self._assistant(self._thinking(item))
            case ImageGenerationCall():
                image = Image(data=item.data, media_type=item.media_type, at=item.at)
                self._pending_images += [
                    {"type": "text", "text": IMAGE_NOTE},
                    image_block(self._request, self._target, image),
                ]
            case CustomCall() | CustomCallOutput():
                raise unsupported_field(self._request, item.at, "This model supports only function calls.")
            case _:
                pass

    def close(self) -> None:
        if self._pending_images:
            self._user([])
        self._check_all_answered()
        if self._turns and self._turns[-1][0] == "assistant" and ends_with_the_user(self._request):
            self._user([{"type": "text", "text": BLANK}])
        if not self._turns and not self.system and not ends_with_the_user(self._request):
            raise unsupported_field(self._request, "items", "This model needs at least one message that is not empty.")

    def _user(self, blocks: list[Block]) -> None:
        pending, self._pending_images = self._pending_images, []
        self._add("user", [*pending, *blocks])

    def _assistant(self, blocks: list[Block]) -> None:
        if blocks and self._turns and self._turns[-1][0] == "user":
            self._check_all_answered()
        self._add("assistant", blocks)

    def _add(self, role: str, blocks: list[Block]) -> None:
        if blocks:
            self._turn(role)[2].extend(blocks)

    def _turn(self, role: str) -> tuple[str, list[Block], list[Block]]:
        if not self._turns or self._turns[-1][0] != role:
            self._turns.append((role, [], []))
        return self._turns[-1]

    def _call(self, call: FunctionCall) -> None:
        if call.call_id in self._unanswered:
            raise unsupported_field(self._request, call.at, "Two open calls have the same call_id.")
        times = self._calls.get(call.call_id, 0)
        self._calls[call.call_id] = times + 1
        tool_id = _tool_id(call.call_id, times, self._call_ids)
        block: Block = {"type": "tool_use", "id": tool_id, "name": call.name, "input": arguments_object(call.arguments)}
        self._assistant([block | cache_member(call.cache)])
        self._unanswered[call.call_id] = call, tool_id

    def _output(self, output: FunctionCallOutput) -> None:
        if output.call_id not in self._unanswered:
            raise unsupported_field(self._request, output.at, "This model needs each output right after its call.")
        _, tool_id = self._unanswered.pop(output.call_id)
        result: Block = {"type": "tool_result", "tool_use_id": tool_id}
        if content := blocks_of(self._request, self._target, output):
            result["content"] = content
        for block in content:
            result |= {NAME: mark} if (mark := block.pop(NAME, None)) else {}
        result |= cache_member(output.cache)
        self._turn("user")[1].append(result)

    def _check_all_answered(self) -> None:
        for call, _ in self._unanswered.values():
            raise unsupported_field(self._request, call.at, "This model needs the output of each call right after it.")

    def _thinking(self, item: Reasoning) -> list[Block]:
        payload = tags.unseal(item.sealed, self._target.upstream) if item.sealed else None
        if payload is None:
            return []
        block = thinking_block(payload)
        if block is None:
            raise unsupported_field(self._request, item.at, "This is not reasoning of this model.")
        return [block]


def turns_of(request: CanonicalRequest, target: Target, items: Iterable[Item]) -> Turns:
    turns = Turns(request, target)
    for item in items:
        turns.take(item)
    turns.close()
    return turns


def _tool_id(call_id: str, times: int, others: Set[str]) -> str:
    """Anthropic's id for a call: its original, the client's id if valid, else a hash of it. Deterministic and never used twice."""
    if not times and _ID.fullmatch(call_id):
        return anthropic_call_id(call_id, others)
    return "call_" + hashlib.sha256(f"{times} {call_id}".encode()).hexdigest()[:32]
