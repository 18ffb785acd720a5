"""Files in a bucket of S3 or of a compatible server.

Rule 1: a file is one object, with its details in the object's metadata. One request uploads both, and the server checks the
content's MD5 before it accepts it. So there are no partial files and no multipart uploads to clean up.
Rule 2: endpoint, region and credentials come from the usual sources: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and so on,
a profile, or the machine's role.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import botocore.session
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from app.faults import StorageUnavailable
from app.files.storage import FILE_ID, Content, Details, Entry, Spool

CONNECT_SECONDS = 5
READ_SECONDS = 30
ATTEMPTS = 3
CONNECTIONS_MAX = 32
_DETAILS = "details"
_CHUNK = 1024 * 1024
_GONE = ("404", "NoSuchKey", "NotFound")
_details = msgspec.json.Decoder(Details)


class S3Storage:
    """The objects of a bucket under a prefix."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._client: Any = None

    def spool(self) -> Spool:
        try:
            return Spool(tempfile.TemporaryFile())
        except OSError as error:
            raise StorageUnavailable(f"cannot create a temporary file: {error.strerror or error}") from error

    def keep(self, spool: Spool, file_id: str, details: Details) -> None:
        spool.file.flush()
        spool.file.seek(0)
        digest = hashlib.md5(usedforsecurity=False)
        while data := spool.file.read(_CHUNK):
            digest.update(data)
        size = spool.file.tell()
        spool.file.seek(0)
        with _mapped():
            self._call(
                "put_object",
                file_id,
                Body=spool.file,
                ContentLength=size,
                ContentMD5=base64.b64encode(digest.digest()).decode(),
                ContentType=details.media_type,
                Metadata={_DETAILS: base64.urlsafe_b64encode(msgspec.json.encode(details)).decode()},
            )

    def details(self, file_id: str) -> Details | None:
        with _mapped():
            try:
                head = self._call("head_object", file_id)
            except ClientError as error:
                if _is_gone(error):
                    return None
                raise
            try:
                return _details.decode(base64.urlsafe_b64decode(head["Metadata"].get(_DETAILS, "")))
            except ValueError as error:
                raise StorageUnavailable(f"cannot read the details of {file_id}") from error

    def open(self, file_id: str) -> Content | None:
        with _mapped():
            try:
                answer = self._call("get_object", file_id)
            except ClientError as error:
                if _is_gone(error):
                    return None
                raise
            return _S3Content(answer["Body"], answer["ContentLength"])

    def delete(self, file_id: str) -> None:
        with _mapped():
            self._call("delete_object", file_id)

    def entries(self) -> Iterator[Sequence[Entry]]:
        with _mapped():
            pages = (
                self._connected().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            )
            for page in pages:
                found = [(each["Key"].removeprefix(self._prefix), each) for each in page.get("Contents", ())]
                yield [Entry(name, each["LastModified"].timestamp()) for name, each in found if FILE_ID.fullmatch(name)]

    def tidy(self, before: float) -> int:
        return 0  # a spool is an unnamed temporary file, which ends with its process

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _call(self, operation: str, file_id: str, **parameters: Any) -> Any:
        call = getattr(self._connected(), operation)
        return call(Bucket=self._bucket, Key=f"{self._prefix}{file_id}", **parameters)

    def _connected(self) -> Any:
        if self._client is None:
            self._client = botocore.session.get_session().create_client(
                "s3",
                config=Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                    max_pool_connections=CONNECTIONS_MAX,
                    # Not every compatible server supports the newer checksums; all support MD5.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )
        return self._client


class _S3Content:
    def __init__(self, body: Any, size: int) -> None:
        self._body = body
        self.size = size

    def read(self, size: int) -> bytes:
        with _mapped():
            data: bytes = self._body.read(size)
            return data

    def close(self) -> None:
        self._body.close()


def _is_gone(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in _GONE


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise StorageUnavailable(f"S3 refused {error.operation_name}: {code}") from error
    except (BotoCoreError, HTTPClientError, OSError) as error:
        raise StorageUnavailable(f"S3: {type(error).__name__}") from error
