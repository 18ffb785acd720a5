"""/api/exports/{kind}: an account's own export, as a download that can be resumed after a position."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import msgspec
from quart import Request, Response

from app.edge.application import StreamBody
from app.edge.body import on_exit
from app.exports.kinds import KINDS, ExportSpec, encoder_for, export_spec, file_name, provider_of
from app.exports.run import chunks
from app.exports.source import OneAccount, Span, span_of
from app.faults import BadRequest, NoSuchExport, NotFound, ReadModelsUnavailable
from app.routes.bodies import parse_instant, read_query
from app.routes.caller import reader
from app.routes.events import Nothing
from app.routes.fresh import caught_up
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from projections.exports.contract import Encoder
from projections.exports.parquet import ParquetMissing

LAST_POSITION = "x-last-position"
POSITION_MAX = 10**18


class ExportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """`table` applies to csv and parquet. `from` (inclusive) and `to` (exclusive) are instants or dates. `after` is the last
    position of an earlier part of the same export; append the answer to that part."""

    table: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    from_: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    to: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    after: Annotated[int, msgspec.Meta(ge=0, le=POSITION_MAX)] | None = None


async def exports(services: Services, request: Request, kind: str) -> Response:
    """csv, parquet, focus, beancount or hledger. The header `x-last-position` has the last position in this response; pass it as
    `after` to continue."""
    caller, downloads = await reader(services, request), services.downloads
    spec, after = _spec(request, kind, caller.account_id, provider_of(services.settings))
    for projection in ("balances", "keys") if spec.is_focus else ("balances",):
        await caught_up(services, projection)
    with ExitStack() as held:
        held.enter_context(downloads.place(caller.account_id))
        name = await downloads.in_thread(lambda: _name(services, caller.account_id)) if spec.is_focus else ""
        encoder = _encoder(services, spec, name)
        source = OneAccount(services.ledger, services.codec, services.read_models, caller.account_id)
        span = await downloads.in_thread(lambda: span_of(services.ledger, source, spec, after))
        headers = _headers(spec, encoder, span)
        if request.method == "HEAD":
            return Response(StreamBody(Nothing()), headers=headers)
        made = chunks(source, encoder, span, continues=after is not None)
        first = await downloads.next(made)
        _close_on_exit(request, held.pop_all())
    return Response(StreamBody(downloads.rest(first, made)), headers=headers)


ROUTES = (
    Route(
        "GET",
        "/api/exports/<kind>",
        exports,
        Operation(
            "Export the account's books for other programs",
            tag="account",
            query=ExportQuery,
            answers={200: str},
            errors=(401, 403, 404, 429),
            caller="reader",
            media_type="text/csv",
        ),
    ),
)


def _name(services: Services, account_id: str) -> str:
    """The account's name, which FOCUS has in every row and which has no substitute. Raises ReadModelsUnavailable."""
    account = services.read_models.account(account_id).value
    if account is None:
        raise ReadModelsUnavailable(f"the account {account_id} is not in the read models yet")
    return account.name


def _close_on_exit(request: Request, held: ExitStack) -> None:
    """Release the download's place when the request ends, however it ends."""

    async def leave() -> None:
        held.close()

    on_exit(request, leave)


def _spec(request: Request, kind: str, account_id: str, provider: str) -> tuple[ExportSpec, int | None]:
    """The requested export, and the position to continue after. Raises NotFound, BadRequest."""
    if kind not in KINDS:
        raise NotFound(f"There is no export {kind[:40]!r}. The exports are {', '.join(KINDS)}.")
    query = read_query(request, ExportQuery)
    from_micros, to_micros = parse_instant(query.from_, "from"), parse_instant(query.to, "to")
    try:
        which = {"account_id": account_id, "from_micros": from_micros, "to_micros": to_micros}
        spec = export_spec(kind, query.table, provider=provider, **which)
    except NoSuchExport as error:
        raise BadRequest(str(error), param="table", code="invalid_value") from error
    return spec, query.after


def _encoder(services: Services, spec: ExportSpec, name: str) -> Encoder:
    try:
        return encoder_for(spec, provider=provider_of(services.settings), name_of=lambda _account_id: name)
    except ParquetMissing as error:
        raise NotFound("Parquet is not available here: the operator has not installed its writer.") from error


def _headers(spec: ExportSpec, encoder: Encoder, span: Span) -> dict[str, str]:
    return {
        "cache-control": "no-store, no-transform",
        "content-type": encoder.media_type,
        "content-disposition": f'attachment; filename="{file_name(spec, encoder)}"',
        "x-accel-buffering": "no",
        LAST_POSITION: str(max(span.after, span.until)),
    }
