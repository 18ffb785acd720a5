"""What fuzzing starts from: streams and bodies of vendors, requests of clients, PDFs and forms; and the words of the protocols."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
from hypothesis import HealthCheck, Phase, given, settings

from app.wire.canonical import CanonicalRequest, Target
from app.wire.chat.request_writer import write_chat_request
from app.wire.exchange import Endpoint, RequestError
from app.wire.responses.request_writer import write_responses_request
from tests.fuzz.mutations import SIZE_MAX
from tests.protocols.differential.requests import REQUESTS
from tests.protocols.translated.expected import Dialect
from tests.protocols.translated.harness import STREAMS
from tests.support.files.uploads import FORM, a_pdf, form, part, upload_form
from tests.support.paths import RECORDINGS
from tests.support.wire.canonical_requests import any_requests, plain_requests
from tests.support.wire.client_requests import FULL

FOUND: Final = Path(__file__).parent / "found"
ASKS: Final = 60
"""How many requests are drawn."""

_WRITE: Final[dict[Endpoint, Callable[[CanonicalRequest, Target], bytes]]] = {
    "responses": write_responses_request,
    "chat": write_chat_request,
}
_WORD = re.compile(rb'"([a-zA-Z_.]{2,40})"')
_PDF_WORDS: Final = (
    *(b"/Type", b"/Page", b"/Pages", b"/Kids", b"/Count", b"/ObjStm", b"/First", b"/N", b"/Filter", b"/FlateDecode"),
    *(b"/DecodeParms", b"endobj", b"obj", b"stream\n", b"endstream", b"1 0 R", b"2 0 R ", b"[", b"]", b"<<", b">>"),
    *(
        b"%PDF-1.7",
        b"/T#79pe",
        b"/Pa#67es",
        b"%",
        b"(",
        b")",
        b"0 0 R",
        b"4294967296 0 R",
        b"trailer",
        b"startxref",
        b"R",
    ),
)
_FORM_WORDS: Final = (
    *(
        b"--",
        b"\r\n",
        b"\r\n\r\n",
        b'Content-Disposition: form-data; name="file"; filename="a"',
        b"Content-Type: x/y\r\n",
    ),
    *(
        b'name="purpose"',
        b"filename*=utf-8''%ff%00",
        b'"',
        b"; ",
        b"Content-Length: 99999\r\n",
        b"user_data",
        b"boundary=",
    ),
    *(
        b"Content-Transfer-Encoding: base64\r\n",
        b"expires_after[seconds]",
        b"expires_after[anchor]",
        b"_charset_",
        b"multipart/",
    ),
)


def streams(dialect: Dialect) -> list[bytes]:
    return _files(dialect, "*.sse", "*.chunks.txt")


def bodies(dialect: Dialect) -> list[bytes]:
    return _files(dialect, "*.json", "*.json")


def requests(endpoint: Endpoint) -> list[bytes]:
    """Hand-written requests, and what is drawn as a CanonicalRequest and written for OpenAI."""
    found = [_encode(each) for each in FULL[endpoint]]
    found += [_encode(each) for each in REQUESTS.values()] if endpoint == "chat" else []
    target = Target("vendor", "model", max_output_tokens=4096, max_tool_calls=5)
    for request in _drawn():
        try:
            found.append(_WRITE[endpoint](request, target))
        except RequestError:
            continue
    return found


def pdfs() -> list[bytes]:
    tree = b"1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n2 0 obj << /Type /Pages /Kids [3 0 R 4 0 R] /Count 5 >> endobj\n"
    leaves = b"3 0 obj << /Type /Page /Parent 2 0 R >> endobj\n4 0 obj << /Type/Pages /Kids [3 0 R 5 0 R] /Count 3 >> endobj\n"
    packed = zlib.compress(
        b"1 0 2 34 << /Type /Catalog /Pages 2 0 R >>  << /Type /Pages /Count 2 /Kids [3 0 R 3 0 R] >>"
    )
    stream = b"9 0 obj << /Type /ObjStm /N 2 /First 9 /Filter /FlateDecode /Length %d >>\nstream\n" % len(packed)
    return [
        a_pdf(1),
        a_pdf(3),
        b"%PDF-1.4\n" + tree + leaves + b"trailer << /Root 1 0 R >>\nstartxref\n0\n%%EOF",
        b"%PDF-1.5\n" + stream + packed + b"\nendstream\nendobj\n" + leaves,
    ]


def forms() -> list[bytes]:
    """Uploads: the content type, a line end, the body."""
    file = part("file", b"%PDF-1.7\r\n--\r\n" + bytes(range(256)), filename="a.pdf", kind="application/pdf")
    bodies = [
        upload_form(a_pdf()),
        upload_form(b"%PDF-1.7", anchor="created_at", seconds="3600"),
        form([file, part("purpose", b"assistants")]),
        b"preamble\r\n" + upload_form(b"%PDF-", filename="\u00fc \\ .pdf") + b"epilogue",
    ]
    kinds = (FORM, FORM.replace("boundary=", 'charset=utf-8; boundary="') + '"')
    return [kind.encode() + b"\n" + body for kind in kinds for body in bodies]


def found(target: str) -> list[bytes]:
    """Inputs that showed a fault once."""
    return [path.read_bytes() for path in sorted((FOUND / target).glob("*"))]


def words_of(inputs: Iterable[bytes]) -> list[bytes]:
    """All short strings of JSON texts: the members' names and the words that they take."""
    return sorted({word for each in inputs for word in _WORD.findall(each)})


PDF_WORDS: Final[list[bytes]] = list(_PDF_WORDS)
FORM_WORDS: Final[list[bytes]] = list(_FORM_WORDS)


def _files(dialect: Dialect, own: str, recorded: str) -> list[bytes]:
    inputs = [path.read_bytes() for path in sorted((STREAMS / dialect).glob(own))]
    for path in sorted((RECORDINGS / dialect).glob(recorded)):
        content = path.read_bytes()
        if own == "*.sse":  # a recording is one event a line
            content = b"".join(b"data: " + line + b"\n\n" for line in content.splitlines())
        if len(content) <= SIZE_MAX:
            inputs.append(content)
    return inputs


def _drawn() -> list[CanonicalRequest]:
    drawn: list[CanonicalRequest] = []

    @settings(
        max_examples=ASKS,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(any_requests() | plain_requests())
    def draw(request: CanonicalRequest) -> None:
        drawn.append(request)

    draw()
    return drawn


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value)
