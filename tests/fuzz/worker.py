"""The process that is fuzzed in: it may run out of memory, or fall over, and whoever started it still knows on what input.

python -m tests.fuzz.worker --current FILE --seed N (--count N | --seconds S) TARGET...
python -m tests.fuzz.worker --input FILE TARGET          judges the one input

Prints one JSON line a target: engine.Report, inputs in base64.
"""

from __future__ import annotations

import argparse
import mmap
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from tests.fuzz.engine import examine, fuzz
from tests.fuzz.mutations import SIZE_MAX
from tests.fuzz.targets import TARGETS

ADDRESS_SPACE: Final = 2 * 2**30
"""The backstop: far above what any input may take."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("targets", nargs="+", choices=TARGETS)
    parser.add_argument("--current", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--input", type=Path)
    options = parser.parse_args()
    if options.input is not None:
        for name in options.targets:
            print(name, examine(TARGETS[name], options.input.read_bytes(), measured=True))
        return
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with _noted(options.current) as note:
        for name in options.targets:
            report = fuzz(name, options.seed, count=options.count, seconds=options.seconds, note=note)
            sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
            sys.stdout.flush()


@contextmanager
def _noted(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Writes each input into a mapped file, after its length: it is there when the process is not."""
    with path.open("w+b") as file:
        file.truncate(8 + SIZE_MAX)
        with mmap.mmap(file.fileno(), 8 + SIZE_MAX) as memory:

            def note(data: bytes) -> None:
                memory[:8] = len(data).to_bytes(8, "big")
                memory[8 : 8 + len(data)] = data

            yield note


if __name__ == "__main__":
    main()
