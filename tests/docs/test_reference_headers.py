"""Headers, streams and the website in ops/reference.md, compared with what the gateway reads and sends.

Rule: expectations come from the code itself; nothing that the reference should say is written down a second time here.
"""

from __future__ import annotations

import ast

import msgspec

from app import errors
from app.edge import cors
from app.edge.application import _STREAM_HEADERS
from app.routes.completions import KEEP_ALIVE
from app.website.opening import SITE_BYTES_MAX, SITE_FILES_MAX
from app.website.policy import POLICY_LENGTH_MAX
from app.website.site import HASHED, Site
from app.wire.chat.passthrough import ChatStreamRelay
from app.wire.relay import DONE
from app.wire.responses.passthrough import ResponsesStreamRelay
from domain import rates
from domain.rates import Rate
from tests.support.docs.documents import spans
from tests.support.docs.error_examples import EXAMPLES
from tests.support.docs.reference import REFERENCE, names, rows
from tests.support.docs.source import calls, literals, name_of
from tests.support.paths import ROOT
from tests.support.website.website import FILES


def test_every_header_that_is_read_or_sent_is_documented() -> None:
    sent = {name for error in EXAMPLES for name, _value in errors.problem_of(error).headers}
    sent |= set(cors.preflight(None))
    sent |= (
        {name.decode() for name, _value in cors.EXPOSE} | set(_STREAM_HEADERS) | {"x-request-id", "x-client-request-id"}
    )
    read, _, written = REFERENCE.section("Headers").partition("| Sent by the gateway |")
    assert sent <= names(written)
    assert set(cors.EXPOSED_HEADERS.split(", ")) <= spans(written)
    assert {"set-cookie", "access-control-allow-credentials", "vary", *names_of_rates()} <= names(written)
    of_all = {*cors.DEFAULT_HEADERS.split(", "), "content-encoding", "expect", "origin", "cookie"}
    assert of_all | headers_read() == names(read)
    assert f"{cors.MAX_AGE_SECONDS} seconds" in written


def names_of_rates() -> set[str]:
    return set(rates.headers(Rate(kind, 1, 1, 1) for kind in ("requests", "tokens")))


def headers_read() -> set[str]:
    """The names of the request headers that the routes read."""
    return {
        word
        for call in calls(("get", "getlist"), ROOT / "app/routes")
        if isinstance(call.func, ast.Attribute) and name_of(call.func.value) == "headers"
        for word in literals(call.args[0])
    }


def test_broken_streams_end_as_documented() -> None:
    documented = {name: cells[0] for name, cells in rows("Streaming", 2).items()}
    endings = {
        "/v1/responses": ResponsesStreamRelay(model="m", upstream="u").failure(message="x", type="t", code="c"),
        "/v1/chat/completions": ChatStreamRelay(model="m", include_usage=False, choices=1).failure(
            message="x", type="t", code="c"
        ),
    }
    assert set(documented) == set(endings)
    for endpoint, frames in endings.items():
        assert frames.endswith(DONE) == documented[endpoint].endswith("then `[DONE]`."), endpoint
    error = msgspec.json.decode(endings["/v1/responses"].partition(b"data: ")[2].partition(b"\n")[0])
    assert set(error) - {"type"} <= spans(documented["/v1/responses"])


def test_the_keep_alive_comment_is_the_one_that_is_sent() -> None:
    assert KEEP_ALIVE.decode().strip() in spans(REFERENCE.section("Streaming"))


def test_the_headers_and_limits_of_the_website_are_documented() -> None:
    site = Site(FILES, https=True)
    answers = [site.answer(path, [(b"accept-encoding", b"gzip")]) for path in site.addresses]
    sent = {name.decode() for answer in answers for name, _value in answer.fields}
    text = " ".join(REFERENCE.section("The website").split())
    assert set(rows("The website", 2)) == sent - {"content-type", "content-length", "vary"}
    assert f"under `/{HASHED}`" in text
    assert (
        f"{SITE_BYTES_MAX} bytes and {SITE_FILES_MAX} files, and a page's policy {POLICY_LENGTH_MAX} characters" in text
    )
