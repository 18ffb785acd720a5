"""The website as a table: address -> the answer, one for each encoding, made whole before the first request. Pure.

Rule 1: what is not in the table does not exist. No path is ever looked for on a disk.
Rule 2: a page's address is its file's name without `.html`, with or without a slash behind it; nothing redirects.
Rule 3: what has a hash in its name is good for ever; everything else is asked for again, and answered 304 while it is the same.
Rule 4: an entity tag is the hash of the bytes that are sent, so each encoding has its own.
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
"""What a suffix means. `.txt` is also the pages' data, which the framework's client reads from a static host only as text/plain."""
_SIBLINGS = {"br": ".br", "gzip": ".gz"}
"""The encodings that files may come in, the best one first."""
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_UNSEEN = (NOT_FOUND, "_not-found.html")
"""Pages that are shown, but have no address."""


@dataclass(frozen=True, slots=True)
class WebsiteAnswer:
    """A whole answer, ready to send. `fields` is never changed."""

    status: int
    fields: Fields
    body: bytes


@dataclass(frozen=True, slots=True)
class Variant:
    """A file in one encoding. `unchanged` answers those who have it."""

    tag: str
    whole: WebsiteAnswer
    unchanged: WebsiteAnswer


Variants = Mapping[str, Variant]
"""By encoding, the best one first, identity last."""


class Site:
    """Everything that the website answers. `https`: clients reach it so."""

    def __init__(self, files: Mapping[str, bytes], *, https: bool) -> None:
        """`files` by their paths inside the export. Raises SiteUnfit."""
        if NOT_FOUND not in files:
            raise SiteUnfit(f"The website has no {NOT_FOUND}. Build it again: make web")
        self._not_found = _variants(NOT_FOUND, files, https=https, status=404)
        self._table: dict[str, Variants] = {}
        for name in files:
            if not _is_sibling(name, files):
                variants = _variants(name, files, https=https)
                self._table.update(dict.fromkeys(addresses(name), variants))

    @property
    def addresses(self) -> Iterable[str]:
        """All that there is."""
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
    """Where the file of this name in the export is found."""
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
    told = [*common, ("etag", f'"{tag}"')] if status == 200 else common
    of_body = [("content-type", kind), ("content-length", str(len(body)))]
    if encoding != IDENTITY:
        of_body.append(("content-encoding", encoding))
    return Variant(tag, WebsiteAnswer(status, _fields([*of_body, *told]), body), WebsiteAnswer(304, _fields(told), b""))


def _headers(name: str, body: bytes, *, https: bool) -> list[tuple[str, str]]:
    """What every variant of a file says of itself."""
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
