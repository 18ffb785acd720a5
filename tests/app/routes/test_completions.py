"""Bad input on the two POST routes: an envelope for everything that anyone is left to read, and nothing in the ledger."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from app.routes.completions import KEEP_ALIVE, Frames
from tests.fakes.scripted_upstream import Stall, serve
from tests.support.gateway.gateway import (
    MODEL,
    Gateway,
    chat,
    check_envelope,
    envelope,
    open_account,
    responses,
    running,
)

PATHS = ("responses", "chat/completions")


async def refused(
    gateway: Gateway, path: str, body: bytes | dict[str, Any], status: int, code: str | None
) -> dict[str, Any]:
    answer = await gateway.post(path, body)
    return envelope(answer, status, code)


BAD_BODIES: dict[str, bytes] = {
    "empty": b"",
    "cut": b'{"model": "gpt-5.4-mini", "input": "x"',
    "no-object": b"[1, 2]",
    "text": b"hello",
    "bad-utf8": b'{"model": "gpt-5.4-mini", "input": "\xff\xfe", "messages": [{"role": "user", "content": "\xff"}]}',
    "nul": b'\x00{"model": "gpt-5.4-mini", "input": "x"}',
    "nul-inside": b'{"model": "gpt-5.4-mini\x00", "input": "x", "messages": []}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "not-a-number": b'{"model": "gpt-5.4-mini", "input": "x", "messages": [], "temperature": NaN}',
    "trailing": b'{"model": "gpt-5.4-mini", "input": "x"} {}',
}


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_is_no_json_object_is_a_400(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as gateway:
        for name, body in BAD_BODIES.items():
            answer = await gateway.post(path, body)
            assert answer.status_code == 400, (name, answer.text)
            assert check_envelope(answer.json(), answer.json()["error"]["code"], answer.headers)["type"] == (
                "invalid_request_error"
            )
        assert await gateway.settled() == []
        assert gateway.services.instance.body_budget.held_bytes == 0


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("responses", {"model": 5, "input": "x"}, "model"),
    ("responses", {"input": "x"}, "model"),
    ("responses", {"model": MODEL}, "input"),
    ("responses", {"model": MODEL, "input": 5}, "input"),
    ("responses", {"model": MODEL, "input": "x", "stream": "yes"}, "stream"),
    ("responses", {"model": MODEL, "input": "x", "max_output_tokens": "many"}, "max_output_tokens"),
    ("responses", {"model": MODEL, "input": "x", "max_output_tokens": -1}, "max_output_tokens"),
    ("responses", {"model": MODEL, "input": "x", "max_tool_calls": 10**9}, "max_tool_calls"),
    ("responses", {"model": MODEL, "input": "x", "tools": {"type": "function"}}, "tools"),
    ("responses", {"model": MODEL, "input": "x", "previous_response_id": "resp_1"}, "previous_response_id"),
    ("responses", {"model": MODEL, "input": "x", "background": True}, "background"),
    ("responses", {"model": MODEL, "input": "x", "service_tier": "priority"}, "service_tier"),
    ("chat/completions", {"model": MODEL}, "messages"),
    ("chat/completions", {"model": MODEL, "messages": []}, "messages"),
    ("chat/completions", {"model": MODEL, "messages": "hello"}, "messages"),
    ("chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "n": 10**6}, "n"),
    ("chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "n": 0}, "n"),
]


async def test_a_wrong_type_or_value_is_a_400_that_names_the_parameter(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        for path, body, param in WRONG:
            answer = await gateway.post(path, body)
            assert answer.status_code == 400, (body, answer.text)
            assert answer.json()["error"]["param"] == param, (body, answer.text)
        assert await gateway.settled() == []


async def test_an_unknown_model_is_spelled_as_openai_spells_it(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        error = await refused(gateway, "chat/completions", chat() | {"model": "none"}, 404, "model_not_found")
        assert error["param"] is None
        error = await refused(gateway, "responses", responses() | {"model": "none"}, 400, "model_not_found")
        assert error["param"] == "model"


@pytest.mark.parametrize("tool", ["file_search", "code_interpreter", "computer_use", "mcp", "new_tool"])
async def test_a_tool_that_is_not_offered_is_unsupported(tmp_path: Path, tool: str) -> None:
    async with running(tmp_path) as gateway:
        error = await refused(gateway, "responses", responses(tools=[{"type": tool}]), 400, "unsupported_tool")
        assert error["param"].startswith("tools")
        assert tool in error["message"]


async def test_a_model_takes_only_its_own_tools_and_input(tmp_path: Path) -> None:
    image = [{"role": "user", "content": [{"type": "input_image", "image_url": "https://example.com/x.png"}]}]
    async with running(tmp_path) as gateway:
        body = responses(tools=[{"type": "web_search"}]) | {"model": "vendor/plain:1"}
        await refused(gateway, "responses", body, 400, "unsupported_tool")
        await refused(gateway, "responses", {"model": "vendor/plain:1", "input": image}, 400, "unsupported_input")


# -- Bodies and headers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_past_the_limit_is_a_413(tmp_path: Path, chunked: bool) -> None:
    async with running(tmp_path, server={"max_body_bytes": 4096}) as gateway:
        body = json.dumps(responses("x" * 8192)).encode()

        async def parts() -> Any:
            for at in range(0, len(body), 1000):
                yield body[at : at + 1000]

        headers = {"authorization": f"Bearer {gateway.key}", "content-type": "application/json"}
        answer = await gateway.http.post(
            f"{gateway.base_url}/responses", content=parts() if chunked else body, headers=headers
        )
        envelope(answer, 413, "request_too_large")
        assert (await gateway.post("responses", responses())).status_code == 200
        await gateway.only_debit()


async def test_a_length_past_the_limit_is_refused_before_the_body_is_sent(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        client = await gateway.connect()
        head = gateway.request_bytes("responses", b"").replace(b"content-length: 0", b"content-length: 99999999999")
        await client.send(head)
        status, headers, body = await client.answer()
        assert status == 413
        check_envelope(body, "request_too_large", headers)


async def test_a_body_in_an_encoding_or_of_another_type_is_a_415(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        packed = gzip.compress(json.dumps(responses()).encode())
        answer = await gateway.post("responses", packed, headers={"content-encoding": "gzip"})
        envelope(answer, 415, "unsupported_media_type")
        answer = await gateway.post("responses", responses(), headers={"content-type": "text/xml"})
        envelope(answer, 415, "unsupported_media_type")
        assert await gateway.settled() == []


async def test_headers_past_the_limits_are_a_431(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        for extra in (f"x-big: {'x' * 70_000}\r\n", "".join(f"x-{n}: 1\r\n" for n in range(200))):
            client = await gateway.connect()
            await client.send(gateway.request_bytes("responses", responses(), extra=extra))
            status, headers, body = await client.answer()
            assert status == 431
            check_envelope(body, "headers_too_large", headers)
        assert await gateway.settled() == []


async def test_headers_that_are_sent_twice_do_no_harm(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        for extra, expected in (
            (f"authorization: Bearer {gateway.key}\r\n", {200, 401}),
            ("content-type: application/json\r\n", {200, 415}),
            ("content-length: 5\r\n", {400}),
            ("transfer-encoding: chunked\r\n", {400}),
            ("idempotency-key: a\r\nidempotency-key: b\r\n", {200, 400}),
        ):
            client = await gateway.connect()
            await client.send(gateway.request_bytes("responses", responses(), extra=extra))
            status, headers, body = await client.answer()
            assert status in expected, (extra, body)
            if status != 200:
                check_envelope(body, body["error"]["code"], headers)
            await client.close()
        await gateway.settled()


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
async def test_what_is_no_http_1_gets_an_envelope_and_is_cut(tmp_path: Path, junk: bytes) -> None:
    async with running(tmp_path) as gateway:
        client = await gateway.connect()
        await client.send(junk + b"\r\n\r\n")
        status, headers, body = await client.answer()
        assert status in {400, 505}
        check_envelope(body, body["error"]["code"], headers)
        assert await client.read_to_end() == b""


async def test_routes_and_methods_that_are_not_there(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        envelope(await gateway.http.get(f"{gateway.base_url}/nothing"), 404, "not_found")
        envelope(await gateway.http.get(f"{gateway.base_url}//models"), 404, "not_found")
        wrong = await gateway.http.get(f"{gateway.base_url}/responses")
        envelope(wrong, 405, "method_not_allowed")
        assert "POST" in wrong.headers["allow"]
        assert (await gateway.post("responses/", responses())).status_code == 200
        await gateway.only_debit()


# -- Other origins ----------------------------------------------------------------------------------------------------


async def test_any_page_may_ask_with_a_key_and_read_our_headers(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        preflight = await gateway.http.options(
            f"{gateway.base_url}/responses",
            headers={
                "origin": "https://app.example",
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,content-type,x-stainless-os",
            },
        )
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert "POST" in preflight.headers["access-control-allow-methods"]
        assert "x-stainless-os" in preflight.headers["access-control-allow-headers"]
        for stream in (False, True):
            answer = await gateway.post(
                "responses", responses(stream=stream), headers={"origin": "https://app.example"}
            )
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "x-request-id" in answer.headers["access-control-expose-headers"]
            assert "access-control-allow-credentials" not in answer.headers
        denied = await gateway.post("responses", b"{", headers={"origin": "https://app.example"})
        assert denied.status_code == 400
        assert denied.headers["access-control-allow-origin"] == "*"


# -- Idempotency ------------------------------------------------------------------------------------------------------


async def test_a_repeated_idempotency_key_is_a_409_with_the_first_request(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        headers = {"idempotency-key": "order-17"}
        first = await gateway.post("responses", responses(), headers=headers)
        again = await gateway.post("chat/completions", chat(), headers=headers)
        error = envelope(again, 409, "idempotency_key_used")
        assert error["request_id"] == first.headers["x-request-id"] == again.headers["x-request-id"]
        assert error["state"] == "debited"
        assert again.headers["x-should-retry"] == "false"
        assert len(await gateway.settled()) == 1


async def test_idempotency_keys_of_other_accounts_are_other_keys(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        open_account(gateway.services.ledger, gateway.services.codec, "acct_2", 10**10)
        _, other = gateway.new_key(account_id="acct_2")
        _, same_account = gateway.new_key()
        headers = {"idempotency-key": "order-17"}
        assert (await gateway.post("responses", responses(), headers=headers)).status_code == 200
        assert (await gateway.post("responses", responses(), headers=headers, key=other)).status_code == 200
        assert (await gateway.post("responses", responses(), headers=headers, key=same_account)).status_code == 409
        assert len(await gateway.settled()) == 2


async def test_of_many_with_one_idempotency_key_at_once_one_is_admitted(tmp_path: Path) -> None:
    answers: list[httpx.Response] = []
    async with (
        serve(lambda request: [Stall()]) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits={"first_byte": 5}) as gateway,
    ):

        async def ask() -> None:
            answers.append(await gateway.post("responses", responses(), headers={"idempotency-key": "race"}))

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(ask)
            await upstream.wait_until(lambda upstream: len(upstream.requests) == 1)
            while len(answers) < 7:
                await trio.testing.wait_all_tasks_blocked(0.01)
            assert len(upstream.requests) == 1
            assert len(gateway.services.ledger.open_requests()) == 1
            nursery.cancel_scope.cancel()
        assert [envelope(answer, 409, "idempotency_key_used")["state"] for answer in answers] == ["open"] * 7
        await gateway.recorded(8)
        await gateway.only_release("cancelled")


@pytest.mark.parametrize("bad", ["", "x" * 256, "\u00e9"])
async def test_an_idempotency_key_that_cannot_be_one_is_a_400(tmp_path: Path, bad: str) -> None:
    async with running(tmp_path) as gateway:
        client = await gateway.connect()
        await client.send(gateway.request_bytes("responses", responses(), extra=f"idempotency-key: {bad}\r\n"))
        status, headers, body = await client.answer()
        assert status == 400
        check_envelope(body, "invalid_idempotency_key", headers)


# -- Frames -----------------------------------------------------------------------------------------------------------


async def test_a_comment_comes_each_time_nothing_did_for_so_long(autojump_clock: trio.testing.MockClock) -> None:
    from app.requests.outbox import Outbox

    outbox = Outbox()
    frames = Frames(outbox, 15)
    assert [await anext(frames), await anext(frames)] == [KEEP_ALIVE, KEEP_ALIVE]
    assert trio.current_time() == pytest.approx(30)
    outbox.put(b"data: 1\n\n")
    assert await anext(frames) == b"data: 1\n\n"
    outbox.end()
    with pytest.raises(StopAsyncIteration):
        await anext(frames)
    assert trio.current_time() == pytest.approx(30)
