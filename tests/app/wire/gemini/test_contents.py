"""Items of a conversation written as Gemini's turns."""

from __future__ import annotations

import msgspec
import pytest

from app.wire import tags
from app.wire.canonical import (
    CustomCall,
    CustomCallOutput,
    File,
    FunctionCall,
    FunctionCallOutput,
    Image,
    ImageGenerationCall,
    Message,
    Reasoning,
    Refusal,
    Text,
    WebSearchCall,
)
from app.wire.gemini.contents import BLANK, OPENING
from app.wire.gemini.request_writer import write_gemini_request
from tests.support.wire.gemini.gemini_requests import HELLO, OLDER, body, contents, make_request, refused, target

CALL = FunctionCall("call_1", "weather", '{"city":"Paris"}', at="input[1]")
OUTPUT = FunctionCallOutput("call_1", (Text("sunny"),), at="input[2]")
SEALED = Reasoning(sealed=tags.seal("google", "SIG"))


def said(text: str) -> Message:
    return Message("assistant", (Text(text),))


def user(*parts: dict[str, object]) -> dict[str, object]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: dict[str, object]) -> dict[str, object]:
    return {"role": "model", "parts": list(parts)}


def test_instructions_and_system_messages_are_one_instruction() -> None:
    written = body(
        make_request(
            Message("system", (Text("First."), Text(""))),
            HELLO,
            Message("developer", (Text("Second."),)),
            instructions="Before.",
        )
    )
    assert written["systemInstruction"] == {"parts": [{"text": "Before."}, {"text": "First."}, {"text": "Second."}]}
    assert written["contents"] == [user({"text": "Hello"})]
    assert "systemInstruction" not in body(make_request())


def test_an_instruction_is_text() -> None:
    image = Image(data="AA", media_type="image/png", at="messages[0].content[0]")
    refused(make_request(Message("system", (image,)), HELLO), "messages[0].content[0]")


def test_turns_of_one_role_are_merged_and_empty_text_is_left_out() -> None:
    assert contents(HELLO, HELLO, said("A"), Message("assistant", (Refusal("No."), Text(""))), HELLO) == [
        user({"text": "Hello"}, {"text": "Hello"}),
        model({"text": "A"}, {"text": "No."}),
        user({"text": "Hello"}),
    ]


@pytest.mark.parametrize("items", [(), (Message("assistant", ()),)])
def test_a_conversation_without_a_turn_is_rejected(items: tuple[Message, ...]) -> None:
    request = make_request(HELLO)
    request = type(request)("responses", "public", items)
    refused(request, "input")


def test_instructions_alone_get_a_line_of_the_user() -> None:
    opening = [user({"text": OPENING})]
    alone = make_request(Message("system", (Text("Say hello."),)))
    assert body(alone)["contents"] == opening
    assert body(alone)["systemInstruction"] == {"parts": [{"text": "Say hello."}]}
    without_items = msgspec.structs.replace(make_request(), items=(), instructions="Say hello.")
    assert body(without_items)["contents"] == opening
    assert contents(HELLO, Message("assistant", ()), HELLO) == [user({"text": "Hello"}, {"text": "Hello"})]


def test_names_of_participants_are_rejected() -> None:
    refused(make_request(Message("user", (Text("Hi"),), name="ann", at="messages[3]")), "messages[3].name")


def test_calls_and_their_outputs() -> None:
    second = FunctionCall("call_2", "now", "")
    output = FunctionCallOutput("call_2", (Text('{"time": 1.50, "a": 12345678901234567890}'),))
    written = contents(HELLO, CALL, second, OUTPUT, output, to=target(OLDER))
    assert written == [
        user({"text": "Hello"}),
        model(
            {"functionCall": {"id": "call_1", "name": "weather", "args": {"city": "Paris"}}},
            {"functionCall": {"id": "call_2", "name": "now", "args": {}}},
        ),
        user(
            {"functionResponse": {"id": "call_1", "name": "weather", "response": {"output": "sunny"}}},
            {
                "functionResponse": {
                    "id": "call_2",
                    "name": "now",
                    "response": {"output": '{"time": 1.50, "a": 12345678901234567890}'},
                }
            },
        ),
    ]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "[1]",
            "null",
            "{",
            "nothing",
            "[" * 100_000,
            "{}",
            '{"time": 1.50}',
            '{"error": "none"}',
            '{"a": 1, "a": 2}',
        ),
        '{"type": "object", "properties": {"c": {"$ref": "#/$defs/S"}}, "$defs": {"S": {"type": "string"}}}',
        '{"image": {"$ref": "cat.png"}, "output": 1e999}',
    ],
)
def test_an_output_is_text_and_never_read_as_syntax(text: str) -> None:
    output = FunctionCallOutput("call_1", (Text(text[:50_000]), Text(text[50_000:])))
    written = contents(HELLO, CALL, output)
    assert written[-1]["parts"][0]["functionResponse"]["response"] == {"output": text}


def test_arguments_that_are_not_an_object_come_back_in_one() -> None:
    written = contents(HELLO, FunctionCall("call_1", "weather", '{"a":'), OUTPUT)
    assert written[1]["parts"][0]["functionCall"]["args"] == {"INVALID_JSON": '{"a":'}


