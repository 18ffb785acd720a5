"""/api/proofs/{id}: the receipt of a request, payment, refund, dispute, grant or position, for whose account it is."""

from __future__ import annotations

import trio
from quart import Response, request

from app.edge.application import EdgeApplication
from app.faults import NotFound, NotSealedYet
from app.ledger.store import RecordedEvent
from app.routes.caller import reader
from app.routes.fresh import caught_up
from app.routes.log import sealing
from app.routes.openapi import describe
from app.services import Services
from app.transparency import subjects


def register(app: EdgeApplication, services: Services) -> None:
    @app.get("/api/proofs/<proof_id>")
    @describe(
        "A receipt that proves itself",
        tag="account",
        answers={200: str},
        errors=(401, 403, 404, 409),
        caller="reader",
        media_type="text/plain",
    )
    async def proof(proof_id: str) -> Response:
        """The event, its inclusion proof and a signed checkpoint, in one text (C2SP tlog-proof).

        By an id, or by the `position` of a transaction: the id of a refund that failed, or of a dispute that was won, is about its
        beginning."""
        caller = await reader(services, request)
        receipts, reading = sealing(services), services.lifetime.reading
        event = await _found(services, proof_id, caller.account_id)
        if event is None:
            raise NotFound(f"There is no request or payment {proof_id[:100]} in this account.")
        try:
            text = await trio.to_thread.run_sync(receipts.of, event, limiter=reading)
        except NotSealedYet:
            raise NotSealedYet(refused=services.sealer is not None and services.sealer.refused is not None) from None
        headers = {
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="{event.id}.tlog-proof"',
        }
        return Response(text, content_type="text/plain; charset=utf-8", headers=headers)


async def _found(services: Services, name: str, account_id: str) -> RecordedEvent | None:
    """By a position, by a stream's id, then by whatever id the account's statement has."""
    ledger, codec, reading = services.ledger, services.codec, services.lifetime.reading
    for find in (subjects.by_position, subjects.by_id):
        event = await trio.to_thread.run_sync(find, ledger, codec, name, account_id, limiter=reading)
        if event is not None:
            return event
    await caught_up(services, "transactions")
    return await trio.to_thread.run_sync(
        subjects.by_statement, ledger, services.views, name, account_id, limiter=reading
    )
