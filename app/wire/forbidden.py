"""What a request may not reach: storage at a vendor that all customers share, networks, and servers from inside.

Rule 1: no id of a vendor's own storage passes: it would be looked up in the operator's account there.
Rule 2: an address is judged by its looks (urls.py) wherever one can stand, in tools too.
Rule 3: content that has no price (audio, video), or that stands under no type, does not pass: some servers go by a part's members
        and fetch what they name.
Rule 4: a name that only its case sets apart from one that is judged here is refused: some servers do not tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from app.wire.exchange import RequestError
from app.wire.request import NAME_LENGTH_MAX, decode, unsupported
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
"""Members by which parts of any type bring something along that is no text."""
_SCHEMAS: Final = ("parameters", "schema", "input_schema", "output_schema", "definition")
"""A function's own schema may name anything."""
_IDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("file_id", "file_ids", "vector_store_ids"), "Files of the vendor's own storage cannot be named."),
    "container_id": "A container cannot be named: use {'type': 'auto'}.",
    "skill_id": "Skills of the vendor's own storage cannot be named.",
    "tunnel_id": "A tunnel of the vendor's cannot be named: give the server's public address.",
}
_SUSPECT = re.compile(rb"_ids?\"|container|url|\\u", re.IGNORECASE)
_tools = msgspec.json.Decoder(list[Any])


def check_tools(raw: msgspec.Raw | None, where: str) -> tuple[str, ...]:
    """The places of addresses in the list of tools `raw`. Raises RequestError for what a tool may not name."""
    if raw is None or not _SUSPECT.search(memoryview(raw)):
        return ()
    return check_tool_list(decode(raw, _tools, where), where)


def check_tool_list(tools: Any, where: str) -> tuple[str, ...]:
    """The same for tools that are decoded already."""
    return tuple(path for path, name, value in members_of(tools, where) if _is_address(path, name, value))


def check_part(names: Mapping[str, Any], where: str, *, typed: bool) -> None:
    """Raises RequestError for a part of a message whose members are not what they seem. `typed`: as an image, a file or text."""
    reject_case_variants(names, where)
    for name in () if typed else _CARRIERS:
        if name in names and bytes(memoryview(names[name])[:4]) != b"null":
            raise RequestError(
                f"Invalid '{where}': text, images and files are taken, each as a part of its own type.",
                param=where,
                code="unsupported_input",
            )


def reject_case_variants(names: Iterable[str], where: str) -> None:
    """Raises RequestError for a name that differs by case alone from one that is judged."""
    for name in names:
        if name not in _CHECKED and (known := name.casefold()) in _CHECKED:
            param = f"{where}.{name[:NAME_LENGTH_MAX]}"
            raise RequestError(f"Unknown parameter: '{param}'. Did you mean '{known}'?", param=param)


def members_of(value: Any, where: str) -> Iterable[tuple[str, str, Any]]:
    """Every member at any depth, but for schemas: its path, its name, its value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in _SCHEMAS:
                yield f"{where}.{name}", name, inner
                yield from members_of(inner, f"{where}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from members_of(inner, f"{where}[{index}]")


def _is_address(path: str, name: str, value: Any) -> bool:
    """Raises RequestError where the member names what it may not."""
    folded = name.casefold()
    if folded in _IDS and value:
        raise unsupported(path, _IDS[folded])
    if folded == "container" and isinstance(value, str):
        raise unsupported(path, _IDS["container_id"])
    if not folded.endswith("url") or not isinstance(value, str) or value[:5].casefold() == "data:":
        return False
    check_url(value, path)
    return True
