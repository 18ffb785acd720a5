"""Carrying one answer, on a clock that jumps: its deadlines, what a stop does, whose fault a cut is, and what is closed when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

from app.faults import UpstreamBroken, UpstreamRefused, UpstreamTimeout
from app.requests.carrying import LINGER_READS_MAX, LINGER_SECONDS, TAIL_SECONDS, Carrying, Stopped, Terms
from app.requests.opening import Upstreams
from app.requests.outbox import OUTBOX_BYTES_MAX, Outbox
from app.requests.plan import Plan
from app.requests.request_log import RequestLog
from app.requests.states import Move, Progress, State
from tests.fakes.openai_shapes import chat_frames, data_frame, responses_frames
from tests.support.requests.scripted import Answer, Scripted, good, planned

TERMS = Terms(first_byte=10, idle=20, total=100, settle=5, send_stall=30, free_limit_nanos=0)
BEGUN = responses_frames(50)[:8]
BIG = chat_frames(1, text="w" * (OUTBOX_BYTES_MAX // 2 + 1))[1]


class Counting(Answer):
    """Counts how often it was read."""

    reads = 0

    async def receive(self) -> bytes:
        self.reads += 1
        return await super().receive()


class Carried:
    """One request to a scripted upstream, admitted already."""

    def __init__(self, answer: Answer | None, plan: Plan | None = None, terms: Terms = TERMS) -> None:
        self.upstream = Scripted("a", answer)
        self.outbox, self.progress = Outbox(), Progress()
        self.request_log = RequestLog("req_1", "acct", "key", "m", "responses", stream=True, started=0.0)
        self.carrying = Carrying(
            plan or planned(),
            self.request_log,
            terms=terms,
            upstreams=Upstreams({"a": self.upstream, "b": Scripted("b")}, attempts=1),
            outbox=self.outbox,
            progress=self.progress,
        )
        self.progress.move(Move.ADMITTED)

    @property
    def state(self) -> State:
        return self.progress.state

    async def while_running(self, other: Callable[[], Awaitable[None]]) -> None:
        """Carry while `other` runs, which is cancelled at the end."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            try:
                await self.carrying.run()
            finally:
                nursery.cancel_scope.cancel()


async def test_an_answer_is_forwarded_up_to_its_closing_frame(autojump_clock: MockClock) -> None:
    answer = good()
    carried = Carried(answer)
    await carried.carrying.run()
    assert carried.state is State.COMPLETE
    forwarded = await carried.outbox.take()
    assert b"output_text.delta" in forwarded
    assert b"response.completed" not in forwarded
    assert (carried.request_log.upstream, carried.carrying.upstream) == ("a", "a")
    assert not answer.closed


async def test_what_was_stopped_before_it_is_carried_calls_no_upstream(autojump_clock: MockClock) -> None:
    carried = Carried(good())
    carried.carrying.stop("shutdown")
    carried.carrying.stop("cancelled")
    with pytest.raises(Stopped, match="shutdown"):
        await carried.carrying.run()
    assert carried.state is State.STOPPED
    assert carried.upstream.called_at == []
    await carried.carrying.let_go()


async def test_a_stop_cancels_the_upstream_and_closes_its_answer(autojump_clock: MockClock) -> None:
    answer = Answer(200, [*BEGUN, None])
    carried = Carried(answer)

    async def leave() -> None:
        await trio.sleep(5)
        carried.carrying.stop("cancelled")
        await trio.sleep_forever()

    with pytest.RaisesGroup(pytest.RaisesExc(Stopped, match="cancelled")):
        await carried.while_running(leave)
    assert trio.current_time() == pytest.approx(5)
    assert carried.state is State.STOPPED
    assert answer.closed


async def test_a_stop_changes_nothing_once_the_answer_is_complete(autojump_clock: MockClock) -> None:
    finish = chat_frames(3)[:-2]
    carried = Carried(Answer(200, [*finish, None]), planned("chat"))

    async def leave() -> None:
        await trio.sleep(TAIL_SECONDS / 2)
        carried.carrying.stop("cancelled")
        await trio.sleep_forever()

    await carried.while_running(leave)
    assert trio.current_time() == pytest.approx(TAIL_SECONDS)
    assert carried.state is State.COMPLETE


