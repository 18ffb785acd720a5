"""Scripted vendors that call the function that a test names, whatever the client's question is.

Rule 1: the vendor's own script checks every request first, and refuses what it always refuses.
Rule 2: only the first request is answered with the call. Later ones are answered as usual: with the outputs of all calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from tests.fakes import anthropic_shapes, gemini_shapes
from tests.fakes.openai_shapes import event_stream
from tests.fakes.openai_vendor import completion_frames, response_frames
from tests.fakes.upstream_script import Head, Request, Script
from tests.support.upstream.vendors import Chooser, Vendor

Json = dict[str, Any]


def calling(vendor: Vendor, function: str, arguments: Json) -> Chooser:
    """The vendor's script, except that its first streamed answer calls the offered function whose name ends with `function`."""
    called = False

    def choose(request: Request) -> Script:
        nonlocal called
        answer = vendor.script(request)
        if called or not isinstance(answer[0], Head):
            return answer
        called = True
        found = [each for each in offered(request) if each["name"].endswith(function)]
        assert len(found) == 1, f"{function!r} is offered as {found}"
        return _ANSWERS[_endpoint(request)](request.json(), found[0], arguments)

    return choose


def offered(request: Request) -> list[Json]:
    """The functions that a vendor is offered: the `name` of each as it is sent, and its `namespace` if it is in one."""
    return [function for tool in request.json().get("tools") or [] for function in _functions(tool)]


def _functions(tool: Json) -> Iterable[Json]:
    if "functionDeclarations" in tool:
        return [{"name": each["name"]} for each in tool["functionDeclarations"]]
    if "input_schema" in tool:
        return [{"name": tool["name"]}]
    if tool.get("type") == "namespace":
        return [{"name": each["name"], "namespace": tool["name"]} for each in tool["tools"]]
    return [{"name": tool.get("function", tool)["name"]}] if tool.get("type") == "function" else []


def _endpoint(request: Request) -> str:
    return request.path.partition("?")[0].rpartition("/")[2].rpartition(":")[2]


def _anthropic(body: Json, function: Json, arguments: Json) -> Script:
    call = anthropic_shapes.call_block(1, function["name"], arguments)
    return anthropic_shapes.answer_script(anthropic_shapes.message([call], body, "tool_use"), stream=True)


def _gemini(body: Json, function: Json, arguments: Json) -> Script:
    call = {"functionCall": function | {"args": arguments}, "thoughtSignature": gemini_shapes.CALL_SIGNATURE}
    return gemini_shapes.answer_script([call], "gemini", stream=True, grounding={})


def _chat(body: Json, function: Json, arguments: Json) -> Script:
    call = {"id": "call_fake1", "type": "function", "function": function | {"arguments": json.dumps(arguments)}}
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}
    return event_stream(completion_frames(message, "tool_calls"))


def _responses(body: Json, function: Json, arguments: Json) -> Script:
    call = {"id": "fc_fake1", "type": "function_call", "status": "completed", "call_id": "call_fake1"}
    return event_stream(response_frames([call | function | {"arguments": json.dumps(arguments)}]))


_ANSWERS: dict[str, Callable[[Json, Json, Json], Script]] = {
    "messages": _anthropic,
    "streamGenerateContent": _gemini,
    "completions": _chat,
    "responses": _responses,
}
