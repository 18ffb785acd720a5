"""Measures the structure of the tree: `python -m ops.structure [FOLDER]`, for the checkout at FOLDER (default: this one).

Loose modules are those directly in `app/`. A function's length is that of its `def` with its docstring; its parameters are all
except `self` and `cls`. Data classes and events do not count for parameters: they have no written `__init__`. A module has a test
file if a test is named after it (`tests/app/x/test_y*.py` for `app/x/y.py`), or if tests/tested_elsewhere.json says what tests it.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOTS = ("app", "domain", "projections")
LINES_MAX, FUNCTION_LINES_MAX, PARAMETERS_MAX = 400, 50, 7
ONE_FILE = {"ops/verify/realrouter_verify.py"}
"""Files that must remain single files."""


class Function(NamedTuple):
    """`where` is path:line; the module's docstring says how `lines` and `parameters` are counted."""

    where: str
    name: str
    lines: int
    parameters: int


def functions(path: Path, root: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            taken = [argument for argument in given if argument.arg not in ("self", "cls")]
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Function(f"{path.relative_to(root)}:{node.lineno}", node.name, lines, len(taken))


def modules(root: Path, folders: tuple[str, ...] = ROOTS) -> list[Path]:
    return sorted(
        path for folder in folders for path in (root / folder).rglob("*.py") if "node_modules" not in path.parts
    )


def untested(root: Path) -> list[str]:
    """Modules without a test file of their name and without an entry in the table."""
    table = root / "tests" / "tested_elsewhere.json"
    elsewhere: dict[str, str] = json.loads(table.read_text()) if table.exists() else {}
    found = []
    for path in modules(root):
        name = path.relative_to(root)
        tests = (root / "tests" / name.parent).glob(f"test_{path.stem}*.py")
        if path.stem != "__init__" and not any(tests) and str(name) not in elsewhere:
            found.append(str(name))
    return found


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).parent.parent
    code = [function for path in modules(root) for function in functions(path, root)]
    files = {
        str(path.relative_to(root)): len(path.read_text().splitlines())
        for path in modules(root, (*ROOTS, "tests", "ops"))
    }
    product = {name: lines for name, lines in files.items() if name.startswith(ROOTS)}
    missing = untested(root)
    longest = max(code, key=lambda function: function.lines)
    widest = max(code, key=lambda function: function.parameters)
    loose = sorted(path.name for path in (root / "app").glob("*.py") if path.name != "__init__.py")
    print(f"loose modules in app/          {len(loose)}: {', '.join(loose)}")
    print(f"longest function               {longest.lines} lines: {longest.name} ({longest.where})")
    print(f"functions over {FUNCTION_LINES_MAX} lines        {sum(one.lines > FUNCTION_LINES_MAX for one in code)}")
    print(f"most parameters                {widest.parameters}: {widest.name} ({widest.where})")
    print(f"functions over {PARAMETERS_MAX} parameters    {sum(one.parameters > PARAMETERS_MAX for one in code)}")
    print(
        f"files over 300 lines           {sum(lines > 300 for lines in product.values())} of the product's {len(product)}"
    )
    print(f"modules without a test file    {len(missing)}")
    for name, lines in sorted(files.items()):
        if lines > LINES_MAX and name not in ONE_FILE:
            print(f"over {LINES_MAX} lines: {name} ({lines})")
    for function in sorted(code, key=lambda one: -one.lines):
        if function.lines > FUNCTION_LINES_MAX or function.parameters > PARAMETERS_MAX:
            print(f"{function.lines} lines, {function.parameters} parameters: {function.name} ({function.where})")
    if "--untested" in arguments:
        print("\n".join(missing))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
