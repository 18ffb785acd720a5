"""Which requests may act for whoever their cookie names: Go's CrossOriginProtection, case by case."""

from __future__ import annotations

import pytest

from app.origin import may_change, origin_of

OWN, LISTED, FOREIGN, HOST = "https://api.example", "https://app.example", "https://evil.example", "api.example"


def may(site: str | None, origin: str | None, host: str | None = HOST, method: str = "POST") -> bool:
    return may_change(method, site=site, origin=origin, host=host, allowed=(OWN, LISTED))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_whoever_asks_may_read(method: str) -> None:
    assert may("cross-site", FOREIGN, method=method)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "QUERY"])
def test_every_other_method_is_judged(method: str) -> None:
    assert not may("cross-site", FOREIGN, method=method)


@pytest.mark.parametrize(
    ("site", "origin", "passes"),
    [
        ("same-origin", OWN, True),
        ("same-origin", None, True),
        ("same-origin", "http://localhost:8000", True),
        ("none", None, True),
        ("cross-site", OWN, True),  # a proxy that names itself otherwise: the operator wrote this origin down
        ("same-site", LISTED, True),
        ("cross-site", LISTED, True),
        ("cross-site", FOREIGN, False),
        ("same-site", FOREIGN, False),
        ("cross-site", None, False),
        ("same-site", None, False),
        ("cross-site", "null", False),
        ("something-new", FOREIGN, False),
        ("SAME-ORIGIN", FOREIGN, False),
        ("", FOREIGN, False),
        ("", None, False),
    ],
)
def test_a_browser_of_today_is_judged_by_what_it_says_of_the_site(site: str, origin: str | None, passes: bool) -> None:
    assert may(site, origin) is passes


@pytest.mark.parametrize(
    ("origin", "host", "passes"),
    [
        (None, HOST, True),
        (OWN, HOST, True),
        (LISTED, HOST, True),
        ("https://other-name.example:8443", "other-name.example:8443", True),
        (FOREIGN, HOST, False),
        ("https://api.example.evil.example", HOST, False),
        ("https://evil.example/api.example", HOST, False),
        ("null", HOST, False),
        ("null", "", False),
        ("null", None, False),
        ("", "", False),
        ("", HOST, False),
        ("http://[", HOST, False),
        (HOST, HOST, False),
    ],
)
def test_an_older_browser_is_judged_by_its_origin_and_what_is_none_passes(
    origin: str | None, host: str | None, passes: bool
) -> None:
    assert may(None, origin, host) is passes


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://App.Example:443/path/", "https://app.example"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://app.example:80", "http://app.example"),
        ("http://app.example:443", "http://app.example:443"),
        ("https://user:secret@app.example", "https://app.example"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_an_origin_is_spelled_as_browsers_do(url: str, origin: str) -> None:
    assert origin_of(url) == origin
