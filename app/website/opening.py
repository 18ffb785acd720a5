"""Finds the website's files and reads them once.

Rule 1: an installed package has the website next to this file; in a checkout, `make web` builds it in `web/out`.
Rule 2: symbolic links are not followed; source maps and hidden files are not published.
Rule 3: the total size is limited, and checked before reading.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from app.faults import SiteUnfit
from app.settings import ServerSettings
from app.website.site import NOT_FOUND, Site

SITE_BYTES_MAX = 64 * 1024 * 1024
SITE_FILES_MAX = 10_000
FIRST_PAGE = "index.html"
PLACES = (Path(__file__).parent / "out", Path(__file__).parents[2] / "web" / "out")
_HIDDEN_BUT_SERVED = ".well-known"
_NO_SITE = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>No website</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:10vh auto;padding:0 1rem;color-scheme:light dark}</style>
</head><body><main><h1>This gateway has no website</h1><p>Its API is under <code>/v1</code> and <code>/api</code>, described by
<a href="/openapi.json">/openapi.json</a>.</p></main></body></html>
"""
_log = structlog.get_logger("website")


def open_site(server: ServerSettings, places: Sequence[Path] = PLACES) -> Site:
    """The website. If none is found, a site that says so on every page. Logs which one is served. Raises SiteUnfit, OSError."""
    https = server.public_url.startswith("https:")
    folder = find(places) if server.website else None
    if folder is None:
        reason = "it has not been built: run make web" if server.website else "server.website is false"
        _log.info("not serving a website", reason=reason)
        return no_site(https=https)
    files = read(folder)
    _log.info("serving the website", files=len(files), bytes=sum(map(len, files.values())), folder=str(folder))
    return Site(files, https=https)


def no_site(*, https: bool = False) -> Site:
    """The site that is served if there is no website."""
    return Site({NOT_FOUND: _NO_SITE}, https=https)


def find(places: Sequence[Path] = PLACES) -> Path | None:
    """The first of `places` that has a website."""
    return next((place for place in places if (place / FIRST_PAGE).is_file()), None)


def read(folder: Path) -> dict[str, bytes]:
    """The files of a website by their paths inside `folder`. Raises SiteUnfit, OSError."""
    files: dict[str, bytes] = {}
    room = SITE_BYTES_MAX
    for found in _published(folder):
        room -= found.stat(follow_symlinks=False).st_size
        if room < 0 or len(files) == SITE_FILES_MAX:
            raise SiteUnfit(
                f"The website in {folder} is held in memory and must not exceed {SITE_BYTES_MAX} bytes or {SITE_FILES_MAX} files."
            )
        files[Path(found.path).relative_to(folder).as_posix()] = Path(found.path).read_bytes()
    return files


def _published(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(".") and entry.name != _HIDDEN_BUT_SERVED:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _published(Path(entry.path))
            elif entry.is_file(follow_symlinks=False) and not _is_source_map(entry.name):
                yield entry


def _is_source_map(name: str) -> bool:
    return name.removesuffix(".br").removesuffix(".gz").endswith(".map")
