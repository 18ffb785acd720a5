"""Inputs drawn, judged under limits, and cut down to what shows a fault.

Rule 1: an input has LIMIT_SECONDS of processor time; every MEASURED-th one may allocate PEAK_FIXED bytes and PEAK_PER_BYTE for
        each of its own.
Rule 2: an input that goes a way that none went before becomes one of those that others are made of.
Rule 3: a fault is where an exception was raised; one input of each is told, as small as it can be made in a short time.
"""

from __future__ import annotations

import random
import signal
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from tests.fuzz import corpora
from tests.fuzz.mutations import Mutator
from tests.fuzz.targets import TARGETS, Fuzzed

LIMIT_SECONDS: Final = 3.0
MEASURED: Final = 10
PEAK_PER_BYTE: Final = 100
PEAK_FIXED: Final = 4 * 2**20
KEPT_MAX: Final = 3_000
FAULTS_MAX: Final = 5
MINIMISING_SECONDS: Final = 10.0


class TooSlow(BaseException):
    """The time for one input is over. Not an Exception: nothing that is tested may catch it."""


class TooMuchMemory(AssertionError):
    """An input made its judge hold more than it may."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`place` tells faults apart. `data` is the smallest input found that shows it."""

    place: str
    told: str
    data: bytes


@dataclass(slots=True)
class Report:
    """What one target went through. `slowest` and `largest`: processor seconds and peak bytes, each with the input's size."""

    target: str
    inputs: int = 0
    seconds: float = 0.0
    kept: int = 0
    slowest: tuple[float, int] = (0.0, 0)
    largest: tuple[int, int] = (0, 0)
    faults: list[Fault] = field(default_factory=list)

    def line(self) -> str:
        rate = self.inputs / self.seconds if self.seconds else 0
        slow, peak = self.slowest, self.largest
        return (
            f"{self.target:18} {self.inputs:8} inputs {rate:7.0f}/s {self.kept:5} ways  "
            f"slowest {slow[0] * 1000:6.1f} ms of {slow[1]:6} bytes  peak {peak[0] / 2**20:5.1f} MB of {peak[1]:6} bytes  "
            f"{len(self.faults)} faults"
        )


def fuzz(name: str, seed: int, *, count: int | None, seconds: float | None, note: Callable[[bytes], None]) -> Report:
    """Judge `count` inputs, or as many as `seconds` allow. `note` gets each input before it is judged."""
    target, report = TARGETS[name], Report(name)
    chance = random.Random(f"{seed} {name}")
    inputs = [*target.inputs(), *corpora.found(name)]
    assert inputs, f"{name} has nothing to start from"
    mutator = Mutator(chance, target.shape, inputs, target.words())
    begun = time.monotonic()
    seen: set[object] = set()
    for data in _drawn(inputs, mutator, chance):
        report.seconds = time.monotonic() - begun
        over = report.seconds >= seconds if seconds is not None else report.inputs >= (count or 0)
        if over or len(report.faults) >= FAULTS_MAX:
            break
        note(data)
        report.inputs += 1
        way = _judged(target, data, report)
        if way is not None and way not in seen and len(inputs) < KEPT_MAX:
            seen.add(way)
            inputs.append(data)
    report.kept = len(seen)
    return report


def examine(target: Fuzzed, data: bytes, *, measured: bool) -> tuple[object, float, int]:
    """The way that `data` took, with processor seconds and peak bytes (0 where not measured). Raises what is at fault."""
    begun = time.process_time()
    with _limited(LIMIT_SECONDS * (3 if measured else 1)):
        if not measured:
            return target.judge(data), time.process_time() - begun, 0
        tracemalloc.start()
        try:
            way = target.judge(data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    if peak > PEAK_FIXED + PEAK_PER_BYTE * len(data):
        raise TooMuchMemory(f"{peak} bytes for an input of {len(data)}")
    return way, 0.0, peak


def _drawn(inputs: list[bytes], mutator: Mutator, chance: random.Random) -> Iterator[bytes]:
    """The inputs as they are, then changes of them, those found last more often."""
    yield from list(inputs)
    while True:
        recent = inputs[-50:] if chance.random() < 0.3 else inputs
        yield mutator.mutate(chance.choice(recent))


def _judged(target: Fuzzed, data: bytes, report: Report) -> object:
    measured = report.inputs % MEASURED == 0
    try:
        way, took, peak = examine(target, data, measured=measured)
    except (Exception, TooSlow) as error:  # noqa: BLE001 - whatever is raised here is what is looked for
        _keep(target, data, error, report, measured=measured)
        return None
    report.slowest = max(report.slowest, (took, len(data)))
    report.largest = max(report.largest, (peak, len(data)))
    return way


def _keep(target: Fuzzed, data: bytes, error: BaseException, report: Report, *, measured: bool) -> None:
    place = place_of(error)
    if any(fault.place == place for fault in report.faults):
        return
    result = "".join(traceback.format_exception(error))[-3_000:]
    report.faults.append(Fault(place, result, minimised(target, data, place, measured=measured)))


def place_of(error: BaseException) -> str:
    """What was raised, and where in our own code. A hang or a peak may be noticed anywhere: it has no place."""
    if isinstance(error, TooSlow | TooMuchMemory | MemoryError | RecursionError):
        return type(error).__name__
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/app/" in frame.filename or "/tests/" in frame.filename
    ]
    where = f"{own[-1].filename.rpartition('/')[2]}:{own[-1].lineno}" if own else "?"
    return f"{type(error).__name__} at {where}"


def minimised(target: Fuzzed, data: bytes, place: str, *, measured: bool = False) -> bytes:
    """`data` without what is not needed for the fault: ever smaller pieces are left out as long as it stays."""
    until = time.monotonic() + MINIMISING_SECONDS
    size = len(data) // 2
    while size and time.monotonic() < until:
        start, smaller = 0, False
        while start < len(data) and time.monotonic() < until:
            shorter = data[:start] + data[start + size :]
            if _fails_at(target, shorter, place, measured=measured):
                data, smaller = shorter, True
            else:
                start += size
        size = size if smaller and size == 1 else size // 2
    return data


def _fails_at(target: Fuzzed, data: bytes, place: str, *, measured: bool) -> bool:
    try:
        examine(target, data, measured=measured)
    except (Exception, TooSlow) as error:  # noqa: BLE001 - the same as above
        return place_of(error) == place
    return False


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raises TooSlow after so much processor time."""

    def over(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds} s of processor time")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