def test_a_blank_message_of_the_user_is_answered() -> None:
    blank = Message("user", (Text(""),))
    assert contents(blank) == [user({"text": OPENING})]
    assert contents(HELLO, said("A"), blank)[1:] == [model({"text": "A"}), user({"text": BLANK})]


def test_a_conversation_that_the_model_begins_gets_a_line_of_the_user() -> None:
    assert contents(said("A"), HELLO) == [user({"text": OPENING}), model({"text": "A"}), user({"text": "Hello"})]
    assert contents(CALL, OUTPUT)[0] == user({"text": OPENING})


def test_outputs_come_first_in_the_turn_after_their_calls() -> None:
    other = FunctionCall("call_2", "time", "{}")
    written = contents(HELLO, CALL, other, OUTPUT, HELLO, FunctionCallOutput("call_2", (Text("noon"),)))
    turn = written[2]["parts"]
    assert [part.get("functionResponse", {}).get("id") for part in turn] == ["call_1", "call_2", None]


def test_arguments_with_one_name_twice_have_it_once() -> None:
    call = FunctionCall("call_1", "weather", '{"a": 1, "b": 12345678901234567890, "a": 2}')
    written = write_gemini_request(make_request(HELLO, call, OUTPUT), target())
    assert b'"args":{"a":2,"b":12345678901234567890}' in written


def test_an_output_without_its_call_is_rejected() -> None:
    refused(make_request(HELLO, OUTPUT, CALL), "input[2]", code="invalid_value")
    refused(make_request(HELLO, FunctionCallOutput("other", ())), "input", code="invalid_value")


def test_images_of_an_output_are_its_parts_on_the_newest_models() -> None:
    output = FunctionCallOutput(
        "call_1", (Text("see"), Image(data="AA", media_type="image/png", at="input[2].output[1]"))
    )
    written = contents(HELLO, CALL, output)[-1]["parts"][0]["functionResponse"]
    assert written["response"] == {"output": "see"}
    assert written["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]
    refused(make_request(HELLO, CALL, output), "input[2].output[1]", target(OLDER))


def test_urls_in_an_output_are_rejected() -> None:
    output = FunctionCallOutput("call_1", (File(url="https://a.example/a.pdf", at="input[2].output[0]"),))
    refused(make_request(HELLO, CALL, output), "input[2].output[0]")


# -- Signatures -----------------------------------------------------------------------------------------------------------


def test_a_signature_goes_back_on_the_call_that_it_came_with() -> None:
    second = FunctionCall("call_2", "now", "{}")
    assert contents(HELLO, SEALED, CALL, second)[1] == model(
        {"functionCall": {"id": "call_1", "name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": "SIG"},
        {"functionCall": {"id": "call_2", "name": "now", "args": {}}},
    )


def test_the_first_call_of_a_turn_without_a_signature_has_the_bypass() -> None:
    written = contents(HELLO, said("A"), CALL, FunctionCall("call_2", "now", "{}"), OUTPUT, CALL)
    signatures = [part.get("thoughtSignature") for turn in written for part in turn["parts"]]
    assert signatures == [
        None,
        None,
        "skip_thought_signature_validator",
        None,
        None,
        "skip_thought_signature_validator",
    ]


def test_older_models_need_no_bypass() -> None:
    assert "thoughtSignature" not in str(contents(HELLO, CALL, to=target(OLDER)))


@pytest.mark.parametrize("sealed", [None, "", "SIG", tags.seal("other", "SIG"), tags.seal("google", "")])
def test_reasoning_that_this_upstream_did_not_sign_is_left_out(sealed: str | None) -> None:
    reasoning = Reasoning(("summary",), ("content",), sealed)
    assert contents(HELLO, reasoning, said("A")) == [user({"text": "Hello"}), model({"text": "A"})]


def test_a_signature_goes_back_on_text_and_images() -> None:
    image = ImageGenerationCall("ig_1", "AA", "image/jpeg")
    assert contents(HELLO, SEALED, said("A"), SEALED, image, HELLO)[1] == model(
        {"text": "A", "thoughtSignature": "SIG"},
        {"inlineData": {"mimeType": "image/jpeg", "data": "AA"}, "thoughtSignature": "SIG"},
    )


def test_a_signature_at_the_end_has_a_part_of_its_own() -> None:
    second = Reasoning(sealed=tags.seal("google", "SIG2"))
    assert contents(HELLO, said("A"), SEALED, HELLO, SEALED, second) == [
        user({"text": "Hello"}),
        model({"text": "A"}, {"text": "", "thoughtSignature": "SIG"}),
        user({"text": "Hello"}),
        model({"text": "", "thoughtSignature": "SIG"}, {"text": "", "thoughtSignature": "SIG2"}),
    ]


def test_searches_of_earlier_turns_are_left_out() -> None:
    assert contents(HELLO, WebSearchCall("ws_1", ("rain",)), said("It rains."))[1] == model({"text": "It rains."})


@pytest.mark.parametrize("item", [CustomCall("c", "n", "x", at="input[1]"), CustomCallOutput("c", (), at="input[1]")])
def test_custom_calls_are_rejected(item: CustomCall | CustomCallOutput) -> None:
    refused(make_request(HELLO, item), "input[1]")
