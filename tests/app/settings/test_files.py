"""Where files are kept, and how many an account may have."""

from __future__ import annotations

import pytest

from app.settings import parse
from app.settings.errors import SettingsError


def files(**values: object) -> str:
    return "[files]\n" + "\n".join(f"{name} = {value!r}" for name, value in values.items())


@pytest.mark.parametrize(
    "url",
    [
        *("file:///./data/files", "file:///../files", "file:////var/lib/files", "file:///var/lib/files"),
        *("s3://bucket", "s3://bucket/", "s3://my.bucket-1/a/prefix/", "s3://b/p"),
    ],
)
def test_an_address_of_a_folder_or_a_bucket_is_taken(url: str) -> None:
    settings = parse(files(url=url)).files
    assert settings.url == url
    assert (settings.directory is None) == url.startswith("s3:")


@pytest.mark.parametrize(
    "url",
    [
        *("", "data/files", "file://host/path", "file:///", "file:///.", "http://host/files", "ftp://host"),
        *("s3://", "s3:///prefix", "s3://Bucket/p", "s3://key:secret@bucket/p", "s3://bucket?region=x", "s3:bucket"),
        *("s3://bucket/a b", "s3://bucket/" + "p" * 300),
    ],
)
def test_any_other_address_is_refused_by_its_line(url: str) -> None:
    with pytest.raises(SettingsError, match=r":2: files\.url"):
        parse(files(url=url))


@pytest.mark.parametrize(("name", "value"), [("account_files", 0), ("account_files", -1), ("account_bytes", 1000)])
def test_an_account_has_some_room(name: str, value: int) -> None:
    with pytest.raises(SettingsError, match=rf":2: files\.{name}"):
        parse(files(**{name: value}))
