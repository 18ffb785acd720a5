"""The tests that a change needs first: `python -m ops.quick [ROOM]...` prints their paths, for `make quick`.

A room is a folder of the code (`app/wire`) or a module (`app/errors.py`). By default the rooms are those of the files that differ
from `main`, committed or not. A room's tests are those at its place below tests/, those that tests/tested_elsewhere.json names for
its modules, and those in ALSO. Chaos, browsers and SDKs are left to `make test`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent
CODE = ("app", "domain", "projections")
ALSO = {"app/wire": ("tests/protocols", "tests/support/wire"), "ops": ("tests/ops",)}
DOCUMENTS = (".md", ".toml")
SLOW = ("tests/browser/", "tests/chaos/", "tests/sdk/", "tests/fuzz/")


def changed(root: Path = ROOT) -> list[str]:
    """Files that differ from `main`, or from HEAD in a checkout without one, and files that git does not know yet."""
    known = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", "main"], cwd=root, capture_output=True, check=False
    )
    base = "main" if known.returncode == 0 else "HEAD"
    listings = (["diff", "--name-only", "--merge-base", base], ["ls-files", "--others", "--exclude-standard"])
    names: set[str] = set()
    for listing in listings:
        done = subprocess.run(["git", *listing], cwd=root, capture_output=True, text=True, check=True)
        names.update(done.stdout.splitlines())
    return sorted(names)


def room_of(name: str) -> str | None:
    """The room of a changed file: its folder, or the module itself where that lies directly in `app`."""
    path = PurePosixPath(name)
    if path.parts[0] == "tests":
        path = PurePosixPath(*path.parts[1:])
        if path.parts[:1] == ("support",):
            path = PurePosixPath("app", *path.parts[1:])
    if path.parts[0] not in CODE:
        return "ops" if path.parts[0] == "ops" and path.suffix == ".py" else None
    if len(path.parts) == 2 and path.parts[0] == "app":
        return f"app/{path.name.removeprefix('test_')}"
    return str(path.parent)


def find_tests(room: str, root: Path = ROOT) -> set[str]:
    place = PurePosixPath(room)
    found = {test for part, tests in ALSO.items() if f"{room}/".startswith(f"{part}/") for test in tests}
    if place.suffix == ".py":
        named = (root / "tests" / place.parent).glob(f"test_{place.stem}*.py")
        found |= {str(path.relative_to(root)) for path in named}
    elif (root / "tests" / place).is_dir():
        found.add(f"tests/{place}")
    table = json.loads((root / "tests" / "tested_elsewhere.json").read_text())
    found |= {test for module, test in table.items() if module == room or PurePosixPath(module).parent == place}
    return {test for test in found if not test.startswith(SLOW)}


def wanted(rooms: Iterable[str], root: Path = ROOT) -> list[str]:
    """The paths to run, each once: a file within a folder that is run anyway is left out."""
    found = {test for room in rooms for test in find_tests(room.rstrip("/"), root)}
    return sorted(each for each in found if not any(each.startswith(f"{other}/") for other in found))


def main(arguments: list[str]) -> int:
    if arguments:
        print(*wanted(arguments))
        return 0
    names = changed()
    tests = {name for name in names if PurePosixPath(name).match("test_*.py") and (ROOT / name).exists()}
    documents = {"tests/docs/test_reference.py"} if any(name.endswith(DOCUMENTS) for name in names) else set()
    rooms = filter(None, map(room_of, names))
    found = {*wanted(rooms), *documents, *(test for test in tests if not test.startswith(SLOW))}
    print(*sorted(each for each in found if not any(each.startswith(f"{other}/") for other in found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
