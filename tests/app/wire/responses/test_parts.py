"""Parts of messages and tool outputs for an upstream that speaks Responses."""

from __future__ import annotations

import msgspec
import pytest

from app.wire.canonical import CanonicalRequest, File, Image, Part, Refusal, Target, Text
from app.wire.exchange import RequestError
from app.wire.responses.parts import Json, assistant_part, outputs, user_part, without_none

REQUEST = CanonicalRequest("responses", "m", ())
TARGET = Target("up", "vendor-model", 100)
CLOSED = msgspec.structs.replace(TARGET, fetches_urls=False)
URL = "https://a.example/b"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Text("a"), {"type": "input_text", "text": "a"}),
        (Image(url=URL, detail="low"), {"type": "input_image", "image_url": URL, "detail": "low"}),
        (
            Image(data="QQ==", media_type="image/webp"),
            {"type": "input_image", "image_url": "data:image/webp;base64,QQ=="},
        ),
        (File(url=URL, filename="b"), {"type": "input_file", "file_url": URL, "filename": "b"}),
        (
            File(data="QQ==", media_type="application/pdf"),
            {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,QQ=="},
        ),
    ],
)
def test_a_users_part(part: Part, expected: Json) -> None:
    assert user_part(REQUEST, TARGET, part) == expected


def test_an_assistants_part() -> None:
    assert assistant_part(REQUEST, Text("a")) == {"type": "output_text", "text": "a"}
    assert assistant_part(REQUEST, Refusal("no")) == {"type": "refusal", "refusal": "no"}


def test_parts_of_another_role_are_rejected() -> None:
    with pytest.raises(RequestError, match="'p'"):
        assistant_part(REQUEST, Image(url=URL, at="p"))
    with pytest.raises(RequestError, match="'p'"):
        user_part(REQUEST, TARGET, Refusal("no", "p"))


@pytest.mark.parametrize("part", [Image(url=URL, at="p"), File(url=URL, at="p")])
def test_urls_are_rejected_if_the_upstream_does_not_fetch_them(part: Part) -> None:
    with pytest.raises(RequestError, match="does not fetch URLs"):
        user_part(REQUEST, CLOSED, part)


def test_a_single_text_is_written_as_a_string() -> None:
    assert outputs(REQUEST, TARGET, (Text("a"),)) == "a"
    assert outputs(REQUEST, TARGET, (Text("a"), Text("b"))) == [
        {"type": "input_text", "text": "a"},
        {"type": "input_text", "text": "b"},
    ]


def test_members_that_are_none_are_left_out() -> None:
    assert without_none(a=1, b=None, c=False) == {"a": 1, "c": False}
