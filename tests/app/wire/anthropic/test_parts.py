from __future__ import annotations

from typing import Any

import pytest

from app.wire.canonical import File, Image, Message, Part, Text
from tests.support.wire.anthropic.anthropic_requests import body, make_request, refused

AT = "input[0].content[0]"


def blocks(part: Part, **members: Any) -> Any:
    return body(make_request(Message("user", (part,))), **members)["messages"][0]["content"]


def refusal_of(part: Part, role: Any = "user", endpoint: Any = "responses", **members: Any) -> str:
    return refused(make_request(Message(role, (part,)), endpoint=endpoint), **members)


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/gif", "image/webp"])
def test_an_image(media_type: str) -> None:
    source = {"type": "base64", "media_type": media_type, "data": "aGk="}
    assert blocks(Image(data="aGk=", media_type=media_type)) == [{"type": "image", "source": source}]


def test_jpg_is_jpeg() -> None:
    assert blocks(Image(data="aGk=", media_type="image/JPG"))[0]["source"]["media_type"] == "image/jpeg"


@pytest.mark.parametrize("media_type", ["image/tiff", "text/plain", None])
def test_an_image_of_another_type_is_rejected(media_type: str | None) -> None:
    assert refusal_of(Image(data="aGk=", media_type=media_type, at=AT)) == AT


@pytest.mark.parametrize("detail", [None, "auto", "high", "original"])
def test_other_details_are_accepted(detail: str | None) -> None:
    assert "detail" not in blocks(Image(data="aGk=", media_type="image/png", detail=detail))[0]


def test_low_detail_is_rejected_by_the_clients_name() -> None:
    image = Image(data="aGk=", media_type="image/png", detail="low", at=AT)
    assert refusal_of(image) == f"{AT}.detail"
    assert refusal_of(image, endpoint="chat") == f"{AT}.image_url.detail"


def test_urls_are_sent_only_if_they_may_be_fetched() -> None:
    source = {"type": "url", "url": "https://example.com/x"}
    assert blocks(Image(url="https://example.com/x")) == [{"type": "image", "source": source}]
    assert blocks(File(url="https://example.com/x")) == [{"type": "document", "source": source}]
    assert refusal_of(Image(url="https://example.com/x", at=AT), fetches_urls=False) == AT
    assert refusal_of(File(url="https://example.com/x", at=AT), fetches_urls=False) == AT


def test_a_pdf_is_a_document_with_its_name() -> None:
    file = File(data="aGk=", media_type="application/pdf", filename=" a.pdf ")
    source = {"type": "base64", "media_type": "application/pdf", "data": "aGk="}
    assert blocks(file) == [{"type": "document", "source": source, "title": "a.pdf"}]


@pytest.mark.parametrize("filename", [None, "", "  "])
def test_a_document_without_a_name(filename: str | None) -> None:
    assert "title" not in blocks(File(data="aGk=", media_type="application/pdf", filename=filename))[0]


def test_a_long_name_is_cut() -> None:
    assert len(blocks(File(data="aGk=", media_type="application/pdf", filename="x" * 999))[0]["title"]) == 200


def test_plain_text_is_decoded() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "h\u00e9"}
    assert blocks(File(data="aMOp", media_type="text/plain")) == [{"type": "document", "source": source}]


@pytest.mark.parametrize("data", ["/w==", "!", "aGk"])
def test_invalid_plain_text_is_rejected(data: str) -> None:
    assert refusal_of(File(data=data, media_type="text/plain", at=AT)) == AT


@pytest.mark.parametrize("media_type", ["application/zip", None])
def test_other_files_are_rejected(media_type: str | None) -> None:
    assert refusal_of(File(data="aGk=", media_type=media_type, at=AT)) == AT


@pytest.mark.parametrize("part", [Image(data="aGk=", media_type="image/png", at=AT), File(data="aGk=", at=AT)])
@pytest.mark.parametrize("role", ["system", "developer", "assistant"])
def test_only_user_messages_have_images_and_files(part: Part, role: str) -> None:
    assert refusal_of(part, role) == AT


def test_parts_keep_their_order() -> None:
    parts = (Text("a"), Image(url="https://x/y"), Text("b"))
    made = body(make_request(Message("user", parts)))["messages"][0]["content"]
    assert [block["type"] for block in made] == ["text", "image", "text"]
