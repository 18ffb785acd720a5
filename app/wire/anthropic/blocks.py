"""Turns the content blocks of an answer into events, as blocks start, grow and end.

Rule 1: a block's events are emitted as it arrives. The block of a plain answer starts with all of its content.
Rule 2: consecutive text blocks are one message, because Anthropic splits text at the edges of citations. A citation covers its
        block and is emitted when the block ends.
Rule 3: a search begins with the block that requests it and is done with the block of its results, which may be in a later turn.
Rule 4: blocks and deltas of unknown types are ignored. A known member of the wrong type makes the answer malformed.
Rule 5: `received` is the block in the form that the vendor accepts back, with all of its members.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.answer import (
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    CitationAdded,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    SearchBegun,
)
from app.wire.anthropic.block_state import BlockState, Raw, Search, encoded, id_of, is_text, list_of, text_of
from app.wire.anthropic.ids import client_call_id
from app.wire.anthropic.seals import seal_redacted, seal_thinking
from app.wire.anthropic.tools import SEARCH
from app.wire.relay import malformed


class Block:
    """A block without events, and the base class of all blocks."""

    def __init__(self, state: BlockState, raw: Raw) -> None:
        self.state = state
        self.raw = raw

    def begin(self) -> list[AnswerEvent]:
        return []

    def delta(self, kind: str, delta: Raw) -> list[AnswerEvent]:
        return []

    def end(self) -> list[AnswerEvent]:
        return []

    @property
    def received(self) -> Raw:
        return self.raw


class TextBlock(Block):
    def __init__(self, state: BlockState, raw: Raw) -> None:
        super().__init__(state, raw)
        self._place = state.message, state.length
        self._texts: list[str] = []
        self._citations: list[Any] = list_of(raw, "citations").copy()

    def begin(self) -> list[AnswerEvent]:
        return self._add_text(text_of(self.raw, "text"))

    def delta(self, kind: str, delta: Raw) -> list[AnswerEvent]:
        if kind == "text_delta":
            return self._add_text(text_of(delta, "text"))
        if kind == "citations_delta":
            self._citations.append(delta.get("citation"))
        return []

    def end(self) -> list[AnswerEvent]:
        message, start = self._place
        if message != self.state.message or start == self.state.length:
            return []
        sources = dict.fromkeys(source for citation in self._citations for source in _source(citation))
        return [CitationAdded(url, title, start, self.state.length) for url, title in sources]

    @property
    def received(self) -> Raw:
        citations = {"citations": self._citations} if self._citations else {}
        return {**self.raw, "text": "".join(self._texts), **citations}

    def _add_text(self, text: str) -> list[AnswerEvent]:
        self._texts.append(text)
        return self.state.add_text(text)


class ThinkingBlock(Block):
    def __init__(self, state: BlockState, raw: Raw) -> None:
        super().__init__(state, raw)
        self._key = state.key()
        self._texts: list[str] = []
        self._signature = text_of(raw, "signature")

    def begin(self) -> list[AnswerEvent]:
        self.state.break_message()
        return [ReasoningBegun(self._key), *self._add_thinking(text_of(self.raw, "thinking"))]

    def delta(self, kind: str, delta: Raw) -> list[AnswerEvent]:
        if kind == "thinking_delta":
            return self._add_thinking(text_of(delta, "thinking"))
        if kind == "signature_delta":
            self._signature += text_of(delta, "signature")
        return []

    def end(self) -> list[AnswerEvent]:
        if not self._signature:
            return [ReasoningDone(self._key)]
        return [ReasoningDone(self._key, seal_thinking(self.state.upstream, "".join(self._texts), self._signature))]

    @property
    def received(self) -> Raw:
        return {**self.raw, "thinking": "".join(self._texts), "signature": self._signature}

    def _add_thinking(self, text: str) -> list[AnswerEvent]:
        self._texts.append(text)
        return [ReasoningDelta(self._key, text)] if text else []


class RedactedBlock(Block):
    def begin(self) -> list[AnswerEvent]:
        self.state.break_message()
        key = self.state.key()
        return [ReasoningBegun(key), ReasoningDone(key, seal_redacted(self.state.upstream, text_of(self.raw, "data")))]


class InputBlock(Block):
    """A block with an input, which arrives whole or as pieces of its JSON."""

    def __init__(self, state: BlockState, raw: Raw) -> None:
        super().__init__(state, raw)
        self._pieces: list[str] = []

    def delta(self, kind: str, delta: Raw) -> list[AnswerEvent]:
        if kind != "input_json_delta":
            return []
        piece = text_of(delta, "partial_json")
        self._pieces.append(piece)
        return self._add_input(piece) if piece else []

    def end(self) -> list[AnswerEvent]:
        whole = self.raw.get("input")
        if whole and not any(self._pieces):
            return self._add_input(encoded(whole).decode())
        return []

    @property
    def input(self) -> Raw:
        """The input as an object, empty if it is not one."""
        try:
            whole = msgspec.json.decode("".join(self._pieces)) if any(self._pieces) else self.raw.get("input")
        except (ValueError, RecursionError):
            return {}
        return whole if isinstance(whole, dict) else {}

    @property
    def received(self) -> Raw:
        return {**self.raw, "input": self.input}

    def _add_input(self, piece: str) -> list[AnswerEvent]:
        return []


class CallBlock(InputBlock):
    """The model calls one of the client's functions."""

    def begin(self) -> list[AnswerEvent]:
        self.state.break_message()
        self.state.called = True
        self._key = self.state.key()
        name = id_of(self.raw, "name")
        return [CallBegun(self._key, client_call_id(id_of(self.raw, "id")), self.state.names.get(name, name))]

    def end(self) -> list[AnswerEvent]:
        return [*super().end(), CallDone(self._key)]

    def _add_input(self, piece: str) -> list[AnswerEvent]:
        return [CallDelta(self._key, piece)]


