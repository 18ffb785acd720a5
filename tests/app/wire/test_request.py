from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.wire.exchange import RequestError, ToolUse
from app.wire.request import (
    TOOLS_MAX,
    count,
    flag,
    model,
    nested_tool_uses,
    raw_member,
    read_body,
    service_tier,
    shaped,
    text,
    tool_uses,
)
from app.wire.splice import members


def refusal(do: Callable[[], Any]) -> RequestError:
    with pytest.raises(RequestError) as caught:
        do()
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a":1',
        b'{"a":1}x',
        b"[]",
        b'"x"',
        b"5",
        b"null",
        b"\xff",
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00xxxxxx"}',
        b'{"a":"\x00"}',
        b'{"a":NaN}',
        b"\xef\xbb\xbf{}",
        b"{'a':1}",
        b'{"\\ud800":1}',
    ],
)
def test_anything_but_a_json_object_is_rejected(body: bytes) -> None:
    assert "could not parse the JSON body" in refusal(lambda: read_body(body)).message


def test_nul_in_a_string_is_legal() -> None:
    assert bytes(read_body(b'{"a":"\\u0000"}')["a"]) == b'"\\u0000"'


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("closed", [True, False])
def test_ten_thousand_levels_are_rejected_fast(opening: bytes, closing: bytes, closed: bool) -> None:
    body = b'{"a":' + opening * 10_000 + b"1" + (closing * 10_000 + b"}" if closed else b"")
    begun = time.process_time()
    assert "nested deeper" in refusal(lambda: read_body(body)).message
    assert time.process_time() - begun < 5


def test_depth_that_only_the_decoder_rejects_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.wire.json_outline.DEPTH_MAX", 10**9)
    refusal(lambda: read_body(b'{"a":' + b"[" * 400_000 + b"]" * 400_000 + b"}"))


@pytest.mark.parametrize("body", [b'{"model":"a","model":"a"}', b'{"model":1,"x":{},"mod\\u0065l":2}'])
def test_a_repeated_member_is_rejected(body: bytes) -> None:
    error = refusal(lambda: read_body(body))
    assert (error.param, error.message) == ("model", "Duplicate parameter: 'model' appears more than once.")


def test_a_long_repeated_name_among_many_is_shortened_fast() -> None:
    members = [b'"%d":0' % number for number in range(100_000)] + [b'"%s":0' % (b"x" * 1_000_000)] * 2
    begun = time.process_time()
    error = refusal(lambda: read_body(b"{" + b",".join(members) + b"}"))
    assert error.param == "x" * 100
    assert time.process_time() - begun < 5


def test_the_same_name_at_another_depth_is_not_a_repeat() -> None:
    assert list(read_body(b'{"n":1,"tools":[{"n":1,"tools":1}],"x":"\\"n\\":1"}')) == ["n", "tools", "x"]


@pytest.mark.parametrize(
    ("read", "value", "message", "code"),
    [
        (text, b"5", "Invalid type for 'x': expected a string, but got an integer instead.", "invalid_type"),
        (text, b"{}", "Invalid type for 'x': expected a string, but got an object instead.", "invalid_type"),
        (flag, b'"true"', "Invalid type for 'x': expected a boolean, but got a string instead.", "invalid_type"),
        (flag, b"1", "Invalid type for 'x': expected a boolean, but got an integer instead.", "invalid_type"),
        (count, b"true", "Invalid type for 'x': expected an integer, but got a boolean instead.", "invalid_type"),
        (count, b"1.0", "Invalid type for 'x': expected an integer, but got a number instead.", "invalid_type"),
        (count, b'"1"', "Invalid type for 'x': expected an integer, but got a string instead.", "invalid_type"),
        (count, b"[1]", "Invalid type for 'x': expected an integer, but got an array instead.", "invalid_type"),
        (count, b"9" * 5000, "Invalid value for 'x'.", "invalid_value"),
        (
            count,
            b"0",
            "Invalid 'x': integer below minimum value. Expected a value >= 1, but got 0 instead.",
            "integer_below_min_value",
        ),
        (
            count,
            b"9" * 400,
            "Invalid 'x': integer above maximum value. Expected a value <= 2147483647, but got a longer number instead.",
            "integer_above_max_value",
        ),
    ],
)
def test_a_wrong_value_is_named(read: Callable[..., Any], value: bytes, message: str, code: str) -> None:
    fields = read_body(b'{"x":' + value + b"}")
    error = refusal(lambda: read(fields, "x"))
    assert (error.message, error.param, error.code) == (message, "x", code)


