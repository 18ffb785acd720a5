from __future__ import annotations

import re
from typing import Any

import pytest

from app.wire import tags
from app.wire.anthropic.seals import seal_redacted, seal_thinking
from app.wire.anthropic.turns import BLANK, IMAGE_NOTE, OPENING
from app.wire.canonical import (
    CustomCall,
    CustomCallOutput,
    FunctionCall,
    FunctionCallOutput,
    Image,
    ImageGenerationCall,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    WebSearchCall,
)
from tests.support.wire.anthropic.anthropic_requests import HI, body, make_request, refused


def message(role: Role, *words: str, at: str = "input[1]", name: str | None = None) -> Message:
    return Message(role, tuple(Text(text) for text in words), name, at)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def call(name: str, arguments: str = "{}", at: str = "input[1]") -> FunctionCall:
    return FunctionCall(name, f"f_{name}", arguments, at)


def output(name: str, *parts: Part, at: str = "input[2]") -> FunctionCallOutput:
    return FunctionCallOutput(name, parts, at)


def use(name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": f"f_{name}", "input": arguments}


def result(name: str, *content: dict[str, Any]) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": name}
    return {**block, "content": list(content)} if content else block


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


# -- Instructions ---------------------------------------------------------------------------------------------------------


def test_instructions_and_system_messages_are_joined_wherever_they_are() -> None:
    items = (message("system", "Two."), HI, message("developer", "Three.", "Four."), message("user", "Go."))
    made = body(make_request(*items, instructions="One."))
    assert made["system"] == "One.\n\nTwo.\n\nThree.\n\nFour."
    assert made["messages"] == [user(text("Hi"), text("Go."))]


def test_blank_instructions_are_ignored() -> None:
    assert "system" not in body(make_request(message("system", " "), HI, instructions=""))


def test_a_name_comes_before_the_text() -> None:
    items = (
        message("system", "Be.", name="boss"),
        message("user", "Hi", name="ann"),
        message("assistant", "Yo", name="bot"),
        HI,
    )
    made = body(make_request(*items))
    assert made["system"] == "boss:\n\nBe."
    assert made["messages"] == [user(text("ann:"), text("Hi")), assistant(text("bot:"), text("Yo")), user(text("Hi"))]


# -- Turns ----------------------------------------------------------------------------------------------------------------


def test_messages_of_one_role_are_one_turn() -> None:
    items = (
        message("user", "a"),
        message("user", "b"),
        message("assistant", "c"),
        message("assistant", "d"),
        message("user", "e"),
    )
    made = body(make_request(*items))
    assert made["messages"] == [user(text("a"), text("b")), assistant(text("c"), text("d")), user(text("e"))]


def test_a_conversation_that_the_assistant_begins_gets_an_opening() -> None:
    made = body(make_request(message("assistant", "Welcome."), HI))
    assert made["messages"] == [user(text(OPENING)), assistant(text("Welcome.")), user(text("Hi"))]


def test_blank_texts_are_left_out_and_make_no_turn() -> None:
    items = (message("user", "a", "", " "), message("assistant", "\n"), message("user", "b"))
    assert body(make_request(*items))["messages"] == [user(text("a"), text("b"))]


def test_an_empty_conversation_is_rejected() -> None:
    assert refused(make_request(message("assistant"), endpoint="chat")) == "messages"


def test_a_blank_message_of_the_user_is_answered() -> None:
    """OpenAI answers it. A turn without content would be refused, and one that is left out would make the answer the last turn."""
    assert body(make_request(message("user", " ")))["messages"] == [user(text(OPENING))]
    made = body(make_request(HI, message("assistant", "A"), message("user", "")))
    assert made["messages"][1:] == [assistant(text("A")), user(text(BLANK))]


def test_instructions_alone_get_an_opening() -> None:
    for alone in (make_request(message("system", "Be.")), make_request(message("user", ""), instructions="Be.")):
        assert body(alone)["system"] == "Be."
        assert body(alone)["messages"] == [user(text(OPENING))]


def test_an_assistant_message_without_anything_is_left_out() -> None:
    assert body(make_request(HI, message("assistant"), HI))["messages"] == [user(text("Hi"), text("Hi"))]


def test_a_refusal_of_the_assistant_is_text() -> None:
    items = (HI, Message("assistant", (Refusal("I will not."),)), HI)
    assert body(make_request(*items))["messages"][1] == assistant(text("I will not."))


# -- Calls and outputs ----------------------------------------------------------------------------------------------------


def test_a_call_and_its_output() -> None:
    items = (HI, message("assistant", "Let me see."), call("c1", '{"a": [1, null]}'), output("c1", Text("42")))
    assert body(make_request(*items))["messages"] == [
        user(text("Hi")),
        assistant(text("Let me see."), use("c1", a=[1, None])),
        user(result("c1", text("42"))),
    ]


def test_results_of_parallel_calls_come_first_in_one_turn() -> None:
    items = (HI, call("c1"), call("c2"), message("user", "Quick!"), output("c2", Text("2")), output("c1", Text("1")))
    assert body(make_request(*items))["messages"][1:] == [
        assistant(use("c1"), use("c2")),
        user(result("c2", text("2")), result("c1", text("1")), text("Quick!")),
    ]


def test_calls_one_after_the_other_are_turns_of_their_own() -> None:
    items = (HI, call("c1"), output("c1", Text("1")), call("c2"), output("c2", Text("2")))
    assert [turn["role"] for turn in body(make_request(*items))["messages"]] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]


