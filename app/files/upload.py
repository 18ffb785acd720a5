"""Parses an upload's form incrementally: bytes in, the file's bytes out, and at the end the values of the fields.

Rule 1: pure and bounded. Only small fields are kept. Headers, parts and fields are limited in number and length, the file in size.
Rule 2: fields come in any order, each at most once. An unknown field is refused by name.
Rule 3: an error is raised as soon as it is detected.
"""

from __future__ import annotations

from dataclasses import dataclass

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from app.faults import FileTooLarge, UnsupportedMediaType
from app.wire.exchange import RequestError
from domain.file import FILE_BYTES_MAX, check_expiry, check_purpose

FORM = "multipart/form-data"
BOUNDARY_LENGTH_MAX = 200
FIELD_BYTES_MAX = 1024
FILENAME_LENGTH_MAX = 255
HEADER_BYTES_MAX = 4096
HEADERS_MAX = 8
PARTS_MAX = 8
OVERHEAD_BYTES_MAX = 64 * 1024
"""Larger than everything that a valid form can contain in addition to its file."""
_FILE, _PURPOSE, _ANCHOR, _SECONDS = "file", "purpose", "expires_after[anchor]", "expires_after[seconds]"
_FIELDS = (_FILE, _PURPOSE, _ANCHOR, _SECONDS)


@dataclass(frozen=True, slots=True)
class UploadFields:
    """The values of an upload's fields. If `expires_after_seconds` is None, the file does not expire."""

    filename: str
    purpose: str
    expires_after_seconds: int | None


class UploadForm:
    """One form. Call `feed` for all data, then `finish`. Both raise RequestError, FileTooLarge, InvalidValue."""

    def __init__(self, content_type: str | None) -> None:
        """Raises UnsupportedMediaType, RequestError."""
        self._parser = PushMultipartParser(
            _boundary(content_type),
            max_header_size=HEADER_BYTES_MAX,
            max_header_count=HEADERS_MAX,
            max_segment_count=PARTS_MAX,
        )
        self._values: dict[str, bytearray] = {}
        self._name = ""
        self._filename = ""
        self.file_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """The part of `data` that belongs to the file."""
        parts: list[bytes] = []
        try:
            for event in self._parser.parse(data) if data else ():
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event is None:
                    self._end()
                elif self._name == _FILE:
                    self.file_bytes += len(event)
                    if self.file_bytes > FILE_BYTES_MAX:
                        raise FileTooLarge
                    parts.append(event)
                else:
                    self._grow(event)
        except MultipartError as error:
            raise _malformed(str(error)) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def finish(self) -> UploadFields:
        """All data was fed. Returns the fields."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise _malformed("it ends early") from error
        for name in (_FILE, _PURPOSE):
            if name not in self._values:
                raise _missing(name)
        if not self.file_bytes:
            raise RequestError("The file is empty.", param=_FILE, code="invalid_file")
        return UploadFields(
            self._filename, self._text(_PURPOSE) or "", check_expiry(self._text(_ANCHOR), self._text(_SECONDS))
        )

    def _begin(self, part: MultipartSegment) -> None:
        name = part.name or ""
        if name not in _FIELDS:
            known = ", ".join(_FIELDS)
            raise RequestError(
                f"Unknown parameter: '{name[:FIELD_BYTES_MAX]}'. The fields of an upload are {known}.",
                param=name[:FIELD_BYTES_MAX],
                code="unknown_parameter",
            )
        if name in self._values:
            raise RequestError(f"'{name}' appears twice. Send one file per request.", param=name, code="invalid_value")
        self._name, self._values[name] = name, bytearray()
        if name == _FILE:
            self._filename = _filename(part.filename)

    def _end(self) -> None:
        if self._name == _PURPOSE:
            check_purpose(self._text(_PURPOSE) or "")

    def _grow(self, data: bytes) -> None:
        value = self._values[self._name]
        value += data
        if len(value) > FIELD_BYTES_MAX:
            raise RequestError(
                f"'{self._name}' is longer than {FIELD_BYTES_MAX} bytes.", param=self._name, code="invalid_value"
            )

    def _text(self, name: str) -> str | None:
        value = self._values.get(name)
        return None if value is None else value.decode("utf-8", "replace")


def _boundary(content_type: str | None) -> str:
    kind, options = parse_options_header(content_type or "")
    if kind.lower() != FORM:
        shown = kind[:100] or "no Content-Type"
        raise UnsupportedMediaType(f"An upload must be {FORM}, not {shown}. Its fields are `purpose` and `file`.")
    boundary: str = options.get("boundary", "")
    if not 0 < len(boundary) <= BOUNDARY_LENGTH_MAX or not boundary.isascii() or not boundary.isprintable():
        raise _malformed(f"the Content-Type header has no boundary of 1 to {BOUNDARY_LENGTH_MAX} characters")
    return boundary


def _filename(sent: str | None) -> str:
    """The last path segment of the name that the client gave, safe to show."""
    if sent is None:
        raise RequestError(
            "'file' must be sent as a file, with a filename: `-F file=@document.pdf`.", param=_FILE, code="invalid_type"
        )
    name = "".join(letter if letter.isprintable() else "_" for letter in sent.replace("\\", "/").rpartition("/")[2])
    name = name.strip()
    if len(name) > FILENAME_LENGTH_MAX:
        raise RequestError(
            f"The file's name is longer than {FILENAME_LENGTH_MAX} characters.", param=_FILE, code="invalid_value"
        )
    return name or "upload"


def _missing(name: str) -> RequestError:
    return RequestError(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


def _malformed(what: str) -> RequestError:
    return RequestError(f"The body is not valid {FORM}: {what}.", code="invalid_multipart")
