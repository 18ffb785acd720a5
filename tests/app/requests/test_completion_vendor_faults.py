"""Vendors of every protocol that refuse, break, fall silent or are left: the client's error, the next upstream, the released hold.

Rule: the scripted vendors name a key, an organisation and a project in each of their errors; nobody outside may see one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.events import RequestAdmitted, RequestReleased
from tests.fakes import anthropic_shapes, gemini_shapes, openai_vendor
from tests.fakes.anthropic_shapes import anthropic_error, anthropic_script
from tests.fakes.gemini_shapes import gemini_error, gemini_script, retry_info
from tests.fakes.openai_shapes import error_answer, event_frame
from tests.fakes.openai_vendor import openai_vendor_script
from tests.fakes.scripted_upstream import Abort, Chunk, Close, Head, Request, Script, Stall
from tests.fakes.vendor_story import TELLTALE, TEXT, VENDOR_SECRETS, pieces
from tests.support.clients.answers import PATHS, ask
from tests.support.gateway.gateway import CREDIT_NANOS, VENDOR_KEY, envelope, frames
from tests.support.upstream.vendors import SOLD, VENDORS, selling

SSE = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))
ONCE = {"attempts": 1}
Json = dict[str, Any]


def check_no_secret(text: str) -> None:
    for secret in (*VENDOR_SECRETS, VENDOR_KEY, "VENDORsecret"):
        assert secret not in text


# -- Refusals ---------------------------------------------------------------------------------------------------------

INVALID, UPSTREAM, RATE = "invalid_request_error", "upstream_error", "rate_limit_error"
_KEY_INVALID = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
_NO_CREDIT = f"Your credit balance is too low to access the Anthropic API. {TELLTALE}"

REFUSALS: list[tuple[str, Script, int, str, str | None]] = [
    ("anthropic", anthropic_error(400, "invalid_request_error"), 400, INVALID, None),
    ("anthropic", anthropic_error(400, "invalid_request_error", _NO_CREDIT), 502, UPSTREAM, "upstream_error"),
    ("anthropic", anthropic_error(401, "authentication_error"), 502, UPSTREAM, "upstream_error"),
    ("anthropic", anthropic_error(403, "permission_error"), 502, UPSTREAM, "upstream_error"),
    ("anthropic", anthropic_error(404, "not_found_error"), 502, UPSTREAM, "upstream_error"),
    ("anthropic", anthropic_error(413, "request_too_large"), 413, INVALID, "request_too_large"),
    (
        "anthropic",
        anthropic_error(429, "rate_limit_error", headers=(("retry-after", "35"),)),
        429,
        RATE,
        "upstream_rate_limited",
    ),
    ("anthropic", anthropic_error(500, "api_error"), 502, UPSTREAM, "upstream_error"),
    ("anthropic", anthropic_error(529, "overloaded_error"), 502, UPSTREAM, "upstream_error"),
    ("gemini", gemini_error(400, "INVALID_ARGUMENT"), 400, INVALID, "invalid_value"),
    ("gemini", gemini_error(400, "INVALID_ARGUMENT", details=_KEY_INVALID), 502, UPSTREAM, "upstream_error"),
    ("gemini", gemini_error(401, "UNAUTHENTICATED"), 502, UPSTREAM, "upstream_error"),
    ("gemini", gemini_error(403, "PERMISSION_DENIED"), 502, UPSTREAM, "upstream_error"),
    ("gemini", gemini_error(404, "NOT_FOUND"), 502, UPSTREAM, "upstream_error"),
    ("gemini", gemini_error(429, "RESOURCE_EXHAUSTED", details=retry_info(34.4)), 429, RATE, "upstream_rate_limited"),
    ("gemini", gemini_error(500, "INTERNAL"), 502, UPSTREAM, "upstream_error"),
    ("gemini", gemini_error(503, "UNAVAILABLE"), 502, UPSTREAM, "upstream_error"),
    ("gemini", gemini_error(504, "DEADLINE_EXCEEDED"), 504, UPSTREAM, "upstream_timeout"),
    ("openai-chat", error_answer(400, TELLTALE, code="invalid_value"), 400, INVALID, "invalid_value"),
    ("openai-chat", error_answer(401, TELLTALE, code="invalid_api_key"), 502, UPSTREAM, "upstream_error"),
    ("openai-responses", error_answer(503, TELLTALE, type="server_error"), 502, UPSTREAM, "upstream_error"),
]


@pytest.mark.parametrize(("vendor", "script", "status", "kind", "code"), REFUSALS)
async def test_a_refusal_is_reported_in_openais_words_whatever_the_endpoint(
    tmp_path: Path, vendor: str, script: Script, status: int, kind: str, code: str | None
) -> None:
    async with selling(tmp_path, vendor, script=lambda request: script, limits=ONCE) as (gateway, served):
        for path in PATHS:
            for stream in (False, True):
                answer = await gateway.post(path, ask(path, stream=stream))
                error = envelope(answer, status, code)
                assert error["type"] == kind
                assert answer.headers["content-type"] == "application/json"
                assert answer.headers.get("retry-after") == ("35" if status == 429 else None)
                check_no_secret(answer.text)
                check_no_secret(str(answer.headers))
        assert len(served[vendor].requests) == 4
        settled = await gateway.settled()
        assert [type(event) for event in settled] == [RequestReleased] * 4
        assert gateway.available == CREDIT_NANOS


# -- Another try, another upstream ------------------------------------------------------------------------------------

BUSY: dict[str, Script] = {
    "anthropic": anthropic_error(529, "overloaded_error", headers=(("retry-after-ms", "1"),)),
    "gemini": gemini_error(503, "UNAVAILABLE"),
    "openai": error_answer(500, TELLTALE, type="server_error"),
}
GONE_WRONG: dict[str, Script] = {
    "refused": [],
    "reset": [Abort()],
    "cut at the first frame": [Head(200, SSE), Chunk(b'data: {"ty'), Close()],
}


SOON = gemini_error(429, "RESOURCE_EXHAUSTED", details=retry_info(0.2))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("vendor", "busy"), [("anthropic", BUSY["anthropic"]), ("gemini", BUSY["gemini"]), ("gemini", SOON)]
)
async def test_an_overloaded_vendor_is_asked_again_in_the_same_words(
    tmp_path: Path, vendor: str, busy: Script, stream: bool
) -> None:
    requests: list[Request] = []

    def busy_once(request: Request) -> Script:
        requests.append(request)
        return busy if len(requests) == 1 else VENDORS[vendor].script(request)

    async with selling(tmp_path, vendor, script=busy_once) as (gateway, _):
        answer = await gateway.post("responses", ask("responses", stream=stream))
        assert answer.status_code == 200
        assert requests[0].body == requests[1].body
        assert (await gateway.only_debit()).upstream == vendor


@pytest.mark.parametrize("how", GONE_WRONG)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("first", "second"),
    [("anthropic", "openai"), ("gemini", "anthropic"), ("openai", "gemini"), ("anthropic", "openai-chat")],
)
async def test_the_next_upstream_is_asked_in_its_own_protocol(
    tmp_path: Path, first: str, second: str, path: str, how: str
) -> None:
    down = GONE_WRONG[how] or BUSY[first]
    async with selling(tmp_path, first, second, script=lambda request: down, limits=ONCE) as (gateway, served):
        answer = await gateway.post(path, ask(path, stream=True, temperature=0.5))
        assert answer.status_code == 200, answer.text
        check_no_secret(answer.text)
        events = frames(answer.content)
        deltas = [event.get("delta") for event in events if event.get("type") == "response.output_text.delta"]
        deltas += [choice["delta"].get("content") for chunk in events for choice in chunk.get("choices", ())]
        assert "".join(delta or "" for delta in deltas) == TEXT
        for name in (first, second):
            [request] = served[name].requests
            assert VENDORS[name].model.encode() in (request.path.encode() if name == "gemini" else request.body)
        debit = await gateway.only_debit()
        assert debit.upstream == second
        [admitted] = [event for event in gateway.events() if isinstance(event, RequestAdmitted)]
        assert debit.cost_nanos <= admitted.hold_nanos


async def test_an_upstream_that_cannot_carry_a_request_is_skipped(tmp_path: Path) -> None:
    async with selling(tmp_path, "anthropic", "openai") as (gateway, served):
        body = ask("responses", tools=[{"type": "image_generation"}])
        answer = await gateway.post("responses", body)
        assert [item["type"] for item in answer.json()["output"]] == ["image_generation_call"]
        assert served["anthropic"].requests == []
        assert (await gateway.only_debit()).upstream == "openai"


async def test_a_thought_that_one_vendor_signed_is_never_sent_to_another(tmp_path: Path) -> None:
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}
    more: Json = {"tools": [tool], "max_output_tokens": 8000, "include": ["reasoning.encrypted_content"]}
    question = {"role": "user", "content": "What is the weather in Oslo?"}
    requests: list[Request] = []

    def once_then_busy(request: Request) -> Script:
        requests.append(request)
        return anthropic_script(request) if len(requests) == 1 else BUSY["anthropic"]

    async with selling(tmp_path, "anthropic", "gemini", script=once_then_busy, limits=ONCE) as (gateway, served):
        thinking = {"reasoning": {"effort": "low"}}
        first = await gateway.post("responses", {"model": SOLD, "input": [question], **more, **thinking})
        thought, call = first.json()["output"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "cold"}
        history = [question, thought, call, output]
        final = await gateway.post("responses", {"model": SOLD, "input": history, **more})
        assert final.status_code == 200, final.text
        [request] = served["gemini"].requests
        assert anthropic_shapes.SIGNATURE.encode() not in requests[0].body
        assert thought["encrypted_content"].encode() not in request.body
        assert b"thinking" not in request.body
        assert requests[1].json()["messages"][1]["content"][0] == anthropic_shapes.thinking_block()
        assert [event.upstream for event in await gateway.settled()] == ["anthropic", "gemini"]


# -- Answers that do not come to their end ----------------------------------------------------------------------------


def begun(vendor: str, *then: Any) -> Callable[[Request], Script]:
    """A stream that sends the first words of TEXT, and then does this."""

    def script(request: Request) -> Script:
        made = _frames(vendor, request)
        words = [number for number, frame in enumerate(made) if pieces(TEXT)[2].encode() in frame]
        return [Head(200, SSE), *map(Chunk, made[: words[0] + 1]), *then]

    return script


def _frames(vendor: str, request: Request) -> list[bytes]:
    steps = VENDORS[vendor].script(request)
    return [step.data for step in steps if isinstance(step, Chunk) and step.data]


ERRORS: dict[str, bytes] = {
    "anthropic": anthropic_shapes.error_frame("overloaded_error"),
    "gemini": gemini_shapes.error_frame(503, "UNAVAILABLE"),
    "openai-chat": openai_vendor.error_frame(),
    "openai-responses": event_frame({"type": "error", "code": "server_error", "message": TELLTALE, "param": None}),
}
ENDINGS: dict[str, Callable[[str], list[Any]]] = {
    "an error": lambda vendor: [Chunk(ERRORS[vendor]), Chunk(b"")],
    "an early end": lambda vendor: [Chunk(b"")],
    "a lost connection": lambda vendor: [Abort()],
    "silence": lambda vendor: [Stall()],
    "nonsense": lambda vendor: [Chunk(b"data: {not json}\n\n"), Chunk(b"")],
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("vendor", ERRORS)
async def test_a_stream_that_fails_ends_in_an_error_and_is_not_billed(tmp_path: Path, vendor: str, ending: str) -> None:
    script = begun(vendor, *ENDINGS[ending](vendor))
    async with selling(tmp_path, vendor, script=script, limits={"idle": 0.4}) as (gateway, served):
        answer = await gateway.post("responses", ask("responses", stream=True))
        events = frames(answer.content)
        error, failed = events[-2:]
        assert error.keys() == {"type", "code", "message", "param", "sequence_number"}
        assert (error["type"], failed["type"]) == ("error", "response.failed")
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert failed["response"]["status"] == "failed"
        assert failed["response"]["error"].keys() == {"code", "message"}
        check_no_secret(answer.text)

        answer = await gateway.post("chat/completions", ask("chat/completions", stream=True))
        events = frames(answer.content)
        assert events[-1].keys() == {"error"}
        assert events[-1]["error"].keys() >= {"message", "type", "param", "code"}
        assert all(choice["finish_reason"] is None for chunk in events[:-1] for choice in chunk["choices"])
        check_no_secret(answer.text)

        assert len(served[vendor].requests) == 2
        for event in await gateway.settled():
            assert isinstance(event, RequestReleased)
            assert event.reason == "upstream_failed"
        assert gateway.available == CREDIT_NANOS


@pytest.mark.parametrize("vendor", ["anthropic", "gemini"])
async def test_a_plain_answer_that_is_cut_is_a_502(tmp_path: Path, vendor: str) -> None:
    cut: Script = [Head(200, (("content-type", "application/json"), ("content-length", "900"))), Close()]
    async with selling(tmp_path, vendor, script=lambda request: cut, limits=ONCE) as (gateway, _):
        for path in PATHS:
            envelope(await gateway.post(path, ask(path)), 502, "upstream_broken")
        assert len(await gateway.settled()) == 2
        assert gateway.available == CREDIT_NANOS


async def test_a_turn_that_pauses_and_is_then_refused_fails_and_is_not_billed(tmp_path: Path) -> None:
    def paused_then_busy(request: Request) -> Script:
        if request.json()["messages"][-1]["role"] == "assistant":
            return BUSY["anthropic"]
        return anthropic_script(request)

    async with selling(tmp_path, "anthropic", script=paused_then_busy, limits=ONCE) as (gateway, served):
        body = {"model": SOLD, "input": "Now think long of it.", "tools": [{"type": "web_search"}], "stream": True}
        answer = await gateway.post("responses", body)
        assert [event["type"] for event in frames(answer.content)[-2:]] == ["error", "response.failed"]
        check_no_secret(answer.text)
        assert len(served["anthropic"].requests) == 2
        await gateway.only_release("upstream_failed")


async def test_a_plain_turn_whose_rest_is_refused_is_requested_again_and_billed_once(tmp_path: Path) -> None:
    refused: list[Request] = []

    def busy_once(request: Request) -> Script:
        if request.json()["messages"][-1]["role"] == "assistant" and not refused:
            refused.append(request)
            return BUSY["anthropic"]
        return anthropic_script(request)

    async with selling(tmp_path, "anthropic", script=busy_once) as (gateway, served):
        body = {"model": SOLD, "input": "Now think long of it.", "tools": [{"type": "web_search"}]}
        answer = await gateway.post("responses", body)
        assert answer.status_code == 200, answer.text
        sizes = [len(request.json()["messages"]) for request in served["anthropic"].requests]
        assert sizes == [1, 2, 1, 2]
        event = await gateway.only_debit()
        assert (event.usage.input, event.usage.output, event.usage.web_search_calls) == (200, 50, 1)


async def test_a_client_that_leaves_while_a_turn_is_continued_cuts_the_vendor_off(tmp_path: Path) -> None:
    def paused_then_silent(request: Request) -> Script:
        gone_on = request.json()["messages"][-1]["role"] == "assistant"
        return [Stall()] if gone_on else anthropic_script(request)

    async with selling(tmp_path, "anthropic", script=paused_then_silent) as (gateway, served):
        vendor = served["anthropic"]
        body = {"model": SOLD, "input": "Now think long of it.", "tools": [{"type": "web_search"}], "stream": True}
        client = await gateway.connect()
        await client.send(gateway.request_bytes("responses", body))
        await vendor.wait_until(lambda vendor: len(vendor.requests) == 2)
        await client.close()
        await vendor.connections[vendor.requests[1].connection].closed.wait()
        await gateway.recorded(1)
        await gateway.only_release("cancelled")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("vendor", ["anthropic", "gemini", "openai-chat", "openai-responses"])
async def test_a_client_that_leaves_cuts_the_vendor_off_and_pays_nothing(
    tmp_path: Path, vendor: str, path: str
) -> None:
    async with selling(tmp_path, vendor, script=begun(vendor, Stall())) as (gateway, served):
        client = await gateway.connect()
        await client.send(gateway.request_bytes(path, ask(path, stream=True)))
        await client.read_until(pieces(TEXT)[2].encode())
        await client.close()
        await served[vendor].connections[0].closed.wait()
        await gateway.recorded(1)
        released = await gateway.only_release("cancelled")
        assert released.upstream == vendor
        assert released.delivered.output_tokens > 0
        assert released.delivered_nanos > 0


@pytest.mark.parametrize("script", [openai_vendor_script, anthropic_script, gemini_script])
def test_the_scripted_vendors_refuse_what_the_real_ones_refuse(script: Callable[[Request], Script]) -> None:
    nothing = Request(0, "POST", "/v1/responses", (), b"{}", 0.0)
    [step] = script(nothing)
    assert b"HTTP/1.1 400" in step.data  # type: ignore[attr-defined]
