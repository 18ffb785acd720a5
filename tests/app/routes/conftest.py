"""A gateway that people sign in to, and a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.gateway.signing_in import LISTED, House, house, settings_of


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    """A gateway on SQLite without any account."""
    async with house(settings_of(tmp_path, cors_origins=(LISTED,))) as home:
        yield home


@pytest.fixture
async def client(home: House) -> AsyncIterator[httpx.AsyncClient]:
    """A browser's worth of cookies."""
    async with home.client() as client:
        yield client
