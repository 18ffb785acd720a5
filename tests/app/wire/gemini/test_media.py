"""Images and files, inline and by URL."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.canonical import CanonicalRequest, File, FunctionCall, FunctionCallOutput, Image, Message, Text
from tests.support.wire.gemini.gemini_requests import NEWEST, OLDER, body, contents, make_request, refused, target

AT = "input[0].content[0]"


def showing(*parts: Image | File | Text) -> CanonicalRequest:
    return make_request(Message("user", parts, at="input[0]"))


def first_part(part: Image | File, model: str = NEWEST) -> Any:
    return contents(Message("user", (part,)), to=target(model))[0]["parts"][0]


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"])
def test_images_are_inline(kind: str) -> None:
    part = first_part(Image(data="AAAA", media_type=kind.upper()), OLDER)
    assert part == {"inlineData": {"mimeType": kind, "data": "AAAA"}}


@pytest.mark.parametrize("kind", ["application/pdf", "text/plain", "text/csv"])
def test_files_are_inline(kind: str) -> None:
    part = first_part(File(data="AAAA", media_type=kind, filename="a.pdf"), OLDER)
    assert part == {"inlineData": {"mimeType": kind, "data": "AAAA"}}


@pytest.mark.parametrize(
    "part",
    [
        Image(data="AA", media_type="image/gif", at=AT),
        Image(data="AA", at=AT),
        File(data="AA", media_type="application/zip", at=AT),
        File(data="AA", at=AT),
        Image(url="https://a.example/a.png", at=AT),
    ],
)
def test_unsupported_media_of_older_models_are_named(part: Image | File) -> None:
    refused(showing(part), AT, target("gemini-2.0-flash"))


@pytest.mark.parametrize(
    ("part", "raw"),
    [
        (Image(url="https://a.example/a.PNG?x=.pdf"), {"mimeType": "image/png"}),
        (Image(url="https://a.example/b.jpeg"), {"mimeType": "image/jpeg"}),
        (Image(url="https://a.example/cat"), {}),
        (Image(url="https://a.example/cat", media_type="image/webp"), {"mimeType": "image/webp"}),
        (File(url="https://storage.googleapis.com/open/a"), {"mimeType": "application/pdf"}),
        (File(url="https://[2606:4700::1111]:8443/a.pdf"), {"mimeType": "application/pdf"}),
    ],
)
def test_a_url_is_passed_on_with_its_known_type(part: Image | File, raw: dict[str, str]) -> None:
    assert first_part(part) == {"fileData": {"fileUri": part.url, **raw}}


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/a.png",
        "https://generativelanguage.googleapis.com/v1beta/files/abc",
        "https://GenerativeLanguage.googleapis.com./v1beta/files/abc",
        "https://generativelanguage.googleapi%73.com/v1beta/files/abc",
        "https://www.youtube.com/watch?v=1",
        "https://youtu.be/1",
    ],
)
def test_urls_that_google_treats_specially_are_rejected(url: str) -> None:
    refused(showing(Image(url=url, at=AT)), AT)


@pytest.mark.parametrize("url", ["gs://bucket/a.png", "https://127.0.0.1/a", "https://a b", ""])
def test_urls_that_are_not_public_are_rejected(url: str) -> None:
    refused(showing(Image(url=url, at=AT)), AT, code="invalid_url")


def test_an_upstream_can_be_prevented_from_fetching() -> None:
    refused(showing(Image(url="https://a.example/a.png", at=AT)), AT, target(fetches_urls=False))


# -- Detail ---------------------------------------------------------------------------------------------------------------


def image(detail: str | None) -> Image:
    return Image(data="AA", media_type="image/png", detail=detail, at=f"at[{detail}]")


def resolution(*parts: Image | File | Text) -> Any:
    return body(showing(*parts))["generationConfig"].get("mediaResolution")


def test_a_detail_is_the_resolution_of_the_request() -> None:
    pdf = File(data="AA", media_type="application/pdf")
    assert resolution(image(None), image("auto"), Text("x")) is None
    assert resolution(image(None), image("low"), image("low")) == "MEDIA_RESOLUTION_LOW"
    assert resolution(image("auto"), image("high"), pdf) == "MEDIA_RESOLUTION_HIGH"


def test_the_detail_of_an_output_counts_too() -> None:
    items = (FunctionCall("c", "f", "{}"), FunctionCallOutput("c", (image("low"),)))
    assert body(make_request(*items))["generationConfig"]["mediaResolution"] == "MEDIA_RESOLUTION_LOW"


def test_conflicting_details_are_named() -> None:
    refused(showing(image("high"), image("low")), "at[high]")
    refused(showing(image("original")), "at[original]")
    refused(showing(image("low"), File(data="AA", media_type="application/pdf")), "at[low]")