def test_null_is_the_same_as_absent() -> None:
    for body in (b"{}", b'{"x":null}'):
        fields = read_body(body)
        assert (raw_member(fields, "x"), text(fields, "x"), flag(fields, "x"), count(fields, "x")) == (
            None,
            None,
            False,
            None,
        )
        assert tool_uses(fields, "x") == ()


def test_values_are_read() -> None:
    fields = read_body(b'{"t":"a","f":true,"o":false,"c":7}')
    assert (text(fields, "t"), flag(fields, "f"), flag(fields, "o"), count(fields, "c", 7)) == ("a", True, False, 7)
    assert refusal(lambda: count(fields, "c", 6)).code == "integer_above_max_value"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "Missing required parameter: 'model'."),
        (b'{"model":null}', "Missing required parameter: 'model'."),
        (b'{"model":""}', "Missing required parameter: 'model'."),
        (b'{"model":["a"]}', "Invalid type for 'model': expected a string, but got an array instead."),
        (b'{"model":"' + b"m" * 257 + b'"}', "Invalid 'model': the name is too long."),
    ],
)
def test_a_model_is_required(body: bytes, message: str) -> None:
    error = refusal(lambda: model(read_body(body)))
    assert (error.message, error.param) == (message, "model")


@pytest.mark.parametrize("value", [None, "auto", "default", "flex", "a-tier_2", "x" * 32])
def test_a_tier_is_a_short_word(value: str | None) -> None:
    assert service_tier(read_body(msgspec.json.encode({"service_tier": value}))) == value


@pytest.mark.parametrize("value", [b'""', b'"Default"', b'"fl ex"', b'"2x"', b'"flex\\n"', b'"' + b"x" * 33 + b'"'])
def test_an_invalid_tier_is_rejected(value: bytes) -> None:
    error = refusal(lambda: service_tier(read_body(b'{"service_tier":' + value + b"}")))
    assert (error.param, error.code) == ("service_tier", "unsupported_parameter")


def test_tools_are_named_as_catalogs_name_them() -> None:
    types = {
        "function": "function",
        "web_search": "web_search",
        "web_search_preview": "web_search",
        "web_search_preview_2025_03_11": "web_search",
        "web_search_2025_08_26": "web_search",
        "computer": "computer_use",
        "computer_use_preview": "computer_use",
        "unheard_of": "unheard_of",
    }
    listed = ",".join(f'{{"type":"{kind}"}}' for kind in types)
    uses = tool_uses(read_body(b'{"tools":[' + listed.encode() + b"]}"))
    assert [(use.type, use.name) for use in uses] == list(types.items())
    assert uses[2].param == "tools[2].type"


def test_tools_inside_a_namespace_do_not_slip_past() -> None:
    body = b'{"tools":[{"type":"namespace","tools":[{"type":"web_search_preview"},{"name":"untyped"},5]}]}'
    assert tool_uses(read_body(body)) == (
        ToolUse("namespace", "namespace", "tools[0].type"),
        ToolUse("web_search_preview", "web_search", "tools[0].tools[0].type"),
    )


def test_a_tool_with_a_function_may_lack_a_type_on_chat() -> None:
    fields = read_body(
        b'{"tools":[{"function":{"name":"f"}},{"type":null,"function":{}},{"type":"custom","function":{}}]}'
    )
    names = [use.name for use in tool_uses(fields, untyped_functions=True)]
    assert names == ["function", "function", "custom"]
    with pytest.raises(RequestError) as caught:
        tool_uses(fields)
    assert caught.value.param == "tools[0].type"


