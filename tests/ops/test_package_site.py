"""A published package carries the website and finds it; without one it is not built, but installs as a checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.website.website import write

COPIED = ("app", "domain", "projections")
NEEDED = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore", "ops/package_site.py")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a package is built from, without a website."""
    root = tmp_path / "checkout"
    for folder in COPIED:
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in NEEDED:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def build(checkout: Path, target: str) -> subprocess.CompletedProcess[str]:
    return run(checkout, "-m", "hatchling", "build", "--target", target)


def test_a_wheel_carries_the_website_and_finds_it(checkout: Path, tmp_path: Path) -> None:
    write(checkout / "web/out")
    done = build(checkout, "wheel")
    assert done.returncode == 0, done.stderr
    [wheel] = (checkout / "dist").glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    opened = "from app.settings import ServerSettings as S; from app.website.opening import *"
    asked = f"{opened}; print(find()); print(open_site(S()).answer('/docs', []).status)"
    found = run(installed, "-c", asked)
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert lines[0] == str(installed / "app/website/out")
    assert lines[-1] == "200"


def test_a_source_distribution_carries_it_where_it_was_built(checkout: Path) -> None:
    write(checkout / "web/out")
    done = build(checkout, "sdist")
    assert done.returncode == 0, done.stderr
    [archive] = (checkout / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"web/out/index.html", "web/out/docs.html", "ops/package_site.py"} <= names


@pytest.mark.parametrize("target", ["wheel", "sdist"])
def test_a_package_without_the_website_is_not_built(checkout: Path, target: str) -> None:
    done = build(checkout, target)
    assert done.returncode == 1
    assert "make web" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not list(checkout.glob("dist/*"))


def test_an_editable_install_needs_no_website(checkout: Path) -> None:
    done = run(checkout, "-c", "from hatchling.build import build_editable as build; build('dist')")
    assert done.returncode == 0, done.stderr
    assert list(checkout.glob("dist/*.whl"))
