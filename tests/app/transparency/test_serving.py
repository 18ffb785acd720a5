"""A gateway whose log is not the signed one does not start, and says why. Without [log], it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.faults import LogDiffers
from app.services import open_services
from app.settings import parse
from tests.support.gateway.gateway import configuration, prepare, responses, running
from tests.support.transparency.logs import ORIGIN, SIGNER

LOG = f'[log]\norigin = "{ORIGIN}"\nkey = "{SIGNER.text()}"\n'


async def sealed_once(folder: Path) -> None:
    async with running(folder, models=LOG) as gateway:
        await gateway.post("responses", responses())
        await gateway.settled()
        assert gateway.services.transparency is not None
        gateway.services.transparency.sealer.seal()


def lose_database(folder: Path) -> None:
    """The file of the checkpoint stays."""
    for file in folder.glob("realrouter.db*"):
        if not file.name.endswith(".checkpoint"):
            file.unlink()


def refused(config: Path) -> str:
    """The output of `serve`, which must exit 1."""
    command = [sys.executable, "-m", "app.cli", "serve", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    return done.stderr


async def test_a_log_that_is_shorter_than_the_file_s_checkpoint_is_not_served(tmp_path: Path) -> None:
    await sealed_once(tmp_path)
    lose_database(tmp_path)
    text = configuration(tmp_path, models=LOG, server={"bind": ["127.0.0.1:0"]})
    settings = parse(text)
    prepare(settings)
    with pytest.raises(LogDiffers, match=r"The log ends at event \d+, but the checkpoint in"):
        async with open_services(settings):
            pass
    (tmp_path / "realrouter.toml").write_text(text)
    said = refused(tmp_path / "realrouter.toml")
    assert "was rolled back" in said
    assert "Traceback" not in said


async def test_a_log_that_continues_is_served_and_sealed_again(tmp_path: Path) -> None:
    await sealed_once(tmp_path)
    before = (tmp_path / "realrouter.db.checkpoint").read_text()
    settings = parse(configuration(tmp_path, models=LOG))
    async with open_services(settings) as services:
        assert services.transparency is not None
        assert services.transparency.sealer.check().note == before


async def test_without_the_setting_nothing_is_sealed(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        assert gateway.services.transparency is None
    assert not (tmp_path / "realrouter.db.checkpoint").exists()
