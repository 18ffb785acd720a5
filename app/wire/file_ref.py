"""A file that was uploaded here, and how a request refers to it."""

from __future__ import annotations

import msgspec


class StoredFile(msgspec.Struct, frozen=True, gc=False):
    """One file's content. `data` is base64 without any prefix, `bytes` the decoded size; `pages` None where nobody could count."""

    media_type: str
    filename: str
    data: str
    bytes: int
    pages: int | None


class FileRef(msgspec.Struct, frozen=True, gc=False):
    """A request's mention of an uploaded file, and where it stands in the client's body."""

    file_id: str
    param: str
