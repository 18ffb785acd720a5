from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from pypdf import PdfWriter

from app.documents.inline import pages_of
from app.wire.dialects import parse
from app.wire.exchange import ParsedRequest, RequestError
from app.wire.file_ref import StoredFile


def pdf(pages: int) -> str:
    writer, out = PdfWriter(), io.BytesIO()
    for _ in range(pages):
        writer.add_blank_page(100, 100)
    writer.write(out)
    return base64.b64encode(out.getvalue()).decode()


def parsed(*parts: Any) -> ParsedRequest:
    return parse("responses", json.dumps({"model": "m", "input": [{"role": "user", "content": list(parts)}]}).encode())


def inline(data: str) -> dict[str, str]:
    return {"type": "input_file", "filename": "a.pdf", "file_data": data}


STORED = {
    "file-3": StoredFile("application/pdf", "three.pdf", "", 1, 3),
    "file-x": StoredFile("application/pdf", "x.pdf", "", 1, None),
}


def test_pages_of_all_files_are_added_up() -> None:
    uri = f"data:application/pdf;base64,{pdf(2)}"
    request = parsed(inline(pdf(1)), inline(uri), {"type": "input_file", "file_id": "file-3"})
    assert pages_of(request, STORED) == 6
    assert pages_of(parsed({"type": "input_text", "text": "x"}), STORED) == 0


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_file", "file_id": "file-x"},
        {"type": "input_file", "file_url": "https://x.example/a.pdf"},
        inline(base64.b64encode(b"%PDF-1.4 and nothing else").decode()),
    ],
)
def test_one_file_of_unknown_length_makes_the_sum_unknown(part: Any) -> None:
    assert pages_of(parsed(inline(pdf(1)), part), STORED) is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (base64.b64encode(b"PK\x03\x04 a zip").decode(), "unsupported_file"),
        ("data:application/pdf;base64," + base64.b64encode(b"GIF89a").decode(), "unsupported_file"),
        ("not base64!", "invalid_base64"),
        ("data:application/pdf;base64,%%%", "invalid_base64"),
    ],
)
def test_a_file_that_is_not_a_pdf_is_refused_by_its_content(data: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        pages_of(parsed(inline(data)), STORED)
    assert (caught.value.code, caught.value.param, caught.value.status) == (
        code,
        "input[0].content[0].file_data",
        400,
    )
