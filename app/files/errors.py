"""What may be wrong with a file, or with an upload, and how a client is told.

Rule: a file of another account is told exactly as one that never was.
"""

from __future__ import annotations

from app.wire.exchange import RequestError
from domain.file import FILE_BYTES_MAX

ID_SHOWN_MAX = 100


class StorageUnavailable(Exception):
    """The storage of files is out of reach, full, or gave back something else than was put there. Asking again is safe."""


class NoSuchFile(RequestError):
    """No file of this id is there for this account."""

    def __init__(self, file_id: str, param: str = "id") -> None:
        super().__init__(
            f"No such File object: {file_id[:ID_SHOWN_MAX]}", param=param, code="file_not_found", status=404
        )


class FileTooLarge(RequestError):
    """The file is past the limit, noticed as it came."""

    def __init__(self) -> None:
        megabytes = FILE_BYTES_MAX // 2**20
        super().__init__(
            f"The file is larger than {FILE_BYTES_MAX} bytes ({megabytes} MB), the most that one file may have. Split it, or "
            "make its images smaller.",
            param="file",
            code="file_too_large",
            status=413,
        )
