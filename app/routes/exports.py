"""/api/exports/{kind}: an account's own export, as a download that may be taken up behind a position."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import msgspec
from quart import Response, request

from app.edge.application import EdgeApplication, StreamBody
from app.edge.body import on_exit
from app.exports.download import Downloads
from app.exports.kinds import KINDS, ExportSpec, encoder_for, export_spec, file_name, provider_of
from app.exports.run import chunks
from app.exports.source import OneAccount, Span, span_of
from app.faults import BadRequest, NoSuchExport, NotFound, ReadModelsUnavailable
from app.routes.bodies import asked_instant, read_query
from app.routes.caller import reader
from app.routes.events import Nothing
from app.routes.fresh import caught_up
from app.routes.openapi import describe
from app.services import Services
from projections.exports.contract import Encoder
from projections.exports.parquet import ParquetMissing

LAST_POSITION = "x-last-position"
POSITION_MAX = 10**18


class ExportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """`table` is that of csv and parquet. `from` and `to` are instants or dates, the second not included. `after`: the last
    position that an earlier part of the same export had; the answer belongs behind that part."""

    table: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    from_: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    to: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    after: Annotated[int, msgspec.Meta(ge=0, le=POSITION_MAX)] | None = None


def register(app: EdgeApplication, services: Services) -> None:
    downloads = Downloads()

    @app.get("/api/exports/<kind>")
    @describe(
        "The account's books, for other programs",
        tag="account",
        query=ExportQuery,
        answers={200: str},
        errors=(401, 403, 404, 429),
        caller="reader",
        media_type="text/csv",
    )
    async def exports(kind: str) -> Response:
        """csv, parquet, focus, beancount or hledger, of what the account did. The header `x-last-position` says how far it goes."""
        caller = await reader(services, request)
        asked, after = _asked(kind, caller.account_id, provider_of(services.settings))
        for projection in ("balances", "keys") if asked.is_focus else ("balances",):
            await caught_up(services, projection)
        with ExitStack() as held:
            held.enter_context(downloads.place(caller.account_id))
            name = await downloads.in_thread(lambda: _name(services, caller.account_id)) if asked.is_focus else ""
            encoder = _encoder(services, asked, name)
            source = OneAccount(services.ledger, services.codec, services.views, caller.account_id)
            span = await downloads.in_thread(lambda: span_of(services.ledger, source, asked, after))
            headers = _headers(asked, encoder, span)
            if request.method == "HEAD":
                return Response(StreamBody(Nothing()), headers=headers)
            made = chunks(source, encoder, span, continues=after is not None)
            first = await downloads.next(made)
            _given_back(held.pop_all())
        return Response(StreamBody(downloads.rest(first, made)), headers=headers)


def _name(services: Services, account_id: str) -> str:
    """As FOCUS has it in every row: no other stands in for it. Raises ReadModelsUnavailable."""
    account = services.views.account(account_id).value
    if account is None:
        raise ReadModelsUnavailable(f"the account {account_id} is not in the read models yet")
    return account.name


def _given_back(held: ExitStack) -> None:
    """The place, when the request is over, however it ends."""

    async def leave() -> None:
        held.close()

    on_exit(request, leave)


def _asked(kind: str, account_id: str, provider: str) -> tuple[ExportSpec, int | None]:
    """Raises NotFound, BadRequest."""
    if kind not in KINDS:
        raise NotFound(f"There is no export {kind[:40]!r}: there are {', '.join(KINDS)}.")
    query = read_query(request, ExportQuery)
    from_micros, to_micros = asked_instant(query.from_, "from"), asked_instant(query.to, "to")
    try:
        which = {"account_id": account_id, "from_micros": from_micros, "to_micros": to_micros}
        asked = export_spec(kind, query.table, provider=provider, **which)
    except NoSuchExport as error:
        raise BadRequest(str(error), param="table", code="invalid_value") from error
    return asked, query.after


def _encoder(services: Services, asked: ExportSpec, name: str) -> Encoder:
    try:
        return encoder_for(asked, provider=provider_of(services.settings), name_of=lambda _account_id: name)
    except ParquetMissing as error:
        raise NotFound("There is no Parquet here: the operator has not installed what writes it.") from error


def _headers(asked: ExportSpec, encoder: Encoder, span: Span) -> dict[str, str]:
    return {
        "cache-control": "no-store, no-transform",
        "content-type": encoder.media_type,
        "content-disposition": f'attachment; filename="{file_name(asked, encoder)}"',
        "x-accel-buffering": "no",
        LAST_POSITION: str(max(span.after, span.until)),
    }
