"""Checks URLs of images and files that a client asks a model's vendor to fetch.

Rule 1: the gateway itself never fetches a URL. It passes the URL on to the vendor, which fetches it from the vendor's network.
Rule 2: URLs that could reach a private network from there are rejected by their form: schemes other than http and https,
        credentials, non-public addresses, names without a public domain. Names are not resolved: that would prove nothing about the
        address that the vendor resolves later.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from app.wire.exchange import RequestError

URL_LENGTH_MAX = 8192
_PRIVATE_ENDINGS = (
    "local",
    "localhost",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "home.arpa",
    "onion",
    "test",
    "invalid",
)
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}\.?", re.ASCII)
"""The forms in which resolvers read a name as an IPv4 address: decimal, octal or hexadecimal, in one to four parts."""


def check_url(url: str, param: str) -> None:
    """Raises RequestError unless `url` has the form of a public http(s) URL."""
    if len(url) > URL_LENGTH_MAX:
        raise _refused(param, f"The URL is longer than {URL_LENGTH_MAX} characters.")
    if any(character <= " " or character in "\\\x7f" for character in url):
        raise _refused(param, "The URL contains a blank, a control character or a backslash.")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused(param, "It is not a well-formed URL.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise _refused(param, "Expected an http or https URL, or a data URI.")
    if parts.username is not None or parts.password is not None:
        raise _refused(param, "URLs with a user name or password are not accepted.")
    if not _is_public(host):
        raise _refused(param, "The URL does not point to the public internet. Send the content inline instead.")


def _is_public(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        name = host.rstrip(".").lower()
        if not name.isascii():
            return False  # other characters may normalize to digits and dots
        return "." in name and not _NUMERIC.fullmatch(name) and not _is_private_name(name)
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (inner is None or inner.is_global)


def _is_private_name(name: str) -> bool:
    return any(name == ending or name.endswith("." + ending) for ending in _PRIVATE_ENDINGS)


def _refused(param: str, why: str) -> RequestError:
    return RequestError(f"Invalid '{param}': {why}", param=param, code="invalid_url")
