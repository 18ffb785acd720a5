"""A file that was uploaded here, as a request refers to it."""

from __future__ import annotations

import msgspec


class Stored(msgspec.Struct, frozen=True, gc=False):
    """One file's content. `data` is base64 without any prefix, `bytes` the decoded size; `pages` None where nobody could count."""

    media_type: str
    filename: str
    data: str
    bytes: int
    pages: int | None
