"""Page counts against files that a real library wrote, and against damage."""

from __future__ import annotations

import io
import mmap
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from app.documents import pdf


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
    one = b"1 0 obj << /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode >>\nstream\n" + bomb + b"\nendstream endobj\n"
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


def modern(pages: int, *, filter: bytes = b"/FlateDecode", more: bytes = b"") -> bytes:
    """A PDF 1.5 file as today's programs write it: object streams, and a cross-reference stream in place of a table."""
    kids = b" ".join(b"%d 0 R" % (3 + number) for number in range(pages))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count %d /Kids [%b] >>" % (pages, kids)]
    objects += [b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"] * pages
    head, content = b"", b""
    for number, each in enumerate(objects, start=1):
        head += b"%d %d " % (number, len(content))
        content += each + b"\n"
    packed_at, table_at = len(objects) + 1, len(objects) + 2
    body = zlib.compress(head + content)
    out = bytearray(b"%PDF-1.5\n")
    offset = len(out)
    out += b"%d 0 obj\n<</Type/ObjStm/N %d/First %d/Filter%b/Length %d%b>>\nstream\n%b\nendstream\nendobj\n" % (
        *(packed_at, len(objects), len(head), filter, len(body), more, body),
    )
    rows = [(0, 0, 0), *((2, packed_at, index) for index in range(len(objects))), (1, offset, 0), (1, len(out), 0)]
    table = b"".join(kind.to_bytes(1) + at.to_bytes(4) + index.to_bytes(2) for kind, at, index in rows)
    table_body, start = zlib.compress(table), len(out)
    out += b"%d 0 obj\n<</Type/XRef/Size %d/W[1 4 2]/Root 1 0 R/Filter/FlateDecode/Length %d>>\nstream\n%b\n" % (
        *(table_at, table_at + 1, len(table_body), table_body),
    )
    return bytes(out) + b"endstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % start


@pytest.mark.parametrize("pages", [1, 7, 300])
def test_the_pages_of_a_modern_file_are_those_that_a_real_reader_finds(pages: int) -> None:
    data = modern(pages)
    assert len(PdfReader(io.BytesIO(data), strict=True).pages) == pages
    assert pdf.is_pdf(data)
    assert pdf.is_whole(data)
    assert pdf.page_count(data) == pages


@pytest.mark.parametrize("filters", [b"[/FlateDecode]", b" [ /FlateDecode ]"])
def test_a_filter_may_stand_in_a_list(filters: bytes) -> None:
    assert pdf.page_count(modern(3, filter=filters)) == 3


@pytest.mark.parametrize(
    "data",
    [
        modern(3, filter=b"/LZWDecode"),
        modern(3, filter=b"[/ASCIIHexDecode /FlateDecode]"),
        modern(3, more=b"/DecodeParms<</Predictor 12/Columns 4>>"),
        modern(3).replace(b"/N 5", b"/N 9 0 R"),
        modern(3).replace(b"/First ", b"/First 1"),
        modern(3).replace(b"/N 5", b"/N 4"),
        modern(3).replace(b"x\x9c", b"\xff\xff", 1),
    ],
    ids=["lzw", "two filters", "predictor", "indirect", "first too large", "too few", "encrypted"],
)
def test_an_object_stream_that_cannot_be_read_leaves_the_count_open(data: bytes) -> None:
    assert pdf.page_count(data) is None


def test_an_object_stream_is_known_without_its_type() -> None:
    assert pdf.page_count(modern(3).replace(b"/Type/ObjStm", b"")) == 3


def test_an_encrypted_file_is_counted_where_its_tree_is_in_the_open() -> None:
    assert pdf.page_count(written(3, encrypt=True)) == 3


TREE = b"2 0 obj << /Type /Pages /Count %d /Kids [%b] >> endobj\n3 0 obj << /Type /Page >> endobj\n"


@pytest.mark.parametrize(
    ("data", "pages"),
    [
        (TREE % (1, b"3 0 R " * 50), 50),
        (TREE % (70, b"3 0 R"), 70),
        (TREE % (-1, b"3 0 R 4 0 R"), 2),
        (TREE % (1, b"3 0 R " * 9) + b"2 0 obj << /Type /Pages /Count 1 /Kids [3 0 R] >> endobj", 9),
        (b"2 0 obj << /#54ype /P#61ges /#4bids [3 0 R 3 0 R] >>", 2),
        (b"1 0 obj << /Type /Catalog /Pages 2 0 R >>\n2 0 obj << /Kids [3 0 R 3 0 R] >>", 2),
        (b"2 0 obj (endobj) << /Type /Pages (stream\n) /Kids [3 0 R 3 0 R] >>", 2),
        (
            b"1 0 obj << /Type /Page /A << /Type /Annot >> >> 2 0 obj << /Kids [5 0 R 6 0 R 7 0 R] /T (a form's field) >>",
            1,
        ),
        (b"2 0 obj << /Type /Pages /Kids [] /Count 2 >> 9 0 obj << /Type /Outlines /Count 400 >>", 2),
    ],
    ids=[
        "one leaf named often",
        "declared",
        "less than nothing",
        "a decoy",
        "escapes",
        "no type",
        "strings",
        "fields",
        "outlines",
    ],
)
def test_the_largest_figure_stands(data: bytes, pages: int) -> None:
    assert pdf.page_count(b"%PDF-1.7\n" + data) == pages


def test_trees_that_share_a_branch_multiply_without_being_walked() -> None:
    levels = b"".join(b"%d 0 obj << /Type /Pages /Kids [%d 0 R %d 0 R] >>\n" % (n, n + 1, n + 1) for n in range(1, 11))
    assert pdf.page_count(b"%PDF-1.7\n" + levels) == 1024
    many = b"".join(b"%d 0 obj << /Type /Pages /Kids [%d 0 R %d 0 R] >>\n" % (n, n + 1, n + 1) for n in range(1, 2000))
    assert pdf.page_count(b"%PDF-1.7\n" + many) is None


def test_a_deep_tree_is_walked_without_recursion() -> None:
    chain = b"".join(b"%d 0 obj << /Type /Pages /Kids [%d 0 R] >>\n" % (n, n + 1) for n in range(1, 20_000))
    assert pdf.page_count(b"%PDF-1.7\n" + chain) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"2 0 obj << /Type /Pages /Kids [2 0 R] >>",
        b"2 0 obj << /Type /Pages /Kids [3 0 R] >> 3 0 obj << /Type /Pages /Kids [2 0 R 4 0 R] >>",
        b"2 0 obj << /Type /Pages /Kids 5 0 R >> 5 0 obj [3 0 R]",
        b"2 0 obj << /Type /Pages /Kids [3 0 R % a comment\n 4 0 R] >>",
        b"2 0 obj << /Type /Pages /Kids [3 0 R",
        b"3 0 obj << /Type % a comment\n /Page >>",
        b"3 0 obj << /Type 4 0 R >> 4 0 obj /Page",
        b"3 0 obj << /Type" + b" " * 5000 + b"/Page >>",
        TREE % (999_999_999, b"3 0 R"),
    ],
    ids=["itself", "a loop", "indirect", "comment", "open", "type comment", "type indirect", "blanks", "huge"],
)
def test_a_tree_that_cannot_be_counted_for_certain_is_not_counted(data: bytes) -> None:
    assert pdf.page_count(b"%PDF-1.7\n" + data) is None


