from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.canonical import Target
from app.wire.chat.request import chat_body, parse_chat
from app.wire.exchange import RequestError, ToolUse
from domain.demand import Demand

MINIMAL: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def body(**members: Any) -> bytes:
    return json.dumps(MINIMAL | members).encode()


def written(sent: bytes, *, limit: int = 100, is_openai: bool = True, choices: int = 1) -> dict[str, Any]:
    target = Target(upstream="up", model="up/stream", max_output_tokens=limit, is_openai=is_openai, choices=choices)
    made = chat_body(parse_chat(sent), target)
    fields: dict[str, Any] = json.loads(made)
    return fields


def test_a_minimal_request() -> None:
    sent = body()
    request = parse_chat(sent)
    assert (request.endpoint, request.model, request.stream, request.tools) == ("chat", "m", False, ())
    assert request.demand == Demand(text_bytes=len(sent))
    assert (request.include_usage, list(request.fields)) == (False, ["model", "messages"])
    assert request.content_param == "messages"


def test_a_full_request() -> None:
    payload = "QUJD" * 20
    content = [
        {"type": "text", "text": "x"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{payload}"}},
    ]
    sent = body(
        messages=[{"role": "user", "content": content}],
        stream=True,
        stream_options={"include_usage": True},
        n=3,
        max_completion_tokens=50,
        tools=[{"type": "function", "function": {"name": "f"}}],
        functions=[{"name": "g"}],
        web_search_options={},
        service_tier="auto",
        modalities=["text"],
    )
    request = parse_chat(sent)
    assert (request.stream, request.include_usage) == (True, True)
    assert request.tools == (
        ToolUse("function", "function", "tools[0].type"),
        ToolUse("function", "function", "functions[0]"),
        ToolUse("web_search", "web_search", "web_search_options"),
    )
    assert request.demand == Demand(
        text_bytes=len(sent) - len(payload),
        images=1,
        choices=3,
        max_output_tokens=50,
        tools=frozenset(tool.name for tool in request.tools),
        service_tier="auto",
    )


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": "hi"}, "messages", "invalid_type"),
        ({"messages": ["hi"]}, "messages[0]", "invalid_type"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
        ({"stream": "true"}, "stream", "invalid_type"),
        ({"stream": 1}, "stream", "invalid_type"),
        ({"store": "no"}, "store", "invalid_type"),
        ({"n": 0}, "n", "integer_below_min_value"),
        ({"n": -1}, "n", "integer_below_min_value"),
        ({"n": 129}, "n", "integer_above_max_value"),
        ({"n": 1.5}, "n", "invalid_type"),
        ({"n": True}, "n", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"max_completion_tokens": -5}, "max_completion_tokens", "integer_below_min_value"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens", "invalid_value"),
        ({"tools": {}}, "tools", "invalid_type"),
        ({"tools": [{}]}, "tools[0].type", "missing_required_parameter"),
        ({"functions": [5]}, "functions[0]", "invalid_type"),
        ({"service_tier": "a tier"}, "service_tier", "unsupported_parameter"),
        ({"audio": {"voice": "alloy"}}, "audio", "unsupported_parameter"),
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
        ({"modalities": "audio"}, "modalities", "invalid_type"),
        ({"modalities": ["image", "text"]}, "modalities", "unsupported_parameter"),
        ({"stream_options": True}, "stream_options", "invalid_type"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage", "invalid_type"),
    ],
)
def test_the_invalid_parameter_is_named(members: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_chat(body(**members))
    assert (caught.value.param, caught.value.code, caught.value.status) == (param, code, 400)


def test_null_members_count_as_absent() -> None:
    names = (
        "stream",
        "n",
        "max_tokens",
        "tools",
        "functions",
        "audio",
        "modalities",
        "stream_options",
        "web_search_options",
    )
    request = parse_chat(body(**dict.fromkeys(names)))
    assert (request.stream, request.tools) == (False, ())
    assert (request.demand.choices, request.demand.max_output_tokens) == (1, None)


def test_usage_is_for_streams() -> None:
    assert not parse_chat(body(stream_options={"include_usage": True})).include_usage


def test_only_what_must_change_is_written() -> None:
    sent = b'{"x": 1.00, "model" : "m", "messages": [ {"role":"user","content":"\\u00e9"} ] }'
    out = chat_body(parse_chat(sent), Target("", "up", 9))
    kept = b'{"x":1.00,"model":"up","messages":[ {"role":"user","content":"\\u00e9"} ],'
    assert out == kept + b'"store":false,"max_completion_tokens":9}'


@pytest.mark.parametrize(
    ("members", "limits"),
    [
        ({}, {"max_completion_tokens": 100}),
        ({"max_tokens": None}, {"max_tokens": None, "max_completion_tokens": 100}),
        ({"max_completion_tokens": None}, {"max_completion_tokens": 100}),
        ({"max_tokens": 7}, {"max_tokens": 100}),
        ({"max_completion_tokens": 7}, {"max_completion_tokens": 100}),
        ({"max_tokens": 7, "max_completion_tokens": 7}, {"max_tokens": 100, "max_completion_tokens": 100}),
    ],
)
def test_the_output_limit_is_the_targets_under_the_clients_name(
    members: dict[str, Any], limits: dict[str, Any]
) -> None:
    assert {name: value for name, value in written(body(**members)).items() if name.startswith("max_")} == limits


@pytest.mark.parametrize(
    ("members", "choices", "n"), [({}, 1, None), ({"n": None}, 1, None), ({"n": 1}, 1, 1), ({"n": 5}, 3, 3)]
)
@pytest.mark.parametrize("is_openai", [True, False])
def test_the_number_of_choices_is_the_targets(
    members: dict[str, Any], choices: int, n: int | None, is_openai: bool
) -> None:
    assert written(body(**members), choices=choices, is_openai=is_openai).get("n") == n


@pytest.mark.parametrize(
    ("members", "options"),
    [
        ({}, None),
        ({"stream": False, "stream_options": None}, None),
        ({"stream": True}, {"include_usage": True}),
        ({"stream": True, "stream_options": None}, {"include_usage": True}),
        (
            {"stream": True, "stream_options": {"include_usage": False, "include_obfuscation": False}},
            {"include_usage": True, "include_obfuscation": False},
        ),
    ],
)
def test_a_stream_always_requests_usage(members: dict[str, Any], options: dict[str, Any] | None) -> None:
    assert written(body(**members)).get("stream_options") == options


def test_nothing_is_stored() -> None:
    assert written(body(store=True))["store"] is False
    assert written(body())["store"] is False


@pytest.mark.parametrize(
    ("members", "limit", "limits"),
    [
        ({}, 100, {"max_tokens": 100}),
        ({"max_tokens": None}, 100, {"max_tokens": 100}),
        ({"max_tokens": 7}, 7, {"max_tokens": 7}),
        ({"max_completion_tokens": 7, "store": True}, 7, {"max_tokens": 7}),
        ({"max_tokens": 7, "max_completion_tokens": 7, "store": False}, 7, {"max_tokens": 7}),
    ],
)
def test_other_servers_get_the_limit_by_its_older_name(
    members: dict[str, Any], limit: int, limits: dict[str, Any]
) -> None:
    """Ollama overlooks max_completion_tokens and writes without an end; Mistral refuses it, and `store` as well."""
    actual = written(body(**members), limit=limit, is_openai=False)
    assert {name: value for name, value in actual.items() if name.startswith(("max_", "store"))} == limits