async def test_an_answer_that_completes_in_the_instant_of_the_stop_is_complete(autojump_clock: MockClock) -> None:
    carried = Carried(good())

    class Stopping(Answer):
        async def receive(self) -> bytes:
            data = await super().receive()
            if b"response.completed" in data:
                carried.carrying.stop("cancelled")
            return data

    carried.upstream._outcomes[0] = Stopping(200, responses_frames(2))
    await carried.carrying.run()
    assert carried.state is State.COMPLETE


async def test_an_upstream_that_stops_sending_is_at_fault(autojump_clock: MockClock) -> None:
    answer = Answer(200, [*BEGUN, None])
    carried = Carried(answer)
    with pytest.raises(UpstreamTimeout) as caught:
        await carried.carrying.run()
    assert caught.value.upstream == "a"
    assert trio.current_time() == pytest.approx(TERMS.idle)
    assert answer.closed


async def test_the_whole_request_has_a_deadline_that_frames_do_not_move(autojump_clock: MockClock) -> None:
    class Dripping(Answer):
        async def receive(self) -> bytes:
            await trio.sleep(TERMS.idle / 4)
            return await super().receive()

    carried = Carried(Dripping(200, [*responses_frames(100)[:60]]))
    with pytest.raises(UpstreamTimeout):
        await carried.carrying.run()
    assert trio.current_time() == pytest.approx(TERMS.total)


async def test_an_answer_that_breaks_off_or_reports_an_error_is_the_upstreams_failure(
    autojump_clock: MockClock,
) -> None:
    carried = Carried(Answer(200, BEGUN))
    with pytest.raises(UpstreamBroken):
        await carried.carrying.run()
    error = {"type": "error", "code": "overloaded", "message": "no", "param": None, "sequence_number": 8}
    carried = Carried(Answer(200, [*BEGUN, data_frame(error)]))
    with pytest.raises(UpstreamRefused):
        await carried.carrying.run()
    assert carried.state is State.CARRYING


async def test_a_client_that_does_not_read_is_one_that_left(autojump_clock: MockClock) -> None:
    answer = Answer(200, [chat_frames(1)[0], BIG, BIG, BIG, None])
    carried = Carried(answer, planned("chat"))
    with pytest.raises(Stopped, match="cancelled"):
        await carried.carrying.run()
    assert trio.current_time() == pytest.approx(TERMS.send_stall)
    assert carried.request_log.client_left
    assert answer.closed


async def test_an_answer_whose_whole_time_its_client_took_is_cancelled_by_it(autojump_clock: MockClock) -> None:
    carried = Carried(Answer(200, [chat_frames(1)[0], *[BIG] * 100]), planned("chat"))

    async def read_slowly() -> None:
        while True:
            await trio.sleep(TERMS.send_stall * 0.9)
            await carried.outbox.take()

    with pytest.RaisesGroup(pytest.RaisesExc(Stopped, match="cancelled")):
        await carried.while_running(read_slowly)
    assert trio.current_time() == pytest.approx(TERMS.total)


@pytest.mark.parametrize(
    ("parts", "seconds", "reads"),
    [([b"", b"more"], 0.0, 1), ([None], LINGER_SECONDS, 1), ([b": more\n\n"] * 1000, 0.0, LINGER_READS_MAX)],
    ids=["the end", "silence", "a flood"],
)
async def test_the_end_of_a_finished_answers_framing_is_waited_for_a_short_time(
    autojump_clock: MockClock, parts: list[bytes | None], seconds: float, reads: int
) -> None:
    frames: list[bytes | None] = [*responses_frames(1, done=False)]
    answer = Counting(200, [*frames, *parts])
    carried = Carried(answer)
    await carried.carrying.run()
    open_before = not answer.closed
    await carried.carrying.let_go()
    assert (open_before, answer.closed) == (True, True)
    assert trio.current_time() == pytest.approx(seconds)
    assert answer.reads == len(frames) + reads
