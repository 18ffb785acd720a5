"""Where the website is found, and what of it is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.faults import SiteUnfit
from app.settings import ServerSettings
from app.website import opening
from app.website.opening import PLACES, find, no_site, open_site, read
from tests.support.website.website import ASSET, FILES, write


def test_what_is_published_is_read_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, {".git/config": b"x", ".env": b"x", ".well-known/security.txt": b"Contact: x", "a.js.map": b"x"})
    unpublished = {".built", f"{ASSET}.map", f"{ASSET}.map.gz"}
    expected = {name: body for name, body in FILES.items() if name not in unpublished}
    assert read(tmp_path) == {**expected, ".well-known/security.txt": b"Contact: x"}


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    write(secret, {"key.txt": b"secret"})
    folder = write(tmp_path / "out", {"index.html": b"x"})
    (folder / "key.txt").symlink_to(secret / "key.txt")
    (folder / "all").symlink_to(secret)
    assert read(folder) == {"index.html": b"x"}


def test_too_much_is_an_error_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"index.html": b"12345", "large.bin": b"123456"})
    monkeypatch.setattr(opening, "SITE_BYTES_MAX", 11)
    assert len(read(tmp_path)) == 2
    monkeypatch.setattr(opening, "SITE_BYTES_MAX", 10)
    with pytest.raises(SiteUnfit, match="must not exceed 10 bytes"):
        read(tmp_path)


def test_too_many_files_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"index.html": b"", "a.txt": b""})
    monkeypatch.setattr(opening, "SITE_FILES_MAX", 2)
    assert len(read(tmp_path)) == 2
    monkeypatch.setattr(opening, "SITE_FILES_MAX", 1)
    with pytest.raises(SiteUnfit, match="or 1 files"):
        read(tmp_path)


def test_the_first_place_with_a_page_is_taken(tmp_path: Path) -> None:
    empty, packed, built = (tmp_path / name for name in ("empty", "packed", "built"))
    write(empty, {".built": b""})
    write(packed)
    write(built)
    assert find((empty, packed, built)) == packed
    assert find((empty, tmp_path / "none")) is None


def test_a_package_has_its_website_inside_and_a_checkout_beside() -> None:
    root = Path(opening.__file__).parents[2]
    assert (root / "app/website/out", root / "web/out") == PLACES


def test_what_is_served_is_logged_once(tmp_path: Path) -> None:
    write(tmp_path)
    with capture_logs() as said:
        site = open_site(ServerSettings(), [tmp_path])
    assert site.answer("/docs", []).body == FILES["docs.html"]
    [line] = said
    assert (line["event"], line["folder"]) == ("serving the website", str(tmp_path))


@pytest.mark.parametrize(("website", "reason"), [(True, "make web"), (False, "server.website is false")])
def test_why_none_is_served_is_logged_once(tmp_path: Path, website: bool, reason: str) -> None:
    places = [tmp_path] if website else [write(tmp_path)]
    with capture_logs() as said:
        site = open_site(ServerSettings(website=website), places)
    answer = site.answer("/", [])
    assert answer.status == 404
    assert b"has no website" in answer.body
    assert b"/openapi.json" in answer.body
    [line] = said
    assert line["event"] == "not serving a website"
    assert reason in line["reason"]


@pytest.mark.parametrize(("url", "https"), [("http://127.0.0.1:8000", False), ("https://gateway.example", True)])
def test_https_is_insisted_on_by_the_public_url(tmp_path: Path, url: str, https: bool) -> None:
    site = open_site(ServerSettings(public_url=url), [write(tmp_path)])
    assert (b"strict-transport-security" in dict(site.answer("/", []).fields)) == https
    assert (b"strict-transport-security" in dict(no_site(https=https).answer("/", []).fields)) == https
