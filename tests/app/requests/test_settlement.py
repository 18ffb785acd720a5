"""The ledger unavailable, slow, or losing its replies, at each step of a request: nothing is free, lost, or charged twice."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from app.faults import IdempotencyKeyUsed
from app.instance.lease import Lease
from app.ledger.store import Append, Committed
from app.requests.settlement import Settlement, Unsettled
from domain import buckets
from domain.buckets import Guard
from domain.errors import InsufficientQuota
from domain.events import KeyLimits, RequestAdmitted, RequestDebited, RequestReleased, request_stream
from domain.request import AnswerSource, Hold, debit, free_cancellation_guard, release
from domain.usage import Usage
from tests.fakes.openai_shapes import responses_frames
from tests.fakes.scripted_upstream import Chunk, Head, Request, Script, WaitFor, openai_script, serve
from tests.support.gateway.gateway import ACCOUNT, CREDIT_NANOS, MODEL, Gateway, chat, envelope, responses, running
from tests.support.ledger.faulty_ledger import admissions, debits, settlements

SSE = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))


@pytest.mark.parametrize("stream", [False, True])
async def test_no_ledger_no_admission_and_no_upstream(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path) as gateway:
        faulty = gateway.break_ledger()
        faulty.down_for(lambda append: True)
        answer = await gateway.post("responses", responses(stream=stream))
        envelope(answer, 503, "store_unavailable")
        assert answer.headers["retry-after"] == "1"
        faulty.up()
        [event] = await gateway.settled()  # its fate was unknown, so it was repeated until known, then released
        assert isinstance(event, RequestReleased)
        assert event.reason == "store_unavailable"
        assert event.upstream is None
        assert (await gateway.post("responses", responses())).status_code == 200
        assert len(await gateway.settled()) == 2


async def test_an_admission_whose_acknowledgement_was_lost_is_released(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        gateway.break_ledger().lose_one_answer_to(admissions)
        envelope(await gateway.post("responses", responses()), 503, "store_unavailable")
        await gateway.only_release("store_unavailable")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_debit_whose_acknowledgement_was_lost_is_repeated_and_booked_once(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path) as gateway:
        faulty = gateway.break_ledger()
        faulty.lose_one_answer_to(debits)
        answer = await gateway.post("chat/completions", chat(stream=stream))
        assert answer.status_code == 200
        await gateway.only_debit()
        assert len([command for command in faulty.seen if command.startswith("debit_")]) == 2


async def test_a_debit_waits_for_a_store_that_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        faulty = gateway.break_ledger()
        faulty.down_for(settlements)

        async def back_after_two_refusals() -> None:
            while faulty.refused < 2:
                await trio.lowlevel.checkpoint()
            faulty.up()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(back_after_two_refusals)
            answer = await gateway.post("responses", responses())
        assert answer.status_code == 200
        await gateway.only_debit()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_debit_that_the_store_does_not_take_in_time_is_released_and_counted_as_unbilled(
    tmp_path: Path, stream: bool
) -> None:
    async with running(tmp_path, limits={"settle": 0.2}) as gateway:
        faulty = gateway.break_ledger()
        faulty.down_for(settlements)
        answer = await gateway.post("responses", responses("Hello", "tokens=3", stream=stream))
        if stream:
            assert b"response.completed" not in answer.content
            assert b"store_unavailable" in answer.content
        else:
            envelope(answer, 503, "store_unavailable")
        faulty.up()
        await gateway.only_release("settle_timeout")
        [request_log] = gateway.request_logs
        assert request_log.unbilled_nanos is not None
        assert request_log.unbilled_nanos > 0
        assert request_log.cost_nanos == 0
        figures = gateway.services.metrics.render()[0].decode().splitlines()
        assert "realrouter_unbilled_total 1.0" in figures
        [nanos] = [line for line in figures if line.startswith("realrouter_unbilled_nanos_total ")]
        assert float(nanos.split()[1]) == request_log.unbilled_nanos


@pytest.mark.parametrize("stream", [False, True])
async def test_a_debit_that_finds_a_release_ends_the_answer_in_an_error(tmp_path: Path, stream: bool) -> None:
    go_on = trio.Event()
    whole = responses_frames(3)

    def script(request: Request) -> Script:
        if not stream:
            return [WaitFor(go_on), *openai_script(request, chunks=3)]
        return [Head(200, SSE), *map(Chunk, whole[:5]), WaitFor(go_on), *map(Chunk, whole[5:]), Chunk(b"")]

    async with serve(script) as upstream, running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway:
        client = await gateway.connect()
        await client.send(gateway.request_bytes("responses", responses(stream=stream), extra="connection: close\r\n"))
        await upstream.wait_until(lambda upstream: len(upstream.requests) == 1)
        reap(gateway)
        go_on.set()
        body = await client.read_to_end()
        assert b'"response.completed"' not in body
        assert b"store_unavailable" in body
        if not stream:
            assert body.startswith(b"HTTP/1.1 503 ")
        await gateway.only_release("orphaned")
        assert gateway.request_logs[0].unbilled_nanos is not None


def reap(gateway: Gateway) -> None:
    """Release the one open request, as another process's reaper would."""
    [open_request] = gateway.services.ledger.open_requests()
    [recorded] = gateway.services.ledger.read(open_request.position - 1, 1)
    admitted = gateway.services.codec.decode(recorded.topic, recorded.state)
    assert isinstance(admitted, RequestAdmitted)
    event = release(Hold(admitted, recorded.recorded_at_micros), reason="orphaned")
    stream = request_stream(open_request.request_id)
    [verdict] = gateway.services.ledger.append([Append("reap_it", stream, 1, (event,), first=True)])
    assert isinstance(verdict, Committed)


