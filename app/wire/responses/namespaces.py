"""Names for tools inside namespaces, for upstreams that have no namespaces.

Rule 1: a tool of a namespace becomes a plain tool named `<namespace>__<name>`. All vendors accept at most NAME_LENGTH_MAX letters,
        digits, `_` and `-`, and Gemini no digit or `-` at the start.
Rule 2: if that name does not fit, or is also the name of another tool of the request, its end is replaced by a digest of both
        names. It depends only on the names in the request, not on their order, so vendors' prompt caches keep working.
Rule 3: the same names are used in the history, and calls in an answer are mapped back to both names. A model may also write the
        bare name of a tool, without its namespace: it is mapped back if it can only be that tool's.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

NAME_LENGTH_MAX: Final = 64
_FITS: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}", re.ASCII)
_OTHERS: Final = re.compile(r"[^a-zA-Z0-9_-]", re.ASCII)
_DIGITS: Final = 12

Pair = tuple[str, str]


class Namespaces:
    """The names of one request. `pairs` are (namespace, name) of its tools in namespaces, `plain` the names of the others."""

    def __init__(self, pairs: Iterable[Pair] = (), plain: Iterable[str] = ()) -> None:
        known = dict.fromkeys(pairs)
        self.plain = frozenset(plain)
        self._offered = tuple(known)
        self._taken = set(self.plain)
        counts = Counter(_joined(pair) for pair in known)
        self._ambiguous = {name for name, count in counts.items() if count > 1}
        self._flat: dict[Pair, str] = {}
        for pair in known:
            self._add(pair)

    @property
    def originals(self) -> Mapping[str, Pair]:
        """The namespace and the name for each name that flat() returned."""
        return {flat: pair for pair, flat in self._flat.items()}

    @property
    def in_answers(self) -> Mapping[str, Pair]:
        """The originals, and the bare name of each offered tool that no other tool has."""
        counts = Counter(name for _, name in self._offered)
        bare = {pair[1]: pair for pair in self._offered if counts[pair[1]] == 1 and pair[1] not in self.plain}
        return {**bare, **self.originals}

    def flat(self, namespace: str | None, name: str) -> str:
        """The name to send. A call in the history may be of a tool that the request no longer offers."""
        if not namespace:
            return name
        return self._flat.get((namespace, name)) or self._add((namespace, name))

    def named(self, name: str) -> list[str]:
        """The names to send of all tools that have this name in some namespace."""
        return [flat for pair, flat in self._flat.items() if pair[1] == name]

    def within(self, namespace: str) -> list[str]:
        """The names to send of all tools in a namespace."""
        return [flat for pair, flat in self._flat.items() if pair[0] == namespace]

    def _add(self, pair: Pair) -> str:
        flat = _joined(pair)
        if not _FITS.fullmatch(flat) or flat in self._ambiguous or flat in self._taken:
            flat = self._digested(pair)
        self._taken.add(flat)
        self._flat[pair] = flat
        return flat

    def _digested(self, pair: Pair) -> str:
        """A client may have named a tool like a digest: then the next one is taken."""
        start = _OTHERS.sub("_", "_".join(pair)[: NAME_LENGTH_MAX - _DIGITS - 1])
        start = start if _FITS.match(start) else f"_{start[1:]}"
        times = 0
        while True:
            digest = hashlib.sha256(msgspec.json.encode((*pair, times))).hexdigest()[:_DIGITS]
            if (flat := f"{start}_{digest}") not in self._taken:
                return flat
            times += 1


def _joined(pair: Pair) -> str:
    return "__".join(pair)
