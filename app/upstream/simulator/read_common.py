"""Shared by the readers of both protocols: limits, the output format, and the conversation as it is read."""

from __future__ import annotations

from app.upstream.simulator import files, tokens
from app.upstream.simulator.fields import Fields
from app.upstream.simulator.request import Content, Document, Format, Rejected, ToolResult

INPUT_ITEMS_MAX = 10_000
OUTPUT_TOKENS_MAX = 10_000_000
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Conversation:
    """The conversation so far. The last user message is the prompt; tool results after it are used for the answer."""

    def __init__(self) -> None:
        self.prompt = ""
        self.tokens = 0
        self._results: list[ToolResult] = []
        self._documents: list[Document] = []
        self._images = 0
        self._names: dict[str, str] = {}

    @property
    def content(self) -> Content:
        return Content(self.prompt, tuple(self._results), tuple(self._documents), self._images, self.tokens)

    def begin_user_message(self) -> None:
        """A new prompt. Earlier messages no longer affect the answer, except by their tokens."""
        self.prompt, self._results, self._documents, self._images = "", [], [], 0

    def add_image(self, holder: Fields, name: str) -> None:
        """The image whose URL is the member `name` of `holder`."""
        self._images += 1
        self.tokens += files.image(holder, name, str(holder.require(name)))

    def add_document(self, holder: Fields) -> None:
        document, size = files.document(holder)
        self._documents.append(document)
        self.tokens += size

    def add_call(self, function: Fields, call_id: str | None) -> None:
        """A function call. Calls without an id cannot be answered by id."""
        name = function.text("name", "")
        self.tokens += tokens.count(name) + tokens.count(function.text("arguments", ""))
        if call_id is not None:
            self._names[call_id] = name

    def add_result(self, name: str, output: str) -> None:
        self._results.append(ToolResult(name, output))

    def called_function(self, call_id: str) -> str | None:
        """The name of the function that was called with this id, or None if there was no such call."""
        return self._names.get(call_id)


def read_items(fields: Fields, name: str) -> list[Fields]:
    """The messages or items of a conversation."""
    if len(fields.array(name)) > INPUT_ITEMS_MAX:
        raise Rejected(f"Invalid '{name}': array too long.", param=name, code="array_above_max_length")
    return fields.items(name)


def read_format(options: Fields, *, nested: bool) -> Format:
    """The output format. `nested`: whether the schema's members are wrapped in an object `json_schema`, as on chat."""
    if not options.data:
        return Format()
    kind = options.one_of("type", ("json_object", "json_schema", "text"), None)
    if kind != "json_schema":
        return Format("json_object" if kind == "json_object" else "text")
    if nested:
        options.require("json_schema")
        options = options.table("json_schema")
    options.require("name")
    if not nested:
        options.require("schema")
    return Format("json_schema", options.table("schema").data)
