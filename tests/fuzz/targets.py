"""What is fuzzed: for each, what it starts from, the words that it knows, and what must hold for any input."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import msgspec

from app.documents import pdf
from app.faults import FileTooLarge, UnsupportedMediaType
from app.files.upload import UploadForm
from app.wire.answer import AnswerBegun, AnswerEnded, ChoiceFinished, TextDelta
from app.wire.canonical import Target as Upstream
from app.wire.chat.answer_writer import ChatAnswerWriter
from app.wire.dialects import REQUEST_READERS, REQUEST_WRITERS, parse, passthrough_body
from app.wire.envelope import error_envelope
from app.wire.exchange import Endpoint, ParsedRequest, RequestError
from app.wire.file_ref import StoredFile
from app.wire.responses.answer_writer import ResponsesAnswerWriter
from app.wire.rewrite import rewrite_conversation
from app.wire.sse import FrameSplitter
from domain.errors import InvalidValue
from tests.fuzz import corpora, relays
from tests.fuzz.mutations import Shape
from tests.protocols.translated.expected import Dialect
from tests.support.wire import responses_grammar

DIALECTS: Final[tuple[Dialect, ...]] = ("responses", "chat", "anthropic", "gemini")
UPSTREAMS: Final = {
    "responses": Upstream("vendor", "model", 4096, 5),
    "chat": Upstream("vendor", "model", 4096),
    "anthropic": Upstream("vendor", "claude-sonnet-4-5", 8192, 5),
    "gemini": Upstream("vendor", "gemini-2.5-flash", 4096, 5),
}
WORDS_MAX: Final = 20_000
"""Characters of a refusal: it may quote a name, never the whole request."""
_QUOTED = re.compile(r"'[^']*'|`[^`]*`|\d+")
_BARE_LF = re.compile(rb"(?i)content-[^\r]*(?<!\r)\n|\n[ \t]*(?:\r\n)?content-")
_LINE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """`judge` raises where an input shows a fault; what it gives stands for the way that the input took."""

    shape: Shape
    judge: Callable[[bytes], object]
    inputs: Callable[[], list[bytes]]
    words: Callable[[], list[bytes]]


# -- Frames of a stream


def frames(data: bytes) -> object:
    whole, cut_up = FrameSplitter(), FrameSplitter()
    found = whole.feed(data)
    pieces = [frame for piece in relays.pieces_of(data) for frame in cut_up.feed(piece)]
    held = len(data) - sum(len(frame.raw) for frame in found)
    assert b"".join(frame.raw for frame in found) + data[len(data) - held :] == data
    rest, other_rest = whole.flush(), cut_up.flush()
    every = [*found, *([rest] if rest else [])]
    assert every == [*pieces, *([other_rest] if other_rest else [])]
    result = [(frame.event, frame.data) for frame in every if frame.data is not None]
    assert result == _by_the_standard(data)
    for frame in every:
        if frame.data is not None and frame.at >= 0:
            assert frame.raw[frame.at : frame.at + len(frame.data)] == frame.data
    return len(found), rest is None, len({name for name, _ in result})


def _by_the_standard(data: bytes) -> list[tuple[str, bytes]]:
    """WHATWG HTML 9.2.6, line by line. An event that the stream's end cuts off is told as well: see FrameSplitter.flush."""
    events: list[tuple[str, bytes]] = []
    name, content = "", list[bytes]()
    for line in [*_LINE.split(data.removeprefix(b"\xef\xbb\xbf")), b""]:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            events += [(name, b"\n".join(content))] if content else []
            name, content = "", []
        elif field == b"event":
            name = value.decode(errors="replace")
        elif field == b"data":
            content.append(value)
    return events


# -- Requests


def request(endpoint: Endpoint) -> Callable[[bytes], object]:
    """What judges a client's request: it is passed on and written for every vendor, or refused in words."""

    def judge(data: bytes) -> object:
        try:
            parsed = parse(endpoint, data)
        except RequestError as error:
            return _refused(error)
        return _passed_on(parsed), _carried(endpoint, parsed)

    return judge


def _passed_on(parsed: ParsedRequest) -> object:
    assert parsed.demand.text_bytes >= 0
    assert parsed.content_bytes >= 0
    try:
        fields = rewrite_conversation(parsed.fields, _stored(parsed), "vendor")
    except RequestError as error:
        return _refused(error)
    passed = passthrough_body(replace(parsed, fields=fields), UPSTREAMS[parsed.endpoint])
    assert json.loads(passed, parse_int=str, parse_float=str).keys() >= parsed.fields.keys()
    return parsed.demand.images > 0, parsed.demand.files > 0, len(parsed.refs) > 0, len(parsed.addresses) > 0


