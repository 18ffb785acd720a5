"""A small website as the export would be: pages, their data, hashed assets, and compressed siblings that are real."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

THEME = 'document.documentElement.dataset.theme = "dark"'
FLIGHT = 'self.__next_f.push([1,"a \\u003c b & c"])'
ASSET = "_next/static/chunks/0a1b2c.js"
BROTLI = b"\x0b\x02\x80hello\x03"
"""`hello` under brotli, as that tool writes it: an uncompressed block."""


def page(title: str, *scripts: str) -> bytes:
    """A page with inline scripts, and one of a file."""
    inline = "".join(f"<script>{script}</script>" for script in scripts)
    return f"<!DOCTYPE html><title>{title}</title><script src=/{ASSET} async></script>{inline}".encode()


FILES: Mapping[str, bytes] = {
    "index.html": page("Home", THEME),
    "docs.html": page("Docs", THEME, FLIGHT),
    "docs.txt": b"0:the data of a page",
    "dashboard.html": page("Dashboard"),
    "dashboard/usage.html": page("Usage"),
    "dashboard/__next._tree.txt": b"0:a tree",
    "guide/index.html": page("Guide"),
    "404.html": page("Nothing here", THEME),
    "_not-found.html": page("Nothing here"),
    "icon.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "hello.txt": b"hello",
    "hello.txt.br": BROTLI,
    "hello.txt.gz": gzip.compress(b"hello"),
    ASSET: b"console.log('an asset')",
    f"{ASSET}.gz": gzip.compress(b"console.log('an asset')"),
    f"{ASSET}.map": b"{}",
    f"{ASSET}.map.gz": gzip.compress(b"{}"),
    ".built": b"",
}


def write(folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    """The website in a folder."""
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder
