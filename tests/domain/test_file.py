"""Files: their owner, their lifetime, and their quotas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import buckets
from domain.errors import AccountIsFrozen, FilesFull, InvalidValue, KeyIsRevoked
from domain.events import AccountFrozen, FileDeleted, FileUploaded
from domain.file import (
    EXPIRES_SECONDS_MAX,
    EXPIRES_SECONDS_MIN,
    File,
    Room,
    check_expiry,
    check_purpose,
    delete,
    fold,
    upload_guards,
    upload_refusal,
)
from tests.support.domain.strategies import instants, uploads

ROOM = Room(files=10, bytes=1_000)


def uploaded(expires_after_seconds: int | None = None) -> FileUploaded:
    return FileUploaded(
        "file-1", "acme", "key-1", "0" * 64, 100, 2, "application/pdf", "user_data", expires_after_seconds
    )


def test_a_file_is_there_for_its_account_from_its_upload_to_its_deletion() -> None:
    file = fold("file-1", [(uploaded(), 5)])
    assert (file.version, file.created_at_micros, file.expires_at_micros) == (1, 5, None)
    assert file.belongs_to("acme", 2**60)
    assert not file.belongs_to("other", 5)
    [deleted] = delete(file, reason="deleted")
    assert deleted == FileDeleted("file-1", "acme", 100, "deleted")
    gone = fold("file-1", [(uploaded(), 5), (deleted, 6)])
    assert gone.version == 2
    assert not gone.belongs_to("acme", 6)
    assert delete(gone, reason="deleted") == []


def test_what_was_never_uploaded_is_not_there() -> None:
    nothing = File("file-1")
    assert not nothing.belongs_to("acme", 0)
    assert nothing.expires_at_micros is None
    assert delete(nothing, reason="expired") == []


def test_an_event_of_another_kind_only_counts() -> None:
    assert fold("file-1", [(AccountFrozen("acme", "why", "operator"), 1)]) == File("file-1", version=1)


@given(uploads, instants)
def test_a_file_ends_exactly_when_its_time_is_over(event: FileUploaded, at_micros: int) -> None:
    file = fold(event.file_id, [(event, at_micros)])
    if event.expires_after_seconds is None:
        assert file.belongs_to(event.account_id, at_micros + 10**18)
    else:
        ends = at_micros + event.expires_after_seconds * 1_000_000
        assert file.expires_at_micros == ends
        assert file.belongs_to(event.account_id, ends - 1)
        assert not file.belongs_to(event.account_id, ends)


def test_an_upload_is_guarded_by_its_key_its_account_and_the_room() -> None:
    ceilings = {guard.name(0): guard.ceiling for guard in upload_guards("acme", "key-1", ROOM)}
    assert ceilings == {
        buckets.revoked("key-1"): 0,
        buckets.frozen("acme"): 0,
        buckets.files("acme"): 10,
        buckets.file_bytes("acme"): 1_000,
    }


def test_each_guard_refuses_in_its_own_words() -> None:
    assert isinstance(upload_refusal(ROOM, 100, buckets.revoked("key-1"), 1), KeyIsRevoked)
    assert isinstance(upload_refusal(ROOM, 100, buckets.frozen("acme"), 1), AccountIsFrozen)
    many = upload_refusal(ROOM, 100, buckets.files("acme"), 10)
    assert isinstance(many, FilesFull)
    assert (many.what, many.limit, many.needed, many.available) == ("files", 10, 1, 0)
    large = upload_refusal(ROOM, 100, buckets.file_bytes("acme"), 950)
    assert isinstance(large, FilesFull)
    assert (large.what, large.limit, large.needed, large.available) == ("bytes", 1_000, 100, 50)
    assert "50 bytes are left" in str(large)
    assert "0 bytes are left" in str(upload_refusal(ROOM, 100, buckets.file_bytes("acme"), 1_050))


def test_the_purpose_is_user_data() -> None:
    assert check_purpose("user_data") == "user_data"
    for purpose in ("assistants", "batch", "", "USER_DATA"):
        with pytest.raises(InvalidValue, match="user_data") as caught:
            check_purpose(purpose)
        assert caught.value.field == "purpose"


@given(st.integers(EXPIRES_SECONDS_MIN, EXPIRES_SECONDS_MAX))
def test_a_lifetime_within_bounds_is_taken(seconds: int) -> None:
    assert check_expiry("created_at", str(seconds)) == seconds


def test_a_file_without_a_lifetime_stays() -> None:
    assert check_expiry(None, None) is None


@pytest.mark.parametrize(
    "seconds", [None, "", "3599", "2592001", "-3600", "3600.0", "1e4", "٣٦٠٠", "9" * 5000, " 3600", "never"]
)
def test_a_lifetime_out_of_bounds_is_refused(seconds: str | None) -> None:
    with pytest.raises(InvalidValue, match="3600 to 2592000") as caught:
        check_expiry("created_at", seconds)
    assert caught.value.field == "expires_after[seconds]"


@pytest.mark.parametrize("anchor", [None, "", "last_active_at"])
def test_a_lifetime_begins_at_the_upload(anchor: str | None) -> None:
    with pytest.raises(InvalidValue) as caught:
        check_expiry(anchor, "3600")
    assert caught.value.field == "expires_after[anchor]"
