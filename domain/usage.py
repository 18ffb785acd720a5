"""One answer's usage, in counts. It contains no money, so that the protocol code can use it too.

Rule: kinds are disjoint. Cached input is not also input, and image tokens are not also input or output. Reasoning is part of output
and reported for information only.
"""

from __future__ import annotations

import msgspec


class ImageCount(msgspec.Struct, frozen=True, gc=False):
    """`count` images of one `quality` and `size` (as the protocol spells them; "auto" if it does not say)."""

    quality: str
    size: str
    count: int


class CallCount(msgspec.Struct, frozen=True, gc=False):
    """`count` calls of one `tool`, by its name in the catalog."""

    tool: str
    count: int


class Usage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Counts of one answer: tokens by disjoint kind, calls, images. `estimated`: some of them were counted by us, because the
    upstream's figures were missing or contradictory.

    `service_tier` is the tier named by the answer, or None. `calls` are those of CALLED_TOOLS, in that order.
    """

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    image_input: int = 0
    image_output: int = 0
    web_search_calls: int = 0
    images: tuple[ImageCount, ...] = ()
    estimated: bool = False
    service_tier: str | None = None
    calls: tuple[CallCount, ...] = ()

    @property
    def input_tokens(self) -> int:
        """All input tokens, of any kind."""
        return self.input + self.cached_input + self.cache_write + self.cache_write_1h + self.image_input

    @property
    def output_tokens(self) -> int:
        """All output tokens, of any kind."""
        return self.output + self.image_output

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


CALLED_TOOLS = ("code_interpreter", "computer_use", "custom", "mcp", "namespace")
"""Tools that may be priced per call. A namespace groups other tools: its calls are counted as theirs, never here."""
UNLIMITED_TOOLS = ("computer_use", "custom")
"""The CALLED_TOOLS that the client runs. max_tool_calls does not limit their calls."""

BYTES_PER_TOKEN = 4
TOKENS_PER_IMAGE = 1_000
TOKENS_PER_FILE = 5_000
TOKENS_PER_PAGE = 3_000
"""Estimates for missing counts: a large image by documented figures, a file of a few pages, a dense page with its image."""


def estimate_tokens(text_bytes: int) -> int:
    """Estimated tokens of UTF-8 text: four bytes per token, rounded up."""
    return -(-text_bytes // BYTES_PER_TOKEN)


def estimate_read(text_bytes: int, *, images: int = 0, files: int = 0, pages: int | None = None) -> int:
    """Estimated input tokens of a request. `pages` is the total for all its files, or None if unknown for any file."""
    read_of_files = files * TOKENS_PER_FILE if pages is None else pages * TOKENS_PER_PAGE
    return estimate_tokens(text_bytes) + images * TOKENS_PER_IMAGE + read_of_files
