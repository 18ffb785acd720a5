"""Requests of every wrong size, and ten of the largest right one at once: clear answers, and memory that stays bounded.

The gateway is a separate process; the kernel reports its memory (VmRSS, and VmHWM for its peak).
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
from pathlib import Path
from typing import Any

import trio
from pypdf import PdfWriter

from app.wire.content import FILE_BYTES_MAX, INLINE_BYTES_MAX
from tests.chaos.conftest import Build
from tests.fakes.openai_shapes import openai_script
from tests.fakes.scripted_upstream import serve
from tests.support.clients.raw_client import RawClient
from tests.support.gateway.processes import MODEL, Gateway, House, eventually
from tests.support.ledger.reckoning import check_settled, read_books

MIB = 1 << 20
AT_ONCE = 10
FIRST_FILE = "input[0].content[0].file_data"
KEPT_MIB_MAX = 64
"""The growth that may remain after the process has refused all of these, one after the other."""
IN_FLIGHT_MIB_MAX = 1100
"""The limit for ten requests of 50 MB at once: bodies in flight (256 MiB), each as received, as sent, and decoded."""
ONE_PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
_TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}


def pdf(size: int) -> str:
    """A readable PDF of one page and exactly so many bytes, as base64."""
    writer, out = PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.write(out)
    head, _, rest = out.getvalue().partition(b"\n")
    padding = size - len(out.getvalue()) - 2
    return base64.b64encode(head + b"\n%" + b"x" * padding + b"\n" + rest).decode()


def asked(*files: str, image: str | None = None, **more: Any) -> bytes:
    parts: list[dict[str, str]] = [{"type": "input_file", "filename": "a.pdf", "file_data": data} for data in files]
    if image:
        parts.append({"type": "input_image", "image_url": image})
    content = [*parts, {"type": "input_text", "text": "Summarize."}]
    return json.dumps({"model": MODEL, "input": [{"role": "user", "content": content}], **more}).encode()


def memory_mib(gateway: Gateway, name: str) -> float:
    """VmRSS or VmHWM of a gateway, in MiB."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(name))


async def _house(build: Build, url: str, base_url: str) -> tuple[House, Gateway, str]:
    """A house over an upstream, its gateway, a funded key."""
    house = build(url, upstream=f'protocol = "openai"\nbase_url = "{base_url}"\napi_key = "sk-upstream"')
    gateway = await house.gateway()
    return house, gateway, house.account(nanos=10**12)[1]


async def _post(gateway: Gateway, key: str, body: bytes) -> tuple[int, Any]:
    """Status and JSON of an answer, which may come before the body was taken: then the rest is not sent."""
    client = await RawClient.connect(gateway.port)
    head = (
        f"POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    async with client.stream, trio.open_nursery() as nursery:
        nursery.start_soon(_send, client, head.encode() + body)
        status, _, told = await client.answer()
        nursery.cancel_scope.cancel()
    return status, told


async def _send(client: RawClient, data: bytes) -> None:
    with contextlib.suppress(trio.BrokenResourceError):  # refused: the answer says why
        await client.send(data)


async def _given_back(gateway: Gateway, before: float) -> float:
    """MiB above `before`, after freed memory has been returned."""
    await eventually(
        lambda: memory_mib(gateway, "VmRSS") - before < KEPT_MIB_MAX,
        10,
        lambda: f"{memory_mib(gateway, 'VmRSS'):.0f} MiB are kept, {before:.0f} before",
    )
    return memory_mib(gateway, "VmRSS") - before


WRONG: list[tuple[str, Any, int, str | None, str | None]] = [
    ("a file of 25 MB and a byte", lambda: asked(pdf(FILE_BYTES_MAX + 1)), 413, "file_too_large", FIRST_FILE),
    ("content of 50 MB and 8 bytes", lambda: asked(*[pdf(FILE_BYTES_MAX)] * 2, image=ONE_PIXEL), 413, "request_too_large", "input"),
    ("a body past all limits", lambda: b" " * (71 * MIB), 413, "request_too_large", None),
    ("a PDF that is none", lambda: asked(base64.b64encode(b"x" * FILE_BYTES_MAX).decode()), 400, "unsupported_file", FIRST_FILE),
    ("10,000 tools", lambda: asked(tools=[_TOOL] * 10_000), 400, "array_above_max_length", "tools"),
    ("10,000 levels", lambda: asked(metadata=[])[:-3] + b"[" * 10_000 + b"]" * 10_000 + b"}", 400, None, None),
    ("10,000 levels of objects", lambda: b'{"model":"m","input":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001, 400, None, None),
    ("10 MB of brackets", lambda: b"[" * (10 * MIB), 400, None, None),
]  # fmt: skip


async def test_wrong_sizes_are_refused_and_leave_no_memory_behind(build: Build, sqlite_url: str) -> None:
    async with serve(lambda request: openai_script(request, chunks=2)) as upstream:
        house, gateway, key = await _house(build, sqlite_url, upstream.base_url)
        assert (await _post(gateway, key, asked(pdf(2000))))[0] == 200
        before = memory_mib(gateway, "VmRSS")
        for what, make, status, code, param in WRONG:
            got, told = await _post(gateway, key, make())
            error = told["error"]
            print(f"\n{what}: {got} {error['code']}, {memory_mib(gateway, 'VmRSS'):.0f} MiB")
            assert (got, error["code"], error["param"]) == (status, code, param), (what, error)
        kept = await _given_back(gateway, before)
        print(f"before {before:.0f} MiB, kept {kept:.0f} MiB, most {memory_mib(gateway, 'VmHWM'):.0f} MiB")
        assert (await _post(gateway, key, asked(pdf(2000))))[0] == 200
        assert len(upstream.requests) == 2, "what was refused never left"
        check_settled(read_books(house.ledger, house.codec))


async def test_ten_of_the_largest_requests_at_once_stay_under_the_bound(build: Build, sqlite_url: str) -> None:
    async with serve(lambda request: openai_script(request, chunks=2)) as upstream:
        upstream.record = False
        house, gateway, key = await _house(build, sqlite_url, upstream.base_url)
        largest = asked(*[pdf(FILE_BYTES_MAX)] * 2)
        assert 2 * FILE_BYTES_MAX == INLINE_BYTES_MAX
        statuses: list[int] = []

        async def one() -> None:
            status, told = await _post(gateway, key, largest)
            statuses.append(status)
            assert status == 200 or told["error"]["code"] == "overloaded", told

        assert (await _post(gateway, key, asked(pdf(2000))))[0] == 200
        before = memory_mib(gateway, "VmRSS")
        async with trio.open_nursery() as nursery:
            for _ in range(AT_ONCE):
                nursery.start_soon(one)
        most = memory_mib(gateway, "VmHWM")
        kept = await _given_back(gateway, before)
        print(f"\n{sorted(statuses)}: before {before:.0f} MiB, most {most:.0f} MiB, kept {kept:.0f} MiB")
        assert statuses.count(200) >= 3, "what the budget has room for is served"
        assert most - before < IN_FLIGHT_MIB_MAX
        check_settled(read_books(house.ledger, house.codec))
