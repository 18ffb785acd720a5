"""The form of an upload: fed whole, byte by byte and cut anywhere; and everything that can be wrong with one."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.faults import FileTooLarge, UnsupportedMediaType
from app.files.upload import UploadFields, UploadForm
from app.wire.exchange import RequestError
from domain.errors import InvalidValue
from domain.file import FILE_BYTES_MAX
from tests.support.files.uploads import BOUNDARY, FORM, form, part, upload_form

CONTENT = b"%PDF-1.7\r\n--\r\n------form7MA4YWxkTrZu0g\r\n" + bytes(range(256))
"""Data that looks like a boundary but is not one."""


def read(body: bytes, *, sizes: int = 1 << 30, kind: str = FORM) -> tuple[UploadFields, bytes]:
    reader = UploadForm(kind)
    content = b"".join(reader.feed(body[at : at + sizes]) for at in range(0, len(body), sizes))
    asked = reader.finish()
    assert reader.file_bytes == len(content)
    return asked, content


def refused(body: bytes, *, kind: str = FORM) -> RequestError:
    with pytest.raises(RequestError) as caught:
        read(body, kind=kind)
    return caught.value


@pytest.mark.parametrize("sizes", [1, 2, 3, 7, 64, 1 << 30])
def test_a_form_reads_the_same_however_it_is_cut(sizes: int) -> None:
    body = upload_form(CONTENT, filename="a b.pdf", anchor="created_at", seconds="3600")
    assert read(body, sizes=sizes) == (UploadFields("a b.pdf", "user_data", 3600), CONTENT)


def test_what_comes_before_and_after_the_parts_is_no_part() -> None:
    body = b"preamble\r\n" + upload_form(CONTENT) + b"epilogue"
    assert read(body) == (UploadFields("document.pdf", "user_data", None), CONTENT)
    assert read(body, sizes=1) == (UploadFields("document.pdf", "user_data", None), CONTENT)


@pytest.mark.parametrize(
    "kind",
    [FORM, f'Multipart/Form-Data; charset=utf-8; boundary="{BOUNDARY}"', f"multipart/form-data;boundary={BOUNDARY}"],
)
def test_the_type_may_be_written_in_any_way(kind: str) -> None:
    assert read(upload_form(CONTENT), kind=kind)[1] == CONTENT


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("Überblick 2026 概要.pdf", "Überblick 2026 概要.pdf"),
        ("/etc/passwd", "passwd"),
        ("../../up.pdf", "up.pdf"),
        ("C:\\temp\\up.pdf", "up.pdf"),
        ("a\tb\x7fc.pdf", "a_b_c.pdf"),
        ("\u202efdp.exe", "_fdp.exe"),
        ("dir/", "upload"),
        ("", "upload"),
        ("   ", "upload"),
        ("n" * 255, "n" * 255),
    ],
)
def test_a_name_is_its_last_part_fit_to_be_shown(sent: str, shown: str) -> None:
    assert read(upload_form(CONTENT, filename=sent))[0].filename == shown


@pytest.mark.parametrize(
    "kind", [None, "", "application/json", "application/pdf", "multipart/mixed; boundary=x", "text/plain"]
)
def test_what_is_no_form_is_another_type(kind: str | None) -> None:
    with pytest.raises(UnsupportedMediaType, match="multipart/form-data"):
        UploadForm(kind)


@pytest.mark.parametrize("boundary", ["", "; boundary=", '; boundary=""', "; boundary=" + "x" * 201, "; boundary=ü"])
def test_a_boundary_is_needed(boundary: str) -> None:
    error = refused(b"", kind=f"multipart/form-data{boundary}")
    assert (error.status, error.code) == (400, "invalid_multipart")
    assert "boundary" in error.message


FILE = part("file", CONTENT, filename="a.pdf")
PURPOSE = part("purpose", b"user_data")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (form([FILE]), "missing_required_parameter", "purpose"),
        (form([PURPOSE]), "missing_required_parameter", "file"),
        (form([PURPOSE, part("file", CONTENT)]), "invalid_type", "file"),
        (form([PURPOSE, FILE, FILE]), "invalid_value", "file"),
        (form([PURPOSE, PURPOSE, FILE]), "invalid_value", "purpose"),
        (form([PURPOSE, part("file", b"", filename="a.pdf")]), "invalid_file", "file"),
        (form([PURPOSE, FILE, part("model", b"x")]), "unknown_parameter", "model"),
        (form([PURPOSE, FILE, part("", b"x")]), "unknown_parameter", ""),
        (form([part("purpose", b"x" * 1025), FILE]), "invalid_value", "purpose"),
        (form([PURPOSE, part("file", CONTENT, filename="n" * 256)]), "invalid_value", "file"),
    ],
)
def test_a_field_that_is_wrong_is_named(body: bytes, code: str, param: str) -> None:
    error = refused(body)
    assert (error.status, error.code, error.param) == (400, code, param)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"purpose": "assistants"}, "purpose"),
        ({"purpose": "user_data\xff"}, "purpose"),
        ({"anchor": "created_at"}, "expires_after[seconds]"),
        ({"anchor": "now", "seconds": "3600"}, "expires_after[anchor]"),
        ({"seconds": "3600"}, "expires_after[anchor]"),
        ({"anchor": "created_at", "seconds": "3599"}, "expires_after[seconds]"),
    ],
)
def test_a_value_that_is_wrong_is_named(more: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read(upload_form(CONTENT, **more))
    assert caught.value.field == field


def test_a_wrong_purpose_is_reported_before_the_file_has_arrived() -> None:
    reader = UploadForm(FORM)
    body = upload_form(CONTENT, purpose="batch")
    with pytest.raises(InvalidValue):
        reader.feed(body[: body.index(b"%PDF")])


WHOLE = upload_form(CONTENT)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not a form at all",
        b'{"purpose": "user_data"}',
        form([PURPOSE, FILE], boundary="another"),
        WHOLE[:-10],
        WHOLE[: WHOLE.index(b"%PDF") + 5],
        WHOLE.replace(b"Content-Disposition: form-data", b"Content-Disposition: attachment"),
        WHOLE.replace(b"Content-Disposition: form-data", b"X-Nothing: x"),
        WHOLE.replace(b"Content-Disposition:", b"Content-Disposition"),
        WHOLE.replace(b'name="file"', b'name="\xff\xfe"'),
        WHOLE.replace(b"Content-Type: application/pdf", b"Content-Length: 3"),
        WHOLE.replace(b"Content-Type: application/pdf", b"Content-Length: 99999999999"),
        WHOLE.replace(b"Content-Type: application/pdf", b"X-Long: " + b"x" * 3_000_000),
        WHOLE.replace(b"Content-Type: application/pdf\r\n", b"X-Header: x\r\n" * 1000),
        form([PURPOSE] + [part(f"expires_after[{n}]", b"") for n in range(5000)]).replace(b"]", b"]"),
    ],
)
def test_a_body_that_is_not_a_valid_form_is_refused(body: bytes) -> None:
    error = refused(body)
    assert error.status == 400
    assert error.code in ("invalid_multipart", "unknown_parameter")


def test_thousands_of_parts_end_at_the_first_that_is_not_known() -> None:
    reader = UploadForm(FORM)
    with pytest.raises(RequestError):
        reader.feed(form([part("x", b"")] * 5000))
    assert len(reader._values) == 0


def test_the_byte_past_the_limit_is_noticed_as_it_comes() -> None:
    reader = UploadForm(FORM)
    head = upload_form(b"!").partition(b"!")[0]
    reader.feed(head)
    block = b"x" * 1024 * 1024
    for _ in range(FILE_BYTES_MAX // len(block)):
        assert reader.feed(block) == block
    with pytest.raises(FileTooLarge):
        reader.feed(b"x")


@pytest.mark.parametrize("piece", [b"\r", b"\r\n", b"\r\n--", b"x" * 100, f"\r\n--{BOUNDARY}"[:-1].encode(), b"\n"])
@pytest.mark.parametrize("place", ["in the file", "in a header", "before it all"])
def test_reading_holds_little_memory_whatever_comes(piece: bytes, place: str) -> None:
    heads = {
        "in the file": upload_form(b"!").partition(b"!")[0],
        "in a header": upload_form(b"!").partition(b"application/pdf")[0],
        "before it all": b"",
    }
    reader, chunk = UploadForm(FORM), (piece * 70_000)[:65_536]
    reader.feed(heads[place])
    tracemalloc.start()
    try:
        for _ in range(64):
            reader.feed(chunk)
    except RequestError:
        pass  # a header that is too long: refused, within the same bound
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1024 * 1024


@given(st.binary(max_size=300), st.integers(0, len(WHOLE)), st.integers(0, 300), st.integers(1, 400))
@settings(max_examples=400)
def test_damage_is_refused_or_read_and_nothing_else(noise: bytes, start: int, length: int, sizes: int) -> None:
    body = WHOLE[:start] + noise + WHOLE[start + length :]
    try:
        asked, _ = read(body, sizes=sizes)
    except (RequestError, InvalidValue):
        return
    assert asked.purpose == "user_data"
    assert asked.filename