class OutputBlock(InputBlock):
    """The model calls the output tool: its input is the answer's text."""

    def end(self) -> list[AnswerEvent]:
        return super().end() if self.raw.get("input") or any(self._pieces) else self._add_input("{}")

    def _add_input(self, piece: str) -> list[AnswerEvent]:
        return self.state.add_text(piece)


class SearchBlock(InputBlock):
    """The model requests a search."""

    def begin(self) -> list[AnswerEvent]:
        self._search = Search(self.state.key())
        name = id_of(self.raw, "id")
        if name in self.state.searches:
            malformed("The answer contains two searches with the same id.")
        self.state.searches[name] = self._search
        return [SearchBegun(self._search.key)]

    def end(self) -> list[AnswerEvent]:
        query = self.input.get("query")
        self._search.query = query if isinstance(query, str) else ""
        return []


class ResultBlock(Block):
    """The results of a search: a list, or an object with the reason why there are none."""

    def begin(self) -> list[AnswerEvent]:
        search = self.state.searches.pop(id_of(self.raw, "tool_use_id"), None)
        if search is None:
            return []
        found = self.raw.get("content")
        results = found if isinstance(found, list) else []
        urls = [result["url"] for result in results if isinstance(result, dict) and is_text(result.get("url"))]
        failed = not isinstance(found, list)
        self.state.searched += not failed
        return [search.done(urls, failed=failed)]


_BLOCKS: dict[str, type[Block]] = {
    "text": TextBlock,
    "thinking": ThinkingBlock,
    "redacted_thinking": RedactedBlock,
    "tool_use": CallBlock,
    "web_search_tool_result": ResultBlock,
}


def block_of(state: BlockState, raw: Any) -> Block:
    """The block that starts with `raw`."""
    if not isinstance(raw, dict):
        malformed("The answer contains a block that is not an object.")
    kind = raw.get("type")
    if kind == "server_tool_use" and raw.get("name") == SEARCH:
        return SearchBlock(state, raw)
    if kind == "tool_use" and state.output_tool is not None and raw.get("name") == state.output_tool:
        return OutputBlock(state, raw)
    return _BLOCKS.get(kind, Block)(state, raw) if isinstance(kind, str) else Block(state, raw)


def _source(citation: Any) -> list[tuple[str, str]]:
    """URL and title of a citation. Citations of documents have no URL and are ignored; requests do not enable them."""
    if not isinstance(citation, dict) or not is_text(citation.get("url")):
        return []
    url: str = citation["url"]
    title = citation.get("title")
    return [(url, title if is_text(title) else url)]
