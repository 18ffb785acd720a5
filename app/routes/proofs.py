"""/api/proofs/{id}: the receipt of a request, payment, refund, dispute, grant or position, for the account that it belongs to."""

from __future__ import annotations

from quart import Request, Response

from app.faults import NotFound, NotSealedYet
from app.ledger.store import RecordedEvent
from app.routes.caller import reader
from app.routes.fresh import caught_up
from app.routes.log import sealing
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from app.transparency import subjects


async def proof(services: Services, request: Request, proof_id: str) -> Response:
    """The event, its inclusion proof and a signed checkpoint, in one text (C2SP tlog-proof).

    By an ID, or by the `position` of a transaction. The ID of a refund that failed, or of a dispute that was won, selects the
    event with which it began.
    """
    caller = await reader(services, request)
    receipts = sealing(services)
    event = await _found(services, proof_id, caller.account_id)
    if event is None:
        raise NotFound(f"There is no request or payment {proof_id[:100]} in this account.")
    try:
        text = await services.in_thread(receipts.of, event)
    except NotSealedYet:
        sealer = None if services.transparency is None else services.transparency.sealer
        raise NotSealedYet(refused=sealer is not None and sealer.refused is not None) from None
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{event.id}.tlog-proof"',
    }
    return Response(text, content_type="text/plain; charset=utf-8", headers=headers)


ROUTES = (
    Route(
        "GET",
        "/api/proofs/<proof_id>",
        proof,
        Operation(
            "A self-contained receipt",
            tag="account",
            answers={200: str},
            errors=(401, 403, 404, 409),
            caller="reader",
            media_type="text/plain",
        ),
    ),
)


async def _found(services: Services, name: str, account_id: str) -> RecordedEvent | None:
    """By a position, then by a stream's ID, then by any ID on the account's statement."""
    ledger, codec = services.ledger, services.codec
    for find in (subjects.by_position, subjects.by_id):
        event = await services.in_thread(find, ledger, codec, name, account_id)
        if event is not None:
            return event
    await caught_up(services, "transactions")
    return await services.in_thread(subjects.by_statement, ledger, services.read_models, name, account_id)
