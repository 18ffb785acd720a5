"""The command line, called in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from app.cli import main


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(config)], catch_exceptions=False)


def answer(config: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The result of a command as JSON: one object on one line, and nothing else."""
    result = run(config, *arguments, "--json")
    assert result.exit_code == code, result.output
    assert result.stdout.count("\n") == 1
    value: dict[str, Any] = json.loads(result.stdout)
    return value
