"""/log: the sealed log in public, as C2SP tlog-tiles has it: its checkpoint, its hash tiles, its keys. Never an event.

Rule 1: hashes tell nothing: every event has 16 random bytes in it.
Rule 2: a tile is served at any width that it has reached, and what was served once is served for ever.
"""

from __future__ import annotations

import trio
from quart import Response

from app.edge.application import EdgeApplication
from app.faults import NotFound
from app.routes.openapi import describe
from app.services import Services
from app.transparency.receipts import Receipts
from projections.proofs.errors import ProofInvalid
from projections.proofs.merkle import HASH_BYTES
from projections.proofs.tiles import parse_path

IMMUTABLE = "public, max-age=31536000, immutable"
"""What was served once never changes."""
OCTETS = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"


def sealing(services: Services) -> Receipts:
    """Raises NotFound where the log is not sealed."""
    if services.receipts is None:
        raise NotFound("The log is not sealed here: the operator has not set [log].")
    return services.receipts


def register(app: EdgeApplication, services: Services) -> None:
    @app.get("/log/checkpoint")
    @describe("The newest signed checkpoint", tag="log", answers={200: str}, errors=(404,), media_type="text/plain")
    async def checkpoint() -> Response:
        trees = sealing(services).trees
        newest = await trio.to_thread.run_sync(trees.newest, limiter=services.lifetime.reading)
        if newest is None:
            raise NotFound("Nothing is sealed yet. Ask again in a moment.")
        return _text(newest.note)

    @app.get("/log/key")
    @describe("The log's public keys", tag="log", answers={200: str}, errors=(404,), media_type="text/plain")
    async def key() -> Response:
        """The current one first; then those that sign too, or have signed: with `@SIZE`, one that speaks for no longer log."""
        return _text("".join(f"{each}\n" for each in sealing(services).keys.own))

    @app.get("/log/tile/<path:tile>")
    @describe("A tile of hashes", tag="log", answers={200: bytes}, errors=(404,), media_type=OCTETS)
    async def tile(tile: str) -> Response:
        trees = sealing(services).trees
        try:
            asked = parse_path(tile)
        except ProofInvalid as error:
            raise NotFound(str(error)) from error
        hashes = await trio.to_thread.run_sync(trees.tile, asked.level, asked.number, limiter=services.lifetime.reading)
        if len(hashes) < asked.width * HASH_BYTES:
            raise NotFound("The log has no such tile, or not so much of it yet.")
        served = hashes[: asked.width * HASH_BYTES]
        return Response(served, content_type=OCTETS, headers={"cache-control": IMMUTABLE})


def _text(text: str) -> Response:
    return Response(text, content_type=_TEXT, headers={"cache-control": "no-cache"})
