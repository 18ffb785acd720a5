"""Whatever bytes come, from clients, upstreams and uploads: judged in a process of its own, for a moment or for ten minutes.

Rule 1: the short form judges the same inputs every time; the long one draws a seed and prints it. FUZZ_SEED sets it.
Rule 2: what shows a fault is told as bytes that can be written to a file, and belongs into tests/fuzz/found/<target>/ from then on.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tests.fuzz import corpora
from tests.fuzz.engine import Report, examine, minimised, place_of
from tests.fuzz.targets import TARGETS, Fuzzed
from tests.support.paths import ROOT

SHORT_COUNT: Final = 200
LONG_SECONDS: Final = 600 / len(TARGETS)
GRACE_SECONDS: Final = 120
"""A hang that no signal reaches ends here."""

_reports = msgspec.json.Decoder(Report)


def run(folder: Path, targets: list[str], *limits: str, seed: int, timeout: float) -> list[Report]:
    """Fuzz in another process. Fails, with the input at hand, where it did not come back in good order."""
    current = folder / "current"
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.worker",
        "--current",
        str(current),
        "--seed",
        str(seed),
        *limits,
        *targets,
    ]
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail(f"seed {seed}: {targets} hangs on\n{last(current)!r}")
    if ended.returncode != 0:
        pytest.fail(
            f"seed {seed}: {targets} fell over, {ended.returncode}, on\n{last(current)!r}\n{ended.stderr.decode()[-3000:]}"
        )
    return [_reports.decode(line) for line in ended.stdout.splitlines()]


def last(current: Path) -> bytes:
    noted = current.read_bytes()
    return noted[8 : 8 + int.from_bytes(noted[:8], "big")]


def complaints(reports: list[Report], seed: int) -> str:
    return "\n".join(
        f"{report.target}, seed {seed}: {fault.place}\n{fault.told}\nshown by\n{fault.data!r}\n"
        for report in reports
        for fault in report.faults
    )


@pytest.mark.timeout(300)
def test_nothing_breaks_in_a_moment(tmp_path: Path) -> None:
    reports = run(tmp_path, list(TARGETS), "--count", str(SHORT_COUNT), seed=1, timeout=280)
    assert [report.target for report in reports] == list(TARGETS)
    assert not complaints(reports, 1), complaints(reports, 1)
    assert all(report.inputs >= SHORT_COUNT for report in reports)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks_in_a_long_while(name: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("FUZZ_SEED") or secrets.randbits(32))
    limit = f"{LONG_SECONDS:.1f}"
    [report] = run(tmp_path, [name], "--seconds", limit, seed=seed, timeout=LONG_SECONDS + GRACE_SECONDS)
    print(f"\nseed {seed:10}  {report.line()}")
    assert not report.faults, complaints([report], seed)


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_at_fault_once_is_not_again(name: str) -> None:
    for data in corpora.found(name):
        examine(TARGETS[name], data, measured=False)


# -- The fuzzer itself


def _trap(data: bytes) -> object:
    if b"\x00boom" in data:
        raise KeyError(data)
    if b"loop" in data:
        while True:
            pass
    if b"grow" in data:
        return len(bytearray(64 * 2**20))
    return None


TRAP: Final = Fuzzed("bytes", _trap, lambda: [b"."], lambda: [b"."])


@pytest.mark.parametrize(
    ("data", "place"), [(b"x\x00boomx", "KeyError at"), (b"a loop", "TooSlow"), (b"grow", "TooMuchMemory")]
)
def test_faults_are_seen(data: bytes, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.engine.LIMIT_SECONDS", 0.05)
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - the kinds are the parameters
        examine(TRAP, data, measured=True)
    assert place_of(caught.value).startswith(place)


def test_an_input_is_cut_down_to_its_fault() -> None:
    with pytest.raises(KeyError) as caught:
        _trap(b"\x00boom")
    data = b"much before" * 20 + b"\x00boom" + b"and after" * 30
    assert minimised(TRAP, data, place_of(caught.value)) == b"\x00boom"
