"""What an event or a whole response means for the answer: still going, complete, or failed; and what it counts.

Rule 1: an answer closes with response.completed, response.incomplete or response.done (some servers' name for either). The status
        of its response decides how: failed or cancelled is an error, and so is a response with an error, in any event.
Rule 2: a value that is empty (null, "", false, {}, []) is absent.
Rule 3: if the closing response lists fewer items of a type than were finished before, the finished ones count.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NoReturn

from app.wire.envelope import error_in, upstream_error
from app.wire.relay import malformed, text_bytes
from app.wire.responses.values import Json
from app.wire.usage import COUNTED_ITEMS, Item, item_usage
from domain.usage import Usage

_CLOSING: Final = {"response.completed": "completed", "response.incomplete": "incomplete", "response.done": ""}
_FAILED: Final = frozenset({"failed", "cancelled", "canceled", "error", "errored", "aborted", "expired"})
_FAILING: Final = frozenset({"error", "response.error", *(f"response.{status}" for status in _FAILED)})
_UNFINISHED: Final = frozenset({"in_progress", "queued"})


def kind_of(event: Json, name: str) -> str:
    """The type of an event: its own, else the frame's name, else that of its response's final status. "" if it has none."""
    kind = word(event.get("type")) or name
    if not kind and isinstance(response := event.get("response"), dict):
        status = status_of(response)
        if status in ("completed", "incomplete") or status in _FAILED:
            return f"response.{status}"
    return kind


def refuse_failed(event: Json, kind: str) -> None:
    """Raise the error that an event reports, in any of three forms: members of the event, an `error` member, or an error of its
    response."""
    response = event.get("response")
    response = response if isinstance(response, dict) else None
    if kind in _FAILING:
        if response is not None:
            raise upstream_error(response.get("error"))
        _raise(event)
    if error_in(event) and not kind.startswith("response."):
        _raise(event)
    if response is not None:
        refuse_failed_response(response)


def refuse_failed_response(response: Json) -> None:
    if error_in(response) or status_of(response) in _FAILED:
        raise upstream_error(response.get("error"))


def closing_status(kind: str, response: Json) -> str | None:
    """ "completed" or "incomplete" if an event of this kind closes the answer, else None."""
    by_kind = _CLOSING.get(kind)
    if by_kind is None:
        return None
    return "incomplete" if "incomplete" in (by_kind, status_of(response)) else "completed"


def whole_status(response: Json) -> str:
    """The status of a plain answer: "completed" or "incomplete". Raises AnswerError if it failed or is not finished.

    A response whose status is absent or unknown is finished if it lists its output.
    """
    if response.get("object") == "error":
        raise upstream_error(response)
    refuse_failed_response(response)
    status = status_of(response)
    if status in ("completed", "incomplete"):
        return status
    if status in _UNFINISHED or not isinstance(response.get("output"), list) or not response["output"]:
        malformed("The answer is not a finished response.")
    return "incomplete" if cut_reason(response) else "completed"


def status_of(response: Json) -> str:
    """The status in small letters, "" if there is none."""
    return (word(response.get("status")) or "").strip().lower()


def cut_reason(response: Json) -> str | None:
    details = response.get("incomplete_details")
    return word(details.get("reason")) if isinstance(details, dict) else None


def finish_of(response: Json, status: str) -> str:
    """The finish as status, or status:reason for an incomplete response."""
    reason = cut_reason(response) if status == "incomplete" else None
    return f"{status}:{reason}" if reason else status


def counted(output: Iterable[Json], done: Iterable[Item], response: Json) -> Usage:
    """Calls and images of the whole answer, without tokens."""
    listed = [usage_item(item) for item in output if item.get("type") in COUNTED_ITEMS]
    finished = [item for item in done if item.type in COUNTED_ITEMS]
    items: list[Item] = []
    for kind in COUNTED_ITEMS if listed or finished else ():
        last, before = ([item for item in each if item.type == kind] for each in (listed, finished))
        items += last if len(last) >= len(before) else before
    return item_usage(items, response.get("tools"), response.get("tool_usage"))


def usage_item(item: Json) -> Item:
    """The members of an item that usage is counted from."""
    return Item(*(item.get(name) for name in Item.__struct_fields__))


_READ: Final = frozenset({"message", "reasoning", "function_call", *COUNTED_ITEMS})
_NO_OUTPUT: Final = frozenset(
    {
        *("id", "type", "status", "role", "phase", "name", "namespace", "call_id", "server_label", "output", "error"),
        *("arguments", "input", "encrypted_content", "result", "data", "b64_json", "format", "model"),
    }
)
"""Members of items of other types that are counted already, or are not text that a model wrote."""


def item_bytes(item: Json) -> int:
    """The text of an item, in UTF-8 bytes. All texts of an item of an unknown type count."""
    return _known_bytes(item) + (0 if word(item.get("type")) in _READ else _other_bytes(item))


def _other_bytes(item: Json) -> int:
    return sum(text_bytes(value) for name, value in item.items() if name not in _NO_OUTPUT)


def _known_bytes(item: Json) -> int:
    parts = [part for name in ("content", "summary") for part in _list(item.get(name)) if isinstance(part, dict)]
    texts = [part.get(name) for part in parts for name in ("text", "refusal", "transcript")]
    return sum(map(text_bytes, (*texts, item.get("arguments"), item.get("input"))))


def word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _raise(event: Json) -> NoReturn:
    raise upstream_error(event.get("error"), {name: event.get(name) for name in ("message", "code", "param")})
