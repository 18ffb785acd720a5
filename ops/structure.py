"""The tree in figures, and the limits that it keeps.

`python -m ops.structure [--untested] [FOLDER]` measures the checkout at FOLDER (default: this one). With `--check` it only prints
what breaks a rule, and exits with 1 if anything does:

Rule 1: a file has at most 400 lines, a function at most 50, and a function takes at most 7 parameters, `self` and `cls` apart.
Data classes and events are exempt: their fields are their meaning, and they define no such function.
Rule 2: each module has a test file of its name (`app/x/y.py`: `tests/app/x/test_y*.py`), or tests/tested_elsewhere.json names the
file that tests it.
Rule 3: that table names only modules and test files that exist, and only modules that need it.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOTS = ("app", "domain", "projections")
LINES_MAX, FUNCTION_LINES_MAX, PARAMETERS_MAX = 400, 50, 7
ONE_FILE = {"ops/verify/realrouter_verify.py"}
"""Strangers get it as one file."""
TABLE = Path("tests/tested_elsewhere.json")


class Function(NamedTuple):
    """`where` is path:line. `lines` include the docstring."""

    where: str
    name: str
    lines: int
    parameters: int

    @property
    def too_large(self) -> bool:
        return self.lines > FUNCTION_LINES_MAX or self.parameters > PARAMETERS_MAX


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


def line_counts(root: Path) -> dict[str, int]:
    paths = modules(root, (*ROOTS, "tests", "ops"))
    return {str(path.relative_to(root)): len(path.read_text().splitlines()) for path in paths}


def elsewhere(root: Path) -> dict[str, str]:
    """Module -> the test file that tests it under another name."""
    table: dict[str, str] = json.loads((root / TABLE).read_text()) if (root / TABLE).exists() else {}
    return table


def named(root: Path) -> Iterator[tuple[str, bool]]:
    """Each module of the code, and whether a test file carries its name."""
    for path in modules(root):
        name = path.relative_to(root)
        if path.stem != "__init__":
            yield str(name), any((root / "tests" / name.parent).glob(f"test_{path.stem}*.py"))


def untested(root: Path) -> list[str]:
    table = elsewhere(root)
    return [name for name, has_test in named(root) if not has_test and name not in table]


def broken(root: Path) -> Iterator[str]:
    """What breaks a rule, a line each."""
    for name, lines in sorted(line_counts(root).items()):
        if lines > LINES_MAX and name not in ONE_FILE:
            yield f"{name}: {lines} lines, more than {LINES_MAX}"
    for path in modules(root):
        for function in functions(path, root):
            if function.too_large:
                yield (
                    f"{function.where}: {function.name} has {function.lines} lines and {function.parameters} parameters; "
                    f"at most {FUNCTION_LINES_MAX} and {PARAMETERS_MAX} are allowed"
                )
    for name in untested(root):
        yield f"{name}: no tests/{Path(name).parent}/test_{Path(name).stem}*.py, and no entry in {TABLE}"
    yield from _wrong_entries(root)


def _wrong_entries(root: Path) -> Iterator[str]:
    has_test = dict(named(root))
    for name, test in elsewhere(root).items():
        if name not in has_test:
            yield f"{TABLE}: there is no module {name}"
        elif has_test[name]:
            yield f"{TABLE}: {name} has a test file of its name and needs no entry"
        if not (root / test).is_file() or not Path(test).match("test_*.py"):
            yield f"{TABLE}: {test}, which tests {name}, is not a test file"


def report(root: Path) -> Iterator[str]:
    code = [function for path in modules(root) for function in functions(path, root)]
    product = [lines for name, lines in line_counts(root).items() if name.startswith(ROOTS)]
    longest = max(code, key=lambda function: function.lines)
    widest = max(code, key=lambda function: function.parameters)
    loose = sorted(path.name for path in (root / "app").glob("*.py") if path.name != "__init__.py")
    yield f"modules directly in app/       {len(loose)}: {', '.join(loose)}"
    yield f"longest function               {longest.lines} lines: {longest.name} ({longest.where})"
    yield f"functions over {FUNCTION_LINES_MAX} lines        {sum(one.lines > FUNCTION_LINES_MAX for one in code)}"
    yield f"most parameters                {widest.parameters}: {widest.name} ({widest.where})"
    yield f"functions over {PARAMETERS_MAX} parameters    {sum(one.parameters > PARAMETERS_MAX for one in code)}"
    yield f"files over 300 lines           {sum(lines > 300 for lines in product)} of the product's {len(product)}"
    yield f"modules without a test         {len(untested(root))}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m ops.structure", description="Measure the tree, or check its limits."
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument(
        "--check", action="store_true", help="print only what breaks a rule; exit with 1 if anything does"
    )
    parser.add_argument("--untested", action="store_true", help="list the modules without a test")
    asked = parser.parse_args(arguments)
    faults = list(broken(asked.folder))
    if not asked.check:
        print(*report(asked.folder), sep="\n")
    print(*faults, sep="\n", end="\n" if faults else "")
    if asked.untested:
        print(*untested(asked.folder), sep="\n")
    return 1 if asked.check and faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
