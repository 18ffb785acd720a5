from __future__ import annotations

import pytest

from app.wire.exchange import RequestError
from app.wire.urls import URL_LENGTH_MAX, check_url

PUBLIC = [
    "https://x.example/a.png",
    "http://x.example:8080/a?b=c#d",
    "https://93.184.216.34/a.png",
    "https://[2606:2800:220:1:248:1893:25c8:1946]/a",
    "https://x.example./a",
    "https://xn--bcher-kva.example/a",
    "https://10.example/a",
]
PRIVATE = [
    "http://localhost/a",
    "http://a.localhost/a",
    "http://printer/a",
    "http://printer.local/a",
    "http://db.internal./a",
    "http://127.0.0.1/a",
    "http://127.1/a",
    "http://2130706433/a",
    "http://0x7f000001/a",
    "http://0x7f.0.0.1/a",
    "http://0177.0.0.1/a",
    "http://10.0.0.1/a",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/a",
    "http://0.0.0.0/a",
    "http://224.0.0.1/a",
    "http://[::1]/a",
    "http://[fe80::1%25eth0]/a",
    "http://[fd00::1]/a",
    "http://[::ffff:127.0.0.1]/a",
    "http://[2002:7f00:1::]/a",
    "http://\uff11\uff12\uff17.0.0.1/a",
]
MALFORMED = [
    "",
    "file:///etc/passwd",
    "ftp://x.example/a",
    "gopher://x.example/a",
    "javascript:alert(1)",
    "//x.example/a",
    "https:///a",
    "https://user@x.example/a",
    "https://user:password@x.example/a",
    "https://:password@x.example/a",
    "https://x.example:99999/a",
    "https://[::1/a",
    "https://x.example\\@10.0.0.1/a",
    "https://x.example/a b",
    "https://x.example/a\r\nHost: y",
    "https://x.example/" + "a" * URL_LENGTH_MAX,
]


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_address_passes(url: str) -> None:
    check_url(url, "input[0].content[0].image_url")


@pytest.mark.parametrize("url", [*PRIVATE, *MALFORMED])
def test_other_urls_are_rejected_by_their_path(url: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_url(url, "input[0].content[0].image_url")
    assert caught.value.param == "input[0].content[0].image_url"
    assert caught.value.code == "invalid_url"


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_address_is_rejected_as_private(url: str) -> None:
    with pytest.raises(RequestError, match="does not point to the public internet"):
        check_url(url, "p")
