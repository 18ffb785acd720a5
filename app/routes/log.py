"""/log: the public side of the sealed log, as in C2SP tlog-tiles: its checkpoint, its hash tiles and its keys, never an event.

Rule 1: the hashes reveal nothing, since every event contains 16 random bytes.
Rule 2: a tile is served at any width that the log has reached, and a tile served once can be fetched forever.
"""

from __future__ import annotations

from quart import Request, Response

from app.faults import NotFound
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from app.transparency.receipts import Receipts
from projections.proofs.errors import ProofInvalid
from projections.proofs.merkle import HASH_BYTES
from projections.proofs.tiles import parse_path

IMMUTABLE = "public, max-age=31536000, immutable"
"""Full and partial tiles never change."""
OCTETS = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"


def sealing(services: Services) -> Receipts:
    """Raises NotFound if the log is not sealed."""
    if services.transparency is None:
        raise NotFound("The log is not sealed here: the operator has not set [log].")
    return services.transparency.receipts


async def checkpoint(services: Services, _request: Request) -> Response:
    newest = await services.in_thread(sealing(services).trees.newest)
    if newest is None:
        raise NotFound("Nothing is sealed yet. Try again in a moment.")
    return _text(newest.note)


async def key(services: Services, _request: Request) -> Response:
    """The current key first, then the others that sign or have signed. `@SIZE`: trusted only on logs of up to SIZE events."""
    return _text("".join(f"{each}\n" for each in sealing(services).keys.own))


async def tile(services: Services, _request: Request, tile: str) -> Response:
    trees = sealing(services).trees
    try:
        wanted = parse_path(tile)
    except ProofInvalid as error:
        raise NotFound(str(error)) from error
    hashes = await services.in_thread(trees.tile, wanted.level, wanted.number)
    if len(hashes) < wanted.width * HASH_BYTES:
        raise NotFound("The log has no such tile, or the tile has not reached that width yet.")
    served = hashes[: wanted.width * HASH_BYTES]
    return Response(served, content_type=OCTETS, headers={"cache-control": IMMUTABLE})


ROUTES = (
    Route(
        "GET",
        "/log/checkpoint",
        checkpoint,
        Operation(
            "The newest signed checkpoint", tag="log", answers={200: str}, errors=(404,), media_type="text/plain"
        ),
    ),
    Route(
        "GET",
        "/log/key",
        key,
        Operation("The log's public keys", tag="log", answers={200: str}, errors=(404,), media_type="text/plain"),
    ),
    Route(
        "GET",
        "/log/tile/<path:tile>",
        tile,
        Operation("A tile of hashes", tag="log", answers={200: bytes}, errors=(404,), media_type=OCTETS),
    ),
)


def _text(text: str) -> Response:
    return Response(text, content_type=_TEXT, headers={"cache-control": "no-cache"})
