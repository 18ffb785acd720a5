"""Reads answers of Anthropic's Messages API, streamed or plain, into events.

Rule 1: an answer begins with one message_start; another one in the same turn only adds usage. Other events before it are malformed.
Rule 2: a block ends at its stop event or at the end of the turn. A delta of a block that never began is malformed; a stop is not.
Rule 3: the turn ends at message_stop, or at the end of the stream if there was a stop reason. Without one the answer is malformed,
        unless message_stop after usage, or the end of a plain answer, show that its text or calls are whole.
Rule 4: a paused turn is continued with its blocks exactly as received, at most CONTINUATIONS_MAX times, and only while output
        tokens are left and the hold covers the next turn's input (estimated as the last turn's). After that the answer counts
        as cut by its length. If no searches are left, the turn continues without searching. Usage is summed and reported once.
Rule 5: a turn without text or calls that stopped for a reason unknown here was declined: an error.
Rule 6: an error event ends the answer. Unknown events are ignored.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from app.wire.answer import AnswerBegun, AnswerEnded, AnswerEvent, ChoiceFinished, FinishReason
from app.wire.anthropic.block_state import BlockState, encoded, list_of
from app.wire.anthropic.blocks import Block, block_of
from app.wire.anthropic.errors import answer_error
from app.wire.anthropic.request_writer import BUDGET_MIN, output_tool_name, request_body
from app.wire.anthropic.tools import NAME, SEARCH
from app.wire.anthropic.usage import Tally
from app.wire.canonical import CanonicalRequest, Target, WebSearchTool
from app.wire.envelope import error_in
from app.wire.figures import place
from app.wire.finish_words import known_reason, refuse_failed, word_of
from app.wire.relay import decoded, malformed
from app.wire.tool_names import client_names

CONTINUATIONS_MAX: Final = 8
_REASON_LENGTH_MAX: Final = 64
PAUSED: Final = "pause_turn"
_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    PAUSED: "length",
    "refusal": "content_filter",
}
_TURN_EVENTS: Final = {
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
}
_any = msgspec.json.Decoder()
_Object = dict[str, Any]


class AnthropicAnswerReader:
    def __init__(self, request: CanonicalRequest, target: Target) -> None:
        self._may_pause = any(isinstance(tool, WebSearchTool) for tool in request.tools)
        # Without a pause there is no continuation, so the conversation need not be kept.
        self._request = request if self._may_pause else msgspec.structs.replace(request, items=())
        self._target = target
        self._state = BlockState(target.upstream, output_tool_name(request, target))
        self._state.names = client_names(request, NAME)
        self._tally = Tally()
        self._began = False
        self._in_turn = False
        self._counted = False
        self._ended = False
        self._stop_reason: str | None = None
        self._open: dict[int, Block] = {}
        self._received: list[_Object] = []
        self._paused = False
        self._continuations = 0

    def frame(self, name: str, data: bytes) -> list[AnswerEvent]:
        if self._ended or self._paused or data.strip() == b"[DONE]":
            return []
        event = _object(data)
        kind = event.get("type")
        if kind == "error" or error_in(event):
            raise answer_error(event)
        return self._read_event(kind if isinstance(kind, str) else name, event)

    def end(self) -> list[AnswerEvent]:
        if self._ended or self._paused:
            return []
        return self._end_turn()

    def whole(self, body: bytes) -> list[AnswerEvent]:
        message = _object(body)
        if message.get("type") == "error" or error_in(message):
            raise answer_error(message)
        events = self._start({"message": message})
        for raw in list_of(message, "content"):
            block = block_of(self._state, raw)
            events += [*block.begin(), *block.end()]
            self._remember(block)
        self._read_stop_reason(message)
        return [*events, *self._stop(is_whole=True)]

    def continuation(self) -> bytes | None:
        if not self._paused:
            return None
        self._paused = self._in_turn = False
        self._stop_reason = None
        self._counted = False
        self._continuations += 1
        body = request_body(self._request, self._target)
        if self._received:
            _append_assistant(body["messages"], self._received)
        body["max_tokens"] = self._output_left
        _lower_budget(body)
        for tool in body["tools"]:
            if tool["name"] == SEARCH and "max_uses" in tool:
                left = tool["max_uses"] - self._tally.searches
                tool["max_uses"] = max(1, left)
                if left < 1:
                    body["tool_choice"] = {"type": "none"}
        return encoded(body)

    @property
    def _output_left(self) -> int:
        return self._target.max_output_tokens - self._tally.output_tokens

    def _read_event(self, kind: str, event: _Object) -> list[AnswerEvent]:
        if not self._in_turn and kind in _TURN_EVENTS:
            malformed("The answer continues before it began.")
        match kind:
            case "message_start":
                return self._start(event)
            case "content_block_start":
                return self._begin_block(event)
            case "content_block_delta":
                return self._extend_block(event)
            case "content_block_stop":
                return self._end_block(event)
            case "message_delta":
                return self._message_delta(event)
            case "message_stop":
                return self._stop(is_whole=self._counted)
            case _:
                return []

    def _start(self, event: _Object) -> list[AnswerEvent]:
        message = event.get("message")
        if not isinstance(message, dict):
            malformed("The answer starts without a message.")
        self._tally.add(message.get("usage"))
        self._in_turn = True
        if self._began:
            return []
        self._began = True
        return [AnswerBegun(_word(message.get("id")), _word(message.get("model")), self._tally.service_tier)]

    def _begin_block(self, event: _Object) -> list[AnswerEvent]:
        index = _index(event)
        if index in self._open:
            malformed("The answer starts a block twice.")
        block = block_of(self._state, event.get("content_block"))
        self._open[index] = block
        return block.begin()

    def _extend_block(self, event: _Object) -> list[AnswerEvent]:
        block = self._open.get(_index(event))
        delta = event.get("delta")
        if block is None or not isinstance(delta, dict):
            malformed("The answer continues a block that it never started.")
        kind = delta.get("type")
        return block.delta(kind, delta) if isinstance(kind, str) else []

    def _end_block(self, event: _Object) -> list[AnswerEvent]:
        block = self._open.pop(_index(event), None)
        if block is None:
            return []
        events = block.end()
        self._remember(block)
        return events

    def _message_delta(self, event: _Object) -> list[AnswerEvent]:
        usage = event.get("usage")
        self._tally.add(usage)
        self._counted = self._counted or bool(usage)
        delta = event.get("delta")
        if isinstance(delta, dict):
            self._read_stop_reason(delta)
        return []

    def _end_turn(self) -> list[AnswerEvent]:
        reason = self._stop_reason
        if reason is None:
            malformed("The answer ended before it was complete.")
        events = [event for index in sorted(self._open) for event in self._end_block({"index": index})]
        self._tally.close_turn()
        self._tally.searched = self._state.searched
        if reason == PAUSED and self._may_continue():
            self._paused = True
            return events
        self._ended = True
        events += self._state.abandon_searches()
        usage = self._tally.usage
        return [*events, ChoiceFinished(self._finish_reason(reason)), AnswerEnded(usage, self._tally.service_tier)]

    def _may_continue(self) -> bool:
        if not self._may_pause:
            malformed("The answer paused, but the request has nothing that can pause it.")
        thinks = request_body(self._request, self._target).get("thinking", {}).get("type") == "enabled"
        next_input_tokens = self._tally.input_tokens + self._tally.last_input_tokens
        input_tokens_max = self._target.max_input_tokens
        return (
            self._continuations < CONTINUATIONS_MAX
            and self._output_left > (BUDGET_MIN if thinks else 0)
            and (input_tokens_max is None or next_input_tokens <= input_tokens_max)
        )

    def _finish_reason(self, stop_reason: str) -> FinishReason:
        """Unknown reasons end an answer normally if it has content. The input of the output tool is text, not a call."""
        if stop_reason == "tool_use":
            known: FinishReason | None = "tool_calls" if self._state.called else None
        else:
            known = _REASONS.get(stop_reason) or known_reason(stop_reason)
            if known == "stop" and self._state.called:
                known = "tool_calls"
        if known is None and not (self._state.spoke or self._state.called):
            malformed(f"The upstream's model gave no answer: {stop_reason[:_REASON_LENGTH_MAX]}.")
        return known or "stop"

    def _read_stop_reason(self, holder: _Object) -> None:
        word = word_of(holder.get("stop_reason"))
        refuse_failed(word)
        self._stop_reason = word or self._stop_reason

    def _stop(self, *, is_whole: bool) -> list[AnswerEvent]:
        """End a turn whose end has come. Without a stop reason, it is whole if it has text or calls and `is_whole` is set."""
        if self._stop_reason is None and is_whole and (self._state.spoke or self._state.called):
            self._stop_reason = "end_turn"
        return self._end_turn()

    def _remember(self, block: Block) -> None:
        if self._may_pause:
            self._received.append(block.received)


def _append_assistant(messages: list[_Object], blocks: list[_Object]) -> None:
    """Add the paused turn at the end, merged into the client's last message if that is the assistant's."""
    if messages[-1]["role"] == "assistant":
        blocks = [*messages.pop()["content"], *blocks]
    messages.append({"role": "assistant", "content": blocks})


def _lower_budget(body: _Object) -> None:
    thinking = body.get("thinking", {})
    if "budget_tokens" in thinking:
        thinking["budget_tokens"] = min(thinking["budget_tokens"], body["max_tokens"] - 1)


def _object(data: bytes) -> _Object:
    value = decoded(_any, data)
    if not isinstance(value, dict):
        malformed("The answer is not a JSON object.")
    return value


def _index(event: _Object) -> int:
    index = place(event.get("index"))
    if index is None:
        malformed("The answer contains a block without an index.")
    return index


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