def test_an_output_may_be_blank_or_hold_an_image() -> None:
    image = Image(data="aGk=", media_type="image/png")
    items = (HI, call("c1"), call("c2"), output("c1", Text("")), output("c2", Text("see"), image))
    seen = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    assert body(make_request(*items))["messages"][2] == user(result("c1"), result("c2", text("see"), seen))


@pytest.mark.parametrize("arguments", ["", "  ", "{}", "null"])
def test_no_arguments_are_the_empty_object(arguments: str) -> None:
    made = body(make_request(HI, call("c1", arguments), output("c1", Text("1"))))
    assert made["messages"][1] == assistant(use("c1"))


def test_arguments_that_are_not_an_object_come_back_in_one() -> None:
    made = body(make_request(HI, call("c1", '{"a":'), output("c1", Text("1"))))
    assert made["messages"][1] == assistant(use("c1", INVALID_JSON='{"a":'))


def test_a_call_without_its_output_is_rejected() -> None:
    assert refused(make_request(HI, call("c1", at="input[1]"))) == "input[1]"
    assert refused(make_request(HI, call("c1", at="input[1]"), HI, message("assistant", "x"), HI)) == "input[1]"
    assert (
        refused(make_request(HI, call("c1"), call("c2", at="input[2]"), output("c1", Text("1")), call("c3")))
        == "input[2]"
    )


def test_an_output_without_its_call_is_rejected() -> None:
    assert refused(make_request(HI, output("c1", Text("1"), at="input[1]"))) == "input[1]"
    assert refused(make_request(HI, call("c1"), output("c1"), output("c1", at="input[3]"))) == "input[3]"


def test_two_calls_at_once_of_one_id_are_rejected() -> None:
    assert refused(make_request(HI, call("c1"), call("c1", at="input[2]"))) == "input[2]"


def test_an_id_that_is_used_again_later_is_made_distinct() -> None:
    items = (HI, call("c1"), output("c1", Text("1")), call("c1"), output("c1", Text("2")))
    turns = body(make_request(*items))["messages"]
    first, second = turns[1]["content"][0]["id"], turns[3]["content"][0]["id"]
    assert first == "c1"
    assert re.fullmatch("call_[0-9a-f]{32}", second)
    assert turns[4]["content"][0]["tool_use_id"] == second


OWN = "01KFbKqPYSuAKujiL6mTfzYA"


def ids(*items: Any) -> list[tuple[str, str]]:
    """Type and id of each call and result block."""
    blocks = [block for turn in body(make_request(HI, *items))["messages"] for block in turn["content"]]
    named = {"tool_use": "id", "tool_result": "tool_use_id"}
    return [(block["type"], block[named[block["type"]]]) for block in blocks if block["type"] in named]


