"""Page counts against files that a real library wrote, and against damage."""

from __future__ import annotations

import io
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter

from app import pdf


def written(pages: int, *, encrypt: bool = False) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if encrypt:
        writer.encrypt("secret", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def packed(pages: int) -> bytes:
    """A PDF 1.5 file whose objects lie in one compressed object stream."""
    kids = b" ".join(b"%d 0 R" % (3 + number) for number in range(pages))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count %d /Kids [%b] >>" % (pages, kids)]
    objects += [b"<< /Type /Page /Parent 2 0 R >>"] * pages
    header, content = b"", b""
    for number, each in enumerate(objects, start=1):
        header += b"%d %d " % (number, len(content))
        content += each + b" "
    stream = zlib.compress(header + content)
    dictionary = b"<< /Type /ObjStm /N %d /First %d /Filter /FlateDecode /Length %d >>" % (
        len(objects),
        len(header),
        len(stream),
    )
    return b"%PDF-1.5\n100 0 obj\n" + dictionary + b"\nstream\n" + stream + b"\nendstream\nendobj\n%%EOF\n"


@pytest.mark.parametrize("pages", [1, 3, 120])
def test_the_pages_of_a_plain_file(pages: int) -> None:
    assert pdf.page_count(written(pages)) == pages


@pytest.mark.parametrize("pages", [1, 3, 120])
def test_the_pages_of_a_file_with_object_streams(pages: int) -> None:
    assert pdf.page_count(packed(pages)) == pages


def test_a_nested_page_tree_counts_its_root() -> None:
    data = b"""%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
2 0 obj << /Type /Pages /Kids [3 0 R 4 0 R] /Count 5 >> endobj
3 0 obj << /Type /Pages /Parent 2 0 R /Kids [] /Count 2 >> endobj
4 0 obj << /Type/Pages /Parent 2 0 R /Kids [] /Count 3 >> endobj
"""
    assert pdf.page_count(data) == 5


def test_an_amended_file_counts_its_newest_root() -> None:
    assert pdf.page_count(written(3) + b"\n2 0 obj << /Type /Pages /Count 4 /Kids [] >> endobj\n") == 4


def test_without_a_root_the_leaves_count_once_each() -> None:
    data = b"%PDF-1.4\n" + b"5 0 obj << /Type /Page >> endobj\n" * 2 + b"6 0 obj << /Type/Page/Parent 1 0 R>> endobj\n"
    assert pdf.page_count(data) == 2


def test_what_cannot_be_counted_is_none() -> None:
    assert pdf.page_count(b"%PDF-1.7\nnothing of use") is None
    assert pdf.page_count(b"") is None


def test_inflating_is_bounded() -> None:
    bomb = zlib.compress(b"\x00" * (8 * 1024 * 1024), 9)
    one = b"1 0 obj << /Type /ObjStm /N 1 /First 4 >>\nstream\n" + bomb + b"\nendstream endobj\n"
    assert pdf.page_count(b"%PDF-1.5\n" + one * 200) is None


@pytest.mark.parametrize(
    "piece",
    [
        b"1 0 obj ",
        b"1 0 obj << /Type /Pages ",
        b"1 0 obj << /Type /ObjStm /N 1 /First 4 >> stream\n",
        b"1 0 obj << /Type /ObjStm /N 9 /First 4 >> stream\n" + zlib.compress(b"0 0 " * 999) + b"endstream ",
        b"9" * 50,
    ],
)
def test_a_hostile_file_is_read_in_linear_time(piece: bytes) -> None:
    began = time.process_time()
    pdf.page_count(b"%PDF-1.7 " + piece * (4_000_000 // len(piece)))
    assert time.process_time() - began < 4


@given(st.binary(max_size=200), st.integers(0, 3000), st.integers(0, 3000))
@settings(max_examples=200)
def test_damage_raises_nothing(noise: bytes, start: int, length: int) -> None:
    for whole in (packed(3), written(3)):
        data = whole[:start] + noise + whole[start + length :]
        count = pdf.page_count(data)
        assert count is None or count > 0
