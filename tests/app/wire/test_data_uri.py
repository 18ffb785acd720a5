"""Data URIs are split into media type and base64, or rejected with the parameter that holds them."""

from __future__ import annotations

import pytest

from app.wire.data_uri import PDF, data_uri, split_data_uri, standard_base64
from app.wire.exchange import RequestError


def test_a_data_uri_is_split_into_what_it_was_made_of() -> None:
    assert split_data_uri(data_uri("image/png", "QQ=="), "image") == ("image/png", "QQ==")


@pytest.mark.parametrize("text", ["DATA:Image/PNG;BASE64,QQ==", "data:image/png;name=a;base64,QQ=="])
def test_case_and_parameters_do_not_matter(text: str) -> None:
    assert split_data_uri(text, "image") == ("image/png", "QQ==")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data:image/jpg;base64,QQ==", ("image/jpeg", "QQ==")),
        ("data:IMAGE/JPG;charset=utf-8;name=a.jpg; base64,QQ==", ("image/jpeg", "QQ==")),
        ("data:application/x-pdf;base64,QQ", (PDF, "QQ==")),
        ("data: image/png ;base64, Q\nU\r\nJ D\n", ("image/png", "QUJD")),
        ("data:image/png;base64,-_8", ("image/png", "+/8=")),
        ("data:image/png;base64,QQ%3D%3D", ("image/png", "QQ==")),
        ("data:text/plain,a%20b", ("text/plain", "YSBi")),
        ("data:image/png;base64,QQQQQ", ("image/png", "QQQQQ")),
    ],
)
def test_other_spellings_are_read(text: str, expected: tuple[str, str]) -> None:
    assert split_data_uri(text, "image") == expected


def test_base64_alone_is_made_standard() -> None:
    assert standard_base64("-_8\n") == "+/8="
    assert standard_base64("QUJD") == "QUJD"


@pytest.mark.parametrize("text", ["https://a.example/", "QQ==", ""])
def test_other_text_is_not_a_data_uri(text: str) -> None:
    assert split_data_uri(text, "image") is None


@pytest.mark.parametrize(
    "text",
    [
        "data:",
        "data:,a",
        "data:;base64,QQ==",
        "data:image/png;base64,",
        "data:image/png;base64",
        "data:" + "a" * 300 + ";base64,QQ==",
    ],
)
def test_a_data_uri_without_a_type_or_base64_is_rejected(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        split_data_uri(text, "input[0].image_url")
    assert (caught.value.param, caught.value.code) == ("input[0].image_url", "invalid_value")
