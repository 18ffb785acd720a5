"""Replaces any value in a JSON document by any other, as a hostile client or upstream may."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

Path = tuple[Any, ...]

values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3) | st.just(10**30) | st.just(0.5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "text", "x"]), inner),
    max_leaves=4,
)


def places(value: Any, path: Path = ()) -> list[Path]:
    """Every member and every element, at any depth."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: list[Path] = []
    for name, each in inner:
        found += [(*path, name), *places(each, (*path, name))]
    return found


@st.composite
def mutated(draw: st.DrawFn, whole: Any) -> Any:
    """`whole` with one value replaced, or with one member more."""
    changed = copy.deepcopy(whole)
    *path, name = draw(st.sampled_from(places(changed)))
    holder = changed
    for step in path:
        holder = holder[step]
    if isinstance(holder, dict) and draw(st.booleans()):
        name = draw(st.sampled_from(["x", "type", "id", "name", "text"]))
    holder[name] = draw(values)
    return changed
