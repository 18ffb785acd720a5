"""Codex, aider and Continue as processes, in the versions that tests/clients pins and `make test-long` installs.

Rule 1: a client runs in a home directory of the test, and inherits only the search path: no configuration or key of this machine.
Rule 2: what it is configured with is a block of ops/clients.md, with the address and the model replaced.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.paths import ROOT

FOLDERS = (ROOT / "tests" / "clients" / "node_modules" / ".bin", ROOT / ".venv" / "aider" / "bin")
CLIENT_SECONDS = 300
_UNATTENDED = {
    "CONTINUE_TELEMETRY_ENABLED": "0",
    "AIDER_ANALYTICS_DISABLE": "true",
    "AIDER_CHECK_UPDATE": "false",
    "AIDER_GIT": "false",
    "AIDER_YES_ALWAYS": "true",
}
"""No questions, and no calls to anything but the gateway."""
_ADDRESS, _MODEL = "http://127.0.0.1:8000/v1", "gpt-5.4-mini"


@dataclass(frozen=True)
class Target:
    """The gateway that clients call, a key of it, and the model that they name."""

    base_url: str
    key: str
    model: str

    def block(self, title: str) -> str:
        """The block of ops/clients.md whose first line is `# title`, for this target."""
        found = re.search(rf"```\w+\n# {re.escape(title)}\n(.*?)```", _page(), re.DOTALL)
        assert found, f"ops/clients.md has no block {title!r}"
        return found[1].replace(_ADDRESS, self.base_url).replace(_MODEL, self.model).strip()

    def environment(self, home: Path) -> dict[str, str]:
        path = os.pathsep.join([*map(str, FOLDERS), os.environ["PATH"]])
        return {"PATH": path, "HOME": str(home), "REALROUTER_KEY": self.key, **_UNATTENDED}

    def run(self, home: Path, command: str, *more: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the page in `home`, with further arguments."""
        for folder in FOLDERS:
            assert folder.is_dir(), f"{folder} does not exist: `make test-long` installs the clients"
        return subprocess.run(
            ["sh", "-c", f'{command} "$@"', "sh", *more],
            cwd=home,
            env=self.environment(home),
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CLIENT_SECONDS,
        )


@cache
def _page() -> str:
    return (ROOT / "ops" / "clients.md").read_text()
