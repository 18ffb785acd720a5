"""Strict decoding of a client's members, and the errors for members that do not fit.

Rule 1: a member that is not in the shape is rejected by its path, as is a value of the wrong type.
Rule 2: null is the same as absent wherever a member may be absent.
Rule 3: what an earlier answer contained is not the client's choice: unknown members of it are left out.
"""

from __future__ import annotations

import re
from typing import Literal, TypeVar

import msgspec

from app.wire.exchange import RequestError
from app.wire.request import NAME_LENGTH_MAX, decode, missing

T = TypeVar("T")

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]
Level = Literal["low", "medium", "high"]

_PLACE = re.compile(r" - at `\$(.*)`$", re.DOTALL)
_MEMBER = re.compile(r"Object (contains unknown|missing required) field `(.*)`", re.DOTALL)
_VALUE = re.compile(r"Invalid (?:enum )?value '?(.*?)'?$", re.DOTALL)


class Shape(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The base class of all shapes."""


class ReturnedShape(msgspec.Struct, frozen=True, gc=False):
    """The base class of parts of an earlier answer that the client sends back. Servers add members of their own, which clients
    keep: those that the shape does not have are left out."""


def strict(raw: msgspec.Raw, decoder: msgspec.json.Decoder[T], param: str) -> T:
    """`raw` decoded strictly. Raises RequestError that names the path of the first misfit."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        if (explained := _explain(str(error), param)) is not None:
            raise explained from None
        return decode(raw, decoder, param)


def invalid(param: str, why: str) -> RequestError:
    return RequestError(f"Invalid '{param}': {why}", param=param, code="invalid_value")


def _explain(error: str, param: str) -> RequestError | None:
    """The error for a failure other than a wrong type, or None for a wrong type."""
    place = _PLACE.search(error)
    what, path = (error[: place.start()], place[1]) if place else (error, "")
    if found := _MEMBER.fullmatch(what):
        member = f"{param}{path}.{found[2][:NAME_LENGTH_MAX]}"
        if found[1] == "missing required":
            return missing(member)
        return RequestError(f"Unknown parameter: '{member}'.", param=member, code="unknown_parameter")
    if found := _VALUE.fullmatch(what):
        return invalid(param + path, f"'{found[1][:NAME_LENGTH_MAX]}' is not a supported value.")
    return None
