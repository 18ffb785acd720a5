"""The server's limits, each met over a real socket."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
import trio

from app.edge.limits import ServerLimits
from app.edge.server import ACCEPTED_AT_ONCE, Server, open_sockets, serve

GET = b"GET %b HTTP/1.1\r\nhost: here\r\n\r\n"


class World:
    """One server, and what its application saw. The application answers by path."""

    def __init__(self) -> None:
        self.shutdown = trio.Event()
        self.port = 0
        self.started = trio.Event()
        self.ended = trio.Event()
        self.go = trio.Event()
        self.cancelled = 0
        self.requests = 0
        self.scope: dict[str, Any] = {}

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests += 1
        self.scope = scope
        self.started.set()
        try:
            await getattr(self, "on_" + scope["path"].strip("/"), self.on_echo)(receive, send)
        except trio.Cancelled:
            self.cancelled += 1
            raise
        finally:
            self.ended.set()

    async def on_echo(self, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        answer = b"%b:%d" % (self.scope["raw_path"], len(body))
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]}
        )
        await send({"type": "http.response.body", "body": answer})

    async def on_wait(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await self.go.wait()
        await send({"type": "http.response.body", "body": b"last"})

    async def on_hang(self, receive: Any, send: Any) -> None:
        await trio.sleep_forever()

    async def on_flood(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})

    async def on_refuse(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"3")]})
        await send({"type": "http.response.body", "body": b"big"})

    async def on_fail(self, receive: Any, send: Any) -> None:
        raise RuntimeError("hunter2")

    async def on_short(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"half"})

    async def on_split(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"b\r\nset-cookie: c=d")]})

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def ask(self, data: bytes) -> bytes:
        """Everything that comes back until the server closes."""
        async with await self.connect() as client:
            await client.send_all(data)
            return await everything(client)


async def everything(client: trio.SocketStream) -> bytes:
    got = b""
    with contextlib.suppress(trio.BrokenResourceError):
        async for part in client:
            got += part
    return got


async def until(client: trio.SocketStream, end: bytes) -> bytes:
    got = b""
    while not got.endswith(end):
        part = await client.receive_some()
        assert part, f"closed after {got!r}"
        got += part
    return got


def refusal(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Status and envelope of a protocol's own answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    assert b"x-request-id: req_" in head
    assert b"content-type: application/json" in head
    error = msgspec.json.decode(body)["error"]
    assert {"message", "type", "param", "code"} <= error.keys()
    return int(head.split()[1]), error


Start = Callable[..., Awaitable[World]]


@pytest.fixture
async def start(nursery: trio.Nursery) -> AsyncIterator[Start]:
    """Starts a server with the limits that a test names."""

    async def start(**limits: Any) -> World:
        world = World()

        async def run(task_status: trio.TaskStatus[list[int]]) -> None:
            await serve(
                world.app,
                bind=["127.0.0.1:0"],
                limits=ServerLimits(**limits),
                shutdown=world.shutdown,
                task_status=task_status,
            )

        (world.port,) = await nursery.start(run)
        return world

    yield start
    nursery.cancel_scope.cancel()


async def test_a_request_is_answered_and_the_connection_stays(start: Start) -> None:
    world = await start()
    async with await world.connect() as client:
        for path in (b"/a", b"/b"):
            await client.send_all(GET % path)
            answer = await until(client, path + b":0")
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"date: " in answer
            assert b"server:" not in answer
            assert b"connection:" not in answer


async def test_pipelined_requests_are_answered_in_order(start: Start) -> None:
    world = await start()
    async with await world.connect() as client:
        await client.send_all(b"".join(GET % b"/%d" % n for n in range(20)))
        answer = await until(client, b"/19:0")
    assert [part.split(b":0")[0] for part in answer.split(b"\r\n\r\n")[1:]] == [b"/%d" % n for n in range(20)]


async def test_a_request_arrives_byte_by_byte(start: Start) -> None:
    world = await start()
    async with await world.connect() as client:
        for byte in b"POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc":
            await client.send_all(bytes([byte]))
        assert (await until(client, b"/x:3")).startswith(b"HTTP/1.1 200")


async def test_a_client_that_runs_far_ahead_is_read_no_further_and_loses_nothing(start: Start) -> None:
    world = await start(head_bytes=2048)
    count = 2_000
    async with await world.connect() as client, trio.open_nursery() as nursery:
        nursery.start_soon(client.send_all, b"".join(GET % b"/n" for _ in range(count)))
        got = b""
        while got.count(b"/n:0") < count:
            got += await client.receive_some()
    assert world.requests == count


async def test_the_http2_preface_is_refused(start: Start) -> None:
    world = await start()
    status, error = refusal(await world.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
    assert (status, error["code"]) == (505, "http_version_not_supported")
    assert world.requests == 0


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
async def test_an_upgrade_is_ignored_and_the_connection_stays(start: Start, protocol: bytes) -> None:
    world = await start()
    request = b"GET /u HTTP/1.1\r\nhost: h\r\nconnection: upgrade, http2-settings\r\nupgrade: %b\r\n\r\n" % protocol
    async with await world.connect() as client:
        for _ in range(2):
            await client.send_all(request)
            assert (await until(client, b"/u:0")).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"x" * 50 + b"\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: a\x00b\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\n bad: fold\r\nspaced : x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 501),
        (b"CONNECT example.org:443 HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\n" + b"a: b\r\n" * 100 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 70_000, 431),
    ],
)
async def test_what_is_no_http_gets_an_envelope_and_a_close(start: Start, request_bytes: bytes, status: int) -> None:
    world = await start()
    answered, _ = refusal(await world.ask(request_bytes))
    assert answered == status
    assert world.requests == 0


async def test_a_slow_head_is_408(start: Start, autojump_clock: trio.testing.MockClock) -> None:
    world = await start(head_seconds=20)
    async with await world.connect() as client:
        await client.send_all(b"GET / HTTP/1.1\r\nhost:")
        begun = trio.current_time()
        status, error = refusal(await everything(client))
        assert (status, error["code"]) == (408, "request_timeout")
        assert 20 <= trio.current_time() - begun < 24


async def test_a_connection_that_says_nothing_is_closed_without_a_word(
    start: Start, autojump_clock: trio.testing.MockClock
) -> None:
    world = await start(head_seconds=20)
    async with await world.connect() as client:
        assert await everything(client) == b""
        assert trio.current_time() >= 20


async def test_an_idle_connection_is_closed(start: Start, autojump_clock: trio.testing.MockClock) -> None:
    world = await start(idle_seconds=75)
    async with await world.connect() as client:
        await client.send_all(GET % b"/a")
        await until(client, b"/a:0")
        begun = trio.current_time()
        assert await everything(client) == b""
        assert trio.current_time() - begun >= 75


async def test_a_client_that_leaves_cancels_its_request(start: Start) -> None:
    world = await start()
    client = await world.connect()
    await client.send_all(GET % b"/hang")
    await world.started.wait()
    await client.aclose()
    await world.ended.wait()
    assert world.cancelled == 1


async def test_a_half_closed_client_counts_as_gone(start: Start) -> None:
    world = await start()
    async with await world.connect() as client:
        await client.send_all(GET % b"/hang")
        await world.started.wait()
        await client.send_eof()
        await world.ended.wait()
        assert world.cancelled == 1


async def test_a_client_that_leaves_is_noticed_even_with_a_request_ahead(start: Start) -> None:
    world = await start()
    client = await world.connect()
    await client.send_all(GET % b"/hang" + GET % b"/next")
    await world.started.wait()
    await client.aclose()
    await world.ended.wait()
    assert (world.cancelled, world.requests) == (1, 1)


@pytest.mark.parametrize("half", [True, False])
async def test_a_client_that_leaves_is_noticed_even_with_more_ahead_than_is_read(start: Start, half: bool) -> None:
    world = await start(head_bytes=2048)
    async with await world.connect() as client:
        await client.send_all(GET % b"/hang" + GET % b"/next" * 2_000)
        await world.started.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert not world.cancelled
        await (client.send_eof() if half else client.aclose())
        with trio.fail_after(30):
            await world.ended.wait()
        assert (world.cancelled, world.requests) == (1, 1)


async def test_a_client_that_stops_reading_is_cut_off(start: Start, autojump_clock: trio.testing.MockClock) -> None:
    world = await start(send_stall_seconds=5)
    async with await world.connect() as client:
        await client.send_all(GET % b"/flood")
        await world.ended.wait()
        assert world.cancelled == 1
        assert trio.current_time() >= 5
        with pytest.raises(trio.BrokenResourceError):  # a reset, not a quiet end
            await until(client, b"never")


async def test_a_body_that_nobody_reads_is_not_buffered(start: Start) -> None:
    world = await start()
    sent = 0

    async def upload() -> None:
        nonlocal sent
        await client.send_all(b"POST /hang HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % size)
        while sent < size:
            await client.send_all(b"x" * 65536)
            sent += 65536

    size = 64 * 1024 * 1024
    async with await world.connect() as client, trio.open_nursery() as nursery:
        nursery.start_soon(upload)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert len(world.scope["realrouter.stream"].intake._data) <= 2 * 65536
        assert sent < size
        nursery.cancel_scope.cancel()


async def test_a_refused_upload_reads_its_refusal(start: Start) -> None:
    world = await start()
    async with await world.connect() as client, trio.open_nursery() as nursery:

        async def upload() -> None:
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await client.send_all(b"POST /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 999999999\r\n\r\n")
                await client.send_all(b"x" * 2_000_000)

        nursery.start_soon(upload)
        answer = await until(client, b"big")
        assert b"connection: close" in answer
        assert await client.receive_some() == b""


async def test_100_continue_is_sent_only_when_the_body_is_read(start: Start) -> None:
    world = await start()
    head = b"POST %b HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n"
    async with await world.connect() as client:
        await client.send_all(head % b"/x")
        assert (await until(client, b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        await client.send_all(b"abc")
        assert (await until(client, b"/x:3")).startswith(b"HTTP/1.1 200")
    async with await world.connect() as client:
        await client.send_all(head % b"/refuse")
        assert (await until(client, b"big")).startswith(b"HTTP/1.1 413")


async def test_garbage_in_a_chunked_body_reaches_the_application_as_an_error(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    world = await start()
    answer = await world.ask(b"POST /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")
    status, _ = refusal(answer)
    assert status == 500  # this application maps nothing; the real one answers 400
    assert "bad_http" in repr(caplog.records[-1].exc_info[1].__dict__)  # type: ignore[index]


async def test_an_application_that_fails_is_500_and_tells_nothing(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    world = await start()
    answer = await world.ask(GET % b"/fail")
    status, error = refusal(answer)
    assert (status, error["code"]) == (500, "internal_error")
    assert b"hunter2" not in answer
    assert "a request's task failed" in caplog.text


async def test_a_body_shorter_than_promised_never_looks_whole(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    world = await start()
    head, _, body = (await world.ask(GET % b"/short")).partition(b"\r\n\r\n")
    assert b"content-length: 9" in head
    assert body == b"half"


async def test_a_header_cannot_smuggle_another(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    world = await start()
    answer = await world.ask(GET % b"/split")
    assert refusal(answer)[0] == 500
    assert b"set-cookie" not in answer


async def test_http_1_0_gets_no_chunks_and_a_close(start: Start) -> None:
    world = await start()
    world.go.set()
    head, _, body = (await world.ask(b"GET /wait HTTP/1.0\r\n\r\n")).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    assert body == b"firstlast"


async def test_head_has_the_length_and_no_body(start: Start) -> None:
    world = await start()
    async with await world.connect() as client:
        await client.send_all(b"HEAD /a HTTP/1.1\r\nhost: h\r\n\r\n" + GET % b"/b")
        answer = await until(client, b"/b:0")
    first, second = answer.split(b"\r\n\r\n")[:2]
    assert b"content-length: 4" in first
    assert second.startswith(b"HTTP/1.1 200 OK")


async def test_connection_close_is_kept(start: Start) -> None:
    world = await start()
    answer = await world.ask(b"GET /a HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
    assert b"connection: close" in answer
    assert answer.endswith(b"/a:0")


@pytest.mark.parametrize(
    ("target", "path"),
    [(b"/a%2Fb", "/a/b"), (b"/%C3%A9", "/é"), (b"http://example.org/x?y=1", "/x"), (b"//a", "//a")],
)
async def test_paths_are_decoded_once(start: Start, target: bytes, path: str) -> None:
    world = await start()
    await world.ask(b"GET %b HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n" % target)
    assert world.scope["path"] == path
    assert world.scope["realrouter.refused"] is None


async def test_past_the_limit_idle_connections_make_room_and_then_it_is_503(start: Start) -> None:
    world = await start(connections=2)
    async with await world.connect() as idle, await world.connect() as busy:
        await idle.send_all(GET % b"/a")
        await until(idle, b"/a:0")
        await busy.send_all(GET % b"/wait")
        await until(busy, b"first\r\n")
        async with await world.connect() as third:
            await third.send_all(GET % b"/wait")
            await until(third, b"first\r\n")
            assert await everything(idle) == b""
            async with await world.connect() as fourth:
                status, error = refusal(await everything(fourth))
            assert (status, error["code"]) == (503, "overloaded")
        world.go.set()
        await until(busy, b"last\r\n0\r\n\r\n")


async def test_a_crowd_is_accepted_within_a_few_turns_of_the_event_loop() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep_forever()

    (listening,) = open_sockets(["127.0.0.1:0"])
    listening.setblocking(False)
    server, crowd = Server(app, ServerLimits()), 10 * ACCEPTED_AT_ONCE
    with contextlib.ExitStack() as clients:
        for _ in range(crowd):
            clients.enter_context(socket.create_connection(listening.getsockname()))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.accept, listening, nursery)
            turns = 0
            while len(server.connections) < crowd:
                turns += 1
                assert turns < crowd / 4, f"{len(server.connections)} accepted in {turns} turns"
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()


async def test_running_out_of_descriptors_is_survived(
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: trio.testing.MockClock,
) -> None:
    accept, failures = trio.SocketListener.accept, [errno.EMFILE, errno.ENFILE]

    async def full(self: trio.SocketListener) -> trio.SocketStream:
        if failures:
            raise OSError(failures.pop(), "too many open files")
        return await accept(self)

    monkeypatch.setattr(trio.SocketListener, "accept", full)
    world = await start()
    assert (await world.ask(GET % b"/a" + b"bad\r\n\r\n")).count(b"/a:0") == 1
    assert caplog.text.count("cannot accept") == 2


async def test_shutdown_closes_idle_connections_and_the_port_at_once(start: Start) -> None:
    world = await start()
    async with await world.connect() as idle:
        await idle.send_all(GET % b"/a")
        await until(idle, b"/a:0")
        world.shutdown.set()
        assert await everything(idle) == b""
    with pytest.raises(OSError, match=r"refused|connect"):
        await world.connect()


async def test_a_stream_that_is_open_at_shutdown_finishes_within_the_grace(start: Start) -> None:
    world = await start(grace_seconds=10)
    async with await world.connect() as client:
        await client.send_all(GET % b"/wait")
        await until(client, b"first\r\n")
        world.shutdown.set()
        await trio.testing.wait_all_tasks_blocked()
        world.go.set()
        assert (await everything(client)).endswith(b"last\r\n0\r\n\r\n")
    assert world.cancelled == 0


async def test_past_the_grace_a_stream_is_cut_and_does_not_look_whole(
    start: Start, autojump_clock: trio.testing.MockClock
) -> None:
    world = await start(grace_seconds=10)
    async with await world.connect() as client:
        await client.send_all(GET % b"/wait")
        await until(client, b"first\r\n")
        world.shutdown.set()
        rest = await everything(client)
    assert world.cancelled == 1
    assert not rest.endswith(b"0\r\n\r\n")
    assert trio.current_time() >= 10


async def test_past_the_grace_a_request_without_an_answer_is_503(
    start: Start, autojump_clock: trio.testing.MockClock
) -> None:
    world = await start(grace_seconds=10)
    async with await world.connect() as client:
        await client.send_all(GET % b"/hang")
        await world.started.wait()
        world.shutdown.set()
        status, error = refusal(await everything(client))
    assert (status, error["code"]) == (503, "shutting_down")


def test_several_processes_may_share_a_port() -> None:
    (first,) = open_sockets(["127.0.0.1:0"], reuse_port=True)
    with first:
        (second,) = open_sockets([f"127.0.0.1:{first.getsockname()[1]}"], reuse_port=True)
        second.close()
        with pytest.raises(OSError, match="in use"):
            open_sockets([f"127.0.0.1:{first.getsockname()[1]}"])


def test_a_taken_port_leaves_no_socket_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        open_sockets(["127.0.0.1:0", f"127.0.0.1:{taken.getsockname()[1]}"])
