"""A page's policy: its own inline scripts by their hashes, and nothing that is not listed."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.faults import SiteUnfit
from app.website.policy import content_security_policy, inline_scripts, page_headers


def hashed(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def directives(page: str) -> dict[str, list[str]]:
    parts = (part.split() for part in content_security_policy(page).split("; "))
    return {name: values for name, *values in parts}


def test_inline_scripts_are_found_as_they_stand() -> None:
    page = """<html><head><script>a < b && "&amp;" </script><SCRIPT Type="module">let c
</SCRIPT><script src="/x.js">ignored</script><script src>ignored</script><script type="application/ld+json">{"a": 1}</script>
<script id=x async></script></head><body>text <b>of</b> the page<script>last = "<p>" + '<\\/script>'</script></body>"""
    assert inline_scripts(page) == ['a < b && "&amp;" ', "let c\n", "", "last = \"<p>\" + '<\\/script>'"]


def test_line_ends_are_those_that_a_browser_hashes() -> None:
    assert inline_scripts("<script>a\r\nb\rc\n</script>") == ["a\nb\nc\n"]


def test_a_page_may_run_its_own_scripts_and_files_of_its_origin() -> None:
    found = directives("<script>one</script><script>two</script><script>one</script>")
    assert found["script-src"] == ["'self'", hashed("one"), hashed("two")]
    assert directives("<p>none</p>")["script-src"] == ["'self'"]


def test_what_is_not_listed_is_denied() -> None:
    assert directives("") == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }


@given(st.lists(st.text(st.characters(exclude_characters="<\r", exclude_categories=["Cs"]))))
def test_every_script_of_a_page_is_in_its_policy_and_no_other(scripts: list[str]) -> None:
    page = "<p>".join(f"<script>{script}</script>" for script in scripts)
    found = directives(page)["script-src"]
    assert found == ["'self'", *dict.fromkeys(hashed(script) for script in scripts)]


def test_more_scripts_than_a_header_should_hold_are_an_error() -> None:
    with pytest.raises(SiteUnfit, match="200 inline scripts"):
        content_security_policy("".join(f"<script>{number}</script>" for number in range(200)))


def test_https_is_insisted_on_where_clients_come_by_it() -> None:
    plain, https = dict(page_headers("", https=False)), dict(page_headers("", https=True))
    assert "strict-transport-security" not in plain
    assert https.pop("strict-transport-security") == "max-age=31536000"
    assert https == plain
    assert (plain["x-frame-options"], plain["cross-origin-opener-policy"]) == ("DENY", "same-origin")
    assert plain["referrer-policy"] == "same-origin"
    assert "camera=()" in plain["permissions-policy"].split(", ")
