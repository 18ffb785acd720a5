"""Rejects requests that reach for storage shared by all customers of a vendor, private networks, or a server's internals.

Rule 1: ids of a vendor's own storage are rejected: the vendor would look them up in the operator's account.
Rule 2: URLs are checked by their form (urls.py) wherever one can appear, in tools too.
Rule 3: content that has no price (audio, video) or no declared type is rejected: some servers look only at a part's members, and
        fetch the URLs in them.
Rule 4: a name that differs only in case from one that is checked here is rejected: some servers ignore case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from app.wire.exchange import RequestError
from app.wire.request import NAME_LENGTH_MAX, decode, unsupported
from app.wire.tool_options import check_tool_options
from app.wire.urls import check_url

_CHECKED: Final = frozenset(
    {
        *(
            "type",
            "role",
            "content",
            "output",
            "result",
            "tools",
            "audio",
            "text",
            "url",
            "file",
            "file_id",
            "file_data",
        ),
        *("file_url", "image_url", "input_audio", "tool_calls", "function_call", "encrypted_content", "extra_content"),
    }
)
_CARRIERS: Final = (
    *(
        "image_url",
        "video_url",
        "audio_url",
        "file_url",
        "url",
        "input_audio",
        "input_video",
        "image",
        "audio",
        "video",
    ),
    *("file", "file_id", "file_data", "image_embeds", "audio_embeds", "source", "document"),
)
"""Members of a part of any type that carry content other than text."""
_SCHEMAS: Final = ("parameters", "schema", "input_schema", "output_schema", "definition")
"""A function's own schema may contain any names."""
_IDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("file_id", "file_ids", "vector_store_ids"),
        "References to files in the vendor's own storage are not supported.",
    ),
    "container_id": "References to existing containers are not supported: use {'type': 'auto'}.",
    "skill_id": "References to skills in the vendor's own storage are not supported.",
    "tunnel_id": "References to the vendor's tunnels are not supported: give the server's public URL.",
}
_SUSPECT = re.compile(rb"_ids?\"|container|url|image_generation|max_uses|\\u", re.IGNORECASE)
_tools = msgspec.json.Decoder(list[Any])


def check_tools(raw: msgspec.Raw | None, where: str) -> tuple[str, ...]:
    """The paths of URLs in the JSON list of tools `raw`. Raises RequestError for references and options that it may not contain."""
    if raw is None or not _SUSPECT.search(memoryview(raw)):
        return ()
    return check_tool_list(decode(raw, _tools, where), where)


def check_tool_list(tools: Any, where: str) -> tuple[str, ...]:
    """The same as check_tools, for tools that are already decoded."""
    check_tool_options(tools, where)
    return tuple(path for path, name, value in members_of(tools, where) if _is_address(path, name, value))


def check_part(names: Mapping[str, Any], where: str, *, typed: bool) -> None:
    """Raises RequestError if a part's members do not fit its type. `typed`: the part is declared as an image, a file or text."""
    reject_case_variants(names, where)
    for name in () if typed else _CARRIERS:
        if name in names and bytes(memoryview(names[name])[:4]) != b"null":
            raise RequestError(
                f"Invalid '{where}': only text, images and files are supported, each in a separate part with the matching type.",
                param=where,
                code="unsupported_input",
            )


def reject_case_variants(names: Iterable[str], where: str) -> None:
    """Raises RequestError for a name that differs only in case from a checked one."""
    for name in names:
        if name not in _CHECKED and (known := name.casefold()) in _CHECKED:
            param = f"{where}.{name[:NAME_LENGTH_MAX]}"
            raise RequestError(f"Unknown parameter: '{param}'. Did you mean '{known}'?", param=param)


def members_of(value: Any, where: str) -> Iterable[tuple[str, str, Any]]:
    """Every member at any depth except inside schemas: its path, its name, its value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in _SCHEMAS:
                yield f"{where}.{name}", name, inner
                yield from members_of(inner, f"{where}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from members_of(inner, f"{where}[{index}]")


def _is_address(path: str, name: str, value: Any) -> bool:
    """Whether the member is a URL. Raises RequestError if it is a forbidden reference."""
    folded = name.casefold()
    if folded in _IDS and value:
        raise unsupported(path, _IDS[folded])
    if folded == "container" and isinstance(value, str):
        raise unsupported(path, _IDS["container_id"])
    if not folded.endswith("url") or not isinstance(value, str) or value[:5].casefold() == "data:":
        return False
    check_url(value, path)
    return True
