"""ops/reference.md and its tables."""

from __future__ import annotations

import re

from tests.support.docs.documents import Document

REFERENCE = Document("ops/reference.md")


def rows(heading: str, columns: int) -> dict[str, list[str]]:
    """A table's other cells by the name in its first one."""
    found = [(row[0].strip("`"), row[1:]) for row in REFERENCE.rows(heading, columns)]
    assert len(dict(found)) == len(found), f"{heading}: a name stands twice"
    return dict(found)


def names(tables: str) -> set[str]:
    """What the first cells of rows name."""
    return set(re.findall(r"^\| `([^`]+)` \|", tables, re.MULTILINE))
