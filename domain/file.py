"""Uploaded files, which exist from their upload until they are deleted or expire.

Rule 1: a file belongs to one account. For any other account it does not exist.
Rule 2: an expired file does not exist, whether or not a sweep has recorded that yet.
Rule 3: guards on each upload limit an account's files in number and total size, exactly, even with concurrent uploads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from domain import buckets
from domain.buckets import MICROS_PER_SECOND, Guard
from domain.errors import AccountIsFrozen, DomainError, FilesFull, InvalidValue, KeyIsRevoked
from domain.events import Event, FileDeleted, FileUploaded

FILE_BYTES_MAX = 25 * 1024 * 1024
PURPOSE = "user_data"
PDF = "application/pdf"
EXPIRES_SECONDS_MIN = 3600
EXPIRES_SECONDS_MAX = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Room:
    """An account's quota: the maximum number of files, and the maximum number of bytes in total."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class File:
    """A file folded from its stream. `created_at_micros` is the instant at which the store recorded its upload."""

    file_id: str
    version: int = 0
    uploaded: FileUploaded | None = None
    created_at_micros: int = 0
    deleted: bool = False

    @property
    def expires_at_micros(self) -> int | None:
        return None if self.uploaded is None else expiry(self.uploaded, self.created_at_micros)

    def belongs_to(self, account_id: str, now_micros: int) -> bool:
        """Whether the file exists for this account at this instant."""
        if self.uploaded is None or self.deleted or self.uploaded.account_id != account_id:
            return False
        expires_at = self.expires_at_micros
        return expires_at is None or now_micros < expires_at


def expiry(uploaded: FileUploaded, recorded_at_micros: int) -> int | None:
    """The instant at which a file recorded at this instant expires, or None if it never does."""
    if uploaded.expires_after_seconds is None:
        return None
    return recorded_at_micros + uploaded.expires_after_seconds * MICROS_PER_SECOND


def fold(file_id: str, events: Iterable[tuple[Event, int]]) -> File:
    """The file after its events, each with the instant at which it was recorded."""
    file = File(file_id)
    for event, recorded_at_micros in events:
        file = replace(file, version=file.version + 1)
        if isinstance(event, FileUploaded):
            file = replace(file, uploaded=event, created_at_micros=recorded_at_micros)
        elif isinstance(event, FileDeleted):
            file = replace(file, deleted=True)
    return file


def upload_guards(account_id: str, key_id: str, room: Room) -> tuple[Guard, ...]:
    """The guards that an upload must satisfy."""
    return (
        Guard(buckets.revoked(key_id), ceiling=0),
        Guard(buckets.frozen(account_id), ceiling=0),
        Guard(buckets.files(account_id), ceiling=room.files),
        Guard(buckets.file_bytes(account_id), ceiling=room.bytes),
    )


def upload_refusal(room: Room, size: int, bucket: str, value: int) -> DomainError:
    """Why the store refused an upload of `size` bytes: the guarded `bucket` was at `value` before it."""
    kind = bucket.partition(":")[0]
    if kind == "revoked":
        return KeyIsRevoked()
    if kind == "frozen":
        return AccountIsFrozen()
    if kind == "files":
        return FilesFull("files", room.files, 1, room.files - value)
    return FilesFull("bytes", room.bytes, size, room.bytes - value)


def delete(file: File, *, reason: str) -> list[Event]:
    """No events if the file does not exist or is deleted already."""
    if file.uploaded is None or file.deleted:
        return []
    return [FileDeleted(file.file_id, file.uploaded.account_id, file.uploaded.bytes, reason)]


def check_purpose(purpose: str) -> str:
    """Raises InvalidValue."""
    if purpose != PURPOSE:
        raise InvalidValue("purpose", f"purpose must be `{PURPOSE}`: files can only be used as request inputs.")
    return purpose


def check_expiry(anchor: str | None, seconds: str | None) -> int | None:
    """The lifetime requested by the two fields of `expires_after`, in seconds, or None if they are absent. Raises InvalidValue."""
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise InvalidValue(
            "expires_after[anchor]", "expires_after[anchor] must be `created_at`, together with the seconds."
        )
    after = int(seconds) if seconds is not None and seconds.isascii() and seconds.isdigit() and len(seconds) < 10 else 0
    if not EXPIRES_SECONDS_MIN <= after <= EXPIRES_SECONDS_MAX:
        raise InvalidValue(
            "expires_after[seconds]",
            f"expires_after[seconds] must be a whole number from {EXPIRES_SECONDS_MIN} to {EXPIRES_SECONDS_MAX}.",
        )
    return after
