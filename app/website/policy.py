"""The security headers of the website's pages, which limit what a page may do in a browser. Pure.

Rule 1: the only scripts that run are files of this origin, and the inline scripts that the page had when it was read, by hash.
Rule 2: inline styles are allowed: the framework, charts and highlighted code set them on elements, which hashes do not cover.
Rule 3: everything else is denied.
"""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

from app.faults import SiteUnfit

POLICY_LENGTH_MAX = 8192
"""Proxies would refuse a longer header. This limits the number of inline scripts."""
_LINE_END = re.compile(r"\r\n?")
_DENIED = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)
_HSTS_SECONDS = 365 * 86_400


class _Scripts(HTMLParser):
    """Collects the inline scripts that a browser would run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside = tag == "script" and "src" not in given and "json" not in (given.get("type") or "").lower()
        if self._inside:
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data


def inline_scripts(page: str) -> list[str]:
    """The texts of a page's inline scripts, as browsers hash them: line ends are `\\n`. JSON data is not a script."""
    parser = _Scripts()
    parser.feed(_LINE_END.sub("\n", page))
    parser.close()
    return parser.found


def content_security_policy(page: str) -> str:
    """The policy of one page. Raises SiteUnfit if it has too many inline scripts."""
    hashes = dict.fromkeys(_hashed(script) for script in inline_scripts(page))
    policy = "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *hashes]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
        ]
    )
    if len(policy) > POLICY_LENGTH_MAX:
        raise SiteUnfit(f"it has {len(hashes)} inline scripts, and their hashes do not fit in a header")
    return policy


def page_headers(page: str, *, https: bool) -> list[tuple[str, str]]:
    """The headers of a page. `https`: clients connect over https, and browsers should never try http."""
    headers = [
        ("content-security-policy", content_security_policy(page)),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", ", ".join(f"{feature}=()" for feature in _DENIED)),
        ("referrer-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    ]
    return [*headers, ("strict-transport-security", f"max-age={_HSTS_SECONDS}")] if https else headers


def _hashed(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8", "surrogatepass")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
