"""The events that carry most of a stream: deltas of text, reasoning and arguments, decoded into one typed struct.

An event in which `response`, `item` or `error` is not null, or a member has another type, is not decoded here. It is read in full
instead, so that both ways of reading judge it alike.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

from app.wire.figures import FIGURE_MAX

Count = Annotated[int, msgspec.Meta(ge=0, le=FIGURE_MAX)]
DeltaType = Literal[
    "response.output_text.delta",
    "response.refusal.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_text.delta",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
]
DELTA_NAMES = frozenset({"", *get_args(DeltaType)})
"""The names of frames that may hold such an event; "" is a frame without a name."""


class TopToken(msgspec.Struct, gc=False):
    logprob: float
    token: str | None = None
    bytes: list[int] | None = None


class Token(TopToken, gc=False):
    top_logprobs: list[TopToken] | None = None


class Delta(msgspec.Struct, gc=False):
    """`response` and `item` are null or absent: no delta has them."""

    type: DeltaType
    delta: str
    sequence_number: Count | None = None
    item_id: str | None = None
    output_index: Count | None = None
    content_index: Count | None = None
    summary_index: Count | None = None
    logprobs: list[Token] | None = None
    response: None = None
    item: None = None
    error: None = None

    def same_place(self, other: Delta) -> bool:
        """Whether both belong to the same text."""
        return (
            self.item_id == other.item_id
            and self.output_index == other.output_index
            and self.content_index == other.content_index
            and self.summary_index == other.summary_index
            and self.type == other.type
        )


_decode = msgspec.json.Decoder(Delta).decode


def read_delta(name: str, data: bytes) -> Delta | None:
    """The event in `data`, or None if it is none of the common deltas."""
    if name not in DELTA_NAMES:
        return None
    try:
        if not data.isascii():
            data.decode()
        return _decode(data)
    except (ValueError, RecursionError):
        return None
