from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.wire.exchange import RequestError
from app.wire.file_ref import StoredFile
from app.wire.request import read_body
from app.wire.rewrite import rewrite_conversation, seal_item, without_cached_searches
from app.wire.tags import seal

STORED = {"file-1": StoredFile("application/pdf", "a.pdf", "QUJD", 3, 1)}
URI = "data:application/pdf;base64,QUJD"


def given(name: str, items: Any, upstream: str = "vendor") -> Any:
    fields = {"model": msgspec.Raw(b'"m"'), name: msgspec.Raw(json.dumps(items).encode())}
    changed = rewrite_conversation(fields, STORED, upstream)
    assert changed["model"] is fields["model"]
    return json.loads(bytes(changed[name]))


def test_items_without_changes_keep_their_bytes() -> None:
    for text in (b'"a text"', b'[ {"role": "user",  "content":"x"} ]', b"null"):
        fields = {"input": msgspec.Raw(text)}
        assert rewrite_conversation(fields, STORED, "vendor") is fields
    odd = b'{"role":"user" ,"content":"x"}'
    fields = {"input": msgspec.Raw(b"[" + odd + b',{"content":[{"type":"input_file","file_id":"file-1"}]}]')}
    assert bytes(rewrite_conversation(fields, STORED, "vendor")["input"]).startswith(b"[" + odd)


@pytest.mark.parametrize("holder", ["content", "output"])
def test_an_uploaded_file_is_inlined(holder: str) -> None:
    part = {"type": "input_file", "file_id": "file-1"}
    put_in = {"type": "input_file", "filename": "a.pdf", "file_data": URI}
    assert given("input", [{holder: [part, {"type": "input_text"}, 5]}]) == [
        {holder: [put_in, {"type": "input_text"}, 5]}
    ]


def test_an_uploaded_file_is_inlined_into_a_chat_message() -> None:
    part = {"type": "file", "file": {"file_id": "file-1", "filename": "other.pdf"}}
    put_in = {"type": "file", "file": {"filename": "a.pdf", "file_data": URI}}
    assert given("messages", [{"role": "user", "content": [part]}]) == [{"role": "user", "content": [put_in]}]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_file", "file_id": "file-2"},
        {"type": "input_file", "file_id": 5},
        {"type": "file", "file": "file_id"},
        {"type": "input_text", "file_id": "file-1"},
    ],
)
def test_other_file_ids_stay(part: Any) -> None:
    assert given("input", [{"content": [part]}]) == [{"content": [part]}]
    assert given("messages", [{"content": [part]}]) == [{"content": [part]}]


def test_sealed_reasoning_goes_to_its_own_upstream_only() -> None:
    def reasoning(encrypted: str) -> dict[str, Any]:
        return {"type": "reasoning", "encrypted_content": encrypted}

    items = [
        reasoning(seal("vendor", "gAAA")),
        reasoning(seal("other", "gBBB")),
        reasoning("gCCC"),
        reasoning("rr1.broken"),
    ]
    assert given("input", items) == [reasoning("gAAA"), reasoning("gCCC"), reasoning("rr1.broken")]
    assert given("input", items, "other") == [reasoning("gBBB"), reasoning("gCCC"), reasoning("rr1.broken")]
    assert given("input", [{"encrypted_content": None}]) == [{"encrypted_content": None}]


def test_reasoning_carried_by_a_chat_call_is_not_sent_upstream() -> None:
    ours = {"realrouter": {"reasoning": seal("vendor", "x")}}
    calls = [
        {"id": "1", "extra_content": ours},
        {"id": "2", "extra_content": ours | {"google": {"thought_signature": "s"}}},
        {"id": "3", "extra_content": {"google": {}}},
        {"id": "4", "extra_content": 5},
        {"id": "5"},
    ]
    [message] = given("messages", [{"role": "assistant", "tool_calls": calls}])
    assert message["tool_calls"] == [
        {"id": "1"},
        {"id": "2", "extra_content": {"google": {"thought_signature": "s"}}},
        *calls[2:],
    ]
    [old] = given("messages", [{"role": "assistant", "function_call": {"name": "f", "extra_content": ours}}])
    assert old["function_call"] == {"name": "f"}
    assert given("messages", [{"tool_calls": {}, "x": "extra_content"}]) == [{"tool_calls": {}, "x": "extra_content"}]


@pytest.mark.parametrize("number", [b"1e400", b"-1e309", b"1" * 5_000])
def test_a_number_that_is_too_large_is_rejected_in_a_rewritten_item(number: bytes) -> None:
    items = b'[{"role":"user","content":"x"},{"encrypted_content":"gAAA","size":%b}]' % number
    with pytest.raises(RequestError) as caught:
        rewrite_conversation({"input": msgspec.Raw(items)}, STORED, "vendor")
    assert (caught.value.param, caught.value.code) == ("input[1]", "invalid_value")


def test_encrypted_content_is_sealed_in_place() -> None:
    item = {"type": "reasoning", "encrypted_content": "gAAA"}
    assert seal_item(item, "vendor")
    assert item["encrypted_content"] == seal("vendor", "gAAA")
    for other in ({"encrypted_content": None}, {"encrypted_content": ""}, {}, 5):
        assert not seal_item(other, "vendor")


CACHED = {"type": "web_search_preview", "external_web_access": False}


def test_searches_of_a_cache_are_taken_out() -> None:
    tools = [{"type": "function"}, CACHED, {"type": "web_search"}, {"type": "mcp", "external_web_access": False}]
    fields = read_body(json.dumps({"tools": tools, "tool_choice": "auto"}).encode())
    kept = without_cached_searches(fields)
    assert json.loads(bytes(kept["tools"])) == [tools[0], *tools[2:]]
    assert list(kept) == ["tools", "tool_choice"]


def test_without_any_other_tool_there_are_no_options_of_tools() -> None:
    members = {"model": "m", "tools": [CACHED], "tool_choice": "auto", "parallel_tool_calls": True}
    assert list(without_cached_searches(read_body(json.dumps(members).encode()))) == ["model"]
    assert without_cached_searches({}) == {}
