"""HTTP/1.1 over a real socket: what is read, and what is refused."""

from __future__ import annotations

import pytest
import trio

from tests.support.edge.world import GET, Start, refusal, until


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


async def test_garbage_in_a_chunked_body_reaches_the_application_as_an_error(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    world = await start()
    answer = await world.ask(b"POST /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")
    status, _ = refusal(answer)
    assert status == 500  # this application maps nothing; the real one answers 400
    assert "bad_http" in repr(caplog.records[-1].exc_info[1].__dict__)  # type: ignore[index]


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
