"""Images and files of chat messages in the canonical form."""

from __future__ import annotations

import pytest

from app.wire.canonical import File, Image
from app.wire.chat.media import file, image
from app.wire.chat.shapes import FileBody, ImageUrl
from app.wire.exchange import RequestError
from app.wire.file_ref import StoredFile

FILES = {"file-1": StoredFile("text/plain", "a.txt", "QQ==", 1, None)}


def test_an_image_is_a_url_or_inline() -> None:
    url = "https://a.example/b.png"
    assert image(ImageUrl(url, "low"), "p") == Image(url=url, detail="low", at="p")
    assert image(ImageUrl("data:image/png;base64,QQ=="), "p") == Image(data="QQ==", media_type="image/png", at="p")


def test_an_inline_image_of_another_type_is_rejected() -> None:
    with pytest.raises(RequestError) as caught:
        image(ImageUrl("data:application/pdf;base64,QQ=="), "p")
    assert caught.value.param == "p.image_url.url"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (FileBody(file_data="QQ=="), File(data="QQ==", media_type="application/pdf", at="p")),
        (
            FileBody(file_data="data:text/plain;base64,QQ==", filename="b.txt"),
            File(data="QQ==", media_type="text/plain", filename="b.txt", at="p"),
        ),
        (FileBody(file_id="file-1"), File(data="QQ==", media_type="text/plain", filename="a.txt", at="p")),
        (
            FileBody(file_id="file-1", filename="c.txt"),
            File(data="QQ==", media_type="text/plain", filename="c.txt", at="p"),
        ),
    ],
)
def test_a_file_is_inline_or_uploaded(body: FileBody, expected: File) -> None:
    assert file(body, "p", FILES) == expected


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (FileBody(), "p.file"),
        (FileBody("file-1", "QQ=="), "p.file"),
        (FileBody(file_data=""), "p.file.file_data"),
        (FileBody("file-2"), "p.file.file_id"),
    ],
)
def test_a_file_without_exactly_one_source_is_rejected(body: FileBody, param: str) -> None:
    with pytest.raises(RequestError) as caught:
        file(body, "p", FILES)
    assert caught.value.param == param
