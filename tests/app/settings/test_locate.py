"""Every path that tomllib sees has its line, whatever the spelling."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings.locate import Path, lines_of, nearest

ODD = '''\
top = 1
"quoted key" = "a # no comment"
'literal' = 'C:\\path'
a.b . "c.d" = { x = 1, y.z = [1, { w = "}" }] }

[[model]] # first
id = """
[not.a.table]
key = "no"\\""""
[model.price] # of the first
input = "1"
[[model.price.above]]
n = 1
[[model.price.above]]
n = 2
[[model]]
id = 1979-05-27 07:32:00.5
list = [
  "one", # ]
  [2.5, 'two'],
  {k = 1},
]
[model.price]
input = \'\'\'
]]\'\'\'
[ x . "y" ]
z = true
'''


def paths_of(value: Any, path: Path = ()) -> list[Path]:
    entries: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    return [found for name, inner in entries for found in [(*path, name), *paths_of(inner, (*path, name))]]


def test_an_odd_document_is_located_whole() -> None:
    lines = lines_of(ODD)
    assert set(paths_of(tomllib.loads(ODD))) == set(lines)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 1),
        (("a", "b", "c.d", "y", "z", 1, "w"), 4),
        (("model",), 6),
        (("model", 0), 6),
        (("model", 0, "price"), 10),
        (("model", 0, "price", "above", 1, "n"), 15),
        (("model", 1), 16),
        (("model", 1, "list", 0), 19),
        (("model", 1, "list", 1, 1), 20),
        (("model", 1, "price", "input"), 24),
        (("x", "y", "z"), 27),
    ],
)
def test_each_path_has_the_line_that_it_is_written_on(path: Path, line: int) -> None:
    assert lines_of(ODD)[path] == line


def test_what_is_not_written_is_at_the_table_around_it() -> None:
    lines = lines_of(ODD)
    assert nearest(lines, ("model", 1, "price", "output")) == 23
    assert nearest(lines, ("server", "bind")) is None


def test_windows_line_ends_count_once() -> None:
    assert lines_of("a = 1\r\n\r\n[b]\r\nc = 2\r\n")[("b", "c")] == 4


KEYS = st.sampled_from(["a", "b-1", '"q.t"', "'l'", "3"])
SCALARS = st.sampled_from(
    ["1", "-2.5", '"s # [x]"', "'{'", '"""m\n"" = """', "'''\n[t]\n'''", "true", "2024-01-01 10:00:00"]
)
ARRAYS = st.lists(SCALARS, max_size=3).map(lambda items: "[" + ", # c ]\n".join(items) + "]")
INLINE = st.lists(st.tuples(KEYS, SCALARS | ARRAYS), max_size=3, unique_by=lambda pair: pair[0]).map(
    lambda pairs: "{" + ", ".join(f"{key} = {value}" for key, value in pairs) + "}"
)
PAIRS = st.lists(st.tuples(KEYS, SCALARS | ARRAYS | INLINE), max_size=4, unique_by=lambda pair: pair[0])


@given(st.lists(st.tuples(st.sampled_from(["[{}]", "[[{}]]"]), KEYS, st.none() | KEYS, PAIRS), max_size=5))
def test_generated_documents_are_located_whole(
    tables: list[tuple[str, str, str | None, list[tuple[str, str]]]],
) -> None:
    document = ""
    for brackets, first, second, pairs in tables:
        table = brackets.format(f"{first}.{second}" if second else first) + "\n"
        table += "".join(f"{key} = {value} # = [\n" for key, value in pairs)
        try:
            tomllib.loads(document + table)
        except tomllib.TOMLDecodeError:
            continue
        document += table
    lines = lines_of(document)
    assert set(paths_of(tomllib.loads(document))) == set(lines)
    assert all(1 <= line <= document.count("\n") + 1 for line in lines.values())
