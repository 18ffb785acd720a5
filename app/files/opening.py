"""Opens the file storage from the settings."""

from __future__ import annotations

from app.files.local import LocalStorage
from app.files.storage import Storage
from app.settings.shape import FilesSettings


def open_storage(settings: FilesSettings) -> Storage:
    """The configured storage. It is not accessed yet."""
    directory = settings.directory
    if directory is not None:
        return LocalStorage(directory)
    from app.files.s3 import S3Storage  # noqa: PLC0415 - its client takes half a second to import

    bucket, _, prefix = settings.url.removeprefix("s3://").partition("/")
    return S3Storage(bucket, prefix.strip("/"))
