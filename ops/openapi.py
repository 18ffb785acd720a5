"""Writes the OpenAPI document to a file, from which the website's build generates its types.

    python -m ops.openapi web/openapi.json

The file is written only if it would change, so that an unchanged document causes no rebuild.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

import structlog
import trio

from app.accounts.commands import apply_prices
from app.ledger.codec import Codec
from app.routes import application
from app.services import open_ledger, open_services
from app.settings import Settings, demo_config, load


async def document(settings: Settings) -> bytes:
    """The document of a gateway with these settings. Its store must exist."""
    async with open_services(settings) as services:
        response = await application(services).test_client().get("/openapi.json")
        return await response.get_data(as_text=False)


def write(path: Path) -> None:
    with tempfile.TemporaryDirectory() as made:
        config = Path(made) / "realrouter.toml"
        config.write_text(demo_config(made, 8000), encoding="utf-8")
        settings = load(config)
        ledger = open_ledger(settings, Codec())
        try:
            ledger.migrate()
            apply_prices(ledger, Codec(), settings.catalog())
        finally:
            ledger.close()
        body = trio.run(document, settings)
    if not path.exists() or path.read_bytes() != body:
        path.write_bytes(body)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    write(Path(sys.argv[1]))
