"""An upstream's connection after a finished answer: it is kept if the answer's framing has ended, and closed otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.openai_shapes import chat_frames, responses_frames
from tests.fakes.scripted_upstream import Abort, Chunk, Head, Request, Script, Stall, openai_script, serve
from tests.support.gateway.gateway import chat, responses, running

SSE = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))
PATHS = ("responses", "chat/completions")
AFTER_THE_END: dict[str, Script] = {
    "silence": [Stall()],
    "a reset": [Abort()],
    "a flood": [*[Chunk(b": more\n\n")] * 1000, Stall()],
}


def body_for(path: str, **more: Any) -> dict[str, Any]:
    return responses(**more) if path == "responses" else chat(**more)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
async def test_one_connection_serves_one_answer_after_another(
    tmp_path: Path, path: str, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.requests.carrying.LINGER_SECONDS", 10.0)

    def script(request: Request) -> Script:
        return openai_script(request, chunks=3)

    async with serve(script) as upstream, running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway:
        for _ in range(3):
            answer = await gateway.post(path, body_for(path, stream=stream))
            assert answer.status_code == 200
            await gateway.idle()
        assert [accepted.requests for accepted in upstream.connections] == [3]


@pytest.mark.parametrize("after", AFTER_THE_END)
@pytest.mark.parametrize("path", PATHS)
async def test_a_finished_stream_that_does_not_end_is_charged_and_closed(tmp_path: Path, path: str, after: str) -> None:
    frames = responses_frames(3) if path == "responses" else chat_frames(3)

    def script(request: Request) -> Script:
        return [Head(200, SSE, "OK"), Chunk(b"".join(frames)), *AFTER_THE_END[after]]

    async with serve(script) as upstream, running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway:
        answer = await gateway.post(path, body_for(path, stream=True))
        assert answer.text.endswith("data: [DONE]\n\n")
        await gateway.only_debit()
        await upstream.wait_until(lambda upstream: upstream.open_connections == 0)
        assert gateway.services.instance.lease.running == 0
