"""/api/proofs/{id}: the receipt of a request, a payment, a refund, a dispute or a grant, for whose account it is."""

from __future__ import annotations

import trio
from quart import Response, request

from app.edge.application import EdgeApplication
from app.errors import NotFound
from app.routes.caller import reader
from app.routes.fresh import caught_up
from app.routes.log import sealing
from app.routes.openapi import describe
from app.sealing import subjects
from app.services import Services


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
        """The event, its inclusion proof and a signed checkpoint, in one text (C2SP tlog-proof)."""
        caller = await reader(services, request)
        receipts, ledger, reading = sealing(services), services.ledger, services.lifetime.reading
        event = await trio.to_thread.run_sync(
            subjects.by_id, ledger, services.codec, proof_id, caller.account_id, limiter=reading
        )
        if event is None:
            await caught_up(services, "transactions")
            event = await trio.to_thread.run_sync(
                subjects.by_statement, ledger, services.views, proof_id, caller.account_id, limiter=reading
            )
        if event is None:
            raise NotFound(f"There is no request or payment {proof_id[:100]} in this account.")
        text = await trio.to_thread.run_sync(receipts.of, event, limiter=reading)
        headers = {
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="{event.id}.tlog-proof"',
        }
        return Response(text, content_type="text/plain; charset=utf-8", headers=headers)
