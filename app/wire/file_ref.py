"""A file uploaded to the gateway, and a request's reference to it."""

from __future__ import annotations

import msgspec


class StoredFile(msgspec.Struct, frozen=True, gc=False):
    """The content of one file. `data` is plain base64, `bytes` the decoded size; `pages` is None if they could not be counted."""

    media_type: str
    filename: str
    data: str
    bytes: int
    pages: int | None


class FileRef(msgspec.Struct, frozen=True, gc=False):
    """A reference to an uploaded file, and its path in the client's body."""

    file_id: str
    param: str
