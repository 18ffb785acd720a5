"""A message that a client sends back in its next request is read as what the answer contained."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    CitationAdded,
    ImageBegun,
    ImageDone,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    RefusalDelta,
    TextDelta,
)
from app.wire.canonical import (
    CanonicalRequest,
    CustomCall,
    FunctionCall,
    ImageGenerationCall,
    Item,
    Message,
    Reasoning,
    Refusal,
    Text,
    bare,
)
from app.wire.chat.answer_writer import ChatAnswerWriter
from app.wire.chat.request_reader import read_chat_request
from app.wire.request import read_body
from app.wire.tags import seal

THOUGHT = (ReasoningBegun(0), ReasoningDelta(0, "Hm"), ReasoningDone(0, seal("up", "one")))
CALL = (CallBegun(1, "a", "f"), CallDelta(1, "{}"), CallDone(1))
CUSTOM = (CallBegun(2, "b", "sql", "custom"), CallDelta(2, "SELECT 1"), CallDone(2))
SAID = Message("assistant", (Text("Yes"),))
SHOWN, SEALED = Reasoning(content=("Hm",)), Reasoning(sealed=seal("up", "one"))

CASES: dict[str, tuple[tuple[AnswerEvent, ...], tuple[Item, ...]]] = {
    "text": ((TextDelta("Ye"), TextDelta("s"), CitationAdded("https://a.example/", "A", 0, 2)), (SAID,)),
    "refusal": ((RefusalDelta("No"),), (Message("assistant", (Refusal("No"),)),)),
    "calls": ((*CALL, *CUSTOM), (FunctionCall("a", "f", "{}"), CustomCall("b", "sql", "SELECT 1"))),
    "thought and call": ((*THOUGHT, *CALL), (SHOWN, SEALED, FunctionCall("a", "f", "{}"))),
    "thought, text and call": (
        (*THOUGHT, TextDelta("Yes"), *CALL),
        (SHOWN, SEALED, SAID, FunctionCall("a", "f", "{}")),
    ),
    "text, thought and call": (
        (TextDelta("Yes"), *THOUGHT, *CALL),
        (SHOWN, SAID, SEALED, FunctionCall("a", "f", "{}")),
    ),
    "image": ((ImageBegun(3), ImageDone(3, "QUJD")), (ImageGenerationCall("ig_1_0", "QUJD"),)),
}


def answered(*events: AnswerEvent) -> ChatCompletion:
    writer = ChatAnswerWriter(seed="0" * 32, model="m", created=1, fields={}, stream=False)
    body = b"".join(writer.write(event) for event in (AnswerBegun(), *events, ChoiceFinished("stop"), AnswerEnded()))
    return ChatCompletion.model_validate_json(body)


def read_back(message: Any) -> list[Any]:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}, message]}
    request = read_chat_request(read_body(json.dumps(body).encode()), {})
    result: list[Any] = bare(request)["items"][1:]
    return result


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("unset", "null"), [(True, True), (False, True), (False, False)])
def test_an_answer_that_is_sent_back_reads_as_the_same(name: str, unset: bool, null: bool) -> None:
    events, items = CASES[name]
    message = (
        answered(*events).choices[0].message.model_dump(mode="json", exclude_unset=not unset, exclude_none=not null)
    )
    assert read_back(message) == bare(CanonicalRequest(endpoint="chat", model="m", items=items))["items"]