def test_a_file_is_counted_where_it_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(modern(12))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        assert pdf.page_count(data) == 12


def test_a_token_across_two_windows_is_found_once() -> None:
    for shift in range(-40, 3):
        blank = b" " * (pdf._WINDOW + shift)
        assert pdf.page_count(b"%PDF-1.7\n" + blank + b"3 0 obj << /Type /Page >>\n4 0 obj << /Type /Page >>") == 2


def test_what_begins_like_a_pdf_need_not_be_whole() -> None:
    assert not pdf.is_whole(b"%PDF-1.7\nnothing of use")
    assert pdf.is_whole(written(1))
    assert not pdf.is_pdf(b"x" * 1024 + written(1))
    assert pdf.is_pdf(b"x" * 1000 + written(1))


def test_counting_holds_little_memory() -> None:
    bomb = b"1 0 obj << /N 1 /First 4 /Filter /FlateDecode >>\nstream\n" + zlib.compress(b"1 0 " + bytes(300 << 20), 9)
    tracemalloc.start()
    try:
        assert pdf.page_count(b"%PDF-1.7\n" + bomb * 3) is None
        assert tracemalloc.get_traced_memory()[1] < 2 * pdf.INFLATED_BYTES_MAX + (8 << 20)
    finally:
        tracemalloc.stop()