def _carried(endpoint: Endpoint, parsed: ParsedRequest) -> object:
    try:
        request = REQUEST_READERS[endpoint](parsed.fields, _stored(parsed))
    except RequestError as error:
        return _refused(error)
    _answer(endpoint, parsed)
    ways: list[object] = []
    for dialect in DIALECTS:
        try:
            written = msgspec.json.decode(REQUEST_WRITERS[dialect](request, UPSTREAMS[dialect]))
            ways.append(frozenset(written))
        except RequestError as error:
            ways.append(_refused(error))
    return tuple(ways)


def _answer(endpoint: Endpoint, parsed: ParsedRequest) -> None:
    """Answers echo what was asked."""
    make = ChatAnswerWriter if endpoint == "chat" else ResponsesAnswerWriter
    writer = make(seed="0" * 32, model="public", created=1, fields=parsed.fields, stream=parsed.stream)
    events = (AnswerBegun(), TextDelta("Yes"), ChoiceFinished("stop"), AnswerEnded())
    sent = b"".join(writer.write(event) for event in events)
    if not parsed.stream:
        msgspec.json.decode(sent)
    elif endpoint == "responses":
        responses_grammar.check(sent + b"data: [DONE]\n\n")


def _stored(parsed: ParsedRequest) -> dict[str, StoredFile]:
    return {ref.file_id: StoredFile("application/pdf", "a.pdf", "JVBERi0xLjcK", 9, 1) for ref in parsed.refs}


def _refused(error: RequestError) -> object:
    assert error.status in (400, 413), error
    assert error.message
    assert len(error.message) <= WORDS_MAX, f"a refusal of {len(error.message)} characters"
    assert len(error.param or "") <= WORDS_MAX, f"a place of {len(error.param or '')} characters"
    error_envelope(message=error.message, type="invalid_request_error", param=error.param, code=error.code)
    return _QUOTED.sub("#", error.message)[:80], _QUOTED.sub("#", error.param or "")[:80], error.code


# -- Uploads and documents


def upload(data: bytes) -> object:
    """How a form is cut never changes what is read of it. Of two things that are wrong, either may be told; and the library takes a
    header line with a bare LF in it where the whole line came at once, else refuses it."""
    kind, _, body = data.partition(b"\n")
    content_type = kind.decode("latin-1")
    whole, cut_up = _form(content_type, [body]), _form(content_type, relays.pieces_of(body))
    assert whole == cut_up or _BARE_LF.search(body), f"whole {whole}, in pieces {cut_up}"
    return str(whole[0])[:60], len(whole[1])


def _form(content_type: str, pieces: list[bytes]) -> tuple[Any, bytes]:
    try:
        reader = UploadForm(content_type)
        content = b"".join([reader.feed(piece) for piece in pieces])
        request = reader.finish()
    except RequestError as error:
        _refused(error)
        return None, b""
    except (FileTooLarge, InvalidValue, UnsupportedMediaType):
        return None, b""
    assert reader.file_bytes == len(content)
    assert request.filename.isprintable()
    assert request.purpose
    return request, content


def document(data: bytes) -> object:
    count = pdf.page_count(data)
    assert count is None or 0 < count <= pdf.PAGES_MAX
    return count, pdf.is_pdf(data), pdf.is_whole(data)


def _words(inputs: Callable[[], list[bytes]]) -> Callable[[], list[bytes]]:
    return lambda: corpora.words_of(inputs())


def _of_streams(dialect: Dialect) -> Fuzzed:
    inputs = cache(lambda: corpora.streams(dialect))
    return Fuzzed("stream", relays.stream(dialect), inputs, _words(inputs))


def _of_bodies(dialect: Dialect) -> Fuzzed:
    inputs = cache(lambda: corpora.bodies(dialect))
    return Fuzzed("json", relays.body(dialect), inputs, _words(inputs))


def _of_requests(endpoint: Endpoint) -> Fuzzed:
    inputs = cache(lambda: corpora.requests(endpoint))
    return Fuzzed("json", request(endpoint), inputs, _words(inputs))


TARGETS: Final[dict[str, Fuzzed]] = {
    "frames": Fuzzed(
        "stream",
        frames,
        lambda: [each for dialect in DIALECTS for each in corpora.streams(dialect)],
        lambda: [b"data", b"event", b"id", b"retry", b": ", b"data:data"],
    ),
    **{f"{dialect}-stream": _of_streams(dialect) for dialect in DIALECTS},
    **{f"{dialect}-body": _of_bodies(dialect) for dialect in DIALECTS},
    "responses-request": _of_requests("responses"),
    "chat-request": _of_requests("chat"),
    "upload": Fuzzed("bytes", upload, corpora.forms, lambda: corpora.FORM_WORDS),
    "pdf": Fuzzed("bytes", document, corpora.pdfs, lambda: corpora.PDF_WORDS),
}
