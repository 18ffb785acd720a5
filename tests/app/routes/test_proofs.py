"""/api/proofs and /log: receipts for whose account it is, and the sealed log for everybody, without an event in it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import trio

from app.faults import NotSealedYet
from app.transparency.sealer import SEAL_SECONDS
from domain.events import RequestDebited
from ops.verify import realrouter_verify as alone
from projections.proofs.checkpoint import check_checkpoint
from projections.proofs.note import parse_verifier
from projections.proofs.receipt import Proven, check_receipt
from projections.proofs.tiles import tiles_of
from tests.support.gateway.customers import SOLD, caught_up, customer, with_key
from tests.support.gateway.gateway import Gateway, envelope, open_account, responses, running
from tests.support.gateway.processes import PATIENCE_SECONDS, eventually
from tests.support.transparency.logs import ORIGIN, SIGNER

LOG = f'[log]\norigin = "{ORIGIN}"\nkey = "{SIGNER.text()}"\n'


async def all_sealed(gateway: Gateway) -> None:
    transparency = gateway.services.transparency
    assert transparency is not None
    await gateway.idle()
    await trio.to_thread.run_sync(transparency.sealer.seal)


def checked(text: str) -> Proven:
    return check_receipt(text, [SIGNER.verifier])


async def test_a_request_has_a_receipt_by_either_of_its_ids(tmp_path: Path) -> None:
    async with running(tmp_path, models=LOG) as gateway:
        owner = await customer(gateway)
        answer = await gateway.post("responses", responses())
        event = await gateway.only_debit()
        await all_sealed(gateway)
        await caught_up(gateway)
        by_request = await owner.get(f"/api/proofs/{answer.headers['x-request-id']}")
        assert by_request.status_code == 200, by_request.text
        assert by_request.headers["content-type"] == "text/plain; charset=utf-8"
        proven = checked(by_request.text)
        state = json.loads(proven.entry.state)
        assert (proven.entry.topic, state["request_id"], state["cost_nanos"]) == (
            RequestDebited.TOPIC,
            event.request_id,
            event.cost_nanos,
        )
        by_answer = await with_key(gateway, f"/api/proofs/{answer.json()['id']}")
        assert checked(by_answer.text).entry == proven.entry
        name = f'attachment; filename="{proven.entry.position}.tlog-proof"'
        assert by_answer.headers["content-disposition"] == name
        alone.Receipt(by_request.text, [alone.Key(str(SIGNER.verifier))])


async def test_grants_have_receipts_too(tmp_path: Path) -> None:
    async with running(tmp_path, models=LOG + SOLD) as gateway:
        owner = await customer(gateway)
        await all_sealed(gateway)
        await caught_up(gateway)
        [row] = (await owner.shown("/api/transactions"))["data"]
        proven = checked((await owner.get(f"/api/proofs/{row['id']}")).text)
        assert (proven.entry.position, proven.entry.topic) == (row["position"], "account.adjustment_posted.v1")
        by_position = await owner.get(f"/api/proofs/{row['position']}")
        assert checked(by_position.text).entry == proven.entry
        [opened, *_] = [each for each in gateway.services.ledger.read(0, 100) if each.topic == "account.opened.v1"]
        envelope(await owner.get(f"/api/proofs/{opened.id}"), 404, "not_found")


async def test_an_open_request_and_an_unsealed_one_get_different_errors(tmp_path: Path) -> None:
    async with running(tmp_path, models=LOG, upstreams={"simulator": ""}) as gateway:
        owner = await customer(gateway)
        assert gateway.services.transparency is not None
        sealer = gateway.services.transparency.sealer
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gateway.post, "responses", responses(simulator="first_byte=3000"))
            await eventually(lambda: bool(gateway.by_request()), PATIENCE_SECONDS)
            [request_id] = gateway.by_request()
            answer = await owner.get(f"/api/proofs/{request_id}")
            envelope(answer, 409, "request_open")
            nursery.cancel_scope.cancel()
        await gateway.settled()
        # The file is replaced by one that the sealer refuses; again if the gateway's own turn has just written it.
        path = gateway.settings.checkpoint_path
        await eventually(path.exists, PATIENCE_SECONDS)
        with trio.fail_after(PATIENCE_SECONDS):
            while sealer.refused is None:
                path.write_text("nonsense")
                await sealer.turn()
        answer = await gateway.post("responses", responses())
        await gateway.settled()
        unsealed = await owner.get(f"/api/proofs/{answer.headers['x-request-id']}")
        assert "in a few seconds" in str(NotSealedYet())
        assert "signing is suspended" in envelope(unsealed, 503, "not_sealed_yet")["message"]
        assert int(unsealed.headers["retry-after"]) >= 1
        text = (await gateway.http.get(f"{gateway.origin}/metrics")).text
        assert "realrouter_log_sealing_refused 1.0" in text


@pytest.mark.parametrize("name", ["req_none", "pi_none", "x" * 300, "..%2f..", "1", "%00"])
async def test_what_is_not_there_is_404(tmp_path: Path, name: str) -> None:
    async with running(tmp_path, models=LOG) as gateway:
        owner = await customer(gateway)
        await all_sealed(gateway)
        assert (await owner.get(f"/api/proofs/{name}")).status_code in (400, 404)


async def test_another_accounts_receipts_are_404_and_an_unknown_caller_gets_401(tmp_path: Path) -> None:
    async with running(tmp_path, models=LOG) as gateway:
        answer = await gateway.post("responses", responses())
        await gateway.settled()
        await all_sealed(gateway)
        ledger, codec = gateway.services.ledger, gateway.services.codec
        open_account(ledger, codec, "acct_other", 0)
        other_id, other = gateway.new_key(account_id="acct_other")
        assert other_id
        path = f"{gateway.origin}/api/proofs/{answer.headers['x-request-id']}"
        [debited] = [row for row in ledger.read(0, 100) if row.topic == RequestDebited.TOPIC]
        for asked in (path, f"{gateway.origin}/api/proofs/{debited.id}"):
            refused = await gateway.http.get(asked, headers={"authorization": f"Bearer {other}"})
            envelope(refused, 404, "not_found")
        envelope(await gateway.http.get(path), 401, "not_signed_in")


async def test_the_public_log_is_a_tree_of_hashes_without_an_event(tmp_path: Path) -> None:
    async with running(tmp_path, models=LOG) as gateway:
        for _ in range(3):
            await gateway.post("responses", responses())
        await gateway.settled()
        await all_sealed(gateway)
        get = gateway.http.get
        keys = [parse_verifier(line) for line in (await get(f"{gateway.origin}/log/key")).text.splitlines()]
        answer = await get(f"{gateway.origin}/log/checkpoint")
        assert answer.headers["cache-control"] == "no-cache"
        signed = check_checkpoint(answer.text, keys)
        size = signed.checkpoint.size
        folder = tmp_path / "public"
        (folder / "tile/0").mkdir(parents=True)
        (folder / "checkpoint").write_text(answer.text)
        for tile in tiles_of(size):
            served = await get(f"{gateway.origin}/log/tile/{tile.path}")
            assert served.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert served.headers["content-type"] == "application/octet-stream"
            assert len(served.content) == 32 * tile.width
            (folder / "tile" / tile.path).parent.mkdir(exist_ok=True)
            (folder / "tile" / tile.path).write_bytes(served.content)
            smaller = await get(f"{gateway.origin}/log/tile/{tile._replace(width=1).path}")
            assert smaller.content == served.content[:32]
        assert alone.main(["log", str(folder), "--key", str(SIGNER.verifier)]) == 0
        for missing in (
            f"0/000.p/{size + 1}",
            "0/001",
            "1/000",
            "0/000",
            "0/0",
            "0/x999/x999/x999/x999/x999/x999/999",
            "0/x009/x223/x372/x036/x854/x775/808",
            "7/999",
            "entries/000",
            f"entries/000.p/{size}",
        ):
            envelope(await get(f"{gateway.origin}/log/tile/{missing}"), 404, "not_found")
        envelope(await get(f"{gateway.origin}/log/entries/000"), 404, "not_found")


async def test_a_log_that_is_not_sealed_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        for path in ("/log/checkpoint", "/log/key", "/log/tile/0/000", "/api/proofs/req_1"):
            error = envelope(await owner.get(path), 404, "not_found")
            assert "[log]" in error["message"]


async def test_the_gateway_seals_automatically(tmp_path: Path) -> None:
    async with running(tmp_path, models=LOG) as gateway:
        answer = await gateway.post("responses", responses())
        await gateway.settled()
        head = gateway.services.ledger.head().position

        def sealed() -> bool:
            assert gateway.services.transparency is not None
            return gateway.services.transparency.receipts.trees.size() >= head

        await eventually(sealed, PATIENCE_SECONDS)
        assert SEAL_SECONDS == 1.0
        receipt = await with_key(gateway, f"/api/proofs/{answer.headers['x-request-id']}")
        first = base64.b64decode(receipt.text.split("\n")[1].removeprefix("extra "))
        assert b"request.debited.v1" in first
