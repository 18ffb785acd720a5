"""Files and images of the input: counted, acknowledged, or rejected as a vendor would."""

from __future__ import annotations

import base64
import io

import pytest
from pypdf import PdfWriter

from tests.support.upstream.rejected import Wrong, chat_with_parts, check_rejected, with_parts
from tests.support.upstream.simulated import Got, Json, send

PICTURE = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def pdf(pages: int) -> str:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    out = io.BytesIO()
    writer.write(out)
    return base64.b64encode(out.getvalue()).decode()


def text(got: Got) -> str:
    assert got.status == 200, got.body
    if got.json["object"] == "chat.completion":
        return str(got.json["choices"][0]["message"]["content"])
    return str(got.json["output"][0]["content"][0]["text"])


@pytest.mark.parametrize("prefix", ["", "data:application/pdf;base64,"])
@pytest.mark.parametrize("pages", [1, 3])
async def test_a_pdf_is_summarised_with_its_pages(prefix: str, pages: int) -> None:
    named = "1 page" if pages == 1 else f"{pages} pages"
    data = prefix + pdf(pages)
    question: Json = {"type": "input_text", "text": "Summarize this PDF."}
    on_responses = with_parts({"type": "input_file", "filename": "note.pdf", "file_data": data}, question)
    assert f"The document note.pdf has {named}." in text(await send("responses", on_responses))
    on_chat = chat_with_parts(
        {"type": "file", "file": {"filename": "note.pdf", "file_data": data}}, {**question, "type": "text"}
    )
    assert f"The document note.pdf has {named}." in text(await send("chat", on_chat))


async def test_other_files_and_pictures_are_acknowledged() -> None:
    file = {"type": "input_file", "filename": "a.txt", "file_data": base64.b64encode(b"twelve bytes").decode()}
    assert "a.txt has 12 bytes" in text(await send("responses", with_parts(file)))
    linked = {"type": "input_file", "file_url": "https://example.com/x/b.pdf?c=d"}
    assert "b.pdf was given by its address" in text(await send("responses", with_parts(linked)))
    picture = {"type": "input_image", "image_url": PICTURE}
    assert "has 2 images" in text(await send("responses", with_parts(picture, picture)))
    nested = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    assert "has 1 image." in text(await send("chat", chat_with_parts(nested)))


WRONG: list[Wrong] = [
    (
        "responses",
        with_parts({"type": "input_file"}),
        400,
        "input[0].content[0].file_data",
        "missing_required_parameter",
    ),
    (
        "responses",
        with_parts({"type": "input_file", "file_data": "%"}),
        400,
        "input[0].content[0].file_data",
        "invalid_base64",
    ),
    (
        "responses",
        with_parts({"type": "input_file", "file_data": "AAAA"}),
        400,
        "input[0].content[0].file_data",
        "invalid_file",
    ),
    ("responses", with_parts({"type": "input_file", "file_id": "file-1"}), 404, "input[0].content[0].file_id", None),
    (
        "responses",
        with_parts({"type": "input_image", "image_url": "x"}),
        400,
        "input[0].content[0].image_url",
        "invalid_value",
    ),
]


@pytest.mark.parametrize("wrong", WRONG)
async def test_wrong_files_and_images_are_rejected(wrong: Wrong) -> None:
    await check_rejected(wrong)
