"""The table of the website: which address has which file, in which encoding, and how long it is good for."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.faults import SiteUnfit
from app.website.site import TYPES, Site, WebsiteAnswer, addresses
from tests.support.website.website import ASSET, BROTLI, FILES, page

SITE = Site(FILES, https=False)


def headers(answer: WebsiteAnswer) -> dict[str, str]:
    found = {name.decode(): value.decode() for name, value in answer.fields}
    assert len(found) == len(answer.fields), "a header stands twice"
    return found


def ask(path: str, accept: str | None = None, known: str | None = None) -> WebsiteAnswer:
    sent = [] if accept is None else [(b"accept-encoding", accept.encode())]
    return SITE.answer(path, sent if known is None else [*sent, (b"if-none-match", known.encode())])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "index.html"),
        ("/docs", "docs.html"),
        ("/docs/", "docs.html"),
        ("/docs.txt", "docs.txt"),
        ("/dashboard", "dashboard.html"),
        ("/dashboard/usage", "dashboard/usage.html"),
        ("/dashboard/usage/", "dashboard/usage.html"),
        ("/dashboard/__next._tree.txt", "dashboard/__next._tree.txt"),
        ("/guide", "guide/index.html"),
        ("/guide/", "guide/index.html"),
        ("/icon.svg", "icon.svg"),
        (f"/{ASSET}", ASSET),
    ],
)
def test_an_address_has_its_file(path: str, name: str) -> None:
    answer = ask(path)
    assert (answer.status, answer.body) == (200, FILES[name])
    assert headers(answer)["content-length"] == str(len(answer.body))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//",
        "//docs",
        "/docs//",
        "/docs.html",
        "/index",
        "/index.html",
        "/404",
        "/404.html",
        "/_not-found",
        "/Docs",
        "/../docs",
        "/docs/../docs",
        "/guide/index",
        "/hello.txt.br",
        "/hello.txt.gz",
        "/icon.svg/",
        "/_next",
        "/_next/static/chunks/gone.js",
        "/etc/passwd",
        "/..%2f..%2fetc/passwd",
    ],
)
def test_everything_else_is_the_page_that_says_so(path: str) -> None:
    answer = ask(path)
    assert (answer.status, answer.body) == (404, FILES["404.html"])
    assert headers(answer)["content-type"] == "text/html; charset=utf-8"
    assert headers(answer)["cache-control"] == "no-cache"
    assert "etag" not in headers(answer)
    assert ask(path, known="*") == answer


@given(st.text(st.sampled_from("/.%docs2eF\\htmlindex404~"), max_size=20))
def test_no_path_leads_to_what_is_not_in_the_table(path: str) -> None:
    known = {address for name in FILES for address in addresses(name)}
    assert (ask(path).status == 200) == (path in known)


def test_hashed_files_are_good_for_ever_and_all_else_is_asked_for_again() -> None:
    assert headers(ask(f"/{ASSET}"))["cache-control"] == "public, max-age=31536000, immutable"
    for path in ("/", "/docs", "/docs.txt", "/icon.svg"):
        assert headers(ask(path))["cache-control"] == "no-cache"


def test_files_come_compressed_to_those_who_read_that() -> None:
    brotli, gzipped, plain = (ask("/hello.txt", accept) for accept in ("gzip, br", "gzip", None))
    assert (brotli.body, plain.body) == (BROTLI, b"hello")
    assert gzip.decompress(gzipped.body) == b"hello"
    assert [headers(each).get("content-encoding") for each in (brotli, gzipped, plain)] == ["br", "gzip", None]
    assert {headers(each)["vary"] for each in (brotli, gzipped, plain)} == {"Accept-Encoding"}
    assert len({headers(each)["etag"] for each in (brotli, gzipped, plain)}) == 3
    assert {headers(each)["content-type"] for each in (brotli, gzipped, plain)} == {"text/plain; charset=utf-8"}


def test_what_has_no_compressed_sibling_comes_as_it_is() -> None:
    assert ask("/docs", "br, gzip").body == FILES["docs.html"]
    assert "vary" not in headers(ask("/docs", "br, gzip"))
    assert headers(ask(f"/{ASSET}", "br, gzip"))["content-encoding"] == "gzip"


def test_accept_encoding_in_several_lines_is_one_list() -> None:
    assert SITE.answer("/hello.txt", [(b"accept-encoding", b"gzip;q=0.5"), (b"accept-encoding", b"br")]).body == BROTLI


@pytest.mark.parametrize("accept", ["br", "gzip", None])
def test_who_has_it_is_told_that_it_is_unchanged(accept: str | None) -> None:
    whole = ask("/hello.txt", accept)
    tag = headers(whole)["etag"]
    unchanged = ask("/hello.txt", accept, known=f'"other", W/{tag}')
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert set(headers(whole)) - set(headers(unchanged)) <= {"content-type", "content-length", "content-encoding"}
    assert headers(whole).items() >= headers(unchanged).items()
    assert ask("/hello.txt", accept, known='"other"') == whole


def test_the_tag_of_another_encoding_is_another() -> None:
    assert ask("/hello.txt", "br", known=headers(ask("/hello.txt", "gzip"))["etag"]).status == 200


def test_a_page_that_is_unchanged_still_says_what_it_may_do() -> None:
    unchanged = ask("/docs", known=headers(ask("/docs"))["etag"])
    assert unchanged.status == 304
    assert headers(unchanged)["content-security-policy"] == headers(ask("/docs"))["content-security-policy"]


def test_every_page_has_its_policy_and_no_type_is_guessed() -> None:
    for path in SITE.addresses:
        found = headers(ask(path))
        assert found["x-content-type-options"] == "nosniff"
        assert ("content-security-policy" in found) == found["content-type"].startswith("text/html")
    assert "content-security-policy" in headers(ask("/nothing"))
    assert headers(ask("/docs"))["content-security-policy"].count("sha256-") == 2
    assert headers(ask("/dashboard"))["content-security-policy"].count("sha256-") == 0


def test_an_unknown_suffix_is_bytes() -> None:
    site = Site({"404.html": b"", "a.xyz": b"x", "b": b"x", **{f"c{suffix}": b"" for suffix in TYPES}}, https=False)
    for path in ("/a.xyz", "/b"):
        assert headers(site.answer(path, []))["content-type"] == "application/octet-stream"
    assert headers(site.answer("/c.woff2", []))["content-type"] == "font/woff2"


def test_a_website_that_cannot_be_served_says_why() -> None:
    with pytest.raises(SiteUnfit, match=r"no 404\.html"):
        Site({"index.html": b""}, https=False)
    with pytest.raises(SiteUnfit, match=r"docs\.html .*utf-8"):
        Site({"404.html": b"", "docs.html": b"\xff"}, https=False)
    many = page("Many", *(str(number) for number in range(200)))
    with pytest.raises(SiteUnfit, match=r"docs\.html .*200 inline scripts"):
        Site({"404.html": b"", "docs.html": many}, https=False)
