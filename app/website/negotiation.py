"""Content negotiation: the encodings that a client accepts, and whether it has the current version. Pure.

Rule 1: the encoding with the highest weight wins; among equals, the first one offered.
Rule 2: a client that names no encoding, or refuses all of them, gets the unencoded bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

IDENTITY = "identity"
ACCEPT_LENGTH_MAX = 512
"""A longer Accept-Encoding is ignored."""
_IDENTITY_WEIGHT = 0.0001
"""The weight of identity if it is not named: above refused (0), below the smallest weight that can be written."""
_WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
_TAG = re.compile(r'"([^"]*)"')


def choose(accept: str, offered: Sequence[str]) -> str:
    """The encoding of `offered` that this Accept-Encoding prefers; identity if it accepts none of them."""
    if not accept or len(accept) > ACCEPT_LENGTH_MAX:
        return IDENTITY
    weights = _weights(accept)
    best = max(offered, key=lambda encoding: _weight(weights, encoding))
    return best if _weight(weights, best) > 0 else IDENTITY


def is_known(if_none_match: str, tag: str) -> bool:
    """Whether this If-None-Match contains an entity tag (given without quotes), by weak comparison; `*` matches all."""
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)


def _weight(weights: dict[str, float], encoding: str) -> float:
    if encoding in weights:
        return weights[encoding]
    others = weights.get("*")
    if encoding == IDENTITY and others != 0:
        return _IDENTITY_WEIGHT
    return others or 0


def _weights(accept: str) -> dict[str, float]:
    """Each encoding's weight. Items that are not valid by RFC 9110 are ignored."""
    weights = {}
    for item in accept.lower().split(","):
        name, _, parameter = item.partition(";")
        if not parameter:
            weights[name.strip()] = 1.0
        elif (found := _WEIGHT.fullmatch(parameter.strip())) is not None:
            weights[name.strip()] = float(found[1])
    return weights
