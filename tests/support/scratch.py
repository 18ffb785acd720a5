"""Where tests keep their files: in memory if there is plenty, because a test commits hundreds of times and a disk is slow to sync.

Nothing is proved less: tests kill processes, not the machine, and what a process has written survives its death on either.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships none

VARIABLE = "PYTEST_DEBUG_TEMPROOT"
MEMORY = Path("/dev/shm")
MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
FREE_BYTES_MIN = 6 << 30
"""Several times what a whole run has used at once."""


def root() -> str:
    """A folder for temporary files: memory, or the system's usual folder. TMPDIR overrides the choice.

    VARIABLE records it, for pytest, whose `tmp_path` lies there, and for the processes below this one.
    """
    if VARIABLE not in os.environ:
        in_memory = "TMPDIR" not in os.environ and _usable(MEMORY)
        os.environ[VARIABLE] = str(MEMORY) if in_memory else tempfile.gettempdir()
    return os.environ[VARIABLE]


def _usable(folder: Path) -> bool:
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    facts = os.statvfs(folder)
    runs_programs = not facts.f_flag & os.ST_NOEXEC
    return runs_programs and min(facts.f_bavail * facts.f_frsize, _memory_free()) >= FREE_BYTES_MIN


def _memory_free() -> int:
    """Bytes. A container's limit counts too: files in memory are charged to it."""
    limit = MEMORY_LIMIT.read_text().strip() if MEMORY_LIMIT.exists() else "max"
    available = int(psutil.virtual_memory().available)
    return available if limit == "max" else min(available, int(limit))
