from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.canonical import Target
from app.wire.exchange import RequestError, ToolUse
from app.wire.responses.request import parse_responses, responses_body
from domain.demand import Demand

MINIMAL: dict[str, Any] = {"model": "m", "input": "hi"}


def body(**members: Any) -> bytes:
    return json.dumps(MINIMAL | members).encode()


def test_a_minimal_request() -> None:
    sent = body()
    request = parse_responses(sent)
    assert (request.endpoint, request.model, request.stream, request.tools) == ("responses", "m", False, ())
    assert request.demand == Demand(text_bytes=len(sent))
    assert request.content_param == "input"


def test_a_full_request() -> None:
    payload = "QUJD" * 20
    content = [
        {"type": "input_text", "text": "x"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{payload}"},
        {"type": "input_file", "file_id": "file-1"},
    ]
    items = [{"role": "user", "content": content}, {"type": "tool_search_output", "tools": [{"type": "function"}]}]
    sent = body(
        input=items,
        stream=True,
        max_output_tokens=9,
        max_tool_calls=2,
        tools=[{"type": "web_search_preview"}],
        service_tier="default",
    )
    request = parse_responses(sent)
    assert (request.stream, request.include_usage) == (True, True)
    assert request.tools == (
        ToolUse("web_search_preview", "web_search", "tools[0].type"),
        ToolUse("function", "function", "input[1].tools[0].type"),
    )
    assert request.demand == Demand(
        text_bytes=len(sent) - len(payload),
        images=1,
        files=1,
        max_output_tokens=9,
        max_tool_calls=2,
        tools=frozenset(tool.name for tool in request.tools),
        service_tier="default",
    )


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"model": 5}, "model", "invalid_type"),
        ({"input": None}, "input", "missing_required_parameter"),
        ({"input": 5}, "input", "invalid_type"),
        ({"input": {}}, "input", "invalid_type"),
        ({"input": [5]}, "input[0]", "invalid_type"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"store": 1}, "store", "invalid_type"),
        ({"background": "x"}, "background", "invalid_type"),
        ({"max_output_tokens": 0}, "max_output_tokens", "integer_below_min_value"),
        ({"max_output_tokens": "9"}, "max_output_tokens", "invalid_type"),
        ({"max_tool_calls": 0}, "max_tool_calls", "integer_below_min_value"),
        ({"tools": [{"type": "function"}] * 1025}, "tools", "array_above_max_length"),
        ({"service_tier": "Flex"}, "service_tier", "unsupported_parameter"),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "unsupported_parameter"),
        ({"conversation": {"id": "conv_1"}}, "conversation", "unsupported_parameter"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt", "unsupported_parameter"),
        ({"background": True}, "background", "unsupported_parameter"),
    ],
)
def test_the_invalid_parameter_is_named(members: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_responses(body(**members))
    assert (caught.value.param, caught.value.code, caught.value.status) == (param, code, 400)
    if code == "unsupported_parameter" and param != "service_tier":
        assert "stateless" in caught.value.message


def test_unused_state_is_accepted() -> None:
    parse_responses(body(previous_response_id=None, conversation=None, prompt=None, background=False))


def written(sent: bytes, limit: int, calls: int | None) -> dict[str, Any]:
    out = responses_body(parse_responses(sent), Target("", "up", limit, calls))
    fields: dict[str, Any] = json.loads(out)
    return fields


def test_only_what_must_change_is_written() -> None:
    sent = b'{"x": 1.00, "model" : "m", "store": true, "input": [ {"role":"user","content":"\\u00e9"} ] }'
    out = responses_body(parse_responses(sent), Target("", "up", 9))
    kept = b'{"x":1.00,"model":"up","store":false,"input":[ {"role":"user","content":"\\u00e9"} ],'
    assert out == kept + b'"max_output_tokens":9}'


def test_limits_are_those_of_the_target() -> None:
    assert written(body(), 100, None) == MINIMAL | {"model": "up", "store": False, "max_output_tokens": 100}
    assert written(body(max_output_tokens=7), 100, None)["max_output_tokens"] == 100
    assert written(body(max_output_tokens=None), 100, None)["max_output_tokens"] == 100
    assert written(body(max_tool_calls=9), 100, 4)["max_tool_calls"] == 4
    assert written(body(max_tool_calls=9), 100, None)["max_tool_calls"] == 9


def test_each_tool_in_a_namespace_counts_for_the_longer_name_that_a_vendor_may_read() -> None:
    tool = {"type": "function", "name": "f"}
    body = json.dumps(
        {"model": "m", "input": "x", "tools": [{"type": "namespace", "name": "n", "tools": [tool, tool]}]}
    )
    assert parse_responses(body.encode()).demand.text_bytes == len(body) + 2 * 64