def test_a_call_and_its_output_have_anthropics_original_id() -> None:
    one, two = f"call_{OWN}", f"call_{OWN}2"
    assert ids(call(one), call(two), output(two), output(one), call("call_1"), output("call_1")) == [
        *(("tool_use", f"toolu_{OWN}"), ("tool_use", f"toolu_{OWN}2")),
        *(("tool_result", f"toolu_{OWN}2"), ("tool_result", f"toolu_{OWN}")),
        *(("tool_use", "call_1"), ("tool_result", "call_1")),
    ]


def test_an_id_in_both_spellings_is_left_unchanged() -> None:
    actual, own = f"call_{OWN}", f"toolu_{OWN}"
    at_once = ids(call(actual), call(own), output(own), output(actual))
    assert at_once == [("tool_use", actual), ("tool_use", own), ("tool_result", own), ("tool_result", actual)]
    in_turn = ids(call(actual), output(actual), call(own), output(own))
    assert in_turn == [("tool_use", actual), ("tool_result", actual), ("tool_use", own), ("tool_result", own)]


def test_an_id_that_anthropic_does_not_accept_is_replaced() -> None:
    items = (HI, call("odd id:1"), output("odd id:1", Text("1")))
    turns = body(make_request(*items))["messages"]
    assert re.fullmatch("call_[0-9a-f]{32}", turns[1]["content"][0]["id"])
    assert turns[2]["content"][0]["tool_use_id"] == turns[1]["content"][0]["id"]
    assert turns == body(make_request(*items))["messages"]


def test_custom_tools_are_rejected() -> None:
    assert refused(make_request(HI, CustomCall("c1", "f", "x", at="input[1]"))) == "input[1]"
    assert refused(make_request(HI, CustomCallOutput("c1", (), at="input[1]"))) == "input[1]"


# -- Reasoning ------------------------------------------------------------------------------------------------------------


def test_its_own_reasoning_comes_back_before_the_call() -> None:
    items = (
        HI,
        Reasoning(sealed=seal_thinking("up", "Hm.", "sig")),
        Reasoning(sealed=seal_redacted("up", "xyz")),
        call("c1"),
        output("c1", Text("1")),
    )
    assert body(make_request(*items))["messages"][1] == assistant(
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        use("c1"),
    )


@pytest.mark.parametrize("sealed", [None, "", "plain", seal_thinking("another", "Hm.", "sig")])
def test_reasoning_of_another_is_left_out(sealed: str | None) -> None:
    item = Reasoning(summary=("s",), content=("c",), sealed=sealed)
    assert body(make_request(HI, item, message("assistant", "a"), HI)) == body(
        make_request(HI, message("assistant", "a"), HI)
    )


def test_forged_reasoning_is_rejected() -> None:
    assert refused(make_request(HI, Reasoning(sealed=tags.seal("up", "e30="), at="input[1]"))) == "input[1]"


# -- Searches and images of earlier turns ---------------------------------------------------------------------------------


def test_a_search_is_left_out() -> None:
    items = (HI, WebSearchCall("ws_1", ("q",)), message("assistant", "Found."), HI)
    assert [turn["role"] for turn in body(make_request(*items))["messages"]] == ["user", "assistant", "user"]


def test_a_generated_image_comes_back_in_the_users_next_turn() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    items = (HI, ImageGenerationCall("ig_1", "aGk="), call("c1"), output("c1", Text("1")), message("user", "Bluer."))
    made = body(make_request(*items))["messages"]
    assert made[1] == assistant(use("c1"))
    assert made[2] == user(result("c1", text("1")), text(IMAGE_NOTE), image, text("Bluer."))
    assert body(make_request(HI, message("assistant", "a"), items[1]))["messages"][2] == user(text(IMAGE_NOTE), image)


def test_a_generated_image_of_another_type_is_rejected() -> None:
    assert refused(make_request(HI, ImageGenerationCall("ig_1", "aGk=", "image/tiff", at="input[1]"))) == "input[1]"
