"""One server per SQLite ledger."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.ledger.exclusive import LedgerInUse, served_alone
from tests.support.paths import ROOT

HOLDER = """
import sys
from pathlib import Path
from app.ledger.exclusive import served_alone

with served_alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_server_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    path = tmp_path / "data" / "ledger.db"
    with served_alone(path):
        with pytest.raises(LedgerInUse, match=r"ledger\.db"), served_alone(path):
            pass
        with served_alone(tmp_path / "data" / "another.db"):
            pass
    with served_alone(path):
        pass


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path, pipe = tmp_path / "ledger.db", subprocess.PIPE
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(LedgerInUse), served_alone(path):
            pass
        process.kill()
        process.wait()
        with served_alone(path):
            pass
