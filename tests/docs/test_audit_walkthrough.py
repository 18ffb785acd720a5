"""ops/audit.md runs as printed: every command in order, and every printed result is in the output of its command.

Rule 1: the walk-through runs in a folder with only the files that the document lists: there is no database of the operator.
Rule 2: a block of `realrouter` lines runs in this process, for speed; any other block is passed to bash as a whole.
Rule 3: a block whose first line is a comment with a file's name is that file.
Rule 4: a block without a language is part of the output of the commands before it; `...` stands for any lines.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from tests.support.docs.documents import Document, check_names
from tests.support.paths import ROOT
from tests.support.transparency.audited_month import make

AUDIT = Document("ops/audit.md")
NAMED = re.compile(r"# (\S+\.(?:py|toml))\n")
ASSIGNED = re.compile(r"([A-Z]+)=\$\(cat ([\w.-]+)\)")


class Stopped(Exception):
    """A command failed. Arguments: the command and its output."""


class Walk:
    """An auditor in their folder. `ran`: the lines that were run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ran = folder, list[str]()
        self.output = ""
        """The output of the last block of commands."""
        self.environment = {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder),
        }

    def go(self, *, with_hledger: bool) -> None:
        """Raises Stopped."""
        for language, body in AUDIT.blocks():
            named = NAMED.match(body)
            if named is not None and language in ("python", "toml"):
                (self.folder / named[1]).write_text(body, encoding="utf-8")
            elif language == "sh" and (with_hledger or not body.startswith("hledger ")):
                self.output = self._run(body)
                self.ran += body.splitlines()
            elif language == "":
                self._compare(body)

    def _run(self, block: str) -> str:
        lines = block.splitlines()
        if all(ASSIGNED.fullmatch(line) for line in lines):
            pairs = [line.partition("=$(cat ") for line in lines]
            self.environment |= {name: self._read(file.rstrip(")")).strip() for name, _, file in pairs}
            return ""
        if all(line.startswith("realrouter ") for line in lines):
            return "".join(map(self._realrouter, lines))
        return self._bash(block)

    def _realrouter(self, line: str) -> str:
        words = [re.sub(r"\$([A-Z]+)", lambda found: self.environment[found[1]], word) for word in shlex.split(line)]
        out = words[words.index(">") + 1] if ">" in words else None
        done = CliRunner().invoke(main, words[1:] if out is None else words[1:-2], catch_exceptions=False)
        if done.exit_code:
            raise Stopped(line, done.output)
        if out is not None:
            (self.folder / out).write_text(done.stdout, encoding="utf-8")
        return done.stdout

    def _bash(self, block: str) -> str:
        done = subprocess.run(
            ["bash", "-e", "-c", block],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise Stopped(block, done.stdout + done.stderr)
        return done.stdout

    def _compare(self, printed: str) -> None:
        rest = self.output
        for part in filter(None, re.split(r"^\.\.\.\n", printed, flags=re.MULTILINE)):
            _, found, rest = rest.partition(part)
            assert found == part, f"printed in {AUDIT.path}:\n{part}\nnot in:\n{self.output}"

    def _read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the auditor was given; the operator's own are deleted."""
    folder = tmp_path_factory.mktemp("audit") / "given"
    folder.mkdir()
    make(folder)
    shutil.rmtree(folder.parent / "operator")
    return folder


@pytest.fixture
def walk(given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Walk:
    folder = shutil.copytree(given, tmp_path / "auditor")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("REALROUTER_CONFIG", raising=False)
    return Walk(folder)


def test_an_auditor_re_performs_the_month_with_the_export_and_the_public_keys(walk: Walk) -> None:
    """Includes the hledger commands if hledger is installed."""
    walk.go(with_hledger=shutil.which("hledger") is not None)
    programs = {line.split()[0] for line in walk.ran}
    assert programs >= {"realrouter", "python3", "bean-check", "cp", "for"}
    assert walk._read("october.checkpoint") == walk._read("copy/checkpoint")


@pytest.mark.long
def test_the_hledger_commands_run_too(walk: Walk) -> None:
    assert shutil.which("hledger"), "hledger is not installed. Debian: apt-get install hledger"
    walk.go(with_hledger=True)
    assert "hledger -f finance/books.journal check --strict" in walk.ran
    assert walk.ran == [line for block in AUDIT.fences("sh") for line in block.splitlines()]


@pytest.mark.parametrize(
    ("file", "at", "where"),
    [
        ("entries/000", 0.5, r"event \d+ is not the one that tile 0/000 was made from"),
        ("entries/001.p/*", 0.99, r"event \d+ is not the one that tile 0/001.p/\d+ was made from"),
        ("tile/0/000", 0.5, r"event 129 is not the one that tile 0/000 was made from"),
        ("tile/1/000.p/1", 0.5, r"tile 1/000.p/1 does not match the tiles below it"),
        ("checkpoint", 0.4, r"root|signature|checkpoint"),
    ],
)
def test_the_walk_stops_at_its_first_step_if_one_byte_of_the_copy_was_changed(
    file: str, at: float, where: str, walk: Walk
) -> None:
    [path] = (walk.folder / "copy").glob(file)
    changed = bytearray(path.read_bytes())
    changed[int(at * len(changed))] ^= 1
    path.write_bytes(changed)
    with pytest.raises(Stopped) as stopped:
        walk.go(with_hledger=False)
    command, output = stopped.value.args
    assert command.startswith("python3 realrouter_verify.py log copy ")
    assert "IT DOES NOT HOLD" in output
    assert re.search(where, output)
    assert not (walk.folder / "audit.db").exists()


def test_hashes_without_their_events_are_not_a_copy(walk: Walk) -> None:
    """The verifier accepts them and says so, but the document requires every event."""
    shutil.rmtree(walk.folder / "copy/entries")
    with pytest.raises(AssertionError, match="every event and every tile was hashed"):
        walk.go(with_hledger=False)


def test_the_walk_stops_if_september_was_signed_differently(walk: Walk, tmp_path: Path) -> None:
    """An operator with the key signed another history: the auditor's own checkpoint reveals it."""
    (tmp_path / "other").mkdir()
    make(tmp_path / "other")
    shutil.copy(tmp_path / "other/september.checkpoint", walk.folder)
    with pytest.raises(Stopped) as stopped:
        walk.go(with_hledger=False)
    assert "the log does not begin as it was signed at size" in stopped.value.args[1]


@pytest.mark.parametrize(
    ("file", "digit", "command"),
    [
        ("finance/journal.csv", r"(\d),[\d.]+,[\d.]+\n\Z", "python3 readd.py"),
        ("finance/lots.csv", r"acct_lab,.*,-?(\d)[\d.]*,[\d.]+,,,,,\n", "python3 readd.py"),
        ("finance/journal.csv", r"(\d)\n\Z", "python3 check_exports.py"),
        ("finance/usage.csv", r"(\d)\n\Z", "python3 check_exports.py"),
        ("finance/books.beancount", r"(\d) USD\n\Z", "python3 check_exports.py"),
        ("openai-october.csv", r"(\d)\r\n\Z", "realrouter providers reconcile"),
    ],
)
def test_a_changed_digit_stops_the_walk(file: str, digit: str, command: str, walk: Walk) -> None:
    path = walk.folder / file
    data = path.read_bytes().decode()
    found = re.search(digit, data)
    assert found is not None
    changed = str((int(found[1]) + 1) % 10)
    path.write_bytes((data[: found.start(1)] + changed + data[found.end(1) :]).encode())
    with pytest.raises(Stopped) as stopped:
        walk.go(with_hledger=False)
    assert stopped.value.args[0].startswith(command)


def test_the_arithmetic_of_the_sample_is_right() -> None:
    """Checks the table, and the refund that the text works out."""
    rows = {line: (calculation, Decimal(usd)) for line, calculation, usd in AUDIT.rows("By hand", 3)}
    worked = {line: (_value(calculation), usd) for line, (calculation, usd) in rows.items() if " x " in calculation}
    assert len(worked) == 4
    assert all(value == usd for value, usd in worked.values())
    (_, total), (_, charge), (_, rounding) = (rows[name] for name in ("sum", "charge", "rounding"))
    assert total == sum(usd for _, usd in worked.values())
    assert charge == total.quantize(Decimal(10) ** -9, ROUND_CEILING)
    assert rounding == charge - total
    [(back, taken)] = re.findall(r"takes 10 x ([\d.]+) / 9 = ([\d.]+),", AUDIT.text)
    [(more, over)] = re.findall(r"returning\s([\d.]+)\swould take ([\d.]+),", AUDIT.text)
    assert Decimal(more) - Decimal(back) == Decimal("0.01")
    for minor, nanos in ((back, taken), (more, over)):
        assert (Decimal(minor) * 10 / 9).quantize(Decimal(10) ** -9, ROUND_FLOOR) == Decimal(nanos)
    assert Decimal(taken) <= 10 - Decimal("1.262030038") < Decimal(over)


def _value(calculation: str) -> Decimal:
    """The value of a calculation such as "1,200 x 0.50 / 1,000,000"."""
    product, _, divisor = calculation.replace(",", "").partition(" / ")
    one, other = map(Decimal, product.split(" x "))
    return one * other / Decimal(divisor or 1)


def test_the_commands_and_files_that_the_document_names_exist() -> None:
    check_names(AUDIT)
    linked = "ops/audit.md"
    for path in ("README.md", "ops/runbook.md"):
        assert linked in Document(path).spans(), path
    assert (ROOT / "ops/verify/realrouter_verify.py").exists()
