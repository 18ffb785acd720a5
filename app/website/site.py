"""The website as a table from path to answer, one answer per encoding, built before the first request. Pure.

Rule 1: a path that is not in the table does not exist. No path is ever looked up on disk.
Rule 2: a page's path is its file name without `.html`, with or without a trailing slash. There are no redirects.
Rule 3: files with a hash in their name are cached forever. All others are revalidated, with status 304 if unchanged.
Rule 4: an entity tag is the hash of the bytes sent, so each encoding has its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.faults import SiteUnfit
from app.website.negotiation import IDENTITY, choose, is_known
from app.website.policy import page_headers

Fields = list[tuple[bytes, bytes]]

NOT_FOUND = "404.html"
HASHED = "_next/static/"
READ_METHODS = ("GET", "HEAD")
TYPES: Mapping[str, str] = {
    ".avif": "image/avif",
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
"""Media types by suffix. `.txt` is also used for page data, which the framework's client accepts only as text/plain."""
_SIBLINGS = {"br": ".br", "gzip": ".gz"}
"""The encodings that precompressed files may have, the best one first."""
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_UNSEEN = (NOT_FOUND, "_not-found.html")
"""Pages that are not served under a path."""


@dataclass(frozen=True, slots=True)
class WebsiteAnswer:
    """A complete answer, ready to send. `fields` is never changed."""

    status: int
    fields: Fields
    body: bytes


@dataclass(frozen=True, slots=True)
class Variant:
    """A file in one encoding. `unchanged` is the answer to clients that have it already."""

    tag: str
    whole: WebsiteAnswer
    unchanged: WebsiteAnswer


Variants = Mapping[str, Variant]
"""Variants by encoding, the best one first, identity last."""


class Site:
    """All answers of the website. `https`: clients use https."""

    def __init__(self, files: Mapping[str, bytes], *, https: bool) -> None:
        """`files` by their paths inside the export. Raises SiteUnfit."""
        if NOT_FOUND not in files:
            raise SiteUnfit(f"The website has no {NOT_FOUND}. Rebuild it with make web.")
        self._not_found = _variants(NOT_FOUND, files, https=https, status=404)
        self._table: dict[str, Variants] = {}
        for name in files:
            if not _is_sibling(name, files):
                variants = _variants(name, files, https=https)
                self._table.update(dict.fromkeys(addresses(name), variants))

    @property
    def addresses(self) -> Iterable[str]:
        """All paths of the website."""
        return self._table.keys()

    def knows(self, path: str) -> bool:
        return path in self._table

    def answer(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> WebsiteAnswer:
        """The answer to GET or HEAD on `path` (decoded), under the request's headers, whose names are lower case."""
        accept, known = "", ""
        for name, value in headers:
            if name == b"accept-encoding":
                accept = f"{accept},{value.decode('latin-1')}" if accept else value.decode("latin-1")
            elif name == b"if-none-match":
                known = f"{known},{value.decode('latin-1')}" if known else value.decode("latin-1")
        variants = self._table.get(path)
        if variants is None:
            return _of(self._not_found, accept).whole
        variant = _of(variants, accept)
        return variant.unchanged if known and is_known(known, variant.tag) else variant.whole


def addresses(name: str) -> Iterator[str]:
    """The paths of the file with this name in the export."""
    if not name.endswith(".html"):
        yield f"/{name}"
    elif name not in _UNSEEN:
        page = f"/{name.removesuffix('.html')}".removesuffix("/index")
        yield f"{page}/"
        if page:
            yield page


def _of(variants: Variants, accept: str) -> Variant:
    return variants[choose(accept, tuple(variants)) if len(variants) > 1 else IDENTITY]


def _is_sibling(name: str, files: Mapping[str, bytes]) -> bool:
    return any(name.endswith(suffix) and name.removesuffix(suffix) in files for suffix in _SIBLINGS.values())


def _variants(name: str, files: Mapping[str, bytes], *, https: bool, status: int = 200) -> Variants:
    common = _headers(name, files[name], https=https)
    there = {code: files[name + suffix] for code, suffix in _SIBLINGS.items() if name + suffix in files}
    if there:
        common.append(("vary", "Accept-Encoding"))
    there[IDENTITY] = files[name]
    kind = TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
    return {code: _variant(code, body, kind, common, status) for code, body in there.items()}


def _variant(encoding: str, body: bytes, kind: str, common: list[tuple[str, str]], status: int) -> Variant:
    tag = hashlib.sha256(body).hexdigest()[:32]
    shared = [*common, ("etag", f'"{tag}"')] if status == 200 else common
    of_body = [("content-type", kind), ("content-length", str(len(body)))]
    if encoding != IDENTITY:
        of_body.append(("content-encoding", encoding))
    return Variant(
        tag, WebsiteAnswer(status, _fields([*of_body, *shared]), body), WebsiteAnswer(304, _fields(shared), b"")
    )


def _headers(name: str, body: bytes, *, https: bool) -> list[tuple[str, str]]:
    """The headers that every variant of a file shares."""
    headers = [
        ("cache-control", _FOREVER if name.startswith(HASHED) else _ASK_AGAIN),
        ("x-content-type-options", "nosniff"),
    ]
    if not name.endswith(".html"):
        return headers
    try:
        return headers + page_headers(body.decode("utf-8"), https=https)
    except (SiteUnfit, UnicodeDecodeError) as error:
        raise SiteUnfit(f"The website's {name} cannot be served: {error}") from error


def _fields(headers: Iterable[tuple[str, str]]) -> Fields:
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers]
