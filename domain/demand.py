"""The demand of one request on a model, in counts: everything that its bounds depend on. It contains no money, so that the protocol
code can use it too.

Rule: a Demand is built once, when the request is parsed, and never changes. The pages of its files are added as a copy.
"""

from __future__ import annotations

import msgspec

from domain.usage import estimate_read

TOOL_CALLS_DEFAULT = 8
"""Calls of priced tools in one answer if the client set no max_tool_calls. It is written into the upstream request."""
TOOL_CALLS_MAX = 100
"""The most calls of priced tools that a client may allow in one answer."""


class Demand(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Limits are as the client set them, or None if it set none.

    `text_bytes` bounds the tokens of everything except inline images and files, which `images` and `files` count. `pages` is the
    number of pages of all files together, or None if the pages of one are unknown. `tools` are the names that catalogs use.
    `service_tier` is the tier requested. `shaped`: whether the output must have a given form. `compacts`: whether the vendor may
    summarise the conversation within the answer, which reads it once more.
    """

    text_bytes: int
    images: int = 0
    files: int = 0
    pages: int | None = None
    choices: int = 1
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    tools: frozenset[str] = frozenset()
    service_tier: str | None = None
    shaped: bool = False
    compacts: bool = False

    @property
    def estimated_tokens(self) -> int:
        """The input tokens of the request, for an answer whose upstream reported none."""
        return estimate_read(self.text_bytes, images=self.images, files=self.files, pages=self.pages)
