"""Cache breakpoints in requests to Anthropic."""

from __future__ import annotations

from typing import Any

from app.wire.anthropic.seals import seal_thinking
from app.wire.anthropic.turns import OPENING
from app.wire.canonical import (
    CacheControl,
    File,
    FunctionCall,
    FunctionCallOutput,
    FunctionTool,
    Image,
    Message,
    Part,
    Reasoning,
    Role,
    Text,
    WebSearchTool,
)
from tests.support.wire.anthropic.anthropic_requests import HI, LATE, body, make_request

SHORT, HOUR = CacheControl(), CacheControl("1h")
MARK: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
MARK_5M: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": "5m"}}
MARK_1H: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def message(role: Role, *parts: Part) -> Message:
    return Message(role, parts)


def text(words: str, **mark: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **mark}


def test_a_marked_system_message_makes_system_a_list_of_blocks() -> None:
    request = make_request(message("system", Text("Long.", cache=HOUR), Text(" ", cache=SHORT)), HI, instructions="Be.")
    assert body(request)["system"] == [text("Be."), text("Long.", **MARK_1H)]
    assert body(make_request(message("system", Text("Long.")), HI))["system"] == "Long."


def test_parts_of_messages() -> None:
    parts = (
        Text("a", cache=SHORT),
        Image(data="AA", media_type="image/png", cache=CacheControl("5m")),
        Image(url="https://a.example/a.png", cache=SHORT),
        File(data="AA", media_type="application/pdf", filename="a.pdf", cache=SHORT),
    )
    content = body(make_request(message("user", *parts)))["messages"][0]["content"]
    assert [block["cache_control"] for block in content] == [
        each["cache_control"] for each in (MARK, MARK_5M, MARK, MARK)
    ]
    said = make_request(HI, message("assistant", Text("b", cache=SHORT)), HI)
    assert body(said)["messages"][1]["content"] == [text("b", **MARK)]


def test_calls_and_outputs_carry_the_mark_as_a_whole() -> None:
    call = FunctionCall("c1", "f", "{}", cache=SHORT)
    other = FunctionCall("c2", "f", "{}")
    outputs = FunctionCallOutput("c1", (Text("x"),), cache=SHORT), FunctionCallOutput("c2", (Text("y", cache=HOUR),))
    made = body(make_request(HI, call, other, *outputs))["messages"]
    assert [block.get("cache_control") for block in made[1]["content"]] == [MARK["cache_control"], None]
    assert made[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": [text("x")], **MARK},
        {"type": "tool_result", "tool_use_id": "c2", "content": [text("y")], **MARK},
    ]


def test_tools() -> None:
    made = body(make_request(tools=(FunctionTool("f", cache=HOUR), WebSearchTool(cache=SHORT))))["tools"]
    assert [tool["cache_control"] for tool in made] == [MARK_1H["cache_control"], MARK["cache_control"]]


def test_the_mark_on_top_is_sent_unless_the_last_block_has_its_own() -> None:
    assert body(make_request(cache=HOUR))["cache_control"] == MARK_1H["cache_control"]
    assert "cache_control" not in body(make_request())
    own = body(make_request(message("user", Text("a", cache=SHORT)), cache=HOUR))
    assert ("cache_control" in own, own["messages"][0]["content"]) == (False, [text("a", **MARK)])
    alone = body(make_request(message("system", Text("a", cache=SHORT)), cache=SHORT))
    assert alone["messages"] == [{"role": "user", "content": [text(OPENING)]}]
    assert alone["cache_control"] == MARK["cache_control"]


def test_the_last_four_are_kept() -> None:
    words = [Text(str(number), cache=SHORT) for number in range(5)]
    request = make_request(message("user", *words, Text("end")), tools=(FunctionTool("f", cache=SHORT),))
    made = body(request)
    assert "cache_control" not in made["tools"][0]
    assert ["cache_control" in block for block in made["messages"][0]["content"]] == [False, *[True] * 4, False]
    topped = body(make_request(message("user", *words, Text("end")), cache=SHORT))
    assert ["cache_control" in block for block in topped["messages"][0]["content"]] == [
        *[False] * 2,
        *[True] * 3,
        False,
    ]


def test_an_hour_after_five_minutes_becomes_five_minutes() -> None:
    parts = Text("a", cache=HOUR), Text("b", cache=SHORT), Text("c", cache=HOUR), Text("d")
    made = body(make_request(message("user", *parts), cache=HOUR))
    content = [text("a", **MARK_1H), text("b", **MARK), text("c", **MARK), text("d")]
    assert (made["messages"][0]["content"], made["cache_control"]) == (content, MARK["cache_control"])


def test_thinking_carries_none() -> None:
    thought = Reasoning(sealed=seal_thinking("up", "Hm", "S"))
    said = message("assistant", Text("", cache=SHORT), Text("b"))
    made = body(make_request(HI, thought, said, HI), LATE)["messages"][1]["content"]
    assert made == [{"type": "thinking", "thinking": "Hm", "signature": "S"}, text("b")]