def test_a_tool_search_of_an_earlier_turn_contains_namespaces() -> None:
    found = nested_tool_uses([{"type": "namespace", "tools": [{"type": "mcp"}]}], "input[0].tools")
    assert [(use.name, use.param) for use in found] == [
        ("namespace", "input[0].tools[0].type"),
        ("mcp", "input[0].tools[0].tools[0].type"),
    ]


@pytest.mark.parametrize(
    ("tools", "param", "code"),
    [
        (
            b'[{"type":"namespace","tools":[{"type":"namespace","tools":[{"type":"namespace","tools":[]}]}]}]',
            "tools[0].tools[0].tools[0].tools",
            "invalid_value",
        ),
        (b"{}", "tools", "invalid_type"),
        (b'"x"', "tools", "invalid_type"),
        (b'[{"type":"function"},5]', "tools[1]", "invalid_type"),
        (b"[{}]", "tools[0].type", "missing_required_parameter"),
        (b'[{"type":5}]', "tools[0].type", "invalid_type"),
        (b'[{"type":"' + b"x" * 101 + b'"}]', "tools[0].type", "invalid_value"),
        (b'[{"type":"namespace","tools":[{"type":"' + b"x" * 101 + b'"}]}]', "tools[0].tools[0].type", "invalid_value"),
        (b'[{"type":1e999}]', "tools", "invalid_value"),
        (b"[" + b",".join([b'{"type":"function"}'] * (TOOLS_MAX + 1)) + b"]", "tools", "array_above_max_length"),
    ],
)
def test_invalid_tools_are_rejected(tools: bytes, param: str, code: str) -> None:
    error = refusal(lambda: tool_uses(read_body(b'{"tools":' + tools + b"}")))
    assert (error.param, error.code) == (param, code)


def test_as_many_tools_as_the_limit_are_accepted() -> None:
    tools = b",".join([b'{"type":"function"}'] * TOOLS_MAX)
    assert len(tool_uses(read_body(b'{"tools":[' + tools + b"]}"))) == TOOLS_MAX


@pytest.mark.parametrize("name", ["N", "Max_Tokens", "\u017ftream", "TOOLS"])
def test_a_name_that_differs_only_in_case_is_rejected(name: str) -> None:
    error = refusal(lambda: read_body(json.dumps({name: 1}).encode()))
    assert error.param == name.casefold()
    assert "Did you mean" in error.message


@pytest.mark.parametrize(
    "name",
    [
        *("n_predict", "best_of", "models", "N_Predict", "search_parameters", "plugins", "extra_body", "prediction"),
        *("kv_transfer_params", "cached_content", "data_sources", "access_programs", "background_options"),
    ],
)
def test_other_servers_names_for_checked_parameters_are_rejected(name: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_body(json.dumps({"model": "m", name: {"a": 1}}).encode())
    assert (caught.value.param, caught.value.code) == (name, "unsupported_parameter")
    assert name in read_body(json.dumps({"model": "m", name: None}).encode())


@pytest.mark.parametrize("name", ["Messages", "INPUT", "Previous_Response_Id"])
def test_content_members_in_another_case_are_rejected(name: str) -> None:
    with pytest.raises(RequestError, match="Did you mean"):
        read_body(json.dumps({name: "x"}).encode())


def test_a_cache_cannot_refer_to_another_answer() -> None:
    read_body(b'{"prompt_cache_options": {"mode": "explicit", "comparison_response_id": null}}')
    with pytest.raises(RequestError) as caught:
        read_body(b'{"prompt_cache_options": {"comparison_response_id": "resp_1"}}')
    assert caught.value.param == "prompt_cache_options.comparison_response_id"
    with pytest.raises(RequestError) as caught:
        read_body(b'{"prompt_cache_options": 5}')
    assert caught.value.code == "invalid_type"


@pytest.mark.parametrize(
    ("fields", "given_form"),
    [(b"{}", False), (b'{"text":null}', False), (b'{"text":{}}', True), (b'{"response_format":1}', True)],
)
def test_the_output_has_a_given_form_if_the_request_says_so(fields: bytes, given_form: bool) -> None:
    assert shaped(members.decode(fields)) is given_form