async def test_a_release_continues_after_its_request_until_it_is_in_the_log(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"settle": 0.1, "attempts": 1}) as gateway:
        faulty = gateway.break_ledger()
        faulty.down_for(settlements)
        envelope(await gateway.post("responses", responses("Hello", "status=400")), 400, None)
        assert gateway.held > 0
        faulty.up()
        await gateway.only_release("upstream_failed")


async def test_an_idempotency_key_meets_its_first_request_even_when_that_ones_admission_was_lost(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as gateway:
        gateway.break_ledger().lose_one_answer_to(admissions)
        headers = {"idempotency-key": "once"}
        first = await gateway.post("responses", responses(), headers=headers)
        envelope(first, 503, "store_unavailable")
        await gateway.idle()
        again = await gateway.post("responses", responses(), headers=headers)
        error = envelope(again, 409, "idempotency_key_used")
        assert error["state"] == "released"
        assert len(await gateway.settled()) == 1


# -- One settlement on its own ---------------------------------------------------------------------------------------


def settlement_of(gateway: Gateway, request_id: str, settle_seconds: float = 5) -> Settlement:
    services = gateway.services
    return Settlement(request_id, writer=services.writer, lease=services.instance.lease, settle_seconds=settle_seconds)


def an_admission(gateway: Gateway, request_id: str, *, hold_nanos: int = 1000) -> RequestAdmitted:
    return RequestAdmitted(
        request_id=request_id,
        account_id=ACCOUNT,
        key_id=gateway.key_id,
        model=MODEL,
        endpoint="responses",
        price_version=1,
        hold_nanos=hold_nanos,
        reserved_tokens=10,
        instance_id=gateway.services.instance.lease.instance_id,
        deadline_at_micros=2**62,
    )


def a_charge(gateway: Gateway, hold: Hold) -> RequestDebited:
    return debit(
        hold,
        prices=gateway.services.serving.offering.catalog.model(MODEL).prices,
        usage=Usage(input=1, output=1),
        source=AnswerSource("simulator"),
        finish="stop",
        outcome="cancelled",
    )


async def test_a_refusal_says_which_bucket_objected(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        settlement = settlement_of(gateway, "req_1")
        guards = (Guard(buckets.available(ACCOUNT), floor=0),)
        too_much = an_admission(gateway, "req_1", hold_nanos=CREDIT_NANOS + 1)
        with pytest.raises(InsufficientQuota) as refused:
            await settlement.admit(too_much, guards, KeyLimits())
        assert settlement.refused_by == "available"
        assert refused.value.available_nanos == CREDIT_NANOS
        assert await gateway.settled() == []


async def test_the_state_of_the_first_request_is_the_current_one(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        settlement = settlement_of(gateway, "req_1")
        admitted = an_admission(gateway, "req_1")
        hold = await settlement.admit(admitted, (), KeyLimits())
        assert await state_of_a_repeat(gateway, admitted) == "open"
        await settlement.release(release(hold, reason="cancelled"))
        assert await state_of_a_repeat(gateway, admitted) == "released"
        assert len(await gateway.settled()) == 1


async def state_of_a_repeat(gateway: Gateway, admitted: RequestAdmitted) -> str:
    with pytest.raises(IdempotencyKeyUsed) as used:
        await settlement_of(gateway, admitted.request_id).admit(admitted, (), KeyLimits())
    assert used.value.request_id == admitted.request_id
    return used.value.state


async def test_a_release_that_a_guard_refuses_becomes_the_debit_instead(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        settlement = settlement_of(gateway, "req_1")
        hold = await settlement.admit(an_admission(gateway, "req_1"), (), KeyLimits())
        event = release(
            hold,
            reason="cancelled",
            delivered=Usage(output=10),
            prices=gateway.services.serving.offering.catalog.model(MODEL).prices,
        )
        done = await settlement.release(
            event, guards=(free_cancellation_guard(hold, 0),), instead=lambda: a_charge(gateway, hold)
        )
        assert isinstance(done, RequestDebited)
        assert await gateway.settled() == [done]


async def test_a_debit_after_a_release_is_unsettled_and_books_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        settlement = settlement_of(gateway, "req_1")
        hold = await settlement.admit(an_admission(gateway, "req_1"), (), KeyLimits())
        await settlement.release(release(hold, reason="orphaned"))
        with pytest.raises(Unsettled):
            await settlement.debit(a_charge(gateway, hold))
        await gateway.only_release("orphaned")


async def test_a_release_whose_process_is_being_torn_down_does_not_wait_for_what_cannot_come(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        faulty = gateway.break_ledger()
        ledger = gateway.services.ledger
        async with trio.open_nursery() as nursery:
            lease = Lease(ledger, lease_seconds=60)
            await nursery.start(lease.run)
            settlement = Settlement("req_1", writer=gateway.services.writer, lease=lease, settle_seconds=50)
            hold = await settlement.admit(an_admission(gateway, "req_1"), (), KeyLimits())
            faulty.down_for(settlements)
            nursery.cancel_scope.cancel()
            before = trio.current_time()
            await settlement.release(release(hold, reason="shutdown"))
            assert trio.current_time() - before < 10
        faulty.up()
        reap(gateway)
        await gateway.only_release("orphaned")
