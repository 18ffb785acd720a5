"""The paths that the documents name exist, so that the documents cannot drift from the tree.

Rule: a path is any word in backticks that begins with a top-level folder of the tree. It may contain `*` and `**`.
"""

from __future__ import annotations

import re

import pytest

from tests.support.docs.documents import Document
from tests.support.paths import ROOT

PATH = re.compile(r"(?<![\w/.-])(?:app|domain|projections|tests|web|ops)/[\w.*/-]*[\w*]")
BUILT = {"web/out"}
"""Paths that exist only after a build."""
DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "ops").rglob("*.md"))
)


def paths_in(document: Document) -> set[str]:
    """The paths that a document names in backticks, outside of fenced blocks."""
    return {path for span in document.spans() for path in PATH.findall(span)}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_path_that_a_document_names_exists(path: str) -> None:
    missing = {name for name in paths_in(Document(path)) - BUILT if not any(ROOT.glob(name))}
    assert missing == set()


def test_the_documents_name_paths() -> None:
    """Guards the test above: the pattern finds paths, also after other words in backticks."""
    assert "domain/buckets.py" in paths_in(Document("ops/concepts.md"))
    assert "tests/chaos/test_sizes.py" in paths_in(Document("ops/runbook.md"))


def test_a_number_names_one_decision() -> None:
    names = [path.name for path in (ROOT / "ops/decisions").glob("[0-9]*.md")]
    numbers = [name.partition("-")[0] for name in names]
    assert len(set(numbers)) == len(numbers)
    for name in names:
        heading = (ROOT / "ops/decisions" / name).read_text(encoding="utf-8").partition("\n")[0]
        assert re.match(rf"# 0*{int(name[:4])}[.:] ", heading), name
