"""/api/exports: the account's own books, as the command line writes them, and no other account's."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import trio

from app.exports.download import ACCOUNT_EXPORTS_MAX
from app.exports.file import FileExport, Job
from app.exports.kinds import KINDS, encoder_for, export_spec, provider_of
from app.exports.source import OneAccount
from app.ledger.codec import Codec
from app.ledger.store import StoreUnavailable
from projections.contract import Fact, Read
from projections.keys import Keys
from projections.tables import Change
from tests.support.gateway.customers import Customer, caught_up, with_key
from tests.support.gateway.gateway import ACCOUNT, Gateway, chat, running
from tests.support.ledger.histories import Book
from tests.support.ledger.trading import Trade

ACCOUNTS = ("acme", "bob_2")


async def trading(gateway: Gateway, requests: int) -> tuple[Trade, Customer]:
    """A busy gateway, and the owner of one of its accounts."""
    services = gateway.services
    trade = Trade(Book(services.ledger), accounts=ACCOUNTS)
    trade.run(requests)
    services.accounts.people.set_email("acme", "acme@example.org")
    await caught_up(gateway)
    return trade, Customer(gateway, "acme", services.accounts.sessions.begin("acme"))


async def fetched(owner: Customer, kind: str, **query: str) -> httpx.Response:
    answer = await owner.get(f"/api/exports/{kind}", **query)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_download_is_the_file_of_the_command_line(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, owner = await trading(gateway, 600)
        services = gateway.services
        for kind in KINDS:
            asked = export_spec(kind, None, account_id="acme")
            encoder = encoder_for(asked, provider=provider_of(services.settings), name_of=lambda _: "name of acme")
            source = OneAccount(services.ledger, Codec(), services.read_models, "acme")
            out = tmp_path / kind
            manifest = FileExport(services.ledger, Job(source, encoder, asked, log=""), out).write()
            answer = await fetched(owner, kind)
            assert answer.content == out.read_bytes()
            assert answer.headers["x-last-position"] == str(manifest.last_position)
            assert answer.headers["content-type"] == encoder.media_type
            assert answer.headers["content-disposition"].startswith('attachment; filename="realrouter-')
            assert answer.headers["cache-control"] == "no-store, no-transform"


async def test_focus_waits_for_names_and_nothing_else_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of accounts come from a separate read model, which has stopped."""

    def stopped(self: Keys, facts: Sequence[Fact], read: Read) -> list[Change]:
        raise ValueError("stopped")

    monkeypatch.setattr(Keys, "apply", stopped)
    monkeypatch.setattr("app.read_models.fresh.FRESH_SECONDS", 0.05)
    async with running(tmp_path) as gateway:
        answer = await with_key(gateway, "/api/exports/focus")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
        assert answer.headers["retry-after"] == "1"
        assert (await with_key(gateway, "/api/exports/csv", table="journal")).status_code == 200


async def test_a_later_part_is_appended_to_the_earlier_one(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        trade, owner = await trading(gateway, 50)
        for kind, table in (("csv", "lots"), ("csv", "journal"), ("focus", ""), ("beancount", ""), ("hledger", "")):
            query = {"table": table} if table else {}
            first = await fetched(owner, kind, **query)
            trade.book.append(*trade.money())
            await caught_up(gateway)
            second = await fetched(owner, kind, **query, after=first.headers["x-last-position"])
            whole = await fetched(owner, kind, **query)
            assert first.content + second.content == whole.content
            nothing = await fetched(owner, kind, **query, after=whole.headers["x-last-position"])
            assert nothing.content == b""


async def test_a_key_reads_its_own_account_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        await trading(gateway, 50)
        request_id = (await gateway.post("chat/completions", chat())).headers["x-request-id"]
        await caught_up(gateway)
        answer = await with_key(gateway, "/api/exports/csv", table="usage")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(row["account_id"], row["request_id"]) for row in rows] == [(ACCOUNT, request_id)]
        assert Decimal(rows[0]["cost"]) > 0


async def test_a_period_can_be_requested(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, owner = await trading(gateway, 50)
        header = (await fetched(owner, "csv", to="2020-01-01")).text.splitlines()
        assert len(header) == 1
        assert len((await fetched(owner, "csv", **{"from": "2020-01-01"})).text.splitlines()) > 10


async def test_a_head_has_no_body(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, owner = await trading(gateway, 50)
        answer = await owner.send("HEAD", "/api/exports/csv")
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["x-last-position"]) > 50


@pytest.mark.parametrize(
    ("path", "status", "param"),
    [
        ("xml", 404, None),
        ("csv?table=secrets", 400, "table"),
        ("csv?table=focus", 400, "table"),
        ("beancount?table=usage", 400, "table"),
        ("csv?after=-1", 400, "after"),
        ("csv?after=x", 400, "after"),
        ("csv?from=yesterday", 400, "from"),
        ("csv?account=bob_2", 400, "account"),
    ],
)
async def test_what_there_is_not_is_refused(path: str, status: int, param: str | None, tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        await caught_up(gateway)
        headers = {"authorization": f"Bearer {gateway.key}"}
        answer = await gateway.http.get(f"{gateway.origin}/api/exports/{path}", headers=headers)
        assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


async def test_an_unauthenticated_caller_gets_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        answer = await gateway.http.get(f"{gateway.origin}/api/exports/csv")
        assert answer.status_code == 401


async def test_places_come_back_when_clients_leave(tmp_path: Path) -> None:
    """More clients have left than there are places. A client's leaving is noticed soon, but not immediately, so a client that
    finds no place retries."""
    async with running(tmp_path) as gateway:
        _, owner = await trading(gateway, 600)
        place = urlsplit(gateway.origin)
        ask = f"GET /api/exports/csv?table=journal HTTP/1.1\r\nhost: x\r\ncookie: {owner.cookie['cookie']}\r\n\r\n"
        left = 0
        while left < 3 * ACCOUNT_EXPORTS_MAX:
            async with await trio.open_tcp_stream(place.hostname or "", place.port or 0) as stream:
                await stream.send_all(ask.encode())
                status = await stream.receive_some(12)
            assert status in (b"HTTP/1.1 200", b"HTTP/1.1 429")
            left += status == b"HTTP/1.1 200"


async def test_one_that_breaks_looks_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as gateway:
        _, owner = await trading(gateway, 600)
        monkeypatch.setattr("app.exports.source.PAGE", 100)
        page = OneAccount.page

        def fails(self: OneAccount, after: int, until: int) -> Sequence[Fact]:
            if after > 300:
                raise StoreUnavailable("gone")
            return page(self, after, until)

        monkeypatch.setattr(OneAccount, "page", fails)
        with pytest.raises(httpx.RemoteProtocolError):
            await owner.get("/api/exports/csv", table="journal")
        answer = await owner.get("/api/exports/csv", table="lots", after="400")
        assert answer.status_code == 503
        behind = await owner.get("/api/exports/csv", table="lots", after="100000")
        assert (behind.status_code, behind.content) == (
            200,
            b"",
        )  # no events of the account are read if there is nothing to export
