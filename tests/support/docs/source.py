"""The source itself, read as a tree: what is called where, and with which words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.paths import ROOT


def calls(names: tuple[str, ...], under: Path = ROOT / "app", *, but: str = "simulator") -> Iterator[ast.Call]:
    """Every call of something that is named so, in the source."""
    for path in sorted(under.rglob("*.py")):
        if but and but in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and name_of(node.func) in names:
                yield node


def name_of(function: ast.expr) -> str:
    """The last part of what is called."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def codes(names: tuple[str, ...], under: Path = ROOT / "app", *, but: str = "simulator") -> set[str]:
    """Every literal `code=` of such calls."""
    return {code for call in calls(names, under, but=but) for code in codes_of(call)}


def codes_of(call: ast.Call) -> set[str]:
    return {word for keyword in call.keywords if keyword.arg == "code" for word in literals(keyword.value)}


def status_of(call: ast.Call) -> str:
    """The literal `status=` of a refusal; 400 where it names none."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "status"]
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else "400"


def literals(node: ast.AST) -> set[str]:
    """The strings in an expression, but for those that something is compared with."""
    if isinstance(node, ast.Compare):
        return set()
    own = {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()
    return own.union(*(literals(part) for part in ast.iter_child_nodes(node)))
