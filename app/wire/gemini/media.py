"""Writes images and files as Gemini's parts: inline data, or a URL for Google to fetch.

Rule 1: types that Gemini does not document are rejected by name.
Rule 2: only URLs of content on the public web are passed on. Google treats some URLs specially (videos, and files in the gateway's
        own account). Those URLs are rejected.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from app.wire.canonical import CanonicalRequest, File, FunctionCallOutput, Image, Message, Target, unsupported_field
from app.wire.gemini.family import family
from app.wire.urls import check_url

_IMAGE_TYPES: Final = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")
_ENDINGS: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
}
_OWN_HOSTS: Final = ("googleapis.com", "youtube.com", "youtu.be", "youtube-nocookie.com")
_PUBLIC_HOSTS: Final = ("storage.googleapis.com",)
_HOST: Final = re.compile(r"[a-z0-9_.:\-]+")
_RESOLUTIONS: Final = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}

Json = dict[str, Any]


def inline(media_type: str, data: str) -> Json:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def media_part(part: Image | File, request: CanonicalRequest, target: Target) -> Json:
    if part.url is not None:
        return _fetched(part, part.url, request, target)
    return inline(_known_type(part, request), part.data or "")


def media_resolution(request: CanonicalRequest) -> Json:
    """Gemini has one `detail` for a whole request. Images with detail "auto" follow the detail of the others."""
    parts = [part for item in request.items if isinstance(item, Message | FunctionCallOutput) for part in item.parts]
    details = {
        part.detail: part.at for part in parts if isinstance(part, Image) and part.detail and part.detail != "auto"
    }
    for detail, at in details.items():
        if detail not in _RESOLUTIONS:
            raise unsupported_field(
                request, at or "items", "This model supports image detail 'low', 'high' and 'auto'."
            )
        if len(details) > 1 or (detail == "low" and any(isinstance(part, File) for part in parts)):
            raise unsupported_field(
                request, at or "items", "This model supports only one detail for all images and files of a request."
            )
        return {"mediaResolution": _RESOLUTIONS[detail]}
    return {}


def _known_type(part: Image | File, request: CanonicalRequest) -> str:
    kind = (part.media_type or "").lower()
    if isinstance(part, Image):
        if kind not in _IMAGE_TYPES:
            raise unsupported_field(
                request, part.at or "items", "This model supports PNG, JPEG, WEBP, HEIC and HEIF images."
            )
    elif kind != "application/pdf" and not kind.startswith("text/"):
        raise unsupported_field(request, part.at or "items", "This model supports PDF and text files.")
    return kind


def _fetched(part: Image | File, url: str, request: CanonicalRequest, target: Target) -> Json:
    place = part.at or "items"
    if not (target.fetches_urls and family(target.model).fetches_urls):
        raise unsupported_field(
            request, place, "This model does not fetch URLs: send the data inline, or upload the file."
        )
    check_url(url, place)
    address = urlsplit(url)
    host = (address.hostname or "").rstrip(".")
    if address.scheme != "https" or not _HOST.fullmatch(host):
        raise unsupported_field(request, place, "This model fetches only https URLs.")
    if host not in _PUBLIC_HOSTS and any(host == own or host.endswith("." + own) for own in _OWN_HOSTS):
        raise unsupported_field(request, place, "This model does not fetch from this host: send the data inline.")
    ending = address.path.rpartition(".")[2].lower()
    kind = part.media_type or ("application/pdf" if isinstance(part, File) else _ENDINGS.get(ending))
    return {"fileData": {"fileUri": url} | ({"mimeType": kind} if kind else {})}
