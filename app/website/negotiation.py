"""What a client can take, and what it has already. Pure.

Rule 1: the encoding with the highest weight wins; among equals the one that is offered first.
Rule 2: a client that names no encoding gets the bytes as they are, and so does one that refuses everything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

IDENTITY = "identity"
ACCEPT_LENGTH_MAX = 512
"""A longer Accept-Encoding is not read."""
_IDENTITY_WEIGHT = 0.0001
"""Where it is not named: more than what is refused, less than the least weight that can be written."""
_WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
_TAG = re.compile(r'"([^"]*)"')


def choose(accept: str, offered: Sequence[str]) -> str:
    """The one of `offered` that this Accept-Encoding prefers; identity where it takes none of them."""
    if not accept or len(accept) > ACCEPT_LENGTH_MAX:
        return IDENTITY
    weights = _weights(accept)
    best = max(offered, key=lambda encoding: _weight(weights, encoding))
    return best if _weight(weights, best) > 0 else IDENTITY


def is_known(if_none_match: str, tag: str) -> bool:
    """Whether this If-None-Match names an entity tag (without its quotes), weakly compared; `*` names all."""
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)


def _weight(weights: dict[str, float], encoding: str) -> float:
    if encoding in weights:
        return weights[encoding]
    others = weights.get("*")
    if encoding == IDENTITY and others != 0:
        return _IDENTITY_WEIGHT
    return others or 0


def _weights(accept: str) -> dict[str, float]:
    """Each encoding's weight. What is not written as RFC 9110 has it is left out."""
    weights = {}
    for item in accept.lower().split(","):
        name, _, parameter = item.partition(";")
        if not parameter:
            weights[name.strip()] = 1.0
        elif (found := _WEIGHT.fullmatch(parameter.strip())) is not None:
            weights[name.strip()] = float(found[1])
    return weights
